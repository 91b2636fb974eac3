# What can go wrong with the logs.

log_channel_gone = A log's channel is gone.
    .remedy = Run /config setup to make another, or set one in /config, section logs.
