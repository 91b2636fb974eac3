//! The commands that need no running Guildhall, and the demo.

#[path = "support/terminal.rs"]
mod terminal;

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use terminal::Terminal;

/// Installing a game and its player over a slow line, and playing every scene.
const DEMO: Duration = Duration::from_secs(900);

fn guildhall() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command.stdin(Stdio::null()).env("LC_ALL", "C");
    command
}

fn run(arguments: &[&str]) -> Output {
    guildhall().args(arguments).output().expect("the program runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn shipped(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes").join(name).to_string_lossy().into_owned()
}

#[test]
fn the_demo_shows_every_step_and_says_so() {
    let demo = guildhall().arg("demo").output().expect("the program runs");
    let told = out(&demo);
    assert!(demo.status.success(), "{told}\n{}", String::from_utf8_lossy(&demo.stderr));
    assert!(told.contains("every step happened"), "{told}");
    for proof in [
        "status ping",
        "shows one player by name",
        "the player sees it",
        "the hole is still there",
        "all three faces",
    ] {
        assert!(told.contains(proof), "'{proof}' is not in:\n{told}");
    }
}

#[test]
fn the_demo_fails_when_a_step_does_not_happen() {
    let folder = tempfile::tempdir().expect("a folder");
    // Without npm there is no player.
    let demo = guildhall().arg("demo").arg("--folder").arg(folder.path()).env("PATH", "/nowhere").output();
    let demo = demo.expect("the program runs");
    assert_eq!(demo.status.code(), Some(1), "{}", out(&demo));
    assert!(String::from_utf8_lossy(&demo.stderr).contains("The demo did not work"));
}

#[test]
fn the_demo_fails_when_a_step_in_the_middle_does_not_happen() {
    let folder = tempfile::tempdir().expect("a folder");
    // A player who is installed and cannot play: what comes before it works, and what comes after does not begin.
    let library = folder.path().join("player/node_modules/mineflayer");
    fs::create_dir_all(&library).expect("a folder");
    fs::write(library.join("package.json"), r#"{"name": "mineflayer", "version": "4.39.0"}"#)
        .expect("written");
    let broken = "exports.createBot = () => { throw new Error('no game today') }";
    fs::write(library.join("index.js"), broken).expect("written");
    let demo = guildhall().args(["demo", "--json", "--folder"]).arg(folder.path()).output();
    let demo = demo.expect("the program runs");
    let story = String::from_utf8_lossy(&demo.stderr).into_owned();
    assert_eq!(demo.status.code(), Some(1), "{story}");
    let told = objects(&demo);
    let proven = |words: &str| {
        told.iter().any(|line| line["proven"].as_str().is_some_and(|proof| proof.contains(words)))
    };
    assert!(proven("status ping") && !proven("one player by name"), "{told:?}");
    let last = told.last().expect("an error");
    assert_eq!(last["error"]["code"], "demo_failed");
    assert!(last["error"]["message"].as_str().is_some_and(|why| why.contains("no game today")), "{last}");
}

#[test]
fn on_a_terminal_the_demo_stays_up_until_ctrl_c() {
    let command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_guildhall")).arg("demo");
    let terminal = Terminal::start(command);
    let shown = terminal.shows("the command line  ", DEMO);
    assert!(shown.contains("Everything stays up until Ctrl-C"), "{shown}");
    let shown = terminal.shows("guildhall.toml", Duration::from_secs(10));
    let addresses = &shown[shown.find("Everything stays up").expect("the addresses")..];
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client =
        reqwest::blocking::Client::builder().tls_certs_only(std::iter::empty()).build().expect("a client");
    for (name, holds) in [("OpenAPI", "\"openapi\""), ("metrics", "# TYPE"), ("to click on", "game-servers")]
    {
        let line = addresses.lines().find(|line| line.contains(name)).expect(name);
        let address = line.split_whitespace().last().expect("an address");
        let page = client.get(address).send().and_then(|answer| answer.text()).expect(address);
        assert!(page.contains(holds), "{address}: {page}");
    }
    terminal.types("\u{3}");
    let (status, shown) = terminal.ends(Duration::from_secs(120));
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("every step happened"), "{shown}");
}

/// The JSON on standard output: one value, or one a line.
fn objects(output: &Output) -> Vec<Value> {
    let values: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect();
    values.unwrap_or_else(|error| panic!("{error}: {}", out(output)))
}

/// What the commands of the program itself print with `--json`: the words, the exit status, and a key that has to be
/// there (none for a list).
fn own_commands(folder: &Path) -> Vec<(Vec<String>, i32, &'static str)> {
    let (bad, good) = (folder.join("bad.toml"), folder.join("good.toml"));
    fs::write(&bad, "colour = \"red\"").expect("written");
    fs::write(&good, "").expect("written");
    let bad = bad.to_str().expect("a path");
    let missing = folder.join("missing.toml");
    let missing = missing.to_str().expect("a path");
    let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
    [
        (format!("config check --config {bad}"), 1, "error"),
        (format!("config check --config {missing}"), 1, "error"),
        (format!("config check --config {}", good.display()), 0, "checked"),
        (format!("run --config {bad}"), 1, "error"),
        (format!("server list --config {bad}"), 1, "error"),
        (format!("agent --config {missing}"), 1, "error"),
        ("config reference".to_owned(), 0, "properties"),
        ("operations".to_owned(), 0, ""),
        ("operations --markdown".to_owned(), 0, ""),
        ("openapi".to_owned(), 0, "openapi"),
        ("completions bash".to_owned(), 0, "completions"),
        ("completions klingon".to_owned(), 2, "error"),
        ("recipe list".to_owned(), 0, ""),
        (format!("recipe lint {}", shipped("valheim.toml")), 0, ""),
        (format!("recipe lint {bad}"), 3, ""),
        (format!("recipe lint {missing}"), 1, "error"),
        (format!("recipe test {bad}"), 3, "error"),
        (format!("recipe test {missing}"), 1, "error"),
        ("recipe test valheim --set nothing".to_owned(), 2, "error"),
        ("recipe".to_owned(), 2, "error"),
        ("sim --listen 192.0.2.1:1".to_owned(), 1, "error"),
        ("sim --listen nowhere".to_owned(), 2, "error"),
        ("no-such-command".to_owned(), 2, "error"),
        ("server list --url nowhere --token x".to_owned(), 2, "error"),
    ]
    .into_iter()
    .map(|(line, status, key)| (words(&line), status, key))
    .collect()
}

#[test]
fn every_command_of_the_program_itself_speaks_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = own_commands(folder.path());
    for (words, status, key) in &table {
        let output = guildhall().args(words).arg("--json").output().expect("the program runs");
        let told = objects(&output);
        assert_eq!((output.status.code(), told.len()), (Some(*status), 1), "{words:?}: {told:?}");
        match *key {
            "" => assert!(told[0].is_array(), "{words:?}: {}", told[0]),
            key => assert!(!told[0][key].is_null(), "{words:?}: {}", told[0]),
        }
        if *key == "error" {
            let error = &told[0]["error"];
            let said = ["code", "kind", "message"].map(|key| error[key].as_str().unwrap_or_default());
            assert!(said.iter().all(|word| !word.is_empty()), "{words:?}: {error}");
        }
    }
    let checked = guildhall().args(&table[0].0).arg("--json").output().expect("the program runs");
    let mistakes = &objects(&checked)[0]["error"]["mistakes"];
    assert_eq!(mistakes[0]["key"], "colour", "{mistakes}");
    assert!(mistakes[0]["source"].as_str().is_some_and(|file| file.ends_with("bad.toml")), "{mistakes}");

    // `demo` has a test of its own.
    let known: BTreeSet<&str> = table.iter().map(|(words, ..)| words[0].as_str()).chain(["demo"]).collect();
    let operations = objects(&run(&["operations", "--json"])).remove(0);
    let names = operations.as_array().expect("a list").iter().filter_map(|entry| entry["name"].as_str());
    let groups: BTreeSet<&str> = names.filter_map(|name| name.split(' ').next()).collect();
    let help = out(&run(&["--help"]));
    let listed = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    for name in listed.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next()) {
        assert!(known.contains(name) || groups.contains(name), "{name} is in no test of --json");
    }
}

#[test]
fn every_operation_speaks_json_even_when_nobody_answers() {
    let operations = objects(&run(&["operations", "--json"])).remove(0);
    let operations = operations.as_array().expect("a list");
    assert!(operations.len() > 80, "{}", operations.len());
    for operation in operations {
        let name = operation["name"].as_str().expect("a name");
        let needed = operation["input"]["required"].as_array().is_some_and(|needed| !needed.is_empty());
        let output = guildhall()
            .args(name.split(' '))
            .args(["--json", "--url", "http://127.0.0.1:9", "--token", "gh_x"])
            .output()
            .expect("the program runs");
        let (status, code) = if needed { (2, "usage") } else { (4, "unreachable") };
        let told = objects(&output);
        assert_eq!(output.status.code(), Some(status), "{name}: {told:?}");
        assert_eq!((told.len(), &told[0]["error"]["code"]), (1, &json!(code)), "{name}: {told:?}");
    }
}

#[test]
fn the_catalogue_is_listed_for_programs() {
    let list: Value = serde_json::from_str(&out(&run(&["operations", "--json"]))).expect("JSON");
    let list = list.as_array().expect("a list");
    let start = list.iter().find(|entry| entry["name"] == "server start").expect("server start");
    assert_eq!((start["rank"].as_u64(), start["effect"].as_str()), (Some(0), Some("change")));
    assert_eq!(start["faces"], serde_json::json!(["discord", "rest", "cli"]));
    assert!(start["summary"].is_string() && start["input"]["properties"]["server"].is_object());
    for entry in list {
        jsonschema::draft202012::options().build(&entry["input"]).expect("the input's schema is one");
    }
}

#[test]
fn recipes_are_linted_with_file_line_and_key() {
    let good = run(&["recipe", "lint", &shipped("teeworlds.toml"), &shipped("valheim.toml")]);
    assert!(good.status.success(), "{}", out(&good));
    let folder = tempfile::tempdir().expect("a folder");
    let bad = folder.path().join("bad.toml");
    let text = fs::read_to_string(shipped("teeworlds.toml")).expect("a recipe");
    fs::write(&bad, text.replace("[start]\n", "[start]\nfolder = \"../..\"\n")).expect("written");
    let refused = run(&["recipe", "lint", &bad.to_string_lossy()]);
    assert_eq!(refused.status.code(), Some(3));
    let told = out(&refused);
    assert!(told.contains("bad.toml:") && told.contains("start.folder"), "{told}");
}

#[test]
fn a_recipe_is_tried_without_a_control_plane() {
    if !Path::new("/usr/games/teeworlds-server").exists() {
        assert!(std::env::var_os("CI").is_none(), "CI has to have teeworlds-server");
        println!("skipped, because /usr/games/teeworlds-server is missing (Debian: teeworlds-server)");
        return;
    }
    let tried = run(&["recipe", "test", "teeworlds", "--json"]);
    let report: Value = serde_json::from_str(&out(&tried)).expect("JSON");
    assert!(tried.status.success() && report["passed"] == true, "{report}");
    assert_eq!(report["players"]["online"], 0, "the game itself was asked");
    assert_eq!(report["exit"]["wanted"], true);
}

#[test]
fn mistakes_in_the_configuration_are_all_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("guildhall.yaml");
    fs::write(&file, "http:\n  listen: nowhere\nhosts:\n  - name: A B\n  - name: C D\n").expect("written");
    let checked =
        guildhall().args(["config", "check", "--config"]).arg(&file).output().expect("the program runs");
    assert_eq!(checked.status.code(), Some(1));
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    let keys: Vec<&str> =
        told.lines().map(|line| line.split("guildhall.yaml: ").nth(1).unwrap_or_default()).collect();
    let keys: Vec<&str> = keys.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(keys, ["http.listen", "hosts[0].name", "hosts[1].name"], "{told}");
    fs::write(&file, "").expect("written");
    let checked =
        guildhall().args(["config", "check", "--config"]).arg(&file).status().expect("the program runs");
    assert!(checked.success());
}

/// Each a mistake of its own, and the entry that it is in.
fn wrong_configurations(folder: &Path) -> Vec<(String, &'static str)> {
    let guild = "[[communities]]\ntenant = \"a\"\nguild = 1\nchannel = 2\n";
    let discord = |key: &str, value: &str| {
        let mut section = String::from("[discord]\n");
        let right = [
            ("application_id", "1"),
            ("public_key", "\"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\""),
            ("token", "\"t0ken\""),
        ];
        for (name, right) in right.iter().filter(|(name, _)| *name != key) {
            section += &format!("{name} = {right}\n");
        }
        format!("{section}{key} = {value}\n{guild}")
    };
    let mut table: Vec<(String, &str)> = [
        ("[redis]\nurl = \"foo\"", "redis.url"),
        ("[redis]\nurl = \"rediss://h\"", "redis.url"),
        ("[store]\nurl = \"mysql://x\"", "store.url"),
        ("[store]\nurl = \"sqlite:guildhall.db\"", "store.url"),
        ("[store]\nurl = \"sqlite:///no/such/folder/g.db\"", "store.url"),
        ("[store]\nurl = \"postgres://u@h:port/d\"", "store.url"),
        ("[errors]\nsentry_dsn = \"nope\"", "errors.sentry_dsn"),
        ("[log]\nlevel = \"loud==\"", "log.level"),
        ("[log]\nlevel = \"loud\"", "log.level"),
        ("[traces]\nendpoint = \"nonsense\"", "traces.endpoint"),
        ("[traces]\nendpoint = \"localhost:4318\"", "traces.endpoint"),
        ("[recipes]\nfolder = \"/no/such/folder\"", "recipes.folder"),
        ("[mqtt]\nurl = \"nope\"\npassword = \"p\"", "mqtt.url"),
        ("[mqtt]\nurl = \"http://h\"\npassword = \"p\"", "mqtt.url"),
        ("operators = [1, 0]", "operators[1]"),
        ("[[hosts]]\nname = \"a\"\naddress = \"\"", "hosts[0].address"),
    ]
    .map(|(text, key)| (text.to_owned(), key))
    .into();
    let file = folder.join("file");
    fs::write(&file, "").expect("written");
    table.push((format!("data = {:?}", file.join("data")), "data"));
    for (key, value) in [
        ("application_id", "0"),
        ("public_key", "\"0202020202020202020202020202020202020202020202020202020202020202\""),
        ("token", "\"\""),
        ("token", "\"two words\""),
        ("api_url", "\"nope\""),
        ("api_url", "\"https://example.org/path\""),
        ("gateway_url", "\"https://example.org\""),
    ] {
        let place = ["application_id", "public_key", "token", "api_url", "gateway_url"];
        let named = ["discord.application_id", "discord.public_key", "discord.token", "discord.api_url"];
        let named = named.into_iter().chain(["discord.gateway_url"]).zip(place);
        let named = named.filter(|(_, plain)| *plain == key).map(|(named, _)| named).next();
        table.push((discord(key, value), named.expect("a key of discord")));
    }
    let zero = discord("token", "\"t\"").replace("guild = 1\n", "guild = 0\n");
    table.push((zero, "communities[0].guild"));
    let elsewhere = format!("{}[errors]\nchannel = 3\ncommunity = \"b\"\n", discord("token", "\"t\""));
    table.push((elsewhere, "errors.community"));
    table
}

#[test]
fn a_check_refuses_what_a_start_refuses_and_names_the_entry() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("guildhall.toml");
    let own = format!("data = {:?}\n", folder.path().join("data"));
    let asked = |arguments: &[&str]| {
        let output = guildhall()
            .args(arguments)
            .arg("--config")
            .arg(&file)
            .current_dir(folder.path())
            .output()
            .expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (wrong, key) in wrong_configurations(folder.path()) {
        let before = if wrong.starts_with("data") { "" } else { own.as_str() };
        fs::write(&file, format!("{before}{wrong}")).expect("written");
        let checked = asked(&["config", "check"]);
        assert_eq!(checked.0, Some(1), "{wrong}: {}", checked.1);
        let lines: Vec<&str> = checked.1.lines().collect();
        assert_eq!(lines.len(), 1, "one mistake is one line: {wrong}: {}", checked.1);
        assert!(lines[0].contains(&format!("guildhall.toml: {key}: ")), "{wrong}: {}", checked.1);
        assert_eq!(asked(&["run"]), checked, "a start says the same: {wrong}");
        assert!(!folder.path().join("data").exists(), "and has begun nothing: {wrong}");
    }
}

#[test]
fn a_check_names_mistakes_of_every_kind_at_once_and_passes_what_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("guildhall.toml");
    let check = |text: String| {
        fs::write(&file, text).expect("written");
        let output =
            guildhall().args(["config", "check", "--config"]).arg(&file).output().expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let keys = told.lines().filter_map(|line| line.split("guildhall.toml: ").nth(1)?.split(": ").next());
        (output.status.code(), keys.map(str::to_owned).collect::<BTreeSet<_>>())
    };
    let text = "operators = [\"x\"]\n[http]\nlisten = 3\n[redis]\nurl = \"foo\"\n[errors]\nsentry_dsn = \"nope\"\n\
                [store]\nurl = \"mysql://x\"\n[log]\nlevel = \"loud==\"\n[recipes]\nfolder = \"/no/such\"\n\
                [traces]\nendpoint = \"x\"\n[mqtt]\nurl = \"nope\"\npassword = \"p\"\n[discord]\napplication_id = 0\n\
                public_key = \"0202020202020202020202020202020202020202020202020202020202020202\"\ntoken = \"\"\n\
                api_url = \"nope\"\nopen = true\n[[communities]]\ntenant = \"a\"\nguild = 0\nchannel = 1\n";
    let all = [
        "communities[0].guild",
        "discord.api_url",
        "discord.application_id",
        "discord.public_key",
        "discord.token",
        "errors.sentry_dsn",
        "http.listen",
        "log.level",
        "mqtt.url",
        "operators[0]",
        "recipes.folder",
        "redis.url",
        "store.url",
        "traces.endpoint",
    ];
    let all: BTreeSet<String> = all.into_iter().map(str::to_owned).collect();
    assert_eq!(check(text.to_owned()), (Some(1), all));

    let right = format!(
        "[redis]\nurl = \"redis://:p@127.0.0.1:1/0\"\n[errors]\nsentry_dsn = \"https://k3y@127.0.0.1:1/7\"\nchannel = 3\n\
         [store]\nurl = \"sqlite://{0}/g.db?mode=rwc\"\n[log]\nlevel = \"info,guildhall_link=debug\"\n\
         [recipes]\nfolder = \"{0}\"\n[traces]\nendpoint = \"http://127.0.0.1:1/v1/traces\"\n\
         [mqtt]\nurl = \"mqtts://127.0.0.1:1\"\npassword = \"p\"\n[discord]\napplication_id = 1\n\
         public_key = \"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"\ntoken = \"Bot t\"\n\
         api_url = \"http://127.0.0.1:1\"\ngateway_url = \"ws://127.0.0.1:1\"\n\
         [[communities]]\ntenant = \"a\"\nguild = 1\nchannel = 1\n",
        folder.path().display(),
    );
    assert_eq!(check(right), (Some(0), BTreeSet::new()), "nothing is asked of what is not there");
}

#[test]
fn what_is_wrong_is_said_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("guildhall.toml");
    fs::write(&file, "operators = [\"ada\"]\n").expect("written");
    let file = file.to_str().expect("a path");
    let errors = |arguments: &[&str]| String::from_utf8_lossy(&run(arguments).stderr).into_owned();
    let told = errors(&["config", "check", "--config", file]);
    assert!(told.contains("operators[0]: is text; a whole number of 0 or more is needed."), "{told}");
    for arguments in [
        &["config", "check", "--config", "missing.toml"][..],
        &["server", "list", "--config", "missing.toml"],
        &["recipe", "lint", "missing.toml"],
        &["recipe", "test", "missing.toml"],
        &["agent", "--config", "missing.toml"],
        &["config", "diff", "missing.toml"],
    ] {
        let told = errors(arguments);
        assert!(
            told.contains("missing.toml: ") && told.contains("there is no such file"),
            "{arguments:?}: {told}"
        );
        assert!(!told.contains("os error"), "{arguments:?}: {told}");
    }
    let secret = guildhall().args(["config", "check"]).env("GUILDHALL_MQTT__PASSWORD", "12345").output();
    assert!(secret.expect("the program runs").status.success(), "a password of digits is a text");
}

#[test]
fn usage_names_nothing_as_required_that_the_environment_says() {
    let refused = guildhall()
        .args(["server", "start"])
        .env("GUILDHALL_URL", "http://127.0.0.1:9")
        .env("GUILDHALL_TOKEN", "gh_x")
        .env("GUILDHALL_CONFIG", "guildhall.toml")
        .output()
        .expect("the program runs");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("Usage: guildhall server start <SERVER>"), "{told}");
    // And they are still heard.
    let asked = guildhall()
        .args(["server", "list"])
        .env("GUILDHALL_URL", "http://127.0.0.1:9")
        .env("GUILDHALL_TOKEN", "gh_x")
        .output()
        .expect("the program runs");
    assert_eq!(asked.status.code(), Some(4));
    let named = guildhall().args(["config", "check"]).env("GUILDHALL_CONFIG", "missing.toml").output();
    assert_eq!(named.expect("the program runs").status.code(), Some(1));
}

#[test]
fn what_need_not_be_given_first_can_be_given_in_order() {
    let parse = |arguments: &[&str]| {
        let output = guildhall()
            .args(arguments)
            .args(["--url", "http://127.0.0.1:9", "--token", "gh_x"])
            .output()
            .expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for fits in [
        &["config", "set", "general.prefix", "!"][..],
        &["config", "set", "general.prefix", "--value", "!"],
        &["case", "close", "12", "It was a joke"],
        &["server", "keep", "survival", "90"],
        &["errors", "list", "all"],
        &["help", "server", "list", "of", "words"],
    ] {
        assert_eq!(parse(fits).0, Some(4), "it reads, and nobody answers: {fits:?}: {}", parse(fits).1);
    }
    let (status, told) = parse(&["config", "set", "general.prefix", "!", "--value", "?"]);
    assert_eq!(status, Some(2), "{told}");
    let (status, told) = parse(&["ban", "12", "--user", "1"]);
    assert_eq!(status, Some(2), "people have names of their own: {told}");
    let (_, told) = parse(&["config", "set", "--help"]);
    assert_eq!(told, "");
    let help = out(&run(&["config", "set", "--help"]));
    assert!(help.contains("config set [OPTIONS] <KEY> [VALUE]"), "{help}");
}

#[test]
fn help_of_a_command_is_what_its_flag_shows() {
    for command in [&["ban"][..], &["config", "set"], &["config", "check"], &["run"], &["server"]] {
        let named = run(&[&["help"], command].concat());
        let flagged = run(&[command, &["--help"]].concat());
        assert!(named.status.success() && !named.stdout.is_empty(), "{command:?}");
        assert_eq!(out(&named), out(&flagged), "{command:?}");
    }
    let asked = run(&["help", "spam", "--url", "http://127.0.0.1:9", "--token", "gh_x"]);
    assert_eq!(asked.status.code(), Some(4), "other words are looked for by Guildhall itself");
}

#[test]
fn the_stand_in_waits_for_whoever_is_to_get_interactions() {
    let mut sim = guildhall()
        .args([
            "sim",
            "--listen",
            "127.0.0.1:0",
            "--interactions",
            "http://127.0.0.1:9/interactions",
            "--json",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(sim.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut next = || -> Value { serde_json::from_str(&lines.next().expect("a line")).expect("JSON") };
    let configured = next();
    assert!(configured["configuration"]["discord"]["public_key"].is_string(), "{configured}");
    let waits = next();
    assert_eq!(waits["interactions"]["state"], "waiting", "{waits}");
    assert_eq!(sim.try_wait().expect("a child"), None, "it stays");
    sim.kill().expect("it can be killed");
    sim.wait().expect("it is gone");
}

#[test]
fn completions_know_the_operations() {
    for shell in ["bash", "zsh", "fish"] {
        let completions = out(&run(&["completions", shell]));
        assert!(completions.contains("server") && completions.contains("restart"), "{shell}");
    }
}

#[test]
fn the_stand_in_runs_alone_and_prints_a_configuration_for_it() {
    let mut sim = guildhall()
        .args(["sim", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(sim.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut told = String::new();
    for line in lines.by_ref() {
        told.push_str(&line);
        told.push('\n');
        if line.contains("Ctrl-C") {
            break;
        }
    }
    let from = told.find("[discord]").expect("a configuration");
    let to = told.find("olive owns").expect("its people");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("guildhall.toml");
    fs::write(&file, &told[from..to]).expect("written");
    let checked =
        guildhall().args(["config", "check", "--config"]).arg(&file).output().expect("the program runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let address = told.split("runs at ").nth(1).and_then(|rest| rest.split(';').next()).expect("an address");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let page = reqwest::blocking::Client::builder()
        .tls_certs_only(std::iter::empty())
        .build()
        .and_then(|client| client.get(address).send())
        .and_then(|answer| answer.text())
        .expect("the page");
    assert!(page.contains("game-servers"), "the page shows the channel");
    sim.kill().expect("it can be killed");
    sim.wait().expect("it is gone");
}
