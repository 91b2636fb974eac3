//! What goes wrong: shown to people in their language, grouped, counted, escalated, rehearsed.
//!
//! An error takes two ways through here. To the person who met it: `present` says it in their language and in
//! their community's style, and folds repeats. To those who mend it: `intake` counts it without waiting, `book`
//! keeps it in groups of the same fingerprint, `escalation` tells the operators' channel, `sentry` tells Sentry.
//! [`Scrub`] stands at every way out, so that no secret and nobody's address leaves with an error.

mod book;
mod config;
mod entity;
mod error;
mod escalation;
mod fingerprint;
mod fold;
mod incidents;
mod intake;
mod log;
mod migration;
pub mod operations;
mod present;
mod scrub;
mod sentry;
mod settings;
mod trend;

use guildhall_core::language::{Language, Locales, Texts};

pub use book::{Sample, State, View};
pub use config::{BadConfig, IncidentsConfig, Parts};
pub use error::IncidentsError;
pub use fingerprint::Fingerprint;
pub use incidents::{Counts, Incidents};
pub use log::{Blanking, log_panics};
pub use migration::migrations;
pub use operations::operations;
pub use scrub::Scrub;
pub use settings::SETTINGS;

/// The messages of this crate.
pub const LOCALES: Locales =
    Locales { en: include_str!("../locales/en.ftl"), de: include_str!("../locales/de.ftl") };

/// Which of these error codes have no message in which language, one line each. Whether the languages' messages
/// speak of the same variables is [`guildhall_core::language::gaps`]'s to say.
pub fn missing(texts: &Texts, codes: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for code in codes {
        for language in Language::ALL {
            if !texts.has(language, code) {
                lines.push(format!("{}: there is no message for {code}", language.tag()));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_are_complete_in_both_languages() {
        assert_eq!(guildhall_core::language::gaps(&[LOCALES]), Vec::<String>::new());
        let texts = Texts::new(&[guildhall_core::language::LOCALES, LOCALES]).unwrap();
        assert_eq!(missing(&texts, IncidentsError::CODES), Vec::<String>::new());
        assert_eq!(missing(&texts, present::CODES), Vec::<String>::new());
        assert_eq!(
            missing(&texts, &["internal", "no_such_code"]),
            ["en: there is no message for no_such_code", "de: there is no message for no_such_code"]
        );
    }
}
