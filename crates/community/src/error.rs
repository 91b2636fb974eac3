//! What can go wrong with settings, ranks and help, and what the person who asked can do about it.

use guildhall_core::{
    Action, Error, FieldError, Kind, Rank,
    error::{Variable, Vars},
    language::Language,
};
use guildhall_store::StoreError;
use serde_json::json;

/// Why a value does not fit. The text stands after the name of what it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Misfit {
    /// The code of the text.
    pub code: &'static str,
    /// The text in English.
    pub message: String,
    /// What the text speaks of.
    pub vars: Vars,
}

impl Misfit {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), vars: Vec::new() }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Variable>) -> Self {
        self.vars.push((name, value.into()));
        self
    }

    pub(crate) fn of(self, field: impl Into<String>) -> FieldError {
        FieldError { field: field.into(), message: self.message, code: Some(self.code), vars: self.vars }
    }
}

/// Why it did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommunityError {
    /// There is no such setting.
    #[error("There is no setting '{key}'.")]
    SettingUnknown {
        /// What was asked for.
        key: String,
        /// Up to three keys that exist.
        near: Vec<String>,
    },
    /// A value does not fit.
    #[error("{field} {}", .misfit.message)]
    Unfit {
        /// Of which setting or input.
        field: String,
        /// What would fit.
        misfit: Misfit,
    },
    /// Somebody else changed the setting first.
    #[error("{by} has just set {key} to {value}; your change was not made.")]
    SettingMoved {
        /// Which.
        key: String,
        /// Who.
        by: String,
        /// What it is now.
        value: String,
    },
    /// Something was changed since the preview was made.
    #[error("The configuration has changed since you looked at it; nothing was applied.")]
    BookMoved,
    /// The community has a feature switched off.
    #[error("'{feature}' is switched off here.")]
    FeatureOff {
        /// Which.
        feature: String,
    },
    /// No rank is meant by that.
    #[error("There is no rank '{rank}' here.")]
    RankUnknown {
        /// What was asked for.
        rank: String,
        /// What there is.
        known: String,
    },
    /// The level has a rank already.
    #[error("There is a rank {level} already: {name}.")]
    RankThere {
        /// Its number.
        level: u8,
        /// Its name.
        name: String,
    },
    /// Another rank has the name.
    #[error("Rank {level} is called '{name}' already.")]
    RankNameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        level: u8,
    },
    /// Rank 10 belongs to who runs the installation.
    #[error("Rank 10 belongs to who runs this installation.")]
    RankReserved,
    /// Ranks 0 to 7 are always there.
    #[error("Rank {0} is always there.")]
    RankFixed(u8),
    /// Commands ask for the rank.
    #[error("Rank {level} is asked for by: {commands}.")]
    RankInUse {
        /// Which.
        level: u8,
        /// By what.
        commands: String,
    },
    /// The rank is not below the actor's own.
    #[error("Rank {level} is not below your own, which is {own}.")]
    RankTooHigh {
        /// Which.
        level: u8,
        /// The actor's.
        own: u8,
    },
    /// The requirement is, or would be, above the actor's own rank.
    #[error(
        "'{name}' asks for rank {level}; you can only change what is within your own rank, which is {own}."
    )]
    RequirementTooHigh {
        /// Which.
        name: String,
        /// What it asks for, or would ask for.
        level: u8,
        /// The actor's.
        own: u8,
    },
    /// Only who runs the installation can use the command.
    #[error("'{0}' is for who runs this installation only; that cannot be changed here.")]
    RequirementFixed(String),
    /// There is no such command or group of commands.
    #[error("There is no command '{name}' that you could use.")]
    CommandUnknown {
        /// What was asked for.
        name: String,
        /// What may have been meant, if anything.
        near: Vec<String>,
        /// The operation that offers these again, and its input.
        retry: (&'static str, &'static str),
    },
    /// The role, by name, gives no rank.
    #[error("The role {0} gives no rank.")]
    RoleWithoutRank(String),
    /// The role's rank comes from the configuration file.
    #[error("The rank of the role {0} comes from the configuration file of this installation.")]
    RoleFixed(String),
    /// There are as many as there may be.
    #[error("There are {count} {what} already, which is as many as there may be.")]
    TooMany {
        /// What: `roles`, `commands` or `entries`.
        what: &'static str,
        /// How many.
        count: u64,
    },
    /// The person is not in the guild.
    #[error("This person is not a member here.")]
    NotAMember,
    /// Others' permissions are the staff's business.
    #[error("Only moderators may ask about other people.")]
    ExplainOthers,
    /// The file cannot be read.
    #[error("Line {line} cannot be read as {format}: {problem}")]
    FileUnreadable {
        /// TOML, YAML or JSON.
        format: &'static str,
        /// From 1.
        line: u64,
        /// What the reader says.
        problem: String,
    },
    /// Entries of the file do not fit.
    #[error("{}", match .0.len() {
        1 => "1 entry of the file does not fit.".to_owned(),
        many => format!("{many} entries of the file do not fit."),
    })]
    FileUnfit(Vec<FieldError>),
    /// Somebody else is at the set-up.
    #[error("Somebody is setting things up at this moment.")]
    SetupBusy,
    /// The set-up stopped half-way.
    #[error("The set-up stopped at {step}, after {done} of {total} steps: {why}")]
    SetupStopped {
        /// At what.
        step: String,
        /// Steps done.
        done: usize,
        /// Steps in all.
        total: usize,
        /// What it failed with.
        #[source]
        why: Box<Error>,
    },
    /// The program was put together without a catalogue.
    #[error("no catalogue is attached")]
    NoCatalogue,
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that is an error at the edge already.
    #[error(transparent)]
    Edge(#[from] Error),
}

impl From<sea_orm::DbErr> for CommunityError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<CommunityError> for Error {
    #[expect(clippy::too_many_lines, reason = "one short arm an error, and all of them in one place")]
    fn from(error: CommunityError) -> Self {
        let message = error.to_string();
        let make = |kind, code| Self::new(kind, code, message.clone());
        match error {
            CommunityError::SettingUnknown { key, near } => {
                let names = near.join(", ");
                let mut edge = make(Kind::NotFound, "setting_unknown")
                    .remedy(format!("Did you mean: {names}? /config list has them all."))
                    .with("key", key)
                    .with("near", names);
                for key in near {
                    edge = edge.action(Action::new(key.clone(), "config get", json!({"key": key})));
                }
                edge
            }
            CommunityError::Unfit { field, misfit } => {
                let mut edge = make(Kind::User, "invalid_input");
                edge.fields.push(misfit.of(field));
                edge
            }
            CommunityError::SettingMoved { key, by, value } => make(Kind::Conflict, "setting_moved")
                .remedy("Look at it again, then change it if you still want to.")
                .with("key", key.as_str())
                .with("by", by)
                .with("value", value)
                .action(Action::new("Show it", "config get", json!({"key": key}))),
            CommunityError::BookMoved => {
                make(Kind::Conflict, "config_moved").remedy("Make a new preview with /config import.")
            }
            CommunityError::FeatureOff { feature } => {
                let key = format!("features.{feature}");
                make(Kind::Conflict, "feature_off")
                    .remedy(format!("Staff can switch it on: /config set key:{key} value:on"))
                    .with("feature", feature)
                    .with("key", key)
            }
            CommunityError::RankUnknown { rank, known } => make(Kind::NotFound, "rank_unknown")
                .remedy(format!("Give a number or a name: {known}."))
                .with("rank", rank)
                .with("known", known),
            CommunityError::RankThere { level, name } => make(Kind::Conflict, "rank_there")
                .remedy("Change its name with /rank edit.")
                .with("level", level)
                .with("name", name),
            CommunityError::RankNameTaken { name, level } => make(Kind::Conflict, "rank_name_taken")
                .remedy("Choose another name.")
                .with("name", name)
                .with("level", level),
            CommunityError::RankReserved => {
                make(Kind::Permission, "rank_reserved").remedy("Use one of the ranks 0 to 9.")
            }
            CommunityError::RankFixed(level) => make(Kind::Conflict, "rank_fixed")
                .remedy("It can be renamed with /rank edit; only 8 and 9 can be made and deleted.")
                .with("level", level),
            CommunityError::RankInUse { level, commands } => make(Kind::Conflict, "rank_in_use")
                .remedy("Let them ask for another rank first, with /rank require.")
                .with("level", level)
                .with("commands", commands),
            CommunityError::RankTooHigh { level, own } => make(Kind::Permission, "rank_not_below")
                .remedy("Ask somebody with a higher rank to do it.")
                .with("level", level)
                .with("own", own),
            CommunityError::RequirementTooHigh { name, level, own } => {
                make(Kind::Permission, "requirement_too_high")
                    .remedy("Ask somebody with a higher rank to do it.")
                    .with("name", name)
                    .with("level", level)
                    .with("own", own)
            }
            CommunityError::RequirementFixed(name) => make(Kind::Permission, "requirement_fixed")
                .remedy("Name a single command instead of its group, or leave it.")
                .with("name", name),
            CommunityError::CommandUnknown { name, near, retry: (operation, input) } => {
                let names = near.join(", ");
                let mut edge = make(Kind::NotFound, "command_unknown")
                    .remedy(match near.len() {
                        0 => "/help shows what you can do here.".to_owned(),
                        _ => format!("Did you mean: {names}?"),
                    })
                    .with("name", name)
                    .with("count", near.len())
                    .with("near", names);
                for name in near {
                    edge = edge.action(Action::new(name.clone(), operation, json!({input: name})));
                }
                edge
            }
            CommunityError::RoleWithoutRank(role) => make(Kind::NotFound, "role_without_rank")
                .remedy("/rank list shows which roles give one.")
                .with("role", role),
            CommunityError::RoleFixed(role) => make(Kind::Conflict, "role_fixed")
                .remedy("Give it another rank here with /rank assign, or ask who runs the installation.")
                .with("role", role),
            CommunityError::TooMany { what, count } => make(Kind::Limit, "config_full")
                .remedy("Take one away first.")
                .with("what", what)
                .with("count", count),
            CommunityError::NotAMember => {
                make(Kind::NotFound, "not_a_member").remedy("Choose somebody who is in this server.")
            }
            CommunityError::ExplainOthers => {
                make(Kind::Permission, "explain_others").remedy("Leave “member” out to ask about yourself.")
            }
            CommunityError::FileUnreadable { format, line, problem } => make(Kind::User, "config_unreadable")
                .remedy("Nothing was changed. Mend the line and try again.")
                .with("format", format)
                .with("line", line)
                .with("problem", problem),
            CommunityError::FileUnfit(fields) => {
                let lines = if fields.len() == 1 { "this line" } else { "these lines" };
                let mut edge = make(Kind::User, "config_unfit")
                    .remedy(format!("Mend {lines} and try again; nothing was changed."))
                    .with("count", fields.len());
                edge.fields = fields;
                edge
            }
            CommunityError::SetupBusy => {
                make(Kind::Conflict, "setup_busy").remedy("Wait until they are done, then look again.")
            }
            CommunityError::SetupStopped { step, done, total, why } => make(why.kind, "setup_stopped")
                .remedy("What is done stays. Press again once that is mended: it goes on where it stopped.")
                .with("step", step)
                .with("done", done)
                .with("total", total)
                .with("why", why.to_string())
                .action(Action::new("Go on", "config setup", json!({})))
                .because(why),
            CommunityError::NoCatalogue => Self::bug(message),
            CommunityError::Store(error) => error.into(),
            CommunityError::Edge(error) => error,
        }
    }
}

/// How a line of a file is named beside the key that is wrong there.
pub(crate) fn at_line(language: Language, line: u64, key: &str) -> String {
    match language {
        Language::English => format!("line {line}: {key}"),
        Language::German => format!("Zeile {line}: {key}"),
    }
}

/// A rank's number for an error.
pub(crate) fn level(rank: Rank) -> u8 {
    rank.level()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use guildhall_core::language::Texts;

    use super::*;

    fn all() -> Vec<CommunityError> {
        let text = || "something".to_owned();
        let near = || vec!["one".to_owned(), "two".to_owned()];
        let misfit = Misfit::new("setting_color", "is a colour, written like #5865f2.");
        vec![
            CommunityError::SettingUnknown { key: text(), near: near() },
            CommunityError::SettingMoved { key: text(), by: text(), value: text() },
            CommunityError::BookMoved,
            CommunityError::FeatureOff { feature: text() },
            CommunityError::RankUnknown { rank: text(), known: text() },
            CommunityError::RankThere { level: 8, name: text() },
            CommunityError::RankNameTaken { name: text(), level: 8 },
            CommunityError::RankReserved,
            CommunityError::RankFixed(3),
            CommunityError::RankInUse { level: 8, commands: text() },
            CommunityError::RankTooHigh { level: 7, own: 5 },
            CommunityError::RequirementTooHigh { name: text(), level: 7, own: 5 },
            CommunityError::RequirementFixed(text()),
            CommunityError::CommandUnknown { name: text(), near: near(), retry: ("help", "query") },
            CommunityError::RoleWithoutRank(text()),
            CommunityError::RoleFixed(text()),
            CommunityError::TooMany { what: "roles", count: 250 },
            CommunityError::NotAMember,
            CommunityError::ExplainOthers,
            CommunityError::FileUnreadable { format: "TOML", line: 3, problem: text() },
            CommunityError::FileUnfit(vec![misfit.of("a"), FieldError::new("b", "c")]),
            CommunityError::SetupBusy,
            CommunityError::SetupStopped {
                step: text(),
                done: 1,
                total: 2,
                why: Box::new(Error::new(Kind::Permission, "x", "Y.")),
            },
        ]
    }

    #[test]
    fn every_error_is_said_in_both_languages_with_all_it_speaks_of() {
        let texts = Texts::new(&[guildhall_core::language::LOCALES, crate::LOCALES]).unwrap();
        let mut said = BTreeSet::new();
        for error in all() {
            let error = Error::from(error);
            let (english, german) =
                (texts.translate(&error, Language::English), texts.translate(&error, Language::German));
            for language in Language::ALL {
                assert!(texts.has(language, error.code), "{} {language:?}", error.code);
            }
            assert_ne!(english.message(), german.message(), "{}", error.code);
            assert_ne!(english.remedy().unwrap(), german.remedy().unwrap(), "{}", error.code);
            assert!(!german.message().contains('$') && !english.message().contains('$'), "{}", error.code);
            said.insert(error.code);
        }
        assert_eq!(said.len(), all().len(), "two errors share a code");
    }

    #[test]
    fn both_languages_have_the_same_messages_with_the_same_variables() {
        let messages = |source: &str| -> BTreeSet<(String, BTreeSet<String>)> {
            let mut messages: Vec<(String, BTreeSet<String>)> = Vec::new();
            for line in source.lines() {
                if !line.starts_with([' ', '#']) && line.contains('=') {
                    messages.push((line.split('=').next().unwrap().trim().to_owned(), BTreeSet::new()));
                }
                let Some((_, variables)) = messages.last_mut() else { continue };
                let names = line.split('$').skip(1);
                variables.extend(names.map(|rest| {
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
                }));
            }
            messages.into_iter().collect()
        };
        assert_eq!(messages(crate::LOCALES.en), messages(crate::LOCALES.de));
    }
}
