//! What Discord's refusals mean for people, and what they can do about it.

use guildhall_core::{
    Error, Kind,
    guild::{bits, hierarchy},
};

use crate::rest::RestError;

/// Discord's numbers
/// (<https://discord.com/developers/docs/topics/opcodes-and-status-codes#json-json-error-codes>).
pub(crate) mod code {
    pub(crate) const UNKNOWN_CHANNEL: u64 = 10_003;
    pub(crate) const UNKNOWN_GUILD: u64 = 10_004;
    pub(crate) const UNKNOWN_MEMBER: u64 = 10_007;
    pub(crate) const UNKNOWN_MESSAGE: u64 = 10_008;
    pub(crate) const UNKNOWN_OVERWRITE: u64 = 10_009;
    pub(crate) const UNKNOWN_ROLE: u64 = 10_011;
    pub(crate) const UNKNOWN_USER: u64 = 10_013;
    pub(crate) const UNKNOWN_BAN: u64 = 10_026;
    pub(crate) const MOST_ROLES: u64 = 30_005;
    pub(crate) const MOST_CHANNELS: u64 = 30_013;
    pub(crate) const MOST_BANS: u64 = 30_035;
    pub(crate) const MISSING_ACCESS: u64 = 50_001;
    pub(crate) const MISSING_PERMISSIONS: u64 = 50_013;
    pub(crate) const INVALID_ROLE: u64 = 50_028;
    pub(crate) const TOO_OLD: u64 = 50_034;
    pub(crate) const TWO_FACTOR: u64 = 60_003;
    pub(crate) const MOST_THREADS: u64 = 160_006;
    pub(crate) const THREAD_IS_CLOSED: u64 = 50_083;
}

/// The error for people. Whoever knows which permission was needed says so before.
pub(crate) fn of(error: RestError) -> Error {
    let numbers = match &error {
        RestError::Unreachable { retry_after, .. } => return unreachable(*retry_after).because(error),
        RestError::Upstream(inner) => return of_upstream(inner),
        RestError::Token => {
            let message = "Discord does not accept the bot's token.";
            return Error::new(Kind::Upstream, "guild_token", message)
                .remedy("Whoever runs Guildhall has to make a new token and put it into the configuration.")
                .because(error);
        }
        RestError::Unreadable(_) => {
            return Error::new(Kind::Upstream, "guild_unreadable", "Discord's answer makes no sense.")
                .remedy("Try again in a minute; if it stays so, update Guildhall.")
                .because(error);
        }
        RestError::Refused { status, code, .. } => (*status, *code),
    };
    let refused = match numbers {
        (_, code::UNKNOWN_GUILD) => left(),
        (_, code::UNKNOWN_CHANNEL) => unknown("channel"),
        (_, code::UNKNOWN_MEMBER) => unknown("member"),
        (_, code::UNKNOWN_MESSAGE) => unknown("message"),
        (_, code::UNKNOWN_ROLE | code::INVALID_ROLE) => unknown("role"),
        (_, code::UNKNOWN_USER) => unknown("user"),
        (_, code::UNKNOWN_BAN) => unknown("ban"),
        (_, code::MOST_ROLES) => full("roles"),
        (_, code::MOST_CHANNELS) => full("channels"),
        (_, code::MOST_THREADS) => full("threads"),
        (_, code::MOST_BANS) => full("bans"),
        (_, code::MISSING_ACCESS) => hierarchy::missing_permission(bits::VIEW_CHANNEL),
        (_, code::TWO_FACTOR) => {
            let message =
                "This server asks moderators for two-factor authentication, and the bot's owner has none.";
            Error::new(Kind::Permission, "guild_two_factor", message)
                .remedy("The owner of the bot's Discord account has to turn two-factor authentication on.")
        }
        (404, _) => unknown("thing"),
        _ => Error::new(Kind::Conflict, "guild_refused", "Discord refused this.")
            .remedy("Check what was given; Guildhall's log has Discord's own words."),
    };
    refused.because(error)
}

fn of_upstream(error: &Error) -> Error {
    match error.code {
        "upstream_down" | "upstream_busy" => unreachable(error.retry_after).because(error.to_string()),
        // An error that is rehearsed is shown as it was asked for.
        code => {
            let mut same = Error::new(error.kind, code, error.message.clone());
            (same.remedy, same.vars) = (error.remedy.clone(), error.vars.clone());
            same.retry_after = error.retry_after;
            same
        }
    }
}

fn unreachable(retry_after: Option<std::time::Duration>) -> Error {
    let mut error =
        Error::new(Kind::Upstream, "guild_unreachable", "Discord cannot be reached at the moment.")
            .remedy("Try again in a minute.");
    error.retry_after = retry_after;
    error
}

/// The bot is not in the guild any more.
pub(crate) fn left() -> Error {
    Error::new(Kind::Conflict, "guild_left", "I am not in this Discord server any more.")
        .remedy("Invite me again.")
}

/// There is no guild for this tenant.
pub(crate) fn none() -> Error {
    Error::new(Kind::Conflict, "guild_none", "This community has no Discord server.")
        .remedy("Set up Discord in the configuration first.")
}

/// Something is gone: `member`, `channel`, `message`, `role`, `user`, `ban`, `thing`.
pub(crate) fn unknown(what: &'static str) -> Error {
    Error::new(Kind::NotFound, "guild_unknown", format!("The {what} does not exist (any more)."))
        .remedy("Check whether it was deleted, or whether they left.")
        .with("what", what)
}

/// A role of a bot or an integration, which nobody gives or takes.
pub(crate) fn managed(name: &str) -> Error {
    let message =
        format!("The role {name} belongs to a bot or an integration, and nobody can give or take it.");
    Error::new(Kind::Conflict, "guild_role_managed", message)
        .remedy("Choose a role that was made by hand.")
        .with("name", name)
}

fn full(what: &'static str) -> Error {
    Error::new(Kind::Limit, "guild_full", format!("This server has as many {what} as Discord allows."))
        .remedy("Remove some that are not needed.")
        .with("what", what)
}

/// Something is outside of Discord's bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Timeout,
    Slowmode,
    BanWindow,
    Nickname,
    Name,
    Messages,
}

impl Bound {
    #[cfg(test)]
    const ALL: [Self; 6] =
        [Self::Timeout, Self::Slowmode, Self::BanWindow, Self::Nickname, Self::Name, Self::Messages];

    pub(crate) fn error(self) -> Error {
        let (code, message, remedy) = match self {
            Self::Timeout => (
                "guild_timeout_too_long",
                "A timeout lasts at most 28 days.",
                "Choose a shorter one, or jail or ban for a time.",
            ),
            Self::Slowmode => (
                "guild_slowmode_too_long",
                "Slow mode is at most 6 hours between two messages.",
                "Choose a shorter time.",
            ),
            Self::BanWindow => (
                "guild_ban_window_too_long",
                "A ban deletes the messages of at most the last 7 days.",
                "Choose 7 days or less.",
            ),
            Self::Nickname => {
                ("guild_nickname_too_long", "A nickname has at most 32 characters.", "Choose a shorter one.")
            }
            Self::Name => (
                "guild_bad_name",
                "A role's or a channel's name has 1 to 100 characters.",
                "Choose another name.",
            ),
            Self::Messages => (
                "guild_too_many_messages",
                "At most 100 messages are deleted at once.",
                "Delete the rest afterwards.",
            ),
        };
        Error::new(Kind::User, code, message).remedy(remedy)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use guildhall_core::language::{self, Language, Texts};

    use super::*;
    use crate::{LOCALES, rest::by_status};

    fn all() -> Vec<Error> {
        let refused = |status, code| of(RestError::Refused { status, code, text: "no".to_owned() });
        let mut errors: Vec<Error> = Bound::ALL.into_iter().map(Bound::error).collect();
        for code in [10_004, 10_003, 30_005, 30_013, 30_035, 160_006, 60_003, 50_035] {
            errors.push(refused(400, code));
        }
        for what in ["member", "channel", "message", "role", "user", "ban", "thing"] {
            errors.push(unknown(what));
        }
        errors.extend([
            of(RestError::Token),
            of(RestError::Unreadable("?".to_owned())),
            none(),
            left(),
            managed("Booster"),
        ]);
        errors.push(of(by_status(503, b"")));
        errors
    }

    #[test]
    fn every_error_is_said_in_every_language_with_all_it_speaks_of() {
        assert_eq!(language::gaps(&[LOCALES]), Vec::<String>::new());
        let texts = Texts::new(&[language::LOCALES, LOCALES]).unwrap();
        for error in all() {
            assert!(error.remedy.is_some(), "{} says what to do", error.code);
            for language in Language::ALL {
                assert!(texts.has(language, error.code), "{} in {language:?}", error.code);
            }
            let german = texts.translate(&error, Language::German);
            assert_ne!(german.message(), error.message, "{}", error.code);
            assert_ne!(german.remedy(), error.remedy.as_deref(), "{}", error.code);
        }
        let own = Texts::new(&[LOCALES]).unwrap();
        for code in own.codes() {
            assert!(all().iter().any(|error| error.code == code), "nothing raises {code}");
        }
    }

    #[test]
    fn discords_own_words_are_for_the_log_alone() {
        let error = of(by_status(400, br#"{"code": 50035, "message": "Invalid Form Body"}"#));
        assert_eq!(error.code, "guild_refused");
        assert!(!error.to_string().contains("Form"), "{error}");
        assert!(error.causes().contains("Invalid Form Body"));
    }

    #[test]
    fn an_outage_is_one_whether_it_is_discords_or_rehearsed() {
        let down = Error::new(Kind::Upstream, "upstream_down", "discord does not answer.")
            .retry_after(Duration::from_secs(9));
        let error = of(RestError::Upstream(Arc::new(down)));
        assert_eq!((error.code, error.retry_after), ("guild_unreachable", Some(Duration::from_secs(9))));
        let own = Error::new(Kind::NotFound, "guild_unknown", "This is a rehearsal.").with("what", "role");
        let error = of(RestError::Upstream(Arc::new(own)));
        assert_eq!((error.code, error.vars.len()), ("guild_unknown", 1));
    }
}
