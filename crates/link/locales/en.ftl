# Why a server could not be made, and what a host answers that cannot do what it is asked. The particulars
# begin with a colon, or are empty. “internal” is the core's.

program_missing = { $name } could not be made: the game's program is missing or cannot be run{ $particulars }.
    .remedy = Start it again to repeat the installation; if it stays, staff should check the recipe's start line.
port_taken = { $name } could not be made: another program listens on one of its ports{ $particulars }.
    .remedy = Start it again to be given another port, or stop the other program on the host.
disk_full = { $name } could not be made: the host's disk is full{ $particulars }.
    .remedy = Free some space on the host (old servers can go with /server delete), then start it again.
install_failed = { $name } could not be made: a step of its installation failed{ $particulars }.
    .remedy = Look at the output below, mend what it says, then start it again: the installation goes on where it failed.
not_ready_in_time = { $name } could not be made: it was not ready for players in time{ $particulars }.
    .remedy = Look at /server console for what it was doing, then start it again; a large world may need a longer “within” in the recipe's [ready].
ended_before_ready = { $name } could not be made: it ended before it was ready{ $particulars }.
    .remedy = Its last lines are below and often say why; check /server config, then start it again.
crashed_too_often = { $name } could not be made: it crashed too often and was left stopped{ $particulars }.
    .remedy = Look at its last lines below and undo what changed last, then start it again.
bad_recipe = { $name } could not be made: its recipe and its configuration do not work out{ $particulars }.
    .remedy = Check /server config, and the recipe with “guildhall recipe lint”, then start it again.
not_allowed = { $name } could not be made: the agent on its host may not do what the recipe asks{ $particulars }.
    .remedy = Give the agent the right that is named below (it usually runs as root), then start it again.
host = { $name } could not be made: something on its host went wrong{ $particulars }.
    .remedy = Look at the message below, mend it on the host, then start it again.
no_host = { $name } could not be made: there is no host to run it{ $particulars }.
    .remedy = Start “guildhall agent” on a machine, or connect one that is away, then start it again.
host_offline =
    { $job ->
        [create] { $name } could not be made: its host is not connected{ $particulars }.
       *[other] The host of { $name } is not connected.
    }
    .remedy = Check that the host is up and its agent runs, then try again.
host_lost = { $name } could not be made: its host went away{ $particulars }.
    .remedy = Check that the host is up and its agent runs; when it is back, a game that ran on is taken up again.
gone = { $name } could not be made: its host does not know it any more{ $particulars }.
    .remedy = If the host was set up anew, its files are lost; start it to install it again.
refused =
    { $job ->
        [create] { $name } could not be made: the agent on its host refused the request{ $particulars }.
       *[other] The host turned it away{ $particulars }.
    }
    .remedy = Check that control plane and agent are of one version, then try again.
no_port = { $name } could not be made: its host has no free port left for it{ $particulars }.
    .remedy = Delete servers that nobody needs, or set another number for the port, then try again.
stuck = { $name } could not be made: it took too long{ $particulars }.
    .remedy = Start it again; if it gets stuck at the same place, look at /server console and at the host.
stop_failed = { $name } could not be made: it could not be stopped{ $particulars }.
    .remedy = It is stopped as soon as its host answers; try again if that takes too long.
secrets_locked =
    { $job ->
        [create] { $name } could not be made: its secrets cannot be read with the key that this installation has{ $particulars }.
       *[other] These secrets cannot be read with the key that this installation has{ $particulars }.
    }
    .remedy = Put back the key file that belongs to this database, or set the secrets anew with /server config; then start it again.
