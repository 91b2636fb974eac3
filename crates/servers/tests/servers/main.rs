//! The servers domain as a face sees it: operations called through the catalogue, on both databases, with a
//! simulated agent at the other end.

mod access;
mod configuration;
mod failures;
mod hosts;
mod life;
mod permission;
mod world;
