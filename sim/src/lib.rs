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
//!   `user_made_ago(name, Duration)`, `guild(name, &User) -> Guild`, `guilds(&ManyGuilds, &User, Option<&App>)`,
//!   `application(name, &User) -> App`, `advance(Duration)`, `drop_gateway()`, `sever_gateway()`, `forget_sessions()`,
//!   `refuse_next(Duration, global)`, `fault(FaultOrder)`, `heal()`, `faults_struck()`, `log() -> Vec<Exchange>`,
//!   `shutdown()`.
//! * [`Guild`], which may do everything: `channel(name) -> ChannelId`, `hidden_channel(name, &[RoleId])`,
//!   `voice_channel(name)`, `category(name)`, `set_category`, `forum(name)`, `role(name, Permissions) -> RoleId`,
//!   `place_role(RoleId, position)`, `bot_role(&App)`, `join(&User, &[RoleId])`, `leave(&User)`, `install(&App)`,
//!   `remove(&App)`, `set_owner(&User)`, `set_locale("de")`, `set_outage(bool)`; and looking: `member(UserId)`,
//!   `bans()`, `audit_log()`, `channels()`, `overwrites(ChannelId)`, `slowmode(ChannelId)`, `invite_uses(code)`.
//! * [`App`]: `id()`, `bot()`, `token()`, `public_key()`, `set_interactions_url(Option<&str>)`, `commands()`,
//!   `wait_for_command(path, Duration)`, `wait_connected(Duration)`, `connections()`, `identified()`, `resumed()`,
//!   `grant_intents(u64)`, `recommend_shards(u64)`.
//! * [`User`]: `in_channel(ChannelId) -> Place`, `direct(UserId) -> Place`, `inbox() -> Vec<Place>`,
//!   `in_guild(GuildId) -> Member`, `join_by(code)`, `set_locale("de")`, `take_direct_messages(bool)`, `set_nitro(bool)`,
//!   `channels()`, `threads(ChannelId)`, `wait_for_channel(Duration, FnMut(&[ChannelView]) -> Option<T>)`.
//! * [`Member`], who needs the permission and the higher role: `kick`, `ban`, `unban`, `time_out`, `set_nick`,
//!   `give_role`, `take_role`, `create_role`, `edit_role`, `delete_role`, `move_role`, `create_channel`,
//!   `rename_channel`, `delete_channel`, `set_slowmode`, `overwrite_role`, `overwrite_member`, `delete_overwrite`,
//!   `create_invite`, `delete_invite`, `join_voice`, `leave_voice`, `move_in_voice`, `mute_self`, `rule_command`, `leave`.
//! * [`Place`]: `run(path, json) -> Result<InteractionHandle, ActError>`, `type_command("/server start server:x")`,
//!   `autocomplete(path, json, focused)`, `run_on_user`, `run_on_message`, `press(MessageId, custom id or label)`,
//!   `select(MessageId, custom_id, &[&str])`, `submit_modal(&Modal, json)`, `offered_commands()`, `permissions()`,
//!   `send_message(&str)`, `reply`, `edit_message`, `delete_message`, `delete_messages`, `start_thread(name, private)`,
//!   `leave_thread`, `react`, `flood(total, per_second, text)`, `visible_messages() -> Vec<Message>`,
//!   `message(MessageId)`, `wait_until(Duration, FnMut(&[Message]) -> Option<T>)`,
//!   `wait_for_text(Duration, &str) -> Result<Message, TimedOut>`.
//! * [`InteractionHandle`]: `answer() -> Answer` (always ends), `message(Duration)`, `modal(Duration)`,
//!   `choices(Duration)`, `followups()`, `current()`.
//! * [`Message`]: `text()`, `buttons() -> Vec<Button>`, `component(custom_id)`, `is_ephemeral()`, `is_loading()`.
//!
//! # What is as in Discord, and what is not
//!
//! A bot needs the permission and a role above its target's, by REST as by hand; [`Guild::install`] puts the bot's role
//! on top, and [`Guild::place_role`] moves it down. `GUILD_CREATE` carries all members only with the presence intent,
//! otherwise the bot and who is in voice: ask for the others with opcode 8. Direct messages need a guild in common and
//! a user who lets them in. There are no presences, webhooks, emoji, events, polls or sound, and messages older than the
//! last 50,000 are forgotten.
//!
//! The same over HTTP with JSON, for programs in other languages: see [`control`]. A page to click on is at `/`.

mod app;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod control;
mod delivery;
mod flood;
mod gateway;
mod guild;
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

pub use app::{App, EndpointRefused};
pub use flood::Flood;
pub use guild::{AuditView, Guild, MemberView, OverwriteView};
pub use id::{
    ApplicationId, AttachmentId, ChannelId, CommandId, GuildId, InteractionId, MessageId, NotASnowflake,
    RoleId, UserId,
};
pub use log::{Direction, Exchange};
pub use permission::Permissions;
pub use rest::fault::{Fault, FaultOrder};
pub use rest::limit::RateLimits;
pub use sim::{ManyGuilds, Sim, SimConfig, StartError};
pub use user::{
    ActError, Answer, ChannelView, Choice, Field, InteractionHandle, Member, Modal, Place, TimedOut, User,
};
pub use world::message::{Attachment, Button, Message, flag};
