//! Papers that are written from the program: they must say what it says. `make golden` writes them anew.

use std::{env, fs, path::Path, process::Command};

fn golden(paper: &str, arguments: &[&str]) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_guildhall")).args(arguments).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written = String::from_utf8(output.stdout).expect("text");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(paper);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &written).expect("the paper can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == written, "{paper} is stale; write it anew with `make golden` and look at the change");
}

#[test]
fn golden_operations_page() {
    golden("docs/operations.md", &["operations", "--markdown"]);
}

#[test]
fn golden_openapi() {
    golden("docs/openapi.json", &["openapi"]);
}

#[test]
fn golden_configuration_page() {
    golden("docs/configuration.md", &["config", "reference"]);
}
