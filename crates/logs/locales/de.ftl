# Was mit den Protokollen schiefgehen kann.

log_channel_gone = Der Kanal eines Protokolls ist weg.
    .remedy = Setze in /config im Abschnitt logs einen anderen.
