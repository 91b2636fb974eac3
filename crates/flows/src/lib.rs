//! Durable workflows: jobs of several steps that survive the program.
//!
//! A [`Workflow`] is plain code over a [`Flow`]: steps, sleeps and signals, one after the other. The engine
//! keeps a journal of them in the store. After every wait, retry and restart the code runs again from the
//! top; what the journal has is not done again but gives what it gave. When the code fails, the undos of its
//! steps run, last first, each kept in the journal and tried again until it works.
//!
//! # Writing one
//!
//! ```
//! # use std::{sync::{Arc, Mutex}, time::Duration};
//! use guildhall_core::{SystemClock, TenantId};
//! use guildhall_flows::{Engine, Failure, Flow, StepError, Undo, Workflow};
//!
//! # #[derive(Clone, Default)]
//! # struct Agents(Arc<Mutex<Vec<String>>>);
//! # impl Agents {
//! #     async fn launch(&self, server: &str) -> Result<u16, StepError> {
//! #         let mut running = self.0.lock().unwrap();
//! #         if !running.iter().any(|name| name == server) { running.push(server.to_owned()); }
//! #         Ok(25565)
//! #     }
//! #     async fn kill(&self, server: &str) -> Result<(), StepError> {
//! #         self.0.lock().unwrap().retain(|name| name != server);
//! #         Ok(())
//! #     }
//! # }
//! struct Start {
//!     agents: Agents,
//! }
//!
//! impl Workflow for Start {
//!     const KIND: &'static str = "start-server";
//!     const WITHIN: Duration = Duration::from_secs(900);
//!     type Input = String;
//!     type Output = u16;
//!
//!     async fn run(&self, flow: &Flow, server: String) -> Result<u16, Failure> {
//!         let (agents, name) = (self.agents.clone(), server.clone());
//!         let port = flow
//!             // The effect is idempotent: it may be done again after a crash. It may borrow.
//!             .step("launch", || self.agents.launch(&server))
//!             // So is the undo. It owns what it needs, and when `output` is `None` it does not know whether
//!             // the effect happened. `cause` says why, for whoever is to be told.
//!             .undo(async move |undo: Undo<u16>| {
//!                 let _why = (undo.output, undo.cause.message);
//!                 agents.kill(&name).await
//!             })
//!             .retries(3)
//!             .within(Duration::from_secs(30))
//!             .await?;
//!         // Nothing is held in memory while it waits, and a restart does not prolong the wait.
//!         match flow.signal::<()>("ready", Duration::from_secs(300)).await? {
//!             Some(()) => Ok(port),
//!             None => Err(Failure::new("not_ready", "The server was not ready within 5 minutes.")
//!                 .remedy("Look at its console.")),
//!         }
//!     }
//! }
//!
//! # #[cfg(feature = "testkit")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let folder = guildhall_store::testkit::sqlite(guildhall_flows::migrations()).await;
//! # let store = folder.store();
//! // The store was opened with `guildhall_flows::migrations()` among its migrations.
//! let engine = Engine::builder(store, Arc::new(SystemClock)).register(Start { agents: Agents::default() }).build();
//! let running = tokio::spawn({
//!     let engine = engine.clone();
//!     async move { engine.run(std::future::pending()).await }
//! });
//! let tenant: TenantId = "our-guild".parse().unwrap();
//! // `start_in` does this as part of a transaction of the caller's.
//! let flow = engine.start::<Start>(&tenant, "survival", &"survival".to_owned()).await.unwrap();
//! engine.signal(flow, "ready", &()).await.unwrap();
//! assert_eq!(engine.wait(flow).await.unwrap().output::<u16>(), Ok(25565));
//! # running.abort();
//! # });
//! ```
//!
//! The feature `testkit` has the kit that proves such a workflow safe: a failure and a crash at every step.
//!
//! # Where a flow stands
//!
//! | state | what happens next |
//! |---|---|
//! | running | its steps are done, or it waits; its deadline ends that |
//! | unwinding | its undos are done; each is tried a bounded number of times |
//! | done | nothing; its journal is removed after 30 days |
//! | failed | nothing, everything was undone; likewise |
//! | stuck | a person [resumes](Handle::resume) or [abandons](Handle::abandon) it: an undo never worked, or the code no longer keeps to the journal |
//!
//! # Several processes
//!
//! Engines of several processes may share a PostgreSQL store. Each flow is leased to one of them; a lease is
//! renewed while its step goes on, expires some seconds after a crash, and is given back at once by a
//! shutdown. A result is only written by who still holds the lease. Where only one process can be at the store,
//! a [sole](EngineBuilder::sole) engine does not wait for the leases of one that crashed.
//!
//! # Another engine
//!
//! Workflow code sees [`Flow`] only, and `Flow` speaks to the trait [`journal::Journal`]. An adapter to
//! Restate implements that trait over the SDK's context:
//!
//! | here | Restate |
//! |---|---|
//! | [`Workflow::KIND`], [`Handle::start`] with a key | a workflow service, called by `<tenant>/<key>` |
//! | [`Flow::id`] | the invocation id |
//! | [`Flow::step`] with `retries` and `within` | `ctx.run(effect).name(…).retry_policy(…)`, with a timeout around the effect |
//! | a permanent [`StepError`] | `TerminalError` |
//! | [`Step::undo`] | kept in a list by the adapter; on a terminal error each is a `ctx.run` named `undo <step>`, last first |
//! | [`Flow::sleep`] | `ctx.sleep` |
//! | [`Flow::signal`] | `ctx.promise(name)` raced with `ctx.sleep(within)` |
//! | [`Handle::signal`] | a shared handler that resolves the promise |
//! | [`Handle::cancel`], [`Workflow::WITHIN`] | cancelling the invocation, which arrives as a terminal error |
//! | [`Handle::wait`] | attaching to the invocation |
//! | leases, fencing, journal tables | the server's own |

mod engine;
mod failure;
mod fault;
mod handle;
pub mod journal;
mod lease;
mod migration;
mod table;
#[cfg(feature = "testkit")]
pub mod testkit;
mod turn;
mod workflow;

/// The messages of this crate.
pub const LOCALES: guildhall_core::language::Locales = guildhall_core::language::Locales {
    en: include_str!("../locales/en.ftl"),
    de: include_str!("../locales/de.ftl"),
};

pub use engine::{Engine, EngineBuilder};
pub use failure::{Failure, FlowError, StepError};
pub use handle::{FlowInfo, Handle, Outcome};
pub use migration::migrations;
pub use table::State;
pub use workflow::{Flow, FlowId, RETRIES, STEP_WITHIN, Step, Undo, Workflow};
