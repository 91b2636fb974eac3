use std::collections::BTreeSet;

use guildhall_core::language::{self, Language, Localized, Texts, gaps};
use guildhall_recipes::{Values, book::RecipeBook};

use super::*;
use crate::LOCALES;

/// One of each that is this crate's own.
fn all() -> Vec<ServersError> {
    let text = || "survival".to_owned();
    let near = || vec!["survival".to_owned(), "skyblock".to_owned()];
    let mut all = vec![
        ServersError::NotFound { name: text(), near: Vec::new(), operation: "server start" },
        ServersError::NotFound { name: text(), near: near(), operation: "server start" },
        ServersError::NameTaken(text()),
        ServersError::TooMany(20),
        ServersError::HostAway { name: text(), source: None },
        ServersError::Refused(String::new()),
        ServersError::Refused("it has no room.".to_owned()),
        ServersError::SecretsLocked(near()),
        ServersError::NoConsole(text()),
        ServersError::PlayerTaken(text()),
        ServersError::TooManyLinks(25),
        ServersError::NotLinked { player: text(), near: Vec::new() },
        ServersError::NotLinked { player: text(), near: near() },
        ServersError::KeptOut("case 7".to_owned()),
        ServersError::NotYours(Rank::MEMBER),
        ServersError::Contended(None),
        ServersError::Contended(Some(text())),
    ];
    let jobs =
        ["create", "start", "stop", "restart", "delete"].map(|job| crate::life::Job::parse(job).unwrap());
    all.extend(jobs.map(|job| ServersError::Busy {
        name: text(),
        doing: job.doing(),
        by: "Ben".to_owned(),
        ago: "2 s".to_owned(),
    }));
    for state in State::ALL {
        all.push(ServersError::Running { name: text(), state });
        all.push(ServersError::NotRunning { name: text(), state });
    }
    let (book, _) = RecipeBook::shipped();
    let mut recipe = book.iter().next().unwrap().clone();
    for (player, pattern) in [("\n", "x"), ("y", "x"), ("y", "(")] {
        recipe.access.player_name = Some(pattern.to_owned());
        let why = recipe.access.check_player(player).unwrap_err();
        all.push(ServersError::BadPlayer { player: text(), why });
    }
    all
}

fn shown(localized: &Localized<'_>) -> String {
    serde_json::to_string(&localized.document()).unwrap()
}

#[test]
fn every_error_is_said_in_every_language_with_all_it_speaks_of() {
    assert_eq!(gaps(&[LOCALES]), Vec::<String>::new());
    let own = Texts::new(&[LOCALES]).unwrap();
    let texts = Texts::new(&[language::LOCALES, guildhall_link::LOCALES, LOCALES]).unwrap();
    let mut said = BTreeSet::from(["invalid_values"]);
    for error in all() {
        let error = Error::from(error);
        let english = texts.translate(&error, Language::English);
        let german = texts.translate(&error, Language::German);
        assert_eq!((english.message(), english.remedy()), (&*error.message, error.remedy.as_deref()));
        assert_ne!(german.message(), error.message);
        assert_ne!(german.remedy(), error.remedy.as_deref(), "{}", error.code);
        said.insert(error.code);
    }
    for unfit in [
        Unfit::Case(1),
        Unfit::Reason(2),
        Unfit::Named(3),
        Unfit::TwoLines,
        Unfit::GameAndServer,
        Unfit::NoGame,
    ] {
        let error = Error::from(unfit);
        let field = &error.fields[0];
        for language in Language::ALL {
            let localized = texts.translate(&error, language);
            assert_ne!(localized.fields().next(), Some((&*field.field, &*field.message)), "{language:?}");
        }
        let shown = shown(&texts.translate(&error, Language::German));
        assert!(shown.contains(&field.field) && !shown.contains(&field.message), "{shown}");
        said.insert(field.code.unwrap());
    }
    let unsaid: Vec<&str> = own.codes().filter(|code| !said.contains(code)).collect();
    assert_eq!(unsaid, Vec::<&str>::new(), "nothing raises them");
}

#[test]
fn a_state_or_a_job_is_never_said_in_english_to_somebody_who_reads_german() {
    let texts = Texts::new(&[language::LOCALES, LOCALES]).unwrap();
    for error in all() {
        let words = match &error {
            ServersError::Running { state, .. } | ServersError::NotRunning { state, .. } => state.as_str(),
            ServersError::Busy { doing, .. } => doing,
            _ => continue,
        };
        let error = Error::from(error);
        let german = texts.translate(&error, Language::German);
        assert!(!german.message().contains(words), "{}", german.message());
    }
}

#[test]
fn values_that_do_not_fit_are_said_one_by_one() {
    let texts = Texts::new(&[language::LOCALES, guildhall_recipes::LOCALES, LOCALES]).unwrap();
    let (book, _) = RecipeBook::shipped();
    let recipe = book.iter().next().unwrap();
    let problem = |name: &str| Values::check(recipe, name, "x").unwrap_err();
    for problems in [vec![problem("nothing")], vec![problem("nothing"), problem("void")]] {
        let error = Error::from(ServersError::Values(problems));
        let german = texts.translate(&error, Language::German);
        assert_ne!(german.message(), error.message);
        let shown = shown(&german);
        for field in &error.fields {
            assert!(shown.contains(&field.field) && !shown.contains(&field.message), "{shown}");
        }
    }
}

#[test]
fn a_server_that_was_not_made_says_why_in_every_language() {
    let texts = Texts::new(&[language::LOCALES, guildhall_link::LOCALES]).unwrap();
    for code in Code::all() {
        let trouble = Trouble::new(code, "port 'game' on host a");
        let source = Failure {
            step: None,
            code: code.as_str().to_owned(),
            message: String::new(),
            remedy: None,
            detail: None,
        };
        let error = Error::from(ServersError::NotMade { name: "survival".to_owned(), trouble, source });
        let german = texts.translate(&error, Language::German);
        assert_ne!(german.message(), error.message, "{code}");
        assert!(error.source.is_some(), "the log has it");
    }
}

#[test]
fn spans_are_said_as_people_say_them() {
    let said: Vec<String> = [-5, 0, 2, 119, 120, 7_199, 7_260, 200_000].into_iter().map(spoken).collect();
    assert_eq!(said, ["0 s", "0 s", "2 s", "119 s", "2 min", "119 min", "2 h 1 min", "2 d"]);
}
