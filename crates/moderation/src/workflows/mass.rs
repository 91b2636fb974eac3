//! Bans many, one after the other, each with a case of their own. One who cannot be banned holds up nobody.

use std::time::Duration;

use guildhall_core::{Error, TenantId, guild::UserId};
use guildhall_flows::{Failure, Flow, StepError, Undo, Workflow};

use super::{Shared, unless_ended};
use crate::{
    Moderation,
    book::{By, NewCase, short, spoken},
    case::{CaseKind, CaseState, Deed, MassResult},
    deed::Found,
    error::ModerationError,
    setting,
};

/// People dealt with in one step.
const CHUNK: usize = 5;

/// Bans everybody of a mass ban's case.
pub(crate) struct MassBan(pub(crate) Shared);

impl Workflow for MassBan {
    const KIND: &'static str = "moderation-massban";
    const WITHIN: Duration = Duration::from_secs(6 * 3_600);
    type Input = (i64, Vec<UserId>);
    type Output = ();

    async fn run(&self, flow: &Flow, (number, users): (i64, Vec<UserId>)) -> Result<(), Failure> {
        let tenant = flow.tenant();
        for (index, chunk) in users.chunks(CHUNK).enumerate() {
            let (moderation, owned, whose) = (self.0.clone(), tenant.clone(), chunk.to_vec());
            let done = flow
                .step(&format!("ban {index}"), || self.0.ban_some(tenant, number, chunk))
                .undo(move |undo: Undo<()>| async move {
                    moderation.settle_some(&owned, number, &whose, &undo.cause).await?;
                    moderation.finish(&owned, number, None).await?;
                    Ok(())
                })
                .retries(20)
                .await;
            if let Err(failure) = &done {
                let settle = || self.0.settle_some(tenant, number, chunk, failure);
                unless_ended(flow.step(&format!("settle {index}"), settle).retries(100).await)?;
            }
            unless_ended(done)?;
        }
        let close = || async {
            self.0.finish(tenant, number, None).await?;
            Ok(())
        };
        let (moderation, owned) = (self.0.clone(), tenant.clone());
        // Those who are banned are banned; the list of them is closed in any case.
        flow.step("close", close)
            .undo(move |_: Undo<()>| async move {
                moderation.finish(&owned, number, None).await?;
                Ok(())
            })
            .retries(100)
            .await
    }
}

impl Moderation {
    async fn ban_some(&self, tenant: &TenantId, number: i64, users: &[UserId]) -> Result<(), StepError> {
        for &user in users {
            let (case, problem) = match self.ban_one(tenant, number, user).await {
                Ok(case) => (Some(case), None),
                Err(ModerationError::Store(error)) if error.is_transient() => return Err(error.into()),
                Err(error) => {
                    let error = Error::from(error);
                    let step = StepError::from(Error::new(error.kind, error.code, error.message.clone()));
                    if step.transient {
                        return Err(step);
                    }
                    (None, Some(spoken(&error)))
                }
            };
            self.keep_result(tenant, number, MassResult { user, case, problem }).await?;
        }
        Ok(())
    }

    async fn ban_one(&self, tenant: &TenantId, number: i64, user: UserId) -> Result<i64, ModerationError> {
        let mass = self.case(tenant, number).await?;
        let Deed::Massban { delete_seconds, acting, rank, .. } = mass.deed()? else {
            return Err(Error::bug("a mass ban whose deed is another").into());
        };
        let reference = format!("massban:{number}:{user}");
        let row = match self.by_reference(tenant, &reference).await? {
            Some(row) => row,
            None => {
                let by = By { id: mass.moderator.clone().into(), name: mass.moderator_name.clone() };
                self.may_act_on(tenant, acting, rank, user, CaseKind::Ban.needs()).await?;
                let person = self.seams.guilds.person(user).await?;
                let Some(person) = person else { return Err(ModerationError::Nobody(user.to_string())) };
                if self.seams.guilds.banned(tenant, user).await?.is_some() {
                    return Err(ModerationError::AlreadyBanned(person.name));
                }
                let carries = self.carries(tenant, CaseKind::Ban).await?;
                let new = NewCase {
                    target: Some(user),
                    target_name: person.name,
                    reason: mass.reason.clone(),
                    evidence: mass.evidence(),
                    silent: true,
                    carries,
                    reference: Some(reference),
                    own_flow: false,
                    ..NewCase::new(Deed::Ban { delete_seconds }, by)
                };
                self.open(tenant, new).await?.0
            }
        };
        match self.act(tenant, row.number, &Found::default()).await {
            Ok(()) => {}
            Err(error) if error.transient => {
                return Err(Error::new(guildhall_core::Kind::Upstream, "upstream_down", error.message).into());
            }
            Err(error) => {
                let cause = Failure::from(error.clone());
                let settled = self.take_back(tenant, row.number, cause).await;
                settled.map_err(|error| {
                    Error::new(guildhall_core::Kind::Upstream, "upstream_down", error.message)
                })?;
                return Err(ModerationError::Failed { number: row.number, why: error.message });
            }
        }
        Ok(row.number)
    }

    /// Sees to it that nobody of these is half banned, and that the list says what became of them.
    async fn settle_some(
        &self,
        tenant: &TenantId,
        number: i64,
        users: &[UserId],
        cause: &Failure,
    ) -> Result<(), StepError> {
        for &user in users {
            let reference = format!("massban:{number}:{user}");
            let row = self.by_reference(tenant, &reference).await?;
            let result = match row {
                Some(row) => {
                    self.take_back(tenant, row.number, cause.clone()).await?;
                    let row = self.case(tenant, row.number).await?;
                    let problem = (row.state == CaseState::Failed).then(|| cause.message.clone());
                    MassResult { user, case: Some(row.number), problem }
                }
                None => MassResult { user, case: None, problem: Some(short(&cause.message, 300)) },
            };
            self.keep_result(tenant, number, result).await?;
        }
        Ok(())
    }

    async fn keep_result(&self, tenant: &TenantId, number: i64, result: MassResult) -> Result<(), StepError> {
        self.change(tenant, number, &By::guildhall(), |row| {
            let mut deed = row.deed()?;
            let Deed::Massban { results, .. } = &mut deed else { return Ok(false) };
            if results.iter().any(|known| known.user == result.user) {
                return Ok(false);
            }
            results.push(result.clone());
            row.deed = serde_json::to_string(&deed)?;
            Ok(true)
        })
        .await?;
        Ok(())
    }

    /// Whether cases of this kind reach the game servers.
    pub(crate) async fn carries(&self, tenant: &TenantId, kind: CaseKind) -> Result<bool, Error> {
        let carry: String =
            guildhall_core::setting::get(self.seams.settings.as_ref(), tenant, &setting::CARRY).await?;
        Ok(match kind {
            CaseKind::Ban | CaseKind::Tempban => carry != "none",
            CaseKind::Jail => carry == "ban_and_jail",
            _ => false,
        })
    }
}
