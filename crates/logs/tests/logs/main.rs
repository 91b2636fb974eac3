//! The logs as staff see them: what is written where, what is left out, and what is forgotten.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod kept;
mod left_out;
mod stage;
mod written;
