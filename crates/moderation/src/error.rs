//! What can go wrong in moderation, and what the person who asked can do about it.

use guildhall_core::{
    Action, Error, Kind,
    error::{Variable, Vars},
};
use guildhall_flows::{FlowError, StepError};
use guildhall_store::StoreError;
use serde_json::json;

use crate::lockdown::EVERYWHERE;

/// Why something did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ModerationError {
    /// There is no such case.
    #[error("There is no case {0}.")]
    NoCase(i64),
    /// Somebody does or did the same already.
    #[error("{who}: {by} is at it already, or did it: case {number}.")]
    Held {
        /// To whom or what.
        who: String,
        /// The moderator.
        by: String,
        /// Their case.
        number: i64,
    },
    /// The case has ended.
    #[error("Case {number} is {state} already.")]
    Over {
        /// Which.
        number: i64,
        /// Its state.
        state: &'static str,
    },
    /// Nothing of the case can be changed so.
    #[error("Case {0} has no end that could be moved.")]
    NoEnd(i64),
    /// Nothing was asked for.
    #[error("Nothing was given that would change case {0}.")]
    NothingToChange(i64),
    /// The target's rank is as high as the actor's.
    #[error("{name} has rank {theirs}, which is not below yours.")]
    RankNotBelow {
        /// Who.
        name: String,
        /// Their rank.
        theirs: String,
    },
    /// They are banned.
    #[error("{0} is banned already.")]
    AlreadyBanned(String),
    /// They are not banned.
    #[error("{0} is not banned.")]
    NotBanned(String),
    /// They are in timeout.
    #[error("{0} is in timeout already.")]
    AlreadyTimedOut(String),
    /// They are not in timeout.
    #[error("{0} is not in timeout.")]
    NotTimedOut(String),
    /// They are not in jail.
    #[error("{0} is not in jail.")]
    NotJailed(String),
    /// It is not locked.
    #[error("{0} is not locked by a case.")]
    NotLocked(String),
    /// There is nothing left to lock.
    #[error("{0} is closed already: members cannot write there.")]
    NothingToLock(String),
    /// They are not in the server.
    #[error("{0} is not in this server, or has left it.")]
    NotHere(String),
    /// Discord does not know them.
    #[error("There is nobody on Discord with the id {0}.")]
    Nobody(String),
    /// There is no jail.
    #[error("There is no jail: its role is not set.")]
    NoJail,
    /// The jail's role is gone.
    #[error("The jail's role is gone.")]
    JailGone,
    /// Nobody can give this role.
    #[error("Nobody can give or take the role {0}: a bot or an integration owns it.")]
    RoleManaged(String),
    /// A role that is everybody's.
    #[error("Everybody has the role @everyone, so nobody can be given it or lose it.")]
    RoleEveryone,
    /// They have it.
    #[error("{who} has the role {role} already.")]
    RoleHeld {
        /// Who.
        who: String,
        /// What it is called.
        role: String,
    },
    /// They do not have it.
    #[error("{who} does not have the role {role}.")]
    RoleNotHeld {
        /// Who.
        who: String,
        /// What it is called.
        role: String,
    },
    /// There is no such role.
    #[error("There is no role with the id {0}.")]
    NoRole(String),
    /// The role stands as high as the actor's own.
    #[error("The role {0} is not below your highest role.")]
    RoleNotBelow(String),
    /// There is no such channel.
    #[error("There is no channel with the id {0}.")]
    NoChannel(String),
    /// The message is gone.
    #[error("The message is gone, or was never there.")]
    NoMessage,
    /// No channel was named, and there is none around.
    #[error("Say in which channel.")]
    WhichChannel,
    /// No message fits.
    #[error("No message in {0} fits that is younger than 14 days.")]
    NothingToPurge(String),
    /// There is no such template.
    #[error("There is no reason called '{name}'.")]
    NoReason {
        /// What was asked for.
        name: String,
        /// Names that there are.
        near: String,
    },
    /// That cannot be a template's name.
    #[error("'{0}' cannot be the name of a reason.")]
    ReasonName(String),
    /// That cannot be a template's text.
    #[error("The text of a reason that has a name cannot have straight quotes (\").")]
    ReasonQuotes,
    /// The reason is too long once its templates are filled in.
    #[error("The reason has {0} characters; at most 2000 fit.")]
    ReasonTooLong(usize),
    /// Discord's timeouts are not as long.
    #[error("A timeout lasts at most 28 days; {0} is longer.")]
    TimeoutTooLong(String),
    /// That is no link.
    #[error("'{0}' is not a link.")]
    NoLink(String),
    /// Too many links.
    #[error("A case takes at most {0} pieces of evidence.")]
    TooMuchEvidence(usize),
    /// That is no date.
    #[error("'{0}' is not a date.")]
    NoDate(String),
    /// A list that is not one.
    #[error("'{0}' is not the id of a person.")]
    NoId(String),
    /// Nobody is left to ban.
    #[error("Nobody was named.")]
    NobodyNamed,
    /// More than fit.
    #[error("{0} people were named; at most 500 at a time.")]
    TooManyNamed(usize),
    /// Discord did not do it.
    #[error("Case {number} could not be done: {why}")]
    Failed {
        /// Which.
        number: i64,
        /// What happened, with what to do.
        why: String,
    },
    /// Of several people it was done to none.
    #[error("It could be done to nobody: {0}")]
    NobodyDone(String),
    /// Others changed it over and over.
    #[error("Case {0} is being changed by somebody else right now.")]
    Contended(i64),
    /// There is no channel for reports.
    #[error("This server takes no reports yet.")]
    ReportsOff,
    /// The same was reported by the same person.
    #[error("You have reported that already; the staff has it.")]
    Reported,
    /// A report about nobody and nothing.
    #[error("You cannot report yourself.")]
    ReportsThemselves,
    /// There is no such report.
    #[error("There is no report {0}.")]
    NoReport(i64),
    /// Somebody has dealt with it.
    #[error("Report {number} is {state} already, by {by}.")]
    ReportHandled {
        /// Which.
        number: i64,
        /// What became of it.
        state: &'static str,
        /// Who.
        by: String,
    },
    /// Appeals are off.
    #[error("This server takes no appeals.")]
    AppealsOff,
    /// Somebody else's case.
    #[error("Case {0} is not about you.")]
    NotYours(i64),
    /// Nothing to appeal against.
    #[error("There is nothing left of case {0} to appeal against.")]
    NotAppealable(i64),
    /// One appeal a case.
    #[error("You have appealed against case {0} already.")]
    Appealed(i64),
    /// There is no such appeal.
    #[error("There is no appeal {0}.")]
    NoAppeal(i64),
    /// Somebody has decided.
    #[error("Appeal {number} is {state} already, by {by}.")]
    AppealDecided {
        /// Which.
        number: i64,
        /// How.
        state: &'static str,
        /// Who.
        by: String,
    },
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine did not do its part.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// Something that is an error at the edge already.
    #[error(transparent)]
    Edge(#[from] Error),
}

impl From<sea_orm::DbErr> for ModerationError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<serde_json::Error> for ModerationError {
    fn from(error: serde_json::Error) -> Self {
        Self::Edge(Error::bug(error))
    }
}

impl ModerationError {
    /// Kind, code and remedy; `None` for what brings its own.
    fn words(&self) -> Option<(Kind, &'static str, &'static str)> {
        use Kind::{Conflict, Limit, NotFound, Permission, User};
        Some(match self {
            Self::NoCase(_) => (NotFound, "case_not_found", "Look for it with /case search."),
            Self::Held { .. } => {
                (Conflict, "case_held", "Look at that case; edit it to change what it does.")
            }
            Self::Over { .. } => (Conflict, "case_over", "There is nothing left to end. Make a new case."),
            Self::NoEnd(_) => (
                Conflict,
                "case_without_end",
                "Only an active ban, timeout, jail or lock has an end to move.",
            ),
            Self::NothingToChange(_) => (User, "case_unchanged", "Give a reason, a duration or evidence."),
            Self::RankNotBelow { .. } => {
                (Permission, "target_rank_not_below", "Ask somebody with a rank above theirs.")
            }
            Self::AlreadyBanned(_) => (Conflict, "already_banned", "Lift the ban first to make another."),
            Self::NotBanned(_) => (Conflict, "not_banned", "There is nothing to lift."),
            Self::AlreadyTimedOut(_) => {
                (Conflict, "already_timed_out", "End it first, or move the end of its case.")
            }
            Self::NotTimedOut(_) => (Conflict, "not_timed_out", "There is nothing to end."),
            Self::NotJailed(_) => (Conflict, "not_jailed", "There is nobody to let out."),
            Self::NotLocked(_) => {
                (Conflict, "not_locked", "Only what a case has locked can be unlocked by one.")
            }
            Self::NothingToLock(_) => (Conflict, "nothing_to_lock", "There is nothing to do."),
            Self::NotHere(_) => {
                (NotFound, "target_not_here", "Check the name. A ban also works for people who have left.")
            }
            Self::Nobody(_) => {
                (NotFound, "nobody", "Check the id: right-click the person, then Copy User ID.")
            }
            Self::NoJail => {
                (Conflict, "no_jail", "Set “jail.role” in /config first, or let /config setup make one.")
            }
            Self::JailGone => (Conflict, "jail_gone", "Set “jail.role” in /config to a role that exists."),
            Self::RoleManaged(_) => (Conflict, "role_managed", "Choose another role."),
            Self::RoleEveryone => (Conflict, "role_everyone", "Choose another role."),
            Self::RoleHeld { .. } => (Conflict, "role_held", "There is nothing to do."),
            Self::RoleNotHeld { .. } => (Conflict, "role_not_held", "There is nothing to do."),
            Self::NoRole(_) => (NotFound, "role_not_found", "Mention the role, or copy its id from Discord."),
            Self::RoleNotBelow(_) => (Permission, "role_not_below", "Ask somebody whose role is higher."),
            Self::NoChannel(_) => {
                (NotFound, "channel_not_found", "Mention the channel, or copy its id from Discord.")
            }
            Self::NoMessage => (NotFound, "message_not_found", "Copy the message's link from Discord."),
            Self::WhichChannel => (User, "which_channel", "Name a channel."),
            Self::NothingToPurge(_) => (NotFound, "nothing_to_purge", "Nothing was deleted. Ask for others."),
            Self::NoReason { .. } => {
                (NotFound, "reason_not_found", "See /reason list, or write the reason out.")
            }
            Self::ReasonName(_) => {
                (User, "reason_name", "Use one word without blanks, quotes, braces and equals signs.")
            }
            Self::ReasonQuotes => (User, "reason_quotes", "Write ' or “ ” instead."),
            Self::ReasonTooLong(_) => (User, "reason_too_long", "Shorten it."),
            Self::TimeoutTooLong(_) => (User, "timeout_too_long", "Use /jail or /tempban for longer."),
            Self::NoLink(_) => (User, "evidence_no_link", "Give links that begin with https://."),
            Self::TooMuchEvidence(_) => (User, "too_much_evidence", "Keep those that matter most."),
            Self::NoDate(_) => (User, "no_date", "Write it like 2026-01-31."),
            Self::NoId(_) => (User, "no_id", "Give ids or mentions with blanks or commas between."),
            Self::NobodyNamed => (User, "nobody_named", "Give at least one id."),
            Self::TooManyNamed(_) => (Limit, "too_many_named", "Split the list."),
            Self::Failed { .. } => (Conflict, "case_failed", "Mend what it says, then try again."),
            Self::NobodyDone(_) => (Conflict, "done_to_nobody", "Mend what it says, then try again."),
            Self::Contended(_) => (Conflict, "case_contended", "Try again in a moment."),
            Self::ReportsOff => (
                Conflict,
                "reports_off",
                "Write to somebody of the staff; they can set “logs.reports” in /config.",
            ),
            Self::Reported => (Conflict, "reported_already", "There is nothing more to do."),
            Self::ReportsThemselves => (User, "reports_themselves", "Name somebody else, or nobody."),
            Self::NoReport(_) => (NotFound, "report_not_found", "See /inbox list."),
            Self::ReportHandled { .. } => (Conflict, "report_handled", "There is nothing left to do."),
            Self::AppealsOff => (Conflict, "appeals_off", "Write to somebody of the staff."),
            Self::NotYours(_) => {
                (Permission, "case_not_yours", "Use the button of the message you were sent.")
            }
            Self::NotAppealable(_) => {
                (Conflict, "not_appealable", "It has ended, or leaves nothing to lift.")
            }
            Self::Appealed(_) => (Conflict, "appealed_already", "The staff has read it, or will."),
            Self::NoAppeal(_) => (NotFound, "appeal_not_found", "See /inbox list."),
            Self::AppealDecided { .. } => (Conflict, "appeal_decided", "There is nothing left to decide."),
            Self::Store(_) | Self::Flow(_) | Self::Edge(_) => return None,
        })
    }

    /// What message and remedy speak of.
    fn vars(&self) -> Vars {
        match self {
            Self::NoCase(number)
            | Self::NoEnd(number)
            | Self::NothingToChange(number)
            | Self::Contended(number)
            | Self::NoReport(number)
            | Self::NotYours(number)
            | Self::NotAppealable(number)
            | Self::Appealed(number)
            | Self::NoAppeal(number) => vec![("number", number.to_string().into())],
            Self::Held { who, by, number } => {
                vec![("who", named(who)), ("by", by.as_str().into()), ("number", number.to_string().into())]
            }
            Self::Over { number, state } => {
                vec![("number", number.to_string().into()), ("state", (*state).into())]
            }
            Self::RankNotBelow { name, theirs } => {
                vec![("name", name.as_str().into()), ("theirs", theirs.as_str().into())]
            }
            Self::AlreadyBanned(name)
            | Self::NotBanned(name)
            | Self::AlreadyTimedOut(name)
            | Self::NotTimedOut(name)
            | Self::NotJailed(name)
            | Self::NotLocked(name)
            | Self::NothingToLock(name)
            | Self::NotHere(name)
            | Self::RoleManaged(name)
            | Self::RoleNotBelow(name)
            | Self::NothingToPurge(name) => vec![("name", named(name))],
            Self::RoleHeld { who, role } | Self::RoleNotHeld { who, role } => {
                vec![("who", who.as_str().into()), ("role", role.as_str().into())]
            }
            Self::NobodyDone(why) => vec![("why", why.as_str().into())],
            Self::Nobody(text)
            | Self::NoRole(text)
            | Self::NoChannel(text)
            | Self::TimeoutTooLong(text)
            | Self::NoLink(text)
            | Self::NoDate(text)
            | Self::ReasonName(text)
            | Self::NoId(text) => vec![("text", text.as_str().into())],
            Self::NoReason { name, near } => {
                vec![("name", name.as_str().into()), ("near", near.as_str().into())]
            }
            Self::ReasonTooLong(count) | Self::TooMuchEvidence(count) | Self::TooManyNamed(count) => {
                vec![("count", (*count).into())]
            }
            Self::Failed { number, why } => {
                vec![("number", number.to_string().into()), ("why", why.as_str().into())]
            }
            Self::ReportHandled { number, state, by } | Self::AppealDecided { number, state, by } => vec![
                ("number", number.to_string().into()),
                ("state", (*state).into()),
                ("by", by.as_str().into()),
            ],
            _ => Vec::new(),
        }
    }
}

/// A name as a variable. What is no name is for each language to say.
fn named(name: &str) -> Variable {
    if name == EVERYWHERE { "the-whole-server".into() } else { name.into() }
}

impl From<ModerationError> for StepError {
    fn from(error: ModerationError) -> Self {
        match error {
            ModerationError::Store(error) => error.into(),
            other => Error::from(other).into(),
        }
    }
}

impl From<ModerationError> for Error {
    fn from(error: ModerationError) -> Self {
        let Some((kind, code, remedy)) = error.words() else {
            return match error {
                ModerationError::Store(error) => error.into(),
                ModerationError::Flow(error) => error.into(),
                ModerationError::Edge(error) => error,
                other => Self::bug(other.to_string()),
            };
        };
        let mut edge = Self::new(kind, code, error.to_string()).remedy(remedy);
        edge.vars = error.vars();
        match error {
            ModerationError::Held { number, .. } | ModerationError::Failed { number, .. } => {
                edge.action(Action::new(format!("Case {number}"), "case show", json!({ "number": number })))
            }
            ModerationError::NotBanned(_) | ModerationError::NoCase(_) => {
                edge.action(Action::new("Newest cases", "case list", json!({})))
            }
            _ => edge,
        }
    }
}

#[cfg(test)]
mod tests;
