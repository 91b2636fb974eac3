# What Discord refuses, and what to do about it. Who may act on whom is said by the core.

guild_left = I am not in this Discord server any more.
    .remedy = Invite me again.
guild_unreachable = Discord cannot be reached at the moment.
    .remedy = Try again in a minute.
guild_unreadable = Discord's answer makes no sense to me.
    .remedy = Try again in a minute; if it stays so, Guildhall needs an update.
guild_token = Discord does not accept my token.
    .remedy = Whoever runs Guildhall has to make a new token and put it into the configuration.
guild_unknown =
    { $what ->
        [member] They are not in this server (any more).
        [channel] The channel does not exist (any more).
        [message] The message does not exist (any more).
        [role] The role does not exist (any more).
        [user] There is nobody on Discord with this id.
        [ban] They are not banned.
       *[other] It does not exist (any more).
    }
    .remedy =
        { $what ->
            [member] Check the name, or use the id of somebody who left where that is possible.
            [user] Check the id.
           *[other] Check whether somebody deleted it.
        }
guild_full =
    { $what ->
        [roles] This server has as many roles as Discord allows.
        [channels] This server has as many channels as Discord allows.
        [threads] This server has as many open threads as Discord allows.
        [bans] Discord lets no more people be banned who are not members.
       *[other] This server has as many of them as Discord allows.
    }
    .remedy =
        { $what ->
            [bans] Lift bans that are not needed any more, or try again tomorrow.
            [threads] Close some of them.
           *[other] Remove some that are not needed.
        }
guild_role_managed = The role { $name } belongs to a bot or an integration, so nobody can give or take it.
    .remedy = Choose a role that was made by hand.
guild_two_factor = This server asks moderators for two-factor authentication, and the owner of this bot has none.
    .remedy = The owner of the bot's Discord account has to turn two-factor authentication on.
guild_refused = Discord did not accept this.
    .remedy = Check what you gave. Whoever runs Guildhall finds Discord's own words in the log.
guild_timeout_too_long = A timeout lasts at most 28 days.
    .remedy = Choose a shorter one, or jail or ban them for a time.
guild_slowmode_too_long = Slow mode is at most 6 hours between two messages.
    .remedy = Choose a shorter time.
guild_ban_window_too_long = A ban deletes the messages of at most the last 7 days.
    .remedy = Choose 7 days or less.
guild_nickname_too_long = A nickname has at most 32 characters.
    .remedy = Choose a shorter one.
guild_bad_name = The name of a role or a channel has 1 to 100 characters.
    .remedy = Choose another name.
guild_too_many_messages = At most 100 messages are deleted at once.
    .remedy = Delete the rest afterwards.
