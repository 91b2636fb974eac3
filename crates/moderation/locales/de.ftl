# Was hier schiefgehen kann.
case_not_found = Es gibt keinen Fall { $number }.
    .remedy = Such ihn mit /case search.
case_held =
    { $who ->
        [the-whole-server] Der ganze Server
       *[other] { $who }
    }: { $by } ist schon dabei oder hat es getan: Fall { $number }.
    .remedy = Sieh dir den Fall an; bearbeite ihn, um etwas zu ändern.
case_over =
    Fall { $number } ist schon { $state ->
        [expired] abgelaufen
        [closed] geschlossen
        [voided] für nichtig erklärt
        [failed] gescheitert
       *[other] zu Ende
    }.
    .remedy = Es gibt nichts mehr zu beenden. Leg einen neuen Fall an.
case_without_end = Fall { $number } hat kein Ende, das sich verschieben ließe.
    .remedy = Ein Ende haben nur aktive Banns, Timeouts, Haft und Sperren.
case_unchanged = Es wurde nichts angegeben, was Fall { $number } ändern würde.
    .remedy = Gib einen Grund, eine Dauer oder Belege an.
target_rank_not_below = { $name } hat Rang { $theirs }, und der liegt nicht unter deinem.
    .remedy = Bitte jemanden, dessen Rang höher ist.
already_banned = { $name } ist schon gebannt.
    .remedy = Heb den Bann erst auf, um neu zu bannen.
not_banned = { $name } ist nicht gebannt.
    .remedy = Es gibt nichts aufzuheben.
already_timed_out = { $name } ist schon im Timeout.
    .remedy = Beende ihn erst, oder verschieb das Ende seines Falls.
not_timed_out = { $name } ist nicht im Timeout.
    .remedy = Es gibt nichts zu beenden.
not_jailed = { $name } ist nicht in Haft.
    .remedy = Es gibt niemanden freizulassen.
not_locked =
    { $name ->
        [the-whole-server] Der ganze Server
       *[other] { $name }
    } ist durch keinen Fall gesperrt.
    .remedy = Entsperren lässt sich nur, was ein Fall gesperrt hat.
nothing_to_lock =
    { $name ->
        [the-whole-server] Der ganze Server
       *[other] { $name }
    } ist schon zu: Mitglieder können dort nicht schreiben.
    .remedy = Es ist nichts zu tun.
target_not_here = { $name } ist nicht auf diesem Server oder hat ihn verlassen.
    .remedy = Prüf den Namen. Bannen lassen sich auch Leute, die gegangen sind.
nobody = Auf Discord hat niemand die ID { $text }.
    .remedy = Prüf die ID: Rechtsklick auf die Person, dann Benutzer-ID kopieren.
no_jail = Es gibt keine Haft: Ihre Rolle ist nicht gesetzt.
    .remedy = Setz erst „jail.role“ in /config, oder lass /config setup eine anlegen.
jail_gone = Die Rolle der Haft gibt es nicht mehr.
    .remedy = Setz „jail.role“ in /config auf eine Rolle, die es gibt.
role_managed = Die Rolle { $name } kann niemand vergeben oder nehmen: Sie gehört einem Bot oder einer Integration.
    .remedy = Wähl eine andere Rolle.
role_everyone = Die Rolle @everyone haben alle: Niemandem lässt sie sich geben oder nehmen.
    .remedy = Wähl eine andere Rolle.
role_held = { $who } hat die Rolle { $role } schon.
    .remedy = Es ist nichts zu tun.
role_not_held = { $who } hat die Rolle { $role } nicht.
    .remedy = Es ist nichts zu tun.
role_not_found = Es gibt keine Rolle mit der ID { $text }.
    .remedy = Erwähn die Rolle, oder kopier ihre ID aus Discord.
role_not_below = Die Rolle { $name } liegt nicht unter deiner höchsten Rolle.
    .remedy = Bitte jemanden mit einer höheren Rolle.
channel_not_found = Es gibt keinen Kanal mit der ID { $text }.
    .remedy = Erwähn den Kanal, oder kopier seine ID aus Discord.
message_not_found = Die Nachricht gibt es nicht oder nicht mehr.
    .remedy = Kopier den Link der Nachricht aus Discord.
which_channel = Sag, in welchem Kanal.
    .remedy = Nenn einen Kanal.
nothing_to_purge = In { $name } passt keine Nachricht, die jünger als 14 Tage ist.
    .remedy = Es wurde nichts gelöscht. Such nach anderen.
reason_not_found = Es gibt keinen Grund namens „{ $name }“. Es gibt: { $near }.
    .remedy = Sieh in /reason list nach, oder schreib den Grund aus.
reason_name = „{ $text }“ kann kein Name eines Grundes sein.
    .remedy = Nimm ein Wort ohne Leerzeichen, Anführungszeichen, geschweifte Klammern und Gleichheitszeichen.
reason_quotes = Der Text eines Grundes mit Namen kann keine geraden Anführungszeichen haben.
    .remedy = Schreib stattdessen ' oder „ “.
reason_too_long = Der Grund hat { $count } Zeichen; höchstens 2000 passen.
    .remedy = Kürz ihn.
timeout_too_long = Ein Timeout dauert höchstens 28 Tage; { $text } ist länger.
    .remedy = Nimm für länger /jail oder /tempban.
evidence_no_link = „{ $text }“ ist kein Link.
    .remedy = Gib Links an, die mit https:// beginnen.
too_much_evidence = Ein Fall nimmt höchstens { $count } Belege.
    .remedy = Behalt die wichtigsten.
no_date = „{ $text }“ ist kein Datum.
    .remedy = Schreib es so: 2026-01-31.
no_id = „{ $text }“ ist keine ID einer Person.
    .remedy = Gib IDs oder Erwähnungen an, mit Leerzeichen oder Kommas dazwischen.
nobody_named = Es wurde niemand genannt.
    .remedy = Gib mindestens eine ID an.
too_many_named = Es wurden { $count } Leute genannt; höchstens 500 auf einmal.
    .remedy = Teil die Liste auf.
case_failed = Fall { $number } ließ sich nicht ausführen: { $why }
    .remedy = Behebe, was da steht, und versuch es dann noch einmal.
done_to_nobody = Es ging bei niemandem: { $why }
    .remedy = Behebe, was da steht, und versuch es dann noch einmal.
case_contended = Fall { $number } wird gerade von jemand anderem geändert.
    .remedy = Versuch es gleich noch einmal.
reports_off = Dieser Server nimmt noch keine Meldungen an.
    .remedy = Schreib jemandem vom Team; sie können „logs.reports“ in /config setzen.
reported_already = Das hast du schon gemeldet; das Team hat es.
    .remedy = Mehr ist nicht zu tun.
reports_themselves = Du kannst dich nicht selbst melden.
    .remedy = Nenn jemand anderen oder niemanden.
report_not_found = Es gibt keine Meldung { $number }.
    .remedy = Sieh in /inbox list nach.
report_handled =
    Meldung { $number } ist schon { $state ->
        [taken] in Arbeit
        [dismissed] verworfen
       *[resolved] erledigt
    }, durch { $by }.
    .remedy = Es ist nichts mehr zu tun.
appeals_off = Dieser Server nimmt keine Einsprüche an.
    .remedy = Schreib jemandem vom Team.
case_not_yours = In Fall { $number } geht es nicht um dich.
    .remedy = Nimm den Knopf der Nachricht, die du bekommen hast.
not_appealable = Von Fall { $number } ist nichts übrig, wogegen du Einspruch erheben könntest.
    .remedy = Er ist zu Ende, oder es gibt nichts aufzuheben.
appealed_already = Du hast gegen Fall { $number } schon Einspruch erhoben.
    .remedy = Das Team hat ihn gelesen oder wird es noch.
appeal_not_found = Es gibt keinen Einspruch { $number }.
    .remedy = Sieh in /inbox list nach.
appeal_decided =
    Einspruch { $number } ist schon { $state ->
        [accepted] angenommen
       *[denied] abgelehnt
    }, durch { $by }.
    .remedy = Es gibt nichts mehr zu entscheiden.

# Was an einer Eingabe nicht stimmt; ihr Name steht davor.

slowmode_unreadable = ist keine Zeit zwischen Nachrichten: schreib sie wie 5, 30s, 2m oder off.
slowmode_too_long = ist mehr als 6 Stunden (21600 Sekunden).
inbox_which = fehlt: gib die Nummer einer Meldung an, oder die eines Einspruchs.
