//! The community on Discord: who is there, what happens, and what can be done about it.
