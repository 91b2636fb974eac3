//! What people are told in their language.

use std::collections::{BTreeMap, BTreeSet};

use guildhall_core::{
    Error, FieldError, Kind,
    language::{Language, Texts, gaps},
};

use crate::{
    LOCALES, Recipe, ValueProblem, Values,
    book::RecipeBook,
    configuration::{Asked, Configuration, ConfigurationError, read_idle_stop},
};

const VARIABLES: &str = r#"
format = 1
name = "x"
title = "X"
summary = "A game"
[ports.game]
protocol = "tcp"
default = 4000
[variables.motd]
type = "text"
description = "Said at the door"
default = "hello"
max_length = 10
pattern = "[a-z+]*"
[variables.seats]
type = "integer"
description = "Seats"
default = 4
min = 2
max = 8
[variables.open]
type = "boolean"
description = "Open"
default = true
[variables.mode]
type = "choice"
description = "Mode"
default = "easy"
choices = ["easy", "hard"]
[variables.door]
type = "secret"
description = "Password"
[start]
command = ["x", "{var.motd}"]
[ready]
within = "9s"
log = "x"
[stop]
command = "stop"
"#;

fn recipe() -> Recipe {
    Recipe::parse(VARIABLES, "x.toml").unwrap()
}

fn one(name: &str, text: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), text.to_owned())])
}

fn refused<T: std::fmt::Debug>(result: Result<T, ConfigurationError>) -> Vec<ValueProblem> {
    match result.unwrap_err() {
        ConfigurationError::Values(problems) => problems,
        ConfigurationError::Locked(names) => panic!("{names:?}"),
    }
}

/// One of each that can be wrong with values.
fn all() -> Vec<ValueProblem> {
    let recipe = recipe();
    let mut bare = recipe.clone();
    (bare.variables, bare.ports) = (BTreeMap::new(), BTreeMap::new());
    let mut misspelt = recipe.clone();
    if let Some(variable) = misspelt.variables.get_mut("motd")
        && let crate::recipe::VariableKind::Text { pattern, .. } = &mut variable.kind
    {
        *pattern = Some("(".to_owned());
    }
    let (none, long) = (BTreeMap::new(), "x".repeat(2_000));
    let check = |name: &str, text: &str| Values::check(&recipe, name, text).unwrap_err();
    let mut all = vec![
        check("modt", "x"),
        Values::check(&bare, "motd", "x").unwrap_err(),
        check("motd", &long),
        check("motd", "too long for it"),
        check("motd", "two\nlines"),
        check("motd", "LOUD"),
        Values::check(&misspelt, "motd", "x").unwrap_err(),
        check("motd", "+exec"),
        check("seats", "many"),
        check("seats", "1"),
        check("seats", "9"),
        check("open", "perhaps"),
        check("mode", "hrad"),
        check("door", "ü"),
    ];
    all.extend(Values::complete(&recipe, &none, &BTreeMap::from([("game".to_owned(), 0)])).unwrap_err());
    let port = BTreeMap::from([("gmae".to_owned(), 4_000)]);
    all.extend(Values::resolve(&recipe, &none, &port, |_| "s".to_owned()).unwrap_err());
    all.extend(Values::resolve(&bare, &none, &port, |_| "s".to_owned()).unwrap_err());
    let many = (0..65).map(|n| (format!("a{n}"), String::new())).collect();
    all.extend(refused(Configuration::first(&recipe, &many, None)));
    all.extend(refused(Configuration::first(&recipe, &one("port.game", "80"), None)));
    all.extend(refused(read_idle_stop("soon")));
    all.extend(refused(read_idle_stop("1s")));
    let (launch, _) = Configuration::first(&recipe, &none, None).unwrap();
    let (set, reset) = (one("motd", "x"), BTreeSet::from(["motd".to_owned(), "modt".to_owned()]));
    let asked = Asked { set: &set, reset: &reset, recipe: None, idle_stop: None, default_idle_stop: None };
    all.extend(refused(launch.next(&asked)));
    all
}

#[test]
fn what_is_wrong_with_a_value_is_said_in_every_language() {
    let texts = Texts::new(&[LOCALES]).unwrap();
    let mut said = BTreeSet::from(["recipe_not_found"]);
    for problem in all() {
        said.insert(problem.code);
        let mut error = Error::new(Kind::User, "invalid_values", problem.to_string());
        error.fields.push(FieldError::from(problem.clone()));
        let read = |language| {
            let localized = texts.translate(&error, language);
            let (name, text) = localized.fields().next().unwrap();
            assert_eq!(name, problem.name);
            text.to_owned()
        };
        let (english, german) = (read(Language::English), read(Language::German));
        assert_ne!(english, problem.message, "{}: a variable is missing", problem.code);
        assert_ne!(german, english, "{}: a variable is missing", problem.code);
    }
    assert_eq!(said, texts.codes().collect(), "each message is said by somebody");
}

#[test]
fn a_recipe_that_is_not_there_is_said_so_in_every_language() {
    assert_eq!(gaps(&[LOCALES]), Vec::<String>::new());
    let texts = Texts::new(&[LOCALES]).unwrap();
    for book in [RecipeBook::default(), RecipeBook::of([recipe()])] {
        let error = book.find("y").unwrap_err();
        let (english, german) =
            (texts.translate(&error, Language::English), texts.translate(&error, Language::German));
        assert_eq!((english.message(), english.remedy()), (&*error.message, error.remedy.as_deref()));
        assert_ne!(german.message(), error.message);
        assert_ne!(german.remedy(), error.remedy.as_deref());
    }
}
