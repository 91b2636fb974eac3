//! Traces and latency: where the time of each command went.
