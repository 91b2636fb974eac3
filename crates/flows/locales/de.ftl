# Meldungen der Abläufe. „too_large“ hat der Speicher.

already_under_way = Das läuft schon.
    .remedy = Warte, bis es fertig ist. Wenn es nicht weitergeht, sag dem Betreiber Bescheid.
flow_not_found = Diesen Auftrag gibt es nicht.
    .remedy = Vielleicht ist er längst zu Ende. /flow list zeigt, was läuft.
flow_settled = Dieser Auftrag ist schon zu Ende.
flow_not_stuck = Dieser Auftrag hängt nicht fest.
    .remedy = Es ist nichts zu tun: er geht von selbst weiter, oder er ist zu Ende.
too_many_signals = Dieser Auftrag ist noch mit dem beschäftigt, was ihm gesagt wurde.
    .remedy = Versuch es gleich noch einmal.
