//! An agent without a host, a process or a network.
