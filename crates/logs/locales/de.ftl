# Was mit den Protokollen schiefgehen kann.

log_channel_gone = Der Kanal eines Protokolls ist weg.
    .remedy = /config setup legt einen neuen an; oder setze in /config im Abschnitt logs einen anderen.
