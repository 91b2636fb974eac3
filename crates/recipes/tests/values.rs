//! Values are checked against the recipe and stay in their place, whatever they are.

use std::collections::BTreeMap;

use guildhall_recipes::{Place, Recipe, Value, Values, recipe::InstallStep, render};
use proptest::prelude::*;

const RECIPE: &str = r#"
format = 1
name = "small"
title = "Small"
summary = "A small recipe"
connect = "{host.address}:{port.game} for {server.name}"

[variables.motd]
description = "A text"
type = "text"
default = "Hi"
max_length = 20

[variables.word]
description = "A word"
type = "text"
default = "a"
pattern = "[a-z]+|x{3}"

[variables.size]
description = "A number"
type = "integer"
default = 3
min = 1
max = 5

[variables.hard]
description = "A switch"
type = "boolean"
default = false

[variables.mode]
description = "A choice"
type = "choice"
default = "easy"
choices = ["easy", "hard"]

[variables.password]
description = "A secret"
type = "secret"

[ports.game]
protocol = "tcp"
default = 25565

[[install]]
step = "download"
url = "https://example.org/{var.motd}/x.zip"
unpinned = true
to = "x.zip"

[[files]]
path = "a.json"
format = "json"
values = { motd = "{var.motd}", size = "{var.size}", hard = "{var.hard}", port = "{port.game}", mixed = "{var.size} of {{5}}", password = "{var.password}", list = ["{var.hard}", 1] }

[start]
command = ["./server", "{var.motd}", "--size={var.size}", "{server.folder}/x", "--say={var.motd}"]
environment = { MOTD = "{var.motd}" }
folder = "bin"

[ready]
within = "60s"
log = "ready"

[console]
say = "say {text}"

[stop]
command = "stop"
"#;

const PLACE: Place<'static> = Place { server: "survival", folder: "/srv/1", address: "play.example.org" };

fn recipe() -> Recipe {
    Recipe::parse(RECIPE, "small.toml").expect("a recipe")
}

fn resolve(set: &[(&str, &str)]) -> Result<Values, Vec<String>> {
    let set = set.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Values::resolve(&recipe(), &set, &BTreeMap::new(), |name| format!("generated-{name}"))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn what_is_not_set_has_its_default_and_secrets_are_generated() {
    let values = resolve(&[("size", " 5 "), ("hard", "yes")]).expect("values");
    assert_eq!(values.get("motd"), Some(&Value::Text("Hi".to_owned())));
    assert_eq!(values.get("size"), Some(&Value::Integer(5)));
    assert_eq!(values.get("hard"), Some(&Value::Boolean(true)));
    assert_eq!(values.get("password"), Some(&Value::Secret("generated-password".to_owned())));
    assert_eq!(values.port("game"), Some(25_565));
    let again = Values::complete(&recipe(), &values.variables(), values.ports()).expect("complete");
    assert_eq!(again, values, "what is stored resolves to the same");
}

#[test]
fn a_secret_is_neither_shown_nor_made_up_twice() {
    let values = resolve(&[]).expect("values");
    assert!(!format!("{values:?}").contains("generated"));
    assert!(!values.shown()["password"].contains("generated"));
    let problems = Values::complete(&recipe(), &BTreeMap::new(), &BTreeMap::new()).expect_err("no secret");
    assert_eq!(problems.len(), 1);
    let wrong = resolve(&[("password", "with spaces in it")]).expect_err("not a secret");
    assert!(!wrong[0].contains("with spaces in it"), "{wrong:?}");
}

#[test]
fn what_does_not_fit_is_said_all_at_once() {
    let wrong = resolve(&[
        ("sise", "1"),
        ("size", "6"),
        ("hard", "maybe"),
        ("mode", "hrd"),
        ("word", "a1"),
        ("motd", "a\nb"),
    ])
    .expect_err("all wrong");
    for says in [
        "sise: it is not a variable of this recipe; there is size",
        "at most 5",
        "true or false",
        "hard, easy",
        "does not match",
        "line end",
    ] {
        assert!(wrong.iter().any(|problem| problem.contains(says)), "{says}: {wrong:?}");
    }
    assert_eq!(wrong.len(), 6);
    let long = "x".repeat(21);
    for (name, text) in [
        ("motd", long.as_str()),
        ("motd", "-exec"),
        ("motd", "+exec"),
        ("motd", "@file"),
        ("motd", "a\u{2028}b"),
        ("motd", "\u{1b}[2J"),
        ("size", "1.5"),
        ("size", "99999999999999999999"),
        ("word", "A"),
        ("word", "axxx\n"),
    ] {
        assert!(resolve(&[(name, text)]).is_err(), "{name} = {text:?}");
    }
    let ports = BTreeMap::from([("game".to_owned(), 0), ("other".to_owned(), 1)]);
    let problems =
        Values::resolve(&recipe(), &BTreeMap::new(), &ports, |_| "x".to_owned()).expect_err("ports");
    assert_eq!(problems.len(), 2);
}

#[test]
fn everything_is_filled_in_and_keeps_its_type() {
    let recipe = recipe();
    let values = resolve(&[("motd", "a b"), ("size", "4"), ("hard", "true")]).expect("values");
    let launch = render::launch(&recipe, &values, &PLACE).expect("a launch");
    assert_eq!(launch.argv, ["./server", "a b", "--size=4", "/srv/1/x", "--say=a b"]);
    assert_eq!((launch.folder.as_str(), launch.environment["MOTD"].as_str()), ("bin", "a b"));
    let connect = render::connect(&recipe, &values, &PLACE).expect("a way in");
    assert_eq!(connect, "play.example.org:25565 for survival");
    let files = render::files(&recipe, &values, &PLACE).expect("files");
    let text = files[0].text(Some("{\"kept\": 1, \"size\": 9}")).expect("written");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let expected = serde_json::json!({
        "kept": 1, "size": 4, "hard": true, "list": [true, 1], "mixed": "4 of {5}", "motd": "a b",
        "password": "generated-password", "port": 25565
    });
    assert_eq!(json, expected);
    assert_eq!(render::say(&recipe, "hello\nstop\u{1b}"), Some("say hello stop ".to_owned()));
}

#[test]
fn a_value_in_an_address_stays_in_its_place() {
    for (text, url) in [
        ("a b/../?x#y", "https://example.org/a%20b%2F..%2F%3Fx%23y/x.zip"),
        ("..", "https://example.org/%2E%2E/x.zip"),
        ("ä", "https://example.org/%C3%A4/x.zip"),
    ] {
        let values = resolve(&[("motd", text)]).expect("values");
        let steps = render::install(&recipe(), &values, &PLACE).expect("steps");
        assert!(matches!(&steps[0], InstallStep::Download { url: filled, .. } if filled == url), "{steps:?}");
    }
}

proptest! {
    #[test]
    fn no_value_adds_an_argument_or_leaves_its_own(text in "\\PC{0,25}|[ -~]{0,20}|[\\n\\r\\t\u{1b}{}\"'$;&|]{0,8}") {
        let recipe = recipe();
        if let Ok(values) = resolve(&[("motd", &text)]) {
            let launch = render::launch(&recipe, &values, &PLACE).expect("a launch");
            let expected = ["./server", &text, "--size=3", "/srv/1/x", &format!("--say={text}")];
            prop_assert_eq!(launch.argv, expected);
            let option = text.starts_with(['-', '+', '@']);
            prop_assert!(!option && !text.chars().any(char::is_control));
        }
    }

    #[test]
    fn no_value_panics(name in "[a-z]{0,9}|motd|word|size|hard|mode|password", text in "\\PC*") {
        let _ = resolve(&[(&name, &text)]);
    }
}
