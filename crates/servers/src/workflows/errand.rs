//! The steps that several jobs have in common.

use std::{sync::Arc, time::Duration};

use guildhall_core::{HostId, RunId, ServerId, TenantId};
use guildhall_flows::{Failure, Flow, FlowId, StepError};
use guildhall_link::{
    LinkError,
    message::{FailureCode, Observed, Phase, Refusal, Reply, Request},
};

use super::{DOWN, JobInput, News, UP};
use crate::{
    change::Change,
    error::ServersError,
    failure::{Code, Trouble},
    state::{Goal, State},
    workshop::{Applied, NotApplied, Workshop},
};

/// How often a step that needs the host is tried again: for half a minute, which is what an agent takes to come
/// back, on a busy machine, after it or the control plane was started again.
pub(super) const WHILE_A_HOST_RETURNS: u32 = 6;

/// One job on one server. Cheap to clone: undos own theirs.
#[derive(Clone)]
pub(super) struct Errand {
    pub(super) shop: Arc<Workshop>,
    pub(super) tenant: TenantId,
    pub(super) server: ServerId,
    pub(super) run: RunId,
    pub(super) flow: FlowId,
    pub(super) by: String,
}

/// How long the two waits of a job may take, in milliseconds: what `claim` found in the recipe.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Waits {
    pub(super) up_ms: u64,
    pub(super) down_ms: u64,
}

impl Waits {
    pub(super) fn up(&self) -> Duration {
        Duration::from_millis(self.up_ms)
    }

    pub(super) fn down(&self) -> Duration {
        Duration::from_millis(self.down_ms)
    }
}

/// A flow's head and the ways that several flows go. The names of steps are kept in journals; they do not change.
impl Errand {
    /// Begins a job: claims the server, so that `undo` is called if the job does not come to its end.
    pub(super) async fn begin<F, Fut>(
        shop: &Arc<Workshop>,
        flow: &Flow,
        input: &JobInput,
        undo: F,
    ) -> Result<(Self, Waits), Failure>
    where
        F: FnOnce(Self, Failure) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), StepError>> + Send + 'static,
    {
        let errand = Self::new(shop, flow, input);
        let own = errand.clone();
        let waits = flow.step("claim", || errand.claim()).undo(move |undone| undo(own, undone.cause)).await?;
        Ok((errand, waits))
    }

    /// Reserves the server's ports on its host.
    pub(super) async fn reserve(&self, flow: &Flow, host: HostId) -> Result<(), Failure> {
        let undo = self.clone();
        flow.step("reserve ports", || self.reserve_ports(host))
            .undo(move |undone| async move { undo.release_ports(&undone.cause).await })
            .retries(WHILE_A_HOST_RETURNS)
            .await
            .map(drop)
    }

    /// Tells the host that the game is to go down, in the step `apply`; false when the host has never heard of
    /// it. The wish is not taken back by a failure further on: whoever stopped it still wants that.
    pub(super) async fn tell_down(&self, flow: &Flow, apply: &str) -> Result<bool, Failure> {
        flow.step(apply, || async { self.apply().await.map(|done| done == Applied::Yes) })
            .retries(WHILE_A_HOST_RETURNS)
            .await
    }

    /// Sees the game down: waits for the news, and asks the host in the step `confirm` if there are none.
    pub(super) async fn go_down(
        &self,
        flow: &Flow,
        waits: Waits,
        [apply, confirm]: [&str; 2],
    ) -> Result<(), Failure> {
        let known = self.tell_down(flow, apply).await?;
        let news = if known { flow.signal::<News>(DOWN, waits.down()).await? } else { None };
        if news != Some(News::Stopped) {
            flow.step(confirm, || self.confirm_down()).retries(8).await?;
        }
        Ok(())
    }

    /// Waits until players can join, and asks the host in the step `confirm` if nobody said so.
    pub(super) async fn see_up(&self, flow: &Flow, waits: Waits, confirm: &str) -> Result<(), Failure> {
        let news = flow.signal::<News>(UP, waits.up()).await?;
        if news != Some(News::Ready) {
            flow.step(confirm, || self.confirm_up()).retries(WHILE_A_HOST_RETURNS).await?;
        }
        Ok(())
    }
}

impl Errand {
    fn new(shop: &Arc<Workshop>, flow: &Flow, input: &JobInput) -> Self {
        Self {
            shop: shop.clone(),
            tenant: flow.tenant().clone(),
            server: input.server,
            run: input.run,
            flow: flow.id(),
            by: input.by.clone(),
        }
    }

    /// Makes sure that the job is still the one at work, and finds out how long its waits may take.
    async fn claim(&self) -> Result<Waits, StepError> {
        let deadlines = &self.shop.config.deadlines;
        let flow = self.flow;
        self.mine(|change| {
            change.row.flow = Some(flow.0);
            let lasts = |state: State| {
                let expiry = state.deadline(deadlines, Some(&change.launch.recipe));
                expiry.map_or(Duration::ZERO, |expiry| expiry.after)
            };
            let up = [State::Preparing, State::Installing, State::Starting].into_iter().map(lasts).sum();
            let down = lasts(State::Stopping);
            let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            Ok(Waits { up_ms: milliseconds(up), down_ms: milliseconds(down) })
        })
        .await?
        .ok_or_else(superseded)
    }

    /// Changes the server if the job is still the one at work on it; `None` otherwise.
    pub(super) async fn mine<T: Send>(
        &self,
        mut decide: impl FnMut(&mut Change<'_>) -> Result<T, ServersError> + Send,
    ) -> Result<Option<T>, StepError> {
        let run = self.run;
        let changed = self
            .shop
            .change(&self.tenant, self.server, |change| {
                if change.owned_by(run) { decide(change).map(Some) } else { Ok(None) }
            })
            .await
            .map_err(step_error)?;
        Ok(changed.flatten())
    }

    /// Tells the agent what is wanted. An agent that is away for a moment is tried again.
    pub(super) async fn apply(&self) -> Result<Applied, StepError> {
        // The agent was told before a crash, and may have been so quick that the job is settled by now.
        let told = self.mine(|change| Ok(change.row.confirmed >= change.row.generation)).await?;
        if told.unwrap_or(true) {
            return Ok(Applied::Yes);
        }
        self.shop.apply(&self.tenant, self.server).await.map_err(not_applied)
    }

    /// Takes the wish for a running server back: a higher generation that wants it stopped. An agent that
    /// cannot be told now is told by the reconciler, which finds the wish unconfirmed.
    pub(super) async fn take_back(&self) -> Result<(), StepError> {
        let taken = self.mine(|change| {
            if change.row.goal == Goal::Running {
                change.want(Goal::Stopped);
            }
            Ok(())
        });
        if taken.await?.is_none() {
            return Ok(());
        }
        match self.shop.apply(&self.tenant, self.server).await {
            Ok(_) => Ok(()),
            Err(NotApplied::Domain(error)) => Err(step_error(error)),
            Err(NotApplied::Link(_) | NotApplied::Refused(..)) => {
                self.shop.wake();
                Ok(())
            }
        }
    }

    /// Ends the job without success: the server has failed, with the reason that is known best.
    pub(super) async fn give_up(&self, cause: &Failure) -> Result<(), StepError> {
        self.mine(|change| {
            let trouble = change.trouble().unwrap_or_else(|| trouble_of(cause));
            change.settle_failed(&trouble);
            Ok(())
        })
        .await?;
        self.shop.wake();
        Ok(())
    }

    /// Asks the host whether players can join, when that has not been told in time.
    pub(super) async fn confirm_up(&self) -> Result<(), StepError> {
        let seen = self.observe().await?;
        let settled = self
            .mine(|change| {
                if let Some(seen) = seen.as_ref().filter(|seen| is_current(change, seen)) {
                    change.see(seen);
                }
                let ready = change.row.state == State::Ready;
                Ok(if ready { Ok(()) } else { Err(change.trouble()) })
            })
            .await?;
        match settled {
            // Somebody else has settled it or taken over; either way it is not this job's any more.
            None | Some(Ok(())) => Ok(()),
            Some(Err(Some(trouble))) => Err(permanent(&trouble)),
            Some(Err(None)) => Err(permanent(&Trouble::new(FailureCode::NotReadyInTime.into(), ""))),
        }
    }

    /// Asks the host whether the game is down. Not yet is tried again, as long as a step may be.
    pub(super) async fn confirm_down(&self) -> Result<(), StepError> {
        let seen = self.observe().await?;
        let still = self
            .mine(|change| match seen.as_ref().filter(|seen| is_current(change, seen)) {
                None if seen.is_none() => {
                    change.see_gone(None);
                    Ok(false)
                }
                None => Ok(true),
                Some(seen) if matches!(seen.phase, Phase::Stopped | Phase::Failed) => {
                    change.see_gone(seen.exit.as_ref());
                    Ok(false)
                }
                Some(_) => Ok(true),
            })
            .await?;
        match still {
            Some(true) => {
                Err(StepError::transient(Code::StopFailed.as_str(), "Its process has not ended yet."))
            }
            Some(false) | None => Ok(()),
        }
    }

    /// What the host sees; `None` when it does not know the server.
    pub(super) async fn observe(&self) -> Result<Option<Observed>, StepError> {
        let host = self.mine(|change| Ok(change.row.host.clone())).await?.flatten();
        let Some(host) = host.and_then(|host| host.parse().ok()) else { return Ok(None) };
        match self.shop.agents.request(&host, Request::Observe { server: self.server }).await {
            Ok(Reply::Observed { observed })
                if observed.server == self.server && observed.tenant == self.tenant =>
            {
                Ok(Some(*observed))
            }
            Ok(Reply::Refused { why: Refusal::UnknownServer, .. }) => Ok(None),
            Ok(Reply::Refused { why, message }) => {
                Err(not_applied(NotApplied::Refused(why, crate::text::line(&message, 300))))
            }
            Ok(_) => {
                Err(not_applied(LinkError::Untrusted(host, "an answer to something else".to_owned()).into()))
            }
            Err(error) => Err(not_applied(error.into())),
        }
    }
}

/// Whether what was seen belongs to what is wanted now.
fn is_current(change: &Change<'_>, seen: &Observed) -> bool {
    i64::try_from(seen.generation).is_ok_and(|generation| generation == change.row.generation)
}

/// A newer operation has taken over.
pub(super) fn superseded() -> StepError {
    StepError::permanent("superseded", "A newer operation has taken over.")
}

pub(super) fn step_error(error: ServersError) -> StepError {
    let may_pass = matches!(error, ServersError::Contended(_));
    let error = StepError::from(guildhall_core::Error::from(error));
    StepError { transient: error.transient || may_pass, ..error }
}

pub(super) fn permanent(trouble: &Trouble) -> StepError {
    StepError::permanent(trouble.code.as_str(), crate::view::explained(trouble)).remedy(trouble.code.remedy())
}

pub(super) fn not_applied(error: NotApplied) -> StepError {
    let of = |code: Code, message: String| permanent(&Trouble::new(code, message));
    match error {
        NotApplied::Link(error @ (LinkError::Offline(_) | LinkError::Timeout(..) | LinkError::Broker(_))) => {
            StepError { transient: true, ..of(Code::HostOffline, error.to_string()) }
        }
        NotApplied::Link(error) => of(Code::Refused, error.to_string()),
        NotApplied::Refused(Refusal::Malformed, message) => of(FailureCode::Host.into(), message),
        NotApplied::Refused(_, message) => of(Code::Refused, message),
        NotApplied::Domain(error) => step_error(error),
    }
}

/// A flow's failure in this domain's words. A code that is not one of ours is the engine's.
pub(crate) fn trouble_of(cause: &Failure) -> Trouble {
    match cause.code.as_str() {
        "deadline" | "timed_out" => Trouble::new(Code::Stuck, ""),
        word => match Code::parse(word) {
            Code::Internal => Trouble::new(Code::Internal, ""),
            // The message was made from the same code's headline; what follows the colon are the particulars.
            code => {
                Trouble::new(code, cause.message.split_once(": ").map_or("", |(_, particulars)| particulars))
            }
        },
    }
}
