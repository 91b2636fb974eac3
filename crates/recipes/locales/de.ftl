# Was am Namen eines Rezepts und an den Werten seiner Variablen nicht stimmen kann.

recipe_not_found = Es gibt kein Rezept „{ $name }“.
    .remedy =
        { $count ->
            [0] Es sind keine Rezepte geladen; warum, steht im Protokoll des Betreibers.
           *[other] Meintest du: { $near }?
        }

# Was an einem Wert nicht stimmt; sein Name steht davor.

value_not_a_variable =
    { $count ->
        [0] ist keine Variable dieses Rezepts; es hat keine.
       *[other] ist keine Variable dieses Rezepts; es gibt { $near }.
    }
value_not_a_port =
    { $count ->
        [0] ist kein Port dieses Rezepts; es hat keine.
       *[other] ist kein Port dieses Rezepts; es gibt { $near }.
    }
value_not_a_setting = ist keine Einstellung dieses Servers; es gibt { $near }.
value_missing = hat keinen Wert; setz einen.
value_port_zero = ist 0, und das ist kein Port; nimm 1 bis 65535.
value_port = ist ein Port, also eine Zahl von { $least } bis 65535.
value_too_long = ist länger als { $most } Zeichen.
value_not_one_line = enthält ein Zeilenende oder ein anderes Steuerzeichen; schreib eine Zeile einfachen Text.
value_pattern = passt nicht zu { $pattern }.
value_pattern_wrong = lässt sich nicht prüfen, weil das Muster des Rezepts falsch ist: { $problem }.
value_not_whole = ist keine ganze Zahl.
value_too_small = ist { $number }, und das ist zu klein; mindestens { $least }.
value_too_large = ist { $number }, und das ist zu groß; höchstens { $most }.
value_not_a_switch = ist ja oder nein: schreib true oder false.
value_not_a_choice = gehört nicht zur Auswahl: { $choices }.
value_secret = ist ein Geheimnis, also 1 bis 128 Buchstaben, Ziffern und . _ ~ ! @ % ^ * + = : , / ? -
value_option = beginnt mit „-“, „+“ oder „@“, was das Spiel für eine Option halten würde.
value_set_and_reset = wird zugleich gesetzt und zurückgesetzt; tu nur eines davon.
value_too_many = nimmt höchstens { $most } Werte auf einmal.
value_idle_stop = ist „off“ oder eine Zeit wie 15m oder 2h.
value_idle_stop_short = ist mindestens eine Minute.
