//! Moderation: every action against or for a member is a case.
//!
//! A case has a number, a target, a moderator, a reason and a state. What is done on Discord and the case stand
//! or fall together: each case is a durable workflow, and what has an end is a second one that waits for it.
//! The mod-log follows the cases: [`Moderation::run`] posts and edits what has changed.

mod appeal;
mod book;
mod case;
mod deed;
mod entity;
mod error;
mod jail;
mod letter;
mod listener;
mod lockdown;
mod measure;
mod migration;
pub mod operations;
mod page;
mod reason;
mod report;
mod scribe;
mod setting;
mod standing;
mod upkeep;
mod workflows;

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Clock,
    access::Access,
    guild::{Courier, GuildListener, Guilds},
    incident::Observer,
    language::Locales,
    permission::{Permissions, Ranking},
    setting::Settings,
};
use guildhall_flows::{EngineBuilder, Handle};
use guildhall_store::{EventStore, Store};
use tokio::sync::Notify;

pub use appeal::AppealState;
pub use book::Change;
pub use case::{CaseKind, CaseState, Evidence, MassResult, Source, Told};
pub use error::ModerationError;
pub use migration::migrations;
pub use operations::operations;
pub use page::CaseData;
pub use report::ReportState;
pub use setting::SETTINGS;

/// The messages of this crate.
pub const LOCALES: Locales =
    Locales { en: include_str!("../locales/en.ftl"), de: include_str!("../locales/de.ftl") };

/// What the domain speaks to.
#[derive(Clone)]
pub struct Seams {
    /// Where cases are kept.
    pub store: Store,
    /// Who else hears of changes, which are told in the transaction that makes them.
    pub events: EventStore,
    /// What runs workflows.
    pub flows: Handle,
    /// Looks at guilds and acts in them.
    pub guilds: Arc<dyn Guilds>,
    /// Writes to channels and people.
    pub courier: Arc<dyn Courier>,
    /// What communities have set.
    pub settings: Arc<dyn Settings>,
    /// Who is kept out of game servers.
    pub access: Arc<dyn Access>,
    /// Which rank a member has.
    pub ranking: Arc<dyn Ranking>,
    /// Who may call what.
    pub permissions: Arc<dyn Permissions>,
    /// Hears of what fails with nobody waiting.
    pub observer: Arc<dyn Observer>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

/// The longest time between two looks for messages that are due.
const LONGEST_LOOK: Duration = Duration::from_secs(30);
/// How often is looked for cases whose end nothing waits for.
const MEND: Duration = Duration::from_secs(300);

/// The domain.
pub struct Moderation {
    seams: Seams,
    /// Wakes whoever writes to channels.
    scribe: Arc<Notify>,
}

impl Moderation {
    /// The domain over what it speaks to.
    pub fn new(seams: Seams) -> Arc<Self> {
        Arc::new(Self { seams, scribe: Arc::new(Notify::new()) })
    }

    /// Adds its workflows to an engine that is being built.
    pub fn register(self: &Arc<Self>, engine: EngineBuilder) -> EngineBuilder {
        workflows::register(self, engine)
    }

    /// What hears of guild events.
    pub fn listener(self: &Arc<Self>) -> Arc<dyn GuildListener> {
        Arc::new(listener::Listener(self.clone()))
    }

    /// Keeps the mod-log in step and mends what was left behind, until `shutdown` ends.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let clock = self.seams.clock.clone();
        let mut shutdown = std::pin::pin!(shutdown);
        let mut mend = clock.now();
        loop {
            if clock.now() >= mend {
                match self.mend_timers().await {
                    Ok(0) => {}
                    Ok(mended) => tracing::warn!(mended, "cases without a timer were given one"),
                    Err(error) => tracing::warn!("cannot look for cases without a timer: {error}"),
                }
                mend = clock.now() + MEND;
            }
            let latest = clock.now() + LONGEST_LOOK;
            let look = match self.write_due().await {
                // There may be more than one batch.
                Ok((1.., _)) => continue,
                Ok((0, Some(next))) => next.time().min(latest),
                Ok((0, None)) => latest,
                Err(error) => {
                    tracing::warn!("the mod-log cannot be written: {error}");
                    latest
                }
            };
            tokio::select! {
                () = &mut shutdown => return,
                () = self.scribe.notified() => {}
                () = clock.sleep_until(look.min(mend)) => {}
            }
        }
    }
}
