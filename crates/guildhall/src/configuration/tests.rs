use std::fs;

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
    assert_eq!(told, ["GUILDHALL_HTTP__LISTEN: http.listen: invalid socket address syntax"]);
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
    let told = mistakes("g.toml", text, &[]);
    let keys: Vec<_> = told.iter().map(|line| line.split(": ").nth(1).unwrap()).collect();
    let expected = [
        "http.listen",
        "http.lissten",
        "hosts[0].name",
        "hosts[0]",
        "hosts",
        "communities[0].channel",
        "discord.public_key",
    ];
    for key in
        ["http.listen", "http.lissten", "hosts[0].name", "communities[0].channel", "discord.public_key"]
    {
        assert!(keys.contains(&key), "{key} is not among {keys:?} (expected about {expected:?})");
    }
    assert!(told.iter().all(|line| line.starts_with("g.toml: ")), "{told:?}");
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
