# Was hier schiefgehen kann.

incident_not_found = In den letzten 90 Tagen gab es keinen Fehler „{ $name }“.
    .remedy = Gib den Fingerabdruck aus /errors list an oder eine Kennung wie E-1A2B3C4D. Im Protokoll stehen alle Kennungen.
incident_resolved = Dieser Fehler ist schon seit { $span } behoben.
    .remedy = Wenn er wieder auftritt, geht er von selbst wieder auf.
incident_target = Eine Probe trifft eine Operation oder ein anderes System: nenne eines davon, nicht beide.
    .remedy = Zum Beispiel operation:„server start“ oder upstream:discord.
incident_operation = Es gibt keine Operation „{ $name }“, in der sich proben ließe.
    .remedy = Meintest du: { $near }? Ein Stern, *, steht für alle.
incident_no_upstream = Mit einem System namens „{ $name }“ spricht Guildhall hier nicht.
    .remedy = Es gibt: { $known }.
incident_code = „{ $code }“ ist kein Fehlercode.
    .remedy = Ein Code besteht aus a bis z, 0 bis 9 und _, zum Beispiel server_not_found.
incident_everywhere = Eine Probe in allen Operationen trifft höchstens { $most }-mal.
    .remedy = Nimm weniger Male, oder nenne eine Operation.

# Was um einen Fehler herum steht.

incident_reference = Wenn es bleibt, gib dem Team diese Kennung:
incident_upstream = Etwas, das Guildhall braucht, antwortet gerade nicht.
    .remedy = Versuch es in einer Minute noch einmal.
incident_again =
    { $count ->
        [one] noch einmal
       *[other] noch { $count }-mal
    }
incident_repeats_minutes =
    { $minutes ->
        [one] ({ $times } in der letzten Minute)
       *[other] ({ $times } in den letzten { $minutes } Minuten)
    }
incident_repeats_seconds = ({ $times } in den letzten { $seconds } Sekunden)
incident_code_label = Code
incident_kind_label = Art
incident_kind =
    { $kind ->
        [user] Eingabe
        [permission] Rechte
        [limit] Grenze
        [not_found] nicht gefunden
        [conflict] Konflikt
        [upstream] anderes System
       *[other] Fehler in Guildhall
    }
incident_rehearsal = Probe: { $message }
incident_inputs_label = Eingaben
