//! Where the time of each command went: traces for who collects them, and latency for `/status`.
//!
//! Spans are made where the work is done: `request`, `interaction` and `call` are what somebody waits for, the
//! [`Stage`]s are what happens in between. [`Stages`] is a layer that adds them up into [`Latency`], which
//! keeps a histogram an hour and operation. [`otlp`] sends the same spans to a collector, and [`request`]
//! takes up the trace that a caller began.

mod latency;
mod migration;
pub mod otlp;
pub mod request;
mod stage;

pub use latency::{Figures, Latency};
pub use migration::migrations;
pub use stage::{Meter, Stage, Stages};
