//! Checks on everything that comes in.
