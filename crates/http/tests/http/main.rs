//! The HTTP face over loopback, in front of a small catalogue.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod authentication;
mod bounds;
mod calls;
mod client;
mod description;
mod events;
mod harness;
mod operating;
mod settings;
mod shed;
