# Was Guildhall auf Discord selbst antworten kann.

busy = Guildhall hat gerade zu viel zu tun.
    .remedy = Versuch es in ein paar Sekunden noch einmal.
too_slow = Das Formular hat zu lange gebraucht.
    .remedy = Drück noch einmal auf den Knopf.
answer_too_long = Die Antwort ist länger, als Discord zeigen kann: { $size } KiB.
    .remedy = Frag nach weniger, oder nimm die Kommandozeile.
stale_button = Dieser Knopf ist zu alt.
    .remedy = Ruf den Befehl noch einmal auf, dann bekommst du einen neuen.
stale_menu = Diesen Eintrag im Menü gibt es nicht mehr.
    .remedy = Starte Discord neu, dann siehst du das Menü, wie es jetzt ist.
not_in_a_guild = Guildhall geht nur auf einem Discord-Server.
    .remedy = Ruf den Befehl dort auf.
unknown_guild = Dieser Discord-Server ist in Guildhall nicht eingerichtet.
    .remedy = Bitte die Betreiber von Guildhall, ihn in die Konfiguration aufzunehmen.
bot_not_in_guild = Guildhall ist nicht mehr auf diesem Discord-Server.
    .remedy = Bitte jemanden von der Serververwaltung, es wieder einzuladen.
not_your_question = Diese Frage gilt nicht dir.
    .remedy = Ruf den Befehl selbst auf, dann wirst du gefragt.
question_too_old = Diese Frage ist zu alt.
    .remedy = Ruf den Befehl noch einmal auf.
unknown_input = Hier gibt es nichts vorzuschlagen: den Befehl oder die Eingabe gibt es nicht.
    .remedy = Tipp den Befehl noch einmal.
unknown_command = Es gibt keinen Befehl „{ $name }“.
    .remedy =
        { $count ->
            [0] /help zeigt, was du hier tun kannst.
           *[other] Meintest du: { $near }?
        }
words_left = „{ $word }“ ist für „{ $operation }“ ein Wort zu viel.
    .remedy = Setz Text aus mehreren Wörtern in Anführungszeichen.
direct_closed = Die Antwort ist nur für dich, und du nimmst keine Direktnachrichten von Guildhall an.
    .remedy = Nimm stattdessen „/{ $operation }“, oder erlaube Direktnachrichten von diesem Server.
direct_closed_done = Das ist getan. Die Antwort ist nur für dich, und du nimmst keine Direktnachrichten von Guildhall an.
    .remedy = Nimm nächstes Mal „/{ $operation }“: Das sieht sonst niemand.
malformed_interaction = Das ist keine Interaktion.
    .remedy = Discord hat etwas geändert, oder jemand anders hat sie geschickt.
