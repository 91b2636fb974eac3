# What can go wrong with the logs.

log_channel_gone = A log's channel is gone.
    .remedy = Set another one in /config, section logs.
