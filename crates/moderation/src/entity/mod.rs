//! The tables' rows.

pub(crate) mod appeal;
pub(crate) mod case;
pub(crate) mod edit;
pub(crate) mod post;
pub(crate) mod report;
