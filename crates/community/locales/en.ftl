# Messages of settings, ranks, configuration and help.

setting_unknown = There is no setting “{ $key }”.
    .remedy = Did you mean: { $near }? /config list has them all.
setting_moved = { $by } has just set { $key } to “{ $value }”; your change was not made.
    .remedy = Look at it again, then change it if you still want to.
config_moved = The configuration has changed since you looked at it; nothing was applied.
    .remedy = Make a new preview with /config import.
feature_off = “{ $feature }” is switched off here.
    .remedy = Staff can switch it on: /config set key:{ $key } value:on
rank_unknown = There is no rank “{ $rank }” here.
    .remedy = Give a number or a name: { $known }.
rank_there = There is a rank { $level } already: { $name }.
    .remedy = Change its name with /rank edit.
rank_name_taken = Rank { $level } is called “{ $name }” already.
    .remedy = Choose another name.
rank_reserved = Rank 10 belongs to who runs this installation.
    .remedy = Use one of the ranks 0 to 9.
rank_fixed = Rank { $level } is always there.
    .remedy = It can be renamed with /rank edit; only 8 and 9 can be made and deleted.
rank_in_use = Rank { $level } is asked for by: { $commands }.
    .remedy = Let them ask for another rank first, with /rank require.
rank_not_below = Rank { $level } is not below your own, which is { $own }.
    .remedy = Ask somebody with a higher rank to do it.
requirement_too_high = “{ $name }” asks for rank { $level }; you can only change what is within your own rank, which is { $own }.
    .remedy = Ask somebody with a higher rank to do it.
requirement_fixed = “{ $name }” is for who runs this installation only; that cannot be changed here.
    .remedy = Name a single command instead of its group, or leave it.
command_unknown = There is no command “{ $name }” that you could use.
    .remedy =
        { $count ->
            [0] /help shows what you can do here.
           *[other] Did you mean: { $near }?
        }
role_without_rank = The role { $role } gives no rank.
    .remedy = /rank list shows which roles give one.
role_fixed = The rank of the role { $role } comes from the configuration file of this installation.
    .remedy = Give it another rank here with /rank assign, or ask who runs the installation.
config_full =
    { $what ->
        [roles] { $count } roles give a rank already, which is as many as may.
        [commands] { $count } commands have a rank of their own already, which is as many as may.
       *[other] A file has at most { $count } entries.
    }
    .remedy = Take one away first.
not_a_member = This person is not a member here.
    .remedy = Choose somebody who is in this server.
explain_others = Only moderators may ask about other people.
    .remedy = Leave “member” out to ask about yourself.
config_unreadable = Line { $line } cannot be read as { $format }: { $problem }
    .remedy = Nothing was changed. Mend the line and try again.
config_unfit =
    { $count ->
        [one] 1 entry of the file does not fit.
       *[other] { $count } entries of the file do not fit.
    }
    .remedy =
        { $count ->
            [one] Mend this line and try again; nothing was changed.
           *[other] Mend these lines and try again; nothing was changed.
        }
setup_busy = Somebody is setting things up at this moment.
    .remedy = Wait until they are done, then look again.
setup_stopped = The set-up stopped at { $step }, after { $done } of { $total } steps: { $why }
    .remedy = What is done stays. Press again once that is mended: it goes on where it stopped.

# What would fit; the name of the setting or input stands before it.

setting_not_a_switch = is a switch: write on or off.
setting_not_text = is a text.
setting_length =
    { $length ->
        [one] has 1 character; { $least } to { $most } fit.
       *[other] has { $length } characters; { $least } to { $most } fit.
    }
setting_template = has “{ $name }” in braces, which nothing is put in for. These can be used: { $allowed }.
setting_number = is a whole number from { $least } to { $most }.
setting_duration = is a length of time from { $least } to { $most }, written like 30m, 1h30m or 7d.
setting_choice = is one of: { $words }.
setting_channel = is a channel: mention it, or copy its id from Discord.
setting_channel_gone = names the channel { $id }, which is not in this server.
setting_role = is a role: mention it, or copy its id from Discord.
setting_role_gone = names the role { $id }, which is not in this server.
setting_role_everyone = cannot be @everyone; choose a role that people are given.
setting_color = is a colour, written like #5865f2.
setting_list = is a list, with commas between.
setting_too_many = has { $count } entries; at most { $most } fit.
setting_map = is a list of name="text", such as spam="No spam, please."
setting_one_value = is for settings that have several values; use “value”.
section_unknown = there is no “{ $section }”; there are: { $known }.
section_or_key = or section is wanted: name one of the two.
rank_name = is a name of 1 to 100 characters in one line, and not a number.
file_part = is no part of a configuration; there are: settings, ranks, roles, requirements.
file_table = is not a table of names and values.
file_setting = is no setting. Did you mean { $near }?
file_rank = is a rank from 0 to 9 with a name and, if you like, a description of at most 500 characters.
file_command = is no command and no group of commands. Did you mean { $near }?
redis_unreachable = Redis did not answer.
    .remedy = Nothing has to be done: the database is asked instead, until Redis is back.
