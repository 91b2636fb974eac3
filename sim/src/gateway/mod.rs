//! The gateway: WebSocket sessions that hear what happens. `event` says who may hear what, `session` numbers and
//! keeps events for a resume, `socket` speaks the protocol, `frame` compresses.

pub(crate) mod event;
pub(crate) mod frame;
pub(crate) mod session;
pub(crate) mod socket;
