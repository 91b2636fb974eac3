# What can go wrong here.
case_not_found = There is no case { $number }.
    .remedy = Look for it with /case search.
case_held =
    { $who ->
        [the-whole-server] The whole server
       *[other] { $who }
    }: { $by } is at it already, or did it: case { $number }.
    .remedy = Look at that case; edit it to change what it does.
case_over = Case { $number } is { $state } already.
    .remedy = There is nothing left to end. Make a new case.
case_without_end = Case { $number } has no end that could be moved.
    .remedy = Only an active ban, timeout, jail or lock has an end to move.
case_unchanged = Nothing was given that would change case { $number }.
    .remedy = Give a reason, a duration or evidence.
target_rank_not_below = { $name } has rank { $theirs }, which is not below yours.
    .remedy = Ask somebody with a rank above theirs.
already_banned = { $name } is banned already.
    .remedy = Lift the ban first to make another.
not_banned = { $name } is not banned.
    .remedy = There is nothing to lift.
already_timed_out = { $name } is in timeout already.
    .remedy = End it first, or move the end of its case.
not_timed_out = { $name } is not in timeout.
    .remedy = There is nothing to end.
not_jailed = { $name } is not in jail.
    .remedy = There is nobody to let out.
not_locked =
    { $name ->
        [the-whole-server] The whole server
       *[other] { $name }
    } is not locked by a case.
    .remedy = Only what a case has locked can be unlocked by one.
nothing_to_lock =
    { $name ->
        [the-whole-server] The whole server
       *[other] { $name }
    } is closed already: members cannot write there.
    .remedy = There is nothing to do.
target_not_here = { $name } is not in this server, or has left it.
    .remedy = Check the name. A ban also works for people who have left.
nobody = There is nobody on Discord with the id { $text }.
    .remedy = Check the id: right-click the person, then Copy User ID.
no_jail = There is no jail: its role is not set.
    .remedy = Set “jail.role” in /config first, or let /config setup make one.
jail_gone = The jail's role is gone.
    .remedy = Set “jail.role” in /config to a role that exists.
role_managed = Nobody can give or take the role { $name }: a bot or an integration owns it.
    .remedy = Choose another role.
role_everyone = Everybody has the role @everyone, so nobody can be given it or lose it.
    .remedy = Choose another role.
role_held = { $who } has the role { $role } already.
    .remedy = There is nothing to do.
role_not_held = { $who } does not have the role { $role }.
    .remedy = There is nothing to do.
role_not_found = There is no role with the id { $text }.
    .remedy = Mention the role, or copy its id from Discord.
role_not_below = The role { $name } is not below your highest role.
    .remedy = Ask somebody whose role is higher.
channel_not_found = There is no channel with the id { $text }.
    .remedy = Mention the channel, or copy its id from Discord.
message_not_found = The message is gone, or was never there.
    .remedy = Copy the message's link from Discord.
which_channel = Say in which channel.
    .remedy = Name a channel.
nothing_to_purge = No message in { $name } fits that is younger than 14 days.
    .remedy = Nothing was deleted. Ask for others.
reason_not_found = There is no reason called “{ $name }”. There are: { $near }.
    .remedy = See /reason list, or write the reason out.
reason_name = “{ $text }” cannot be the name of a reason.
    .remedy = Use one word without blanks, quotes, braces and equals signs.
reason_quotes = The text of a reason that has a name cannot have straight quotes.
    .remedy = Write ' or “ ” instead.
reason_too_long = The reason has { $count } characters; at most 2000 fit.
    .remedy = Shorten it.
timeout_too_long = A timeout lasts at most 28 days; { $text } is longer.
    .remedy = Use /jail or /tempban for longer.
evidence_no_link = “{ $text }” is not a link.
    .remedy = Give links that begin with https://.
too_much_evidence = A case takes at most { $count } pieces of evidence.
    .remedy = Keep those that matter most.
no_date = “{ $text }” is not a date.
    .remedy = Write it like 2026-01-31.
no_id = “{ $text }” is not the id of a person.
    .remedy = Give ids or mentions with blanks or commas between.
nobody_named = Nobody was named.
    .remedy = Give at least one id.
too_many_named = { $count } people were named; at most 500 at a time.
    .remedy = Split the list.
case_failed = Case { $number } could not be done: { $why }
    .remedy = Mend what it says, then try again.
done_to_nobody = It could be done to nobody: { $why }
    .remedy = Mend what it says, then try again.
case_contended = Case { $number } is being changed by somebody else right now.
    .remedy = Try again in a moment.
reports_off = This server takes no reports yet.
    .remedy = Write to somebody of the staff; they can set “logs.reports” in /config.
reported_already = You have reported that already; the staff has it.
    .remedy = There is nothing more to do.
reports_themselves = You cannot report yourself.
    .remedy = Name somebody else, or nobody.
report_not_found = There is no report { $number }.
    .remedy = See /inbox list.
report_handled = Report { $number } is { $state } already, by { $by }.
    .remedy = There is nothing left to do.
appeals_off = This server takes no appeals.
    .remedy = Write to somebody of the staff.
case_not_yours = Case { $number } is not about you.
    .remedy = Use the button of the message you were sent.
not_appealable = There is nothing left of case { $number } to appeal against.
    .remedy = It has ended, or leaves nothing to lift.
appealed_already = You have appealed against case { $number } already.
    .remedy = The staff has read it, or will.
appeal_not_found = There is no appeal { $number }.
    .remedy = See /inbox list.
appeal_decided = Appeal { $number } is { $state } already, by { $by }.
    .remedy = There is nothing left to decide.

# What is wrong with an input; its name stands before it.

slowmode_unreadable = is not a time between messages: write it like 5, 30s, 2m or off.
slowmode_too_long = is more than 6 hours (21600 seconds).
inbox_which = is missing: give the number of a report, or that of an appeal.
