# Meldungen der Operationen an der Installation selbst.

rank_too_high = Den Rang { $rank } kannst du nicht vergeben; deiner ist { $yours }.
    .remedy = Nimm einen Rang bis zu deinem eigenen.
token_not_found = Es ist kein Token „{ $name }“ in Gebrauch.
    .remedy =
        { $count ->
            [0] Es ist keines in Gebrauch; /token create macht eins.
           *[other] Es gibt: { $near }.
        }
not_a_flow = Das ist nicht die Nummer eines Auftrags.
    .remedy = /flow list zeigt die Nummern.
scope_unknown = Es gibt keine Operation und keine Gruppe von Operationen namens „{ $name }“.
    .remedy =
        { $count ->
            [0] „guildhall operations“ zählt sie auf; „server“ steht für alle, die so beginnen.
           *[other] Meintest du: { $near }?
        }
