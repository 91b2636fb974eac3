use guildhall_core::language::{Language, Texts};

use super::*;

fn every_error() -> Vec<ModerationError> {
    use ModerationError as E;
    let text = || "it".to_owned();
    vec![
        E::NoCase(1),
        E::Held { who: text(), by: text(), number: 1 },
        E::Over { number: 1, state: "closed" },
        E::NoEnd(1),
        E::NothingToChange(1),
        E::RankNotBelow { name: text(), theirs: text() },
        E::AlreadyBanned(text()),
        E::NotBanned(text()),
        E::AlreadyTimedOut(text()),
        E::NotTimedOut(text()),
        E::NotJailed(text()),
        E::NotLocked(text()),
        E::NothingToLock(text()),
        E::NotHere(text()),
        E::Nobody(text()),
        E::NoJail,
        E::JailGone,
        E::RoleManaged(text()),
        E::RoleEveryone,
        E::RoleHeld { who: text(), role: text() },
        E::RoleNotHeld { who: text(), role: text() },
        E::NoRole(text()),
        E::RoleNotBelow(text()),
        E::NoChannel(text()),
        E::NoMessage,
        E::WhichChannel,
        E::NothingToPurge(text()),
        E::NoReason { name: text(), near: text() },
        E::ReasonName(text()),
        E::ReasonQuotes,
        E::ReasonTooLong(2001),
        E::TimeoutTooLong(text()),
        E::NoLink(text()),
        E::TooMuchEvidence(10),
        E::NoDate(text()),
        E::NoId(text()),
        E::NobodyNamed,
        E::TooManyNamed(501),
        E::Failed { number: 1, why: text() },
        E::NobodyDone(text()),
        E::Contended(1),
        E::ReportsOff,
        E::Reported,
        E::ReportsThemselves,
        E::NoReport(1),
        E::ReportHandled { number: 1, state: "taken", by: text() },
        E::AppealsOff,
        E::NotYours(1),
        E::NotAppealable(1),
        E::Appealed(1),
        E::NoAppeal(1),
        E::AppealDecided { number: 1, state: "denied", by: text() },
    ]
}

#[test]
fn every_error_is_said_in_every_language_with_what_it_speaks_of() {
    let texts = Texts::new(&[crate::LOCALES]).unwrap();
    // What is wrong with an input is said without a remedy.
    let inputs = ["slowmode_unreadable", "slowmode_too_long", "inbox_which"];
    let mut said = std::collections::BTreeSet::from(inputs.map(str::to_owned));
    for error in every_error() {
        let plain = error.to_string();
        let edge = Error::from(error);
        assert!(edge.remedy.as_deref().is_some_and(|remedy| remedy.ends_with('.')), "{}", edge.code);
        said.insert(edge.code.to_owned());
        for language in Language::ALL {
            assert!(texts.has(language, edge.code), "{} is not said in {}", edge.code, language.tag());
            let args: Vec<_> = edge.vars.iter().map(|(name, _)| *name).collect();
            let local = texts.translate(&edge, language);
            assert!(!local.message().is_empty() && local.remedy().is_some(), "{}", edge.code);
            // A message whose variables are missing falls back to English, which would be the same text.
            if language == Language::German {
                assert_ne!(local.message(), plain, "{}: {args:?} do not fit the German text", edge.code);
                assert_ne!(local.remedy(), edge.remedy.as_deref(), "{}", edge.code);
            }
        }
    }
    let written: std::collections::BTreeSet<_> = texts.codes().map(str::to_owned).collect();
    assert_eq!(said, written, "messages without an error, or errors without a message");
}
