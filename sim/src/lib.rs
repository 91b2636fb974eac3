//! A stand-in for Discord, for tests and demonstrations: REST API v10, the gateway, interactions over the gateway or
//! signed over HTTP, and people to act as. One port serves everything.
//!
//! # Worked example
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use guildhall_sim::{Permissions, Sim, SimConfig};
//! use serde_json::json;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let sim = Sim::start(SimConfig::default()).await?;
//! let olive = sim.user("olive");
//! let guild = sim.guild("Community", &olive);
//! let general = guild.channel("general");
//! let staff = guild.role("staff", Permissions::MANAGE_GUILD);
//! let anna = sim.user("anna");
//! guild.join(&anna, &[]);
//! guild.join(&olive, &[staff]);
//!
//! // The bot under test gets these, and the addresses `sim.rest_base()` and `sim.gateway_url()`.
//! let app = sim.application("Guildhall", &olive);
//! guild.install(&app);
//! let (_id, _token, _key) = (app.id(), app.token(), app.public_key());
//! // ... start the bot; then, with an endpoint (checked like Discord does: ping, and a wrong signature):
//! app.set_interactions_url(Some("http://127.0.0.1:8080/interactions")).await?;
//! app.wait_for_command("server start", Duration::from_secs(10)).await?;
//!
//! // A person acts.
//! let here = anna.in_channel(general);
//! let run = here.run("server start", json!({"server": "survival"}))?;
//! let reply = run.message(Duration::from_secs(5)).await?; // past any "thinking"
//! assert!(reply.is_ephemeral());
//! println!("{}", reply.text());
//!
//! // The session's thread, and what stands in it.
//! let thread = anna
//!     .wait_for_channel(Duration::from_secs(5), |all| all.iter().find(|c| c.name == "survival").map(|c| c.id))
//!     .await?;
//! let ready = anna.in_channel(thread).wait_for_text(Duration::from_secs(60), "ready").await?;
//! let stop = anna.in_channel(thread).press(ready.id, "Stop")?;
//! stop.answer().await;
//! # Ok(()) }
//! ```
//!
//! # Signatures
//!
//! * [`Sim`]: `start(SimConfig)`, `rest_base() -> String`, `gateway_url() -> String`, `user(name) -> User`,
//!   `guild(name, &User) -> Guild`, `application(name, &User) -> App`, `advance(Duration)`, `drop_gateway()`,
//!   `sever_gateway()`, `forget_sessions()`, `refuse_next(Duration, global)`, `log() -> Vec<Exchange>`, `shutdown()`.
//! * [`Guild`]: `channel(name) -> ChannelId`, `hidden_channel(name, &[RoleId])`, `forum(name)`,
//!   `role(name, Permissions) -> RoleId`, `join(&User, &[RoleId])`, `leave(&User)`, `install(&App)`.
//! * [`App`]: `id()`, `bot()`, `token()`, `public_key()`, `set_interactions_url(Option<&str>)`, `commands()`,
//!   `wait_for_command(path, Duration)`, `wait_connected(Duration)`, `grant_intents(u64)`.
//! * [`User`]: `in_channel(ChannelId) -> Place`, `direct(UserId) -> Place`, `channels()`, `threads(ChannelId)`,
//!   `wait_for_channel(Duration, FnMut(&[ChannelView]) -> Option<T>)`.
//! * [`Place`]: `run(path, json) -> Result<InteractionHandle, ActError>`, `type_command("/server start server:x")`,
//!   `autocomplete(path, json, focused)`, `run_on_user`, `run_on_message`, `press(MessageId, custom id or label)`,
//!   `select(MessageId, custom_id, &[&str])`, `submit_modal(&Modal, json)`, `send_message(&str)`, `react`,
//!   `visible_messages() -> Vec<Message>`, `message(MessageId)`, `wait_until(Duration, FnMut(&[Message]) -> Option<T>)`,
//!   `wait_for_text(Duration, &str) -> Result<Message, TimedOut>`.
//! * [`InteractionHandle`]: `answer() -> Answer` (always ends), `message(Duration)`, `modal(Duration)`,
//!   `choices(Duration)`, `followups()`, `current()`.
//! * [`Message`]: `text()`, `buttons() -> Vec<Button>`, `component(custom_id)`, `is_ephemeral()`, `is_loading()`.
//!
//! The same over HTTP with JSON, for programs in other languages: see [`control`]. A page to click on is at `/`.

mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod control;
mod delivery;
mod gateway;
mod id;
mod interaction;
mod log;
mod page;
mod permission;
mod rest;
mod server;
mod shared;
mod sim;
mod user;
mod validate;
mod world;

pub use id::{
    ApplicationId, AttachmentId, ChannelId, CommandId, GuildId, InteractionId, MessageId, NotASnowflake,
    RoleId, UserId,
};
pub use log::{Direction, Exchange};
pub use permission::Permissions;
pub use rest::limit::RateLimits;
pub use sim::{App, EndpointRefused, Guild, Sim, SimConfig, StartError};
pub use user::{
    ActError, Answer, ChannelView, Choice, Field, InteractionHandle, Modal, Place, TimedOut, User,
};
pub use world::message::{Attachment, Button, Message, flag};
