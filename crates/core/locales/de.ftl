# Meldungen des Katalogs: was jede Operation antworten kann.

internal = In Guildhall ist etwas schiefgegangen.
unknown_operation = Es gibt keine Operation „{ $name }“.
    .remedy = Meintest du: { $near }?
rank_too_low = Für „{ $operation }“ brauchst du den Rang { $required }; deiner ist { $yours }.
    .remedy =
        { $level ->
            [10] Bitte die darum, die diese Installation betreiben.
           *[other] Bitte jemanden vom Team darum, oder um den Rang.
        }
out_of_scope = Dieses Token gilt nicht für „{ $operation }“; es gilt für: { $scope }.
    .remedy = Nimm ein Token, das weiter reicht.
too_often =
    { $limit ->
        [one] „{ $operation }“ geht einmal in der Minute.
       *[other] „{ $operation }“ geht { $limit }-mal in der Minute.
    }
    .remedy =
        { $seconds ->
            [one] Versuch es in einer Sekunde noch einmal.
           *[other] Versuch es in { $seconds } Sekunden noch einmal.
        }
unreadable_input = Die Eingabe passt nicht: { $problem }.
invalid_inputs = { $count } Eingaben passen nicht.
no_such_person = { $field }: hier heißt niemand „{ $name }“, oder mehrere.
    .remedy =
        { $count ->
            [0] Erwähne die Person, oder nimm ihre ID.
           *[other] Meintest du: { $near }? Erwähne die Person, oder nimm ihre ID.
        }
upstream_down = { $upstream } antwortet gerade nicht.
    .remedy = Versuch es in einer Minute noch einmal.
upstream_busy = { $upstream } wurde zu oft gefragt.
    .remedy = Versuch es gleich noch einmal.
too_many_faults = Es sind schon { $most } Störungen eingebaut.
    .remedy = Nimm mit /errors clear welche weg.
guild_none = Diese Gemeinschaft hat keinen Discord-Server.
    .remedy = Richte zuerst Discord in der Konfiguration ein.
settings_fixed = Hier werden keine Einstellungen aufbewahrt, also bleibt { $key }, wie es ist.
    .remedy = Betreibe Guildhall mit einer Datenbank.

# Wer auf einem Discord-Server an wem handeln darf.

guild_yourself = Das kannst du nicht mit dir selbst machen.
    .remedy = Nenne jemand anderen.
guild_the_bot = Das kann ich nicht mit mir selbst machen.
    .remedy = Nenne jemand anderen.
guild_the_owner = Das kann niemand mit dem Eigentümer des Servers machen.
    .remedy = Nenne jemand anderen.
guild_not_a_member = Du bist nicht auf diesem Discord-Server und stehst dort über niemandem.
    .remedy = Tritt dem Server zuerst bei.
guild_not_below_you = { $name } steht so hoch wie du, oder höher.
    .remedy = Bitte jemanden darum, dessen höchste Rolle darüber liegt.
guild_missing_permission =
    Mir fehlt die Berechtigung „{ $permission ->
            [kick_members] Mitglieder kicken
            [ban_members] Mitglieder bannen
            [administrator] Administrator
            [manage_channels] Kanäle verwalten
            [manage_server] Server verwalten
            [add_reactions] Reaktionen hinzufügen
            [view_audit_log] Audit-Log einsehen
            [view_channels] Kanäle ansehen
            [send_messages] Nachrichten senden
            [manage_messages] Nachrichten verwalten
            [read_message_history] Nachrichtenverlauf anzeigen
            [connect] Verbinden
            [speak] Sprechen
            [manage_nicknames] Nicknamen verwalten
            [manage_roles] Rollen verwalten
            [manage_threads] Threads verwalten
            [create_public_threads] Öffentliche Threads erstellen
            [create_private_threads] Private Threads erstellen
            [send_messages_in_threads] Nachrichten in Threads senden
            [timeout_members] Mitglieder in den Timeout schicken
           *[other] { $permission }
        }“.
    .remedy = Gib sie meiner Rolle unter Servereinstellungen → Rollen, und sieh nach, dass der Kanal sie nicht wegnimmt.
guild_role_too_low = Meine höchste Rolle liegt nicht über der Rolle „{ $name }“.
    .remedy = Zieh meine Rolle unter Servereinstellungen → Rollen über „{ $name }“.
guild_no_role = Ich habe auf diesem Discord-Server keine Rolle, also stehe ich dort über niemandem.
    .remedy = Leg unter Servereinstellungen → Rollen eine Rolle für mich an, und gib sie mir.
guild_administrator = { $name } ist Administrator, und Discord schickt keinen Administrator in den Timeout.
    .remedy = Nimm zuerst die Administrator-Rolle weg.

# Was an einer Eingabe nicht stimmt; ihr Name steht davor.

input_missing = fehlt. Beschrieben ist die Eingabe so: „{ $what }“
input_given_twice = ist doppelt angegeben. Gib jede Eingabe einmal an.
input_unknown = ist keine Eingabe dieser Operation. Meintest du „{ $near }“?
input_none_taken = ist keine Eingabe dieser Operation; sie nimmt keine.
input_not_text = ist kein Text.
input_too_short = ist zu kurz: { $length } von mindestens { $least } Zeichen.
input_too_long = ist zu lang: { $length } von höchstens { $most } Zeichen.
input_unfit = „{ $text }“ passt nicht. Beschrieben ist die Eingabe so: „{ $what }“
input_not_whole = ist keine ganze Zahl.
input_not_a_number = ist keine Zahl.
input_too_small = ist { $number }, weniger als { $least }.
input_too_large = ist { $number }, mehr als { $most }.
input_not_yes_or_no = ist weder ja noch nein.
input_not_a_switch = ist weder wahr noch falsch.
input_not_a_choice = ist nichts von: { $words }.
input_not_a_user = „{ $text }“ ist keine Person: erwähne sie, oder kopiere ihre ID aus Discord.
input_not_a_role = „{ $text }“ ist keine Rolle: erwähne sie, oder kopiere ihre ID aus Discord.
input_not_a_channel = „{ $text }“ ist kein Kanal: erwähne ihn, oder kopiere seine ID aus Discord.
input_not_a_message = „{ $text }“ ist kein Link zu einer Nachricht: kopiere ihn aus Discord.
input_not_a_duration = „{ $text }“ ist keine Dauer: schreib sie wie 30m, 1h30m, 7d oder 2w.
input_no_duration = ist nichts: eine Dauer ist mindestens eine Sekunde.
input_duration_too_long = „{ $text }“ ist länger als zehn Jahre: lass die Dauer weg, wenn es kein Ende gibt.
input_too_lasting = ist höchstens { $most }, und „{ $text }“ ist länger.
input_nobody = nennt niemanden.
input_too_many_people = nennt { $count } Leute, mehr als { $most }.
input_not_a_list = ist keine Liste von Texten.
input_not_pairs = braucht Paare wie name=wert.
input_not_a_map = ist kein Objekt mit einfachen Werten.
