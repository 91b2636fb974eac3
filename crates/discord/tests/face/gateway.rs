//! Over the gateway of the stand-in Discord.
