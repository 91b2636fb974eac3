//! Brings a case to the community's game servers, or takes it back there.

use std::time::Duration;

use guildhall_core::{
    ActorId, TenantId,
    access::{Bar, Barred},
    setting,
};
use guildhall_flows::{Failure, Flow, StepError, Workflow};
use serde::{Deserialize, Serialize};

use super::{Shared, unless_ended};
use crate::{Moderation, case::CaseState, setting::CARRY_SERVERS};

/// How often the state is read again because it changed while the game servers were told.
const TURNS: usize = 5;

/// Tells the game servers what a case says.
pub(crate) struct CarryOver(pub(crate) Shared);

/// Which case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CarryInput {
    pub(crate) number: i64,
}

impl Workflow for CarryOver {
    const KIND: &'static str = "moderation-carry";
    const WITHIN: Duration = Duration::from_secs(2 * 86_400);
    type Input = CarryInput;
    type Output = ();

    async fn run(&self, flow: &Flow, input: CarryInput) -> Result<(), Failure> {
        let (tenant, number) = (flow.tenant(), input.number);
        let told = flow.step("tell", || self.0.carry(tenant, number)).retries(1_000).await;
        let outcome = match &told {
            Ok(outcome) => outcome.clone(),
            // The case stands, whatever the game servers do.
            Err(failure) => format!("The game servers could not be told: {}", failure.message),
        };
        unless_ended(told)?;
        let keep = || async { Ok(self.0.keep_carried(tenant, number, &outcome).await?) };
        unless_ended(flow.step("keep", keep).await)?;
        Ok(())
    }
}

impl Moderation {
    async fn carry(&self, tenant: &TenantId, number: i64) -> Result<String, StepError> {
        for _ in 0..TURNS {
            let row = self.case(tenant, number).await?;
            let Some(user) = row.user() else { return Ok(String::new()) };
            let (person, case) = (ActorId::discord(user.0), format!("case {number}"));
            let holds = row.state == CaseState::Active;
            let barred = if holds {
                let servers = setting::get(self.seams.settings.as_ref(), tenant, &CARRY_SERVERS).await?;
                let until = row.expires_at.map(Into::into);
                let bar = Bar { case, reason: row.reason.clone(), until, servers };
                self.seams.access.bar(tenant, &person, bar).await?
            } else {
                self.seams.access.admit(tenant, &person, &case).await?
            };
            let now = self.case(tenant, number).await?;
            if (now.state == CaseState::Active) == holds && now.expires_at == row.expires_at {
                return Ok(said(holds, &barred));
            }
        }
        Err(StepError::transient("case_contended", "The case is being changed over and over."))
    }
}

fn said(holds: bool, barred: &Barred) -> String {
    let Barred { applied, pending, unsupported, unknown, unlinked } = barred;
    let mut parts = Vec::new();
    let verb = if holds { "Kept out of" } else { "Let in again on" };
    if !applied.is_empty() {
        parts.push(format!("{verb} {}.", applied.join(", ")));
    }
    if !pending.is_empty() {
        parts.push(format!("To be told when they run: {}.", pending.join(", ")));
    }
    if !unsupported.is_empty() {
        parts.push(format!("Their games have no way to do it: {}.", unsupported.join(", ")));
    }
    for name in unknown {
        parts.push(format!("There is no server called {name}."));
    }
    if *unlinked {
        parts.push("Nobody knows what this person is called in the games.".to_owned());
    }
    if parts.is_empty() { "There are no game servers that it is about.".to_owned() } else { parts.join(" ") }
}
