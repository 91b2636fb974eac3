# Meldungen zu Einstellungen, Rängen, Konfiguration und Hilfe.

setting_unknown = Es gibt keine Einstellung „{ $key }“.
    .remedy = Meintest du: { $near }? /config list zeigt alle.
setting_moved = { $by } hat { $key } gerade auf „{ $value }“ gesetzt; deine Änderung wurde nicht gemacht.
    .remedy = Sieh es dir noch einmal an, und ändere es dann, wenn du noch willst.
config_moved = Die Konfiguration hat sich geändert, seit du sie angesehen hast; nichts wurde übernommen.
    .remedy = Mach mit /config import eine neue Vorschau.
feature_off = „{ $feature }“ ist hier ausgeschaltet.
    .remedy = Das Team kann es einschalten: /config set key:{ $key } value:on
rank_unknown = Es gibt hier keinen Rang „{ $rank }“.
    .remedy = Gib eine Nummer oder einen Namen an: { $known }.
rank_there = Rang { $level } gibt es schon: { $name }.
    .remedy = Ändere seinen Namen mit /rank edit.
rank_name_taken = Rang { $level } heißt schon „{ $name }“.
    .remedy = Nimm einen anderen Namen.
rank_reserved = Rang 10 gehört denen, die diese Installation betreiben.
    .remedy = Nimm einen der Ränge 0 bis 9.
rank_fixed = Rang { $level } ist immer da.
    .remedy = Er lässt sich mit /rank edit umbenennen; nur 8 und 9 lassen sich anlegen und löschen.
rank_in_use = Rang { $level } wird verlangt von: { $commands }.
    .remedy = Lass sie mit /rank require zuerst einen anderen Rang verlangen.
rank_not_below = Rang { $level } liegt nicht unter deinem eigenen, und der ist { $own }.
    .remedy = Bitte jemanden mit höherem Rang darum.
requirement_too_high = „{ $name }“ verlangt Rang { $level }; du kannst nur ändern, was in deinem eigenen Rang liegt, und der ist { $own }.
    .remedy = Bitte jemanden mit höherem Rang darum.
requirement_fixed = „{ $name }“ ist nur für die, die diese Installation betreiben; das lässt sich hier nicht ändern.
    .remedy = Nenn einen einzelnen Befehl statt der Gruppe, oder lass es so.
command_unknown = Es gibt keinen Befehl „{ $name }“, den du benutzen könntest.
    .remedy =
        { $count ->
            [0] /help zeigt, was du hier tun kannst.
           *[other] Meintest du: { $near }?
        }
role_without_rank = Die Rolle { $role } gibt keinen Rang.
    .remedy = /rank list zeigt, welche Rollen einen geben.
role_fixed = Der Rang der Rolle { $role } kommt aus der Konfigurationsdatei dieser Installation.
    .remedy = Gib ihr hier mit /rank assign einen anderen Rang, oder frag die, die die Installation betreiben.
config_full =
    { $what ->
        [roles] Schon { $count } Rollen geben einen Rang, mehr gehen nicht.
        [commands] Schon { $count } Befehle haben einen eigenen Rang, mehr gehen nicht.
       *[other] Eine Datei hat höchstens { $count } Einträge.
    }
    .remedy = Nimm zuerst etwas weg.
not_a_member = Diese Person ist hier kein Mitglied.
    .remedy = Wähl jemanden, der auf diesem Server ist.
explain_others = Nur Moderatoren dürfen nach anderen Leuten fragen.
    .remedy = Lass „member“ weg, um nach dir selbst zu fragen.
config_unreadable = Zeile { $line } ist kein lesbares { $format }. Auf Englisch heißt das: „{ $problem }“
    .remedy = Nichts wurde geändert. Bring die Zeile in Ordnung und versuch es noch einmal.
config_unfit =
    { $count ->
        [one] 1 Eintrag der Datei passt nicht.
       *[other] { $count } Einträge der Datei passen nicht.
    }
    .remedy =
        { $count ->
            [one] Bring diese Zeile in Ordnung und versuch es noch einmal; nichts wurde geändert.
           *[other] Bring diese Zeilen in Ordnung und versuch es noch einmal; nichts wurde geändert.
        }
setup_busy = Jemand richtet gerade alles ein.
    .remedy = Warte, bis das fertig ist, und sieh dann noch einmal nach.
setup_stopped = Das Einrichten blieb bei { $step } stehen, nach { $done } von { $total } Schritten: { $why }
    .remedy = Was fertig ist, bleibt. Drück noch einmal, wenn das behoben ist: es geht dort weiter.

# Was passen würde; der Name der Einstellung oder Eingabe steht davor.

setting_not_a_switch = ist ein Schalter: schreib on oder off.
setting_not_text = ist ein Text.
setting_length = hat { $length } Zeichen; { $least } bis { $most } passen.
setting_template = hat „{ $name }“ in Klammern, wofür nichts eingesetzt wird. Diese gehen: { $allowed }.
setting_number = ist eine ganze Zahl von { $least } bis { $most }.
setting_duration = ist eine Dauer von { $least } bis { $most }, geschrieben wie 30m, 1h30m oder 7d.
setting_choice = ist eines von: { $words }.
setting_channel = ist ein Kanal: erwähne ihn, oder kopiere seine ID aus Discord.
setting_channel_gone = nennt den Kanal { $id }, den es auf diesem Server nicht gibt.
setting_role = ist eine Rolle: erwähne sie, oder kopiere ihre ID aus Discord.
setting_role_gone = nennt die Rolle { $id }, die es auf diesem Server nicht gibt.
setting_role_everyone = kann nicht @everyone sein; wähl eine Rolle, die man Leuten gibt.
setting_color = ist eine Farbe, geschrieben wie #5865f2.
setting_list = ist eine Liste, mit Kommas dazwischen.
setting_too_many = hat { $count } Einträge; höchstens { $most } passen.
setting_map = ist eine Liste wie name="Text", etwa spam="Bitte kein Spam."
setting_one_value = ist für Einstellungen mit mehreren Werten; nimm „value“.
section_unknown = „{ $section }“ gibt es nicht; es gibt: { $known }.
section_or_key = oder section fehlt: nenn eines von beiden.
rank_name = ist ein Name von 1 bis 100 Zeichen in einer Zeile, und keine Zahl.
file_part = ist kein Teil einer Konfiguration; es gibt: settings, ranks, roles, requirements.
file_table = ist keine Tabelle von Namen und Werten.
file_setting = ist keine Einstellung. Meintest du { $near }?
file_rank = ist ein Rang von 0 bis 9 mit einem Namen und, wenn du magst, einer Beschreibung von höchstens 500 Zeichen.
file_command = ist kein Befehl und keine Gruppe von Befehlen. Meintest du { $near }?
redis_unreachable = Redis hat nicht geantwortet.
    .remedy = Es ist nichts zu tun: Bis Redis wieder da ist, wird die Datenbank gefragt.
