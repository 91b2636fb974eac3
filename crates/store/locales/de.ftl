# Meldungen des Speichers.

store_unreachable = Die Datenbank ist nicht zu erreichen.
    .remedy = Versuch es gleich noch einmal; wenn es bleibt, sag dem Betreiber Bescheid.
store_busy = Die Datenbank ist beschäftigt.
    .remedy = Versuch es gleich noch einmal.
store_full = Die Datenbank hat keinen Platz mehr.
    .remedy = Der Betreiber muss auf ihrer Platte Platz schaffen.
already_there = So etwas gibt es schon.
    .remedy = Nimm einen anderen Namen, oder das, was da ist.
too_large = { $what }: { $size } Bytes sind zu viel; höchstens { $limit } werden behalten.
    .remedy = Mach es kleiner.
token_exists = Es gibt schon ein Token namens { $name }.
    .remedy = Nimm einen anderen Namen, oder widerrufe zuerst das alte.

# Was an einer Eingabe nicht stimmt; ihr Name steht davor.

token_name = besteht nicht aus 1 bis 64 sichtbaren Zeichen.
