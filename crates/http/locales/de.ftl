# Meldungen der HTTP-Schnittstelle.

body_too_large = Der Inhalt ist größer als { $limit } Bytes.
    .remedy = Schick weniger auf einmal.
body_incomplete = Der Inhalt hörte auf, bevor er vollständig war.
malformed_json = Der Inhalt ist kein JSON: { $problem }.
    .remedy = Schick ein JSON-Objekt mit einem Wert für jede Eingabe.
malformed_address = Die Adresse ist kein Text in UTF-8.
unknown_parameter = „{ $name }“ ist kein Parameter dieser Adresse.
    .remedy = Schick Eingaben als Werte eines JSON-Objekts im Inhalt.
not_json = Der Inhalt gibt sich nicht als JSON aus.
    .remedy = Schick ihn mit „Content-Type: application/json“.
token_missing = Dafür braucht es ein Token.
    .remedy = Schick es als „Authorization: Bearer TOKEN“.
token_unknown = Dieses Token gehört niemandem.
    .remedy = Es ist vielleicht vertippt, widerrufen oder abgelaufen. Bitte das Team um ein neues.
token_unchecked = Wem dieses Token gehört, war nicht rechtzeitig zu erfahren.
    .remedy = Versuch es gleich noch einmal.
too_many_wrong_tokens = Von deiner Adresse kamen zu viele falsche Token.
    .remedy =
        { $seconds ->
            [one] Versuch es in einer Sekunde noch einmal.
           *[other] Versuch es in { $seconds } Sekunden noch einmal.
        }
unknown_route = Unter { $path } gibt es nichts.
    .remedy = Meintest du: { $near }?
wrong_method = { $method } geht unter { $path } nicht.
    .remedy = Im Header Allow steht, was geht.
request_too_slow = Der Inhalt kam nicht rechtzeitig an.
    .remedy = Schick ihn schneller, oder schick weniger.
still_running = Die Operation dauert länger als { $seconds } Sekunden. Sie läuft weiter.
    .remedy = Sieh nach, was daraus wurde, bevor du es noch einmal versuchst.
overloaded = Guildhall ist mit anderen Anfragen beschäftigt.
    .remedy = Versuch es gleich noch einmal.
too_many_streams = Es sind zu viele Ereignisströme offen.
    .remedy = Schließ einen von deinen, oder versuch es später noch einmal.

# Was an einer Eingabe nicht stimmt; ihr Name steht davor.

http_given_twice = steht schon in der Adresse, mit einem anderen Wert.
http_no_subject = ist weder server:ID noch host:NAME noch community.
http_no_run = ist nicht die ID eines Laufs.
http_no_parameter = ist hier nicht bekannt; es gibt subject, run und after.
http_no_cursor = ist nicht die ID eines Ereignisses, eine ganze Zahl ab 0.
