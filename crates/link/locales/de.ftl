# Warum ein Server nicht erstellt werden konnte, und was ein Host antwortet, der nicht kann, was er soll. Die
# Einzelheiten beginnen mit einem Doppelpunkt oder sind leer. „internal“ gehört zum Kern.

program_missing = { $name } konnte nicht erstellt werden: das Programm des Spiels fehlt oder lässt sich nicht ausführen{ $particulars }.
    .remedy = Starte den Server noch einmal, dann wird die Installation wiederholt; wenn es bleibt, sollte das Team die Startzeile des Rezepts prüfen.
port_taken = { $name } konnte nicht erstellt werden: ein anderes Programm belegt einen der Ports{ $particulars }.
    .remedy = Starte den Server noch einmal, dann bekommt er einen anderen Port, oder beende das andere Programm auf dem Host.
disk_full = { $name } konnte nicht erstellt werden: die Festplatte des Hosts ist voll{ $particulars }.
    .remedy = Schaff Platz auf dem Host (alte Server gehen mit /server delete weg), und starte den Server dann noch einmal.
install_failed = { $name } konnte nicht erstellt werden: ein Schritt der Installation ist fehlgeschlagen{ $particulars }.
    .remedy = Sieh dir die Ausgabe unten an, behebe, was dort steht, und starte den Server dann noch einmal: die Installation geht dort weiter, wo sie stehen blieb.
not_ready_in_time = { $name } konnte nicht erstellt werden: der Server war nicht rechtzeitig für Spieler bereit{ $particulars }.
    .remedy = Sieh mit /server console nach, was er gerade tat, und starte ihn dann noch einmal; eine große Welt braucht vielleicht ein längeres „within“ unter [ready] im Rezept.
ended_before_ready = { $name } konnte nicht erstellt werden: das Spiel endete, bevor es bereit war{ $particulars }.
    .remedy = Seine letzten Zeilen stehen unten und sagen oft, warum; prüfe /server config, und starte den Server dann noch einmal.
crashed_too_often = { $name } konnte nicht erstellt werden: das Spiel ist zu oft abgestürzt und bleibt gestoppt{ $particulars }.
    .remedy = Sieh dir unten seine letzten Zeilen an, nimm die letzte Änderung zurück, und starte den Server dann noch einmal.
bad_recipe = { $name } konnte nicht erstellt werden: Rezept und Konfiguration passen nicht zusammen{ $particulars }.
    .remedy = Prüfe /server config, und das Rezept mit „guildhall recipe lint“, und starte den Server dann noch einmal.
not_allowed = { $name } konnte nicht erstellt werden: der Agent auf dem Host darf nicht, was das Rezept verlangt{ $particulars }.
    .remedy = Gib dem Agenten das Recht, das unten steht (meist läuft er als root), und starte den Server dann noch einmal.
host = { $name } konnte nicht erstellt werden: auf dem Host ist etwas schiefgegangen{ $particulars }.
    .remedy = Sieh dir die Meldung unten an, behebe es auf dem Host, und starte den Server dann noch einmal.
no_host = { $name } konnte nicht erstellt werden: kein Host ist da, auf dem der Server laufen könnte{ $particulars }.
    .remedy = Starte „guildhall agent“ auf einer Maschine, oder verbinde einen Host, der weg ist, und starte den Server dann noch einmal.
host_offline =
    { $job ->
        [create] { $name } konnte nicht erstellt werden: der Host ist nicht verbunden{ $particulars }.
       *[other] Der Host von { $name } ist nicht verbunden.
    }
    .remedy = Sieh nach, dass der Host an ist und sein Agent läuft, und versuch es dann noch einmal.
host_lost = { $name } konnte nicht erstellt werden: der Host ist weg{ $particulars }.
    .remedy = Sieh nach, dass der Host an ist und sein Agent läuft; wenn er wieder da ist, wird ein Spiel, das weiterlief, wieder aufgenommen.
gone = { $name } konnte nicht erstellt werden: der Host kennt den Server nicht mehr{ $particulars }.
    .remedy = Wenn der Host neu eingerichtet wurde, sind die Dateien verloren; starte den Server, dann wird er neu installiert.
refused =
    { $job ->
        [create] { $name } konnte nicht erstellt werden: der Agent auf dem Host hat abgelehnt{ $particulars }.
       *[other] Der Host hat abgelehnt{ $particulars }.
    }
    .remedy = Sieh nach, dass Steuerung und Agent dieselbe Version haben, und versuch es dann noch einmal.
no_port = { $name } konnte nicht erstellt werden: der Host hat keinen freien Port mehr dafür{ $particulars }.
    .remedy = Lösch Server, die niemand braucht, oder gib dem Port eine andere Nummer, und versuch es dann noch einmal.
stuck = { $name } konnte nicht erstellt werden: es hat zu lange gedauert{ $particulars }.
    .remedy = Starte den Server noch einmal; wenn er wieder an derselben Stelle hängt, sieh dir /server console und den Host an.
stop_failed = { $name } konnte nicht erstellt werden: der Server ließ sich nicht stoppen{ $particulars }.
    .remedy = Er wird gestoppt, sobald sein Host antwortet; versuch es noch einmal, wenn das zu lange dauert.
secrets_locked =
    { $job ->
        [create] { $name } konnte nicht erstellt werden: seine Geheimnisse lassen sich mit dem Schlüssel dieser Installation nicht lesen{ $particulars }.
       *[other] Diese Geheimnisse lassen sich mit dem Schlüssel dieser Installation nicht lesen{ $particulars }.
    }
    .remedy = Leg die Schlüsseldatei zurück, die zu dieser Datenbank gehört, oder setz die Geheimnisse mit /server config neu; starte den Server dann noch einmal.
