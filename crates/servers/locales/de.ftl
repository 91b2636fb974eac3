# Was mit einem Server schiefgehen kann, und was dann zu tun ist. Die Codes der Ausfälle gehören zur
# Verbindung; „recipe_not_found“ und was an einem Wert nicht stimmt, zu den Rezepten.

server_not_found = Es gibt keinen Server „{ $name }“.
    .remedy =
        { $count ->
            [0] Es gibt noch keine Server; das Team erstellt einen mit /server create.
           *[other] Meintest du: { $near }?
        }
name_taken = Einen Server „{ $name }“ gibt es schon.
    .remedy = Nimm einen anderen Namen.
too_many_servers = Diese Gemeinschaft hat { $count } Server, und mehr darf sie nicht haben.
    .remedy = Lösch einen, den niemand braucht, oder bitte den Betreiber um mehr.
server_busy =
    { $doing ->
        [starting] { $name } wird schon gestartet, von { $by } vor { $ago }.
        [stopping] { $name } wird schon gestoppt, von { $by } vor { $ago }.
        [restarting] { $name } wird schon neu gestartet, von { $by } vor { $ago }.
        [being_deleted] { $name } wird schon gelöscht, von { $by } vor { $ago }.
       *[being_created] { $name } wird schon erstellt, von { $by } vor { $ago }.
    }
    .remedy = Warte, bis das fertig ist; /server status zeigt, wie weit es ist.
already_running =
    { $state ->
        [created] { $name } wird gerade erstellt.
        [preparing] { $name } wird schon vorbereitet.
        [installing] { $name } wird schon installiert.
        [starting] { $name } startet schon.
        [ready] { $name } ist schon bereit.
        [stopping] { $name } wird gerade gestoppt.
        [restarting] { $name } startet gerade neu.
        [deleting] { $name } wird gerade gelöscht.
       *[other] { $name } läuft schon.
    }
    .remedy = /server status zeigt, wie man mitspielt.
not_running =
    { $state ->
        [created] { $name } läuft nicht, sondern wird gerade erstellt.
        [stopped] { $name } läuft nicht.
        [preparing] { $name } läuft noch nicht, sondern wird vorbereitet.
        [installing] { $name } läuft noch nicht, sondern wird installiert.
        [starting] { $name } läuft noch nicht, sondern startet gerade.
        [stopping] { $name } läuft nicht mehr, sondern wird gerade gestoppt.
        [restarting] { $name } läuft gerade nicht, sondern startet neu.
        [failed] { $name } läuft nicht, sondern ist ausgefallen.
        [deleting] { $name } läuft nicht mehr, sondern wird gelöscht.
       *[other] { $name } läuft nicht.
    }
    .remedy = Starte ihn zuerst.
invalid_values =
    { $count ->
        [one] Einer der Werte passt nicht.
       *[other] { $count } der Werte passen nicht.
    }
no_console = Das Spiel von { $name } liest keine Konsole.
    .remedy = Sprich über das Spiel selbst mit den Leuten, die dort spielen.
contended =
    { $named ->
        [yes] { $name } wird gerade von jemand anderem geändert.
       *[no] Der Server wird gerade von jemand anderem geändert.
    }
    .remedy = Versuch es gleich noch einmal.

# Wer in den Spielen wie heißt.

player_taken = Der Name „{ $player }“ gehört in diesem Spiel einem anderen Mitglied.
    .remedy = Wenn es deiner ist, frag einen Moderator: /player unlink mit „member“ nimmt ihn dem anderen weg.
bad_player =
    { $why ->
        [pattern] „{ $player }“ kann hier kein Spielername sein: in diesem Spiel passt ein Spielername zu { $pattern }.
        [recipe] „{ $player }“ kann hier kein Spielername sein: das Muster des Rezepts für Namen ist falsch: { $pattern }.
       *[not_a_name] „{ $player }“ kann hier kein Spielername sein: ein Spielername ist eine Zeile aus 1 bis { $most } einfachen Zeichen.
    }
    .remedy = Schreib den Namen genau so, wie das Spiel ihn zeigt.
too_many_links = Es sind schon { $count } Namen verknüpft, und mehr darf ein Mitglied nicht haben.
    .remedy = Nimm zuerst mit /player unlink einen weg.
player_not_linked = Der Name „{ $player }“ ist nicht verknüpft.
    .remedy =
        { $count ->
            [0] Verknüpf einen mit /player link.
           *[other] Meintest du: { $near }?
        }
not_your_names = Für die Namen anderer Mitglieder brauchst du den Rang { $required }; deiner ist { $yours }.
    .remedy = Lass „member“ weg, wenn es um deine eigenen Namen geht.
kept_out = Du bist von den Spielservern ausgeschlossen ({ $case }), deshalb bleiben deine Namen, wie sie sind.
    .remedy = Ein Moderator kann sie für dich ändern.

# Was an einer Eingabe nicht stimmt; ihr Name steht davor.

bar_case = hat 1 bis { $most } Zeichen.
bar_reason = hat höchstens { $most } Zeichen.
bar_servers = sind höchstens { $most } Namen.
line_not_one = enthält ein Zeilenende oder ein anderes Steuerzeichen; schick immer nur eine Zeile.
game_and_server = gehört schon zu einem Spiel; gib recipe oder server an, nicht beide.
game_missing = oder server fehlt: nenn das Spiel oder einen Server.
