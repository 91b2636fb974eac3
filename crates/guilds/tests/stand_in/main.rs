//! The directory against the stand-in Discord: real requests, real frames.

mod act;
mod live;
mod look;
mod stage;
