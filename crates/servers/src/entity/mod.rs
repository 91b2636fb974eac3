//! The tables of this domain. Nothing outside of the crate reads or writes them.

pub(crate) mod bar;
pub(crate) mod config;
pub(crate) mod cursor;
pub(crate) mod kept_out;
pub(crate) mod player_link;
pub(crate) mod port;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod visit;
