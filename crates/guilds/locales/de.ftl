# Was Discord ablehnt, und was dann zu tun ist. Wer an wem handeln darf, sagt der Kern.

guild_left = Ich bin nicht mehr auf diesem Discord-Server.
    .remedy = Lade mich wieder ein.
guild_unreachable = Discord ist gerade nicht erreichbar.
    .remedy = Versuch es in einer Minute noch einmal.
guild_unreadable = Die Antwort von Discord ergibt für mich keinen Sinn.
    .remedy = Versuch es in einer Minute noch einmal; bleibt es so, braucht Guildhall ein Update.
guild_token = Discord nimmt mein Token nicht an.
    .remedy = Wer Guildhall betreibt, muss ein neues Token erzeugen und in die Konfiguration eintragen.
guild_unknown =
    { $what ->
        [member] Diese Person ist nicht (mehr) auf diesem Server.
        [channel] Den Kanal gibt es nicht (mehr).
        [message] Die Nachricht gibt es nicht (mehr).
        [role] Die Rolle gibt es nicht (mehr).
        [user] Auf Discord gibt es niemanden mit dieser ID.
        [ban] Diese Person ist nicht gebannt.
       *[other] Das gibt es nicht (mehr).
    }
    .remedy =
        { $what ->
            [member] Prüfe den Namen, oder nimm die ID, wo das auch bei Ausgetretenen geht.
            [user] Prüfe die ID.
           *[other] Sieh nach, ob es jemand gelöscht hat.
        }
guild_full =
    { $what ->
        [roles] Dieser Server hat so viele Rollen, wie Discord erlaubt.
        [channels] Dieser Server hat so viele Kanäle, wie Discord erlaubt.
        [threads] Dieser Server hat so viele offene Threads, wie Discord erlaubt.
        [bans] Discord lässt keine weiteren Leute bannen, die keine Mitglieder sind.
       *[other] Dieser Server hat davon so viele, wie Discord erlaubt.
    }
    .remedy =
        { $what ->
            [bans] Hebe Banns auf, die nicht mehr nötig sind, oder versuch es morgen wieder.
            [threads] Schließe einige davon.
           *[other] Entferne, was nicht mehr nötig ist.
        }
guild_role_managed = Die Rolle { $name } gehört einem Bot oder einer Integration; niemand kann sie geben oder nehmen.
    .remedy = Nimm eine Rolle, die von Hand angelegt wurde.
guild_two_factor = Dieser Server verlangt von Moderatoren Zwei-Faktor-Authentifizierung, und der Besitzer dieses Bots hat keine.
    .remedy = Der Besitzer des Discord-Kontos, dem der Bot gehört, muss die Zwei-Faktor-Authentifizierung einschalten.
guild_refused = Discord hat das nicht angenommen.
    .remedy = Prüfe deine Angaben. Wer Guildhall betreibt, findet Discords eigene Worte im Log.
guild_timeout_too_long = Ein Timeout dauert höchstens 28 Tage.
    .remedy = Wähle einen kürzeren, oder sperre oder banne die Person auf Zeit.
guild_slowmode_too_long = Der Slowmode ist höchstens 6 Stunden zwischen zwei Nachrichten.
    .remedy = Wähle eine kürzere Zeit.
guild_ban_window_too_long = Ein Bann löscht höchstens die Nachrichten der letzten 7 Tage.
    .remedy = Wähle 7 Tage oder weniger.
guild_nickname_too_long = Ein Nickname hat höchstens 32 Zeichen.
    .remedy = Wähle einen kürzeren.
guild_bad_name = Der Name einer Rolle oder eines Kanals hat 1 bis 100 Zeichen.
    .remedy = Wähle einen anderen Namen.
guild_too_many_messages = Es werden höchstens 100 Nachrichten auf einmal gelöscht.
    .remedy = Lösche den Rest danach.
