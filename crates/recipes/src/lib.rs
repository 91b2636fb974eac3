//! How a game is installed, started, watched and stopped.

pub mod duration;
pub mod recipe;

pub use recipe::Recipe;
