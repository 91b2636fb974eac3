//! The engine, on both databases: flows survive what happens to the program, and run once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod leases;
mod people;
mod shutdown;
mod steps;
mod waits;
mod world;
