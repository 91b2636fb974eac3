//! Waits for a case's end and does it. Moving the end, or ending by hand, is a signal; the case itself says what
//! holds, so a signal that comes too early or twice does no harm.

use std::time::Duration;

use guildhall_core::{Error, Kind, TenantId, guild::GuildAction, incident::Occurrence};
use guildhall_flows::{Failure, Flow, StepError, Workflow};
use guildhall_store::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Shared, unless_ended};
use crate::{
    Moderation,
    book::{By, short, spoken},
    case::{CaseKind, CaseState},
    deed::audit_reason,
    entity::case,
};

/// Turns after which a timer gives up; each is a change of the case, or a try to end it. The next look of
/// [`Moderation::run`] begins a new one.
const ROUNDS: i64 = 2_000;
/// Between two tries to end what Discord does not let the bot end; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3_600);
/// A case that has no end for now waits for one as long; then the timer looks again.
const IDLE: Duration = Duration::from_secs(30 * 86_400);

/// Ends a case in time.
pub(crate) struct CaseTimer(pub(crate) Shared);

/// What the case says about its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Look {
    /// It has ended.
    Over,
    /// It goes on until then, in microseconds since 1970.
    Until(i64),
    /// Its end has come.
    Due,
}

impl Workflow for CaseTimer {
    const KIND: &'static str = "moderation-timer";
    /// Longer than the longest case, of ten years.
    const WITHIN: Duration = Duration::from_secs(20 * 365 * 86_400);
    type Input = i64;
    type Output = ();

    async fn run(&self, flow: &Flow, number: i64) -> Result<(), Failure> {
        let tenant = flow.tenant();
        let mut pause = PAUSE;
        for round in 1..=ROUNDS {
            let (look, lift) = (format!("look {round}"), format!("lift {round}"));
            let look = flow.step(&look, || self.0.look(tenant, number, round)).retries(1_000);
            let wait = match unless_ended(look.await)? {
                Some(Look::Over) => return Ok(()),
                // The wait keeps its own end from its first moment on, so a clock may say how long that is: the
                // program may have been away between the look and the wait.
                Some(Look::Until(end)) => {
                    let left = Timestamp::from_micros(end).time() - self.0.seams.clock.now();
                    Duration::try_from(left).unwrap_or_default().max(Duration::from_millis(1))
                }
                Some(Look::Due) => {
                    let lift = flow.step(&lift, || self.0.end(tenant, number)).retries(100);
                    if unless_ended(lift.await)? == Some(true) {
                        return Ok(());
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    pause
                }
                None => PAUSE,
            };
            // A wait fails when the whole flow does. Then [`Moderation::mend_timers`] sees to the case.
            flow.signal::<serde_json::Value>(&format!("moved {round}"), wait).await?;
        }
        Err(Failure::new(
            "too_many_rounds",
            "The case was changed very often, or could not be ended for long.",
        ))
    }
}

impl Moderation {
    async fn look(&self, tenant: &TenantId, number: i64, round: i64) -> Result<Look, StepError> {
        let row = self.next_round(tenant, number, round).await?;
        if row.state != CaseState::Active {
            return Ok(Look::Over);
        }
        let now = self.seams.clock.now();
        let Some(end) = row.expires_at else {
            return Ok(Look::Until(Timestamp::from(now + IDLE).micros()));
        };
        if end.time() <= now {
            return Ok(Look::Due);
        }
        // The first turn finds the timeout as the case set it; a later one comes after a move of the end.
        if row.kind == CaseKind::Timeout && round > 1 {
            self.move_timeout(tenant, &row, end.time()).await?;
        }
        Ok(Look::Until(end.micros()))
    }

    /// Discord keeps the end of a timeout itself, so it has to be told when that has moved.
    async fn move_timeout(
        &self,
        tenant: &TenantId,
        row: &case::Model,
        end: time::OffsetDateTime,
    ) -> Result<(), StepError> {
        let Some(user) = row.user() else { return Ok(()) };
        let member = self.seams.guilds.member(tenant, user).await?;
        if member.is_none_or(|member| member.timeout == Some(end)) {
            return Ok(());
        }
        let action = GuildAction::Timeout { user, until: Some(end) };
        match self.seams.guilds.act(tenant, action, &audit_reason(row)).await {
            Err(error) if !matches!(error.kind, Kind::Upstream | Kind::Limit) => {
                self.report(tenant, "moderation-timer", &error);
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Ends a case whose time is up. False when Discord does not let the bot do it, which the case then says.
    async fn end(&self, tenant: &TenantId, number: i64) -> Result<bool, StepError> {
        let by = By::guildhall();
        // The mark tells the listener that what it is about to hear of is no moderator's doing, and keeps
        // moderators from ending it at the same moment.
        let now = Timestamp::from(self.seams.clock.now());
        let row = self
            .change(tenant, number, &by, |row| {
                let due = row.expires_at.is_some_and(|end| end <= now);
                if row.state != CaseState::Active || row.ending || !due {
                    return Ok(false);
                }
                row.ending = true;
                Ok(true)
            })
            .await?;
        if row.state != CaseState::Active {
            return Ok(true);
        }
        if !row.ending {
            // The end was moved in this very moment.
            return Ok(false);
        }
        let result = self.lift(tenant, &row).await;
        let problem = match &result {
            Ok(()) => None,
            Err(error) if matches!(error.kind, Kind::Upstream | Kind::Limit) => {
                return Err(result.map_or_else(StepError::from, |()| StepError::transient("unknown", "")));
            }
            Err(error) => {
                self.report(tenant, "moderation-timer", error);
                Some(short(&format!("It should have ended, but: {}", spoken(error)), 1_000))
            }
        };
        let row = self
            .change(tenant, number, &by, |row| {
                if row.state != CaseState::Active {
                    return Ok(false);
                }
                row.ending = false;
                match &problem {
                    None => {
                        row.state = CaseState::Expired;
                        row.failure = None;
                    }
                    Some(problem) => row.failure = Some(problem.clone()),
                }
                Ok(true)
            })
            .await?;
        Ok(row.state != CaseState::Active)
    }

    /// Tells the error system of something that failed with nobody waiting.
    pub(crate) fn report(&self, tenant: &TenantId, operation: &str, error: &Error) {
        self.seams.observer.notice(Occurrence {
            at: self.seams.clock.now(),
            code: error.code,
            kind: error.kind,
            operation: operation.to_owned(),
            detail: error.causes(),
            tenant: tenant.clone(),
            actor: None,
            face: guildhall_core::Face::System,
            call: None,
            trace: None,
        });
    }
}
