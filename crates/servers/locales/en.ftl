# What can go wrong with a server, and what to do about it. The codes of failures are the link's, and
# “recipe_not_found” and what is wrong with a value are the recipes'.

server_not_found = There is no server called '{ $name }'.
    .remedy =
        { $count ->
            [0] There are no servers yet; staff make one with /server create.
           *[other] Did you mean: { $near }?
        }
name_taken = There is a server called '{ $name }' already.
    .remedy = Choose another name.
too_many_servers = This community has { $count } servers, which is as many as it may have.
    .remedy = Delete one that nobody needs, or ask the operator for more.
server_busy =
    { $doing ->
        [being_created] { $name } is already being created, by { $by } { $ago } ago.
        [being_deleted] { $name } is already being deleted, by { $by } { $ago } ago.
       *[other] { $name } is already { $doing }, by { $by } { $ago } ago.
    }
    .remedy = Wait for it to finish; /server status shows how far it is.
already_running = { $name } is already { $state }.
    .remedy = /server status shows how to join.
not_running = { $name } is not running; it is { $state }.
    .remedy = Start it first.
invalid_values =
    { $count ->
        [one] One of the values does not fit.
       *[other] { $count } of the values do not fit.
    }
no_console = The game of { $name } does not read a console.
    .remedy = Use the game's own client to speak to its players.
contended =
    { $named ->
        [yes] { $name } is being changed by somebody else right now.
       *[no] The server is being changed by somebody else right now.
    }
    .remedy = Try again in a moment.

# Who is called what in the games.

player_taken = The name '{ $player }' belongs to another member in this game.
    .remedy = If it is yours, ask a moderator: /player unlink with “member” takes it from the other.
bad_player =
    { $why ->
        [pattern] '{ $player }' cannot be a player's name here: in this game a player's name matches { $pattern }.
        [recipe] '{ $player }' cannot be a player's name here: the recipe's pattern for names is wrong: { $pattern }.
       *[not_a_name] '{ $player }' cannot be a player's name here: a player's name is one line of 1 to { $most } plain characters.
    }
    .remedy = Write the name exactly as the game shows it.
too_many_links = { $count } names are linked already, which is as many as a member may have.
    .remedy = Take one away with /player unlink first.
player_not_linked = No name '{ $player }' is linked.
    .remedy =
        { $count ->
            [0] Link one with /player link.
           *[other] Did you mean: { $near }?
        }
not_your_names = You need rank { $required } for other members' names; yours is { $yours }.
    .remedy = Leave “member” out for your own names.
kept_out = You are kept out of game servers ({ $case }), so your names stay as they are.
    .remedy = A moderator can change them for you.

# What is wrong with one input; the input's name stands before it.

bar_case = is 1 to { $most } characters.
bar_reason = is at most { $most } characters.
bar_servers = are at most { $most } names.
line_not_one = holds a line end or another control character; send one line at a time.
game_and_server = is one of the recipe's; give one of the two.
game_missing = or server is missing: name the game or one server.
