//! What happens in a guild, written to the channels that staff read.
