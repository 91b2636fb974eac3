//! The commands that need no running Guildhall, and the demo.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn guildhall() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command.stdin(Stdio::null());
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
    fs::write(&file, "http:\n  listen: nowhere\nlog:\n  colour: red\n").expect("written");
    let checked =
        guildhall().args(["config", "check", "--config"]).arg(&file).output().expect("the program runs");
    assert_eq!(checked.status.code(), Some(1));
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(
        told.contains("guildhall.yaml: http.listen:") && told.contains("guildhall.yaml: log.colour:"),
        "{told}"
    );
    fs::write(&file, "").expect("written");
    let checked =
        guildhall().args(["config", "check", "--config"]).arg(&file).status().expect("the program runs");
    assert!(checked.success());
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
