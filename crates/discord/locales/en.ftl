# What the Discord face itself can answer.

busy = Guildhall has too much to do right now.
    .remedy = Try again in a few seconds.
too_slow = The form took too long to open.
    .remedy = Press the button again.
answer_too_long = The answer is longer than Discord can show: { $size } KiB.
    .remedy = Ask for less, or use the command line.
stale_button = This button is too old to work.
    .remedy = Run the command again to get a new one.
stale_menu = This entry of the menu is no longer used.
    .remedy = Restart Discord to see the menu as it is now.
not_in_a_guild = Guildhall works inside of a Discord server only.
    .remedy = Use the command there.
unknown_guild = This Discord server is not set up in Guildhall.
    .remedy = Ask who runs Guildhall to add it to the configuration.
bot_not_in_guild = Guildhall is no longer on this Discord server.
    .remedy = Ask an administrator of the server to add it again.
not_your_question = This question is not yours.
    .remedy = Run the command yourself to be asked.
question_too_old = This question is too old.
    .remedy = Run the command again.
unknown_input = There is nothing to suggest: the command or the input does not exist.
    .remedy = Type the command again.
unknown_command = There is no command “{ $name }”.
    .remedy =
        { $count ->
            [0] /help shows what you can do here.
           *[other] Did you mean: { $near }?
        }
words_left = “{ $word }” is one word too many for “{ $operation }”.
    .remedy = Put text of several words into quotation marks.
direct_closed = The answer is only for you, and you take no direct messages from Guildhall.
    .remedy = Use “/{ $operation }” instead, or allow direct messages from this server.
direct_closed_done = It is done. The answer is only for you, and you take no direct messages from Guildhall.
    .remedy = Use “/{ $operation }” next time: nobody else sees that.
malformed_interaction = It is not an interaction.
    .remedy = Discord changed something, or it was sent by somebody else.
