//! The words of Guildhall: ids, actors, ranks, operations, documents and errors.
//!
//! This crate does no I/O. What needs a disk, a database or a network comes in through the traits at the
//! bottom of [`audit`], [`event`], [`notebook`] and [`clock`], and is implemented elsewhere.

pub mod access;
pub mod actor;
pub mod allowance;
pub mod audit;
pub mod catalogue;
pub mod clock;
pub mod document;
pub mod duration;
pub mod error;
pub mod event;
pub mod fault;
pub mod guild;
pub mod id;
pub mod incident;
pub mod input;
pub mod language;
pub mod notebook;
pub mod operation;
pub mod permission;
pub mod setting;
pub mod suggest;
pub mod upstream;
pub mod words;

pub use actor::{Actor, ActorId, Face, Rank, TenantId};
pub use allowance::Allowance;
pub use catalogue::{Catalogue, CatalogueBuilder, Reply, Request};
pub use clock::{Clock, ManualClock, SystemClock};
pub use document::{Action, Block, Document, Rich, Tone};
pub use duration::Span;
pub use error::{Error, FieldError, Kind, Misfit};
pub use event::{Event, EventLog, NewEvent, Outcome, RunId, Subject};
pub use id::{CallId, HostId, ServerId, SessionId};
pub use operation::{Answer, Call, Effect, Follow, Operation, Operations, Spec};
