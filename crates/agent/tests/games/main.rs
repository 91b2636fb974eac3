//! The shipped recipes with the real games and, where one plays without a screen, a real player: installed,
//! started, joined, crashed, stopped and taken away by the agent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod armagetron;
mod bzflag;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod luanti;
mod minecraft;
mod network;
mod player;
mod port;
mod stage;
mod teeworlds;
