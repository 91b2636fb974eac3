use std::fs;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn mistakes(name: &str, text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, text).unwrap();
    let shown = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
    match Configuration::load_with(Some(&file), variables) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(|line| shown(line.to_owned())).collect(),
    }
}

#[test]
fn the_defaults_are_a_configuration() {
    let configuration = Configuration::load_with(None, &[]).unwrap();
    assert_eq!(configuration.http.listen.port(), 8080);
    assert!(configuration.hosts[0].local);
    assert_eq!(configuration.home().as_str(), "local");
}

#[test]
fn all_three_formats_say_the_same() {
    let toml = "[http]\nlisten = \"127.0.0.1:9\"\n[[communities]]\ntenant = \"a\"";
    let yaml = "http:\n  listen: 127.0.0.1:9\ncommunities:\n  - tenant: a\n";
    let json = r#"{"http": {"listen": "127.0.0.1:9"}, "communities": [{"tenant": "a"}]}"#;
    for (name, text) in [("g.toml", toml), ("g.yaml", yaml), ("g.json", json)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        let configuration = Configuration::load_with(Some(&file), &[]).unwrap();
        assert_eq!(configuration.http.listen.port(), 9, "{name}");
        assert_eq!(configuration.home().as_str(), "a", "{name}");
    }
}

#[test]
fn the_environment_wins_and_is_named() {
    let configuration = Configuration::load_with(
        None,
        &[("GUILDHALL_HTTP__LISTEN", "127.0.0.1:7"), ("GUILDHALL_LOG__JSON", "true")],
    )
    .unwrap();
    assert_eq!((configuration.http.listen.port(), configuration.log.json), (7, true));
    let told = mistakes("g.toml", "", &[("GUILDHALL_HTTP__LISTEN", "nowhere")]);
    let expected = "is not an address with a port; write it like 127.0.0.1:8080.";
    assert_eq!(told, [format!("GUILDHALL_HTTP__LISTEN: http.listen: {expected}")]);
}

#[test]
fn every_mistake_is_named_with_file_and_key() {
    let text = r#"
        [http]
        listen = "nowhere"
        lissten = 1
        [[hosts]]
        name = "Not A Name"
        [[communities]]
        tenant = "a"
        guild = 1
        [discord]
        application_id = 1
        public_key = "zz"
        token = "t"
    "#;
    assert_eq!(
        mistakes("g.toml", text, &[]),
        [
            "g.toml: hosts[0].name: 'Not A Name' is not a name: use 1 to 32 characters, a to z, 0 to 9 and '-', starting with a letter",
            "g.toml: http.lissten: unknown field `lissten`, expected `listen`",
            "g.toml: http.listen: is not an address with a port; write it like 127.0.0.1:8080.",
            "g.toml: communities[0].channel: is missing; sessions have their threads in it. Set the channel's id.",
            "g.toml: discord.public_key: is not 64 hex digits; copy it from the developer portal.",
        ]
    );
}

fn keys(name: &str, text: &str) -> Vec<String> {
    let told = mistakes(name, text, &[]);
    told.iter().map(|line| line.split(": ").nth(1).unwrap_or_default().to_owned()).collect()
}

#[test]
fn entries_are_counted_as_the_file_has_them() {
    let text = r#"
        operators = [1, "two", 3, "four"]
        [[hosts]]
        name = "Not A Name"
        addres = "here"
        [[hosts]]
        address = "no-name.example.org"
        [[hosts]]
        name = "fine"
        [[hosts]]
        name = "fine"
        [[communities]]
        tenant = "a"
        admin_roles = [1, -1]
        [[communities]]
        tenant = 3
        [[communities]]
        tenant = "a"
    "#;
    // A TOML file is read by the names of its keys; what concerns several entries comes last.
    let expected = [
        "communities[0].admin_roles[1]",
        "communities[1].tenant",
        "hosts[0].addres",
        "hosts[0].name",
        "hosts[1].name",
        "operators[1]",
        "operators[3]",
        "hosts[3].name",
        "communities[2].tenant",
    ];
    assert_eq!(keys("g.toml", text), expected);
}

#[test]
fn what_follows_from_a_mistake_is_not_told_as_well() {
    assert_eq!(
        keys("g.toml", "[[hosts]]\nname = 3\n[[hosts]]\nname = 4"),
        ["hosts[0].name", "hosts[1].name"]
    );
    // Without its token there is no discord to be seen, and still the errors' channel does not miss one.
    let text = "[discord]\napplication_id = \"x\"\n[errors]\nchannel = 1";
    assert_eq!(keys("g.toml", text), ["discord.application_id", "discord.public_key", "discord.token"]);
    let text = "[[communities]]\ntenant = \"a\"\nguild = 1\nchannel = \"general\"";
    assert_eq!(keys("g.toml", text), ["communities[0].channel"]);
    assert_eq!(keys("g.toml", "hosts = []"), ["hosts"]);
}

#[test]
fn a_list_in_a_variable_is_named_by_the_variable() {
    let told = mistakes("g.toml", "", &[("GUILDHALL_OPERATORS", "[1, \"two\"]")]);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("GUILDHALL_OPERATORS: operators[1]: "), "{told:?}");
}

proptest! {
    /// Each host is fine, or wrong in one of four ways.
    #[test]
    fn exactly_the_wrong_entries_are_named(kinds in prop::collection::vec(0_usize..5, 1..24)) {
        let hosts: Vec<_> = kinds.iter().enumerate().map(|(at, kind)| {
            let name = format!("host-{at}");
            match kind {
                0 => json!({"name": name}),
                1 => json!({"name": "Not A Name"}),
                2 => json!({"address": "here"}),
                3 => json!({"name": name, "address": [at]}),
                _ => json!({"name": name, "lokal": true}),
            }
        }).collect();
        let wrong = ["", "name", "name", "address", "lokal"];
        let expected: Vec<String> = kinds.iter().enumerate().filter(|(_, kind)| **kind > 0)
            .map(|(at, kind)| format!("hosts[{at}].{}", wrong[*kind])).collect();
        prop_assert_eq!(keys("g.json", &json!({"hosts": hosts}).to_string()), expected);
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,200}", name in "g\\.(toml|yaml|json)") {
        mistakes(&name, &text, &[("GUILDHALL_HOSTS", &text)]);
    }
}

#[test]
fn a_variable_is_text_where_nothing_else_fits() {
    let read = |name: &str, text: &str| Configuration::load_with(None, &[(name, text)]);
    let password = read("GUILDHALL_MQTT__PASSWORD", "12345").unwrap().mqtt.password.unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&password), "12345");
    assert_eq!(read("GUILDHALL_ERRORS__ENVIRONMENT", "7").unwrap().errors.environment, "7");
    assert_eq!(
        read("GUILDHALL_ERRORS__CHANNEL", "7").unwrap_err().to_string().lines().count(),
        1,
        "a number"
    );
    assert!(read("GUILDHALL_LOG__JSON", "true").unwrap().log.json);
    assert_eq!(read("GUILDHALL_OPERATORS", "[7]").unwrap().operators, [7]);
    let discord = r#"{"application_id": 1, "public_key": "zz", "token": 12345}"#;
    let told = read("GUILDHALL_DISCORD", discord).unwrap_err().to_string();
    assert!(told.contains("discord.token: is a number") && !told.contains("12345"), "{told}");
}

#[test]
fn a_secret_is_not_shown() {
    let configuration =
        Configuration::load_with(None, &[("GUILDHALL_STORE__URL", "postgres://u:hunter2@h/d")]).unwrap();
    assert!(!format!("{configuration:?}").contains("hunter2"));
}

#[test]
fn a_file_of_another_kind_is_named() {
    assert!(mistakes("g.txt", "", &[])[0].contains("ends in none of"));
    assert!(mistakes("g.toml", "= 3", &[])[0].starts_with("g.toml: "));
    assert_eq!(mistakes("g.json", "[]", &[]), ["g.json: is not a set of keys."]);
}
