# Messages of the catalogue: what every operation can answer.

internal = Something went wrong inside Guildhall.
unknown_operation = There is no operation “{ $name }”.
    .remedy = Did you mean: { $near }?
rank_too_low = You need rank { $required } for “{ $operation }”; yours is { $yours }.
    .remedy =
        { $level ->
            [10] Ask who runs this installation.
           *[other] Ask a member of the staff to do it, or to give you the rank.
        }
out_of_scope = This token does not cover “{ $operation }”; it covers: { $scope }.
    .remedy = Use a token with a wider scope.
too_often =
    { $limit ->
        [one] “{ $operation }” can be used once a minute.
       *[other] “{ $operation }” can be used { $limit } times a minute.
    }
    .remedy =
        { $seconds ->
            [one] Try again in a second.
           *[other] Try again in { $seconds } seconds.
        }
unreadable_input = The input does not fit: { $problem }.
invalid_inputs = { $count } inputs do not fit.
no_such_person = { $field }: nobody here is called “{ $name }”, or several are.
    .remedy =
        { $count ->
            [0] Mention them, or use their id.
           *[other] Did you mean: { $near }? Mention them, or use their id.
        }
upstream_down = { $upstream } does not answer at the moment.
    .remedy = Try again in a minute.
upstream_busy = { $upstream } was asked too often.
    .remedy = Try again in a moment.
too_many_faults = There are { $most } faults in place already.
    .remedy = Clear some with /errors clear.
guild_none = This community has no Discord server.
    .remedy = Set up Discord in the configuration first.
settings_fixed = Nothing here keeps settings, so { $key } stays as it is.
    .remedy = Run Guildhall with a database.

# Who may act on whom in a Discord server.

guild_yourself = You cannot do that to yourself.
    .remedy = Name somebody else.
guild_the_bot = I cannot do that to myself.
    .remedy = Name somebody else.
guild_the_owner = Nobody can do that to the owner of the server.
    .remedy = Name somebody else.
guild_not_a_member = You are not in this Discord server, so you stand above nobody there.
    .remedy = Join the server first.
guild_not_below_you = { $name } stands as high as you, or higher.
    .remedy = Ask somebody whose highest role is above theirs.
guild_missing_permission =
    I lack the permission “{ $permission ->
            [kick_members] Kick Members
            [ban_members] Ban Members
            [administrator] Administrator
            [manage_channels] Manage Channels
            [manage_server] Manage Server
            [add_reactions] Add Reactions
            [view_audit_log] View Audit Log
            [view_channels] View Channels
            [send_messages] Send Messages
            [manage_messages] Manage Messages
            [read_message_history] Read Message History
            [connect] Connect
            [speak] Speak
            [manage_nicknames] Manage Nicknames
            [manage_roles] Manage Roles
            [manage_threads] Manage Threads
            [create_public_threads] Create Public Threads
            [create_private_threads] Create Private Threads
            [send_messages_in_threads] Send Messages in Threads
            [timeout_members] Timeout Members
           *[other] { $permission }
        }”.
    .remedy = Give it to my role in Server Settings → Roles, and see that the channel does not take it away.
guild_role_too_low = My highest role is not above the role “{ $name }”.
    .remedy = Drag my role above “{ $name }” in Server Settings → Roles.
guild_no_role = I have no role in this Discord server, so I stand above nobody there.
    .remedy = Make a role for me in Server Settings → Roles, and give it to me.
guild_administrator = { $name } is an administrator, and Discord puts no administrator in timeout.
    .remedy = Take the administrator role away first.

# What is wrong with one input; the input's name stands before it.

input_missing = is missing. { $what }
input_given_twice = is given twice. Give every input once.
input_unknown = is not an input of this operation. Did you mean “{ $near }”?
input_none_taken = is not an input of this operation, which takes none.
input_not_text = is not text.
input_too_short = is too short: { $length } of at least { $least } characters.
input_too_long = is too long: { $length } of at most { $most } characters.
input_unfit = “{ $text }” does not fit. { $what }
input_not_whole = is not a whole number.
input_not_a_number = is not a number.
input_too_small = is { $number }, less than { $least }.
input_too_large = is { $number }, more than { $most }.
input_not_yes_or_no = is neither yes nor no.
input_not_a_switch = is neither true nor false.
input_not_a_choice = is none of: { $words }.
input_not_a_user = “{ $text }” is no person: mention them, or copy their id from Discord.
input_not_a_role = “{ $text }” is no role: mention it, or copy its id from Discord.
input_not_a_channel = “{ $text }” is no channel: mention it, or copy its id from Discord.
input_not_a_message = “{ $text }” is no link to a message: copy it from Discord.
input_not_a_duration = “{ $text }” is no length of time: write it like 30m, 1h30m, 7d or 2w.
input_no_duration = is nothing: a length of time is at least one second.
input_duration_too_long = “{ $text }” is longer than ten years: leave it away for one without an end.
input_too_lasting = is at most { $most }, and “{ $text }” is longer.
input_nobody = names nobody.
input_too_many_people = names { $count } people, more than { $most }.
input_not_a_list = is not a list of texts.
input_not_pairs = needs name=value pairs.
input_not_a_map = is not an object of plain values.
