//! The tables' rows.

pub(crate) mod group;
pub(crate) mod hour;
pub(crate) mod notice;
pub(crate) mod sample;
