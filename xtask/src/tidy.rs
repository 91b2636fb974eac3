//! Rules of the repository that no compiler knows.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// A file above this holds two rooms.
const LONGEST_FILE: usize = 600;
/// A crate's sources above this, tests left out, are two crates; docs/adr/0009 says why it is not less.
const LARGEST_CRATE: usize = 7_000;
/// Rooms whose words hang together too closely to be parted by a line count; docs/adr/0014 says why.
const LARGER: &[(&str, usize)] = &[("sim/", LARGEST_STAND_IN), ("crates/moderation/", 9_000)];
/// The stand-in Discord is as large as what it stands in for, and nothing is built on top of it.
const LARGEST_STAND_IN: usize = 15_000;

/// Checks all rules and lists every breach.
pub fn check() -> Result<(), String> {
    let files = tracked()?;
    let mut breaches = Vec::new();
    for file in &files {
        // A file that is deleted but not committed yet is still listed.
        let Ok(text) = fs::read_to_string(file) else { continue };
        if file.ends_with(".rs") {
            source(file, &text, &mut breaches);
        }
        if file.ends_with(".md") {
            links(file, &text, &mut breaches);
        }
    }
    rooms(&files, &mut breaches);
    messages(&files, &mut breaches);
    operations(&files, &mut breaches);
    if breaches.is_empty() {
        return Ok(());
    }
    Err(format!("{} rules of the repository are broken:\n{}", breaches.len(), breaches.join("\n")))
}

fn tracked() -> Result<Vec<String>, String> {
    let output =
        Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).output();
    let output = output.map_err(|error| format!("git cannot be run: {error}"))?;
    let files: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    // No files would be no breaches either: a check of nothing must not pass.
    if !output.status.success() || files.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "git does not list this repository's files, so nothing was checked: {}",
            said.trim()
        ));
    }
    Ok(files)
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("/tests.rs") || file.contains("/benches/")
}

fn source(file: &str, text: &str, breaches: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > LONGEST_FILE && !is_test(file) {
        breaches.push(format!(
            "{file}: {lines} lines; split what changes for different reasons (at most {LONGEST_FILE})"
        ));
    }
    let name = Path::new(file).file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    if matches!(name, "utils" | "util" | "helpers" | "helper" | "misc" | "common" | "types") {
        breaches.push(format!("{file}: name it after what it holds"));
    }
    let root = file.ends_with("/lib.rs") || file.ends_with("/main.rs") || file.ends_with("/mod.rs");
    if root && !text.starts_with("//!") && !is_test(file) {
        breaches.push(format!("{file}: says not what it is for; begin with a `//!` line or two"));
    }
    for (at, line) in text.lines().enumerate() {
        let marker = ["TODO", "FIXME", "XXX", "HACK"]
            .into_iter()
            .find(|marker| line.contains(&format!("// {marker}")));
        if let Some(marker) = marker {
            breaches.push(format!("{file}:{}: {marker}: finish it or file it", at + 1));
        }
        if line.trim_start().starts_with("#[ignore") {
            breaches.push(format!("{file}:{}: an ignored test proves nothing", at + 1));
        }
    }
}

/// Links between the papers lead somewhere.
fn links(file: &str, text: &str, breaches: &mut Vec<String>) {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    for piece in text.split("](").skip(1) {
        let Some((target, _)) = piece.split_once(')') else { continue };
        let target = target.split('#').next().unwrap_or_default();
        let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
        if !elsewhere && !folder.join(target).exists() {
            breaches.push(format!("{file}: links to {target}, which is not there"));
        }
    }
}

/// Every error that is raised has a message in every language.
fn messages(files: &[String], breaches: &mut Vec<String>) {
    for language in ["en", "de"] {
        let name = format!("locales/{language}.ftl");
        let said: BTreeSet<String> = files
            .iter()
            .filter(|file| file.ends_with(&name))
            .filter_map(|file| fs::read_to_string(file).ok())
            .flat_map(|text| text.lines().filter_map(message_of).collect::<Vec<_>>())
            .collect();
        for file in files.iter().filter(|file| file.contains("/src/") && !is_test(file)) {
            let Ok(text) = fs::read_to_string(file) else { continue };
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for code in codes(text).into_iter().filter(|code| !said.contains(*code)) {
                breaches.push(format!("{file}: the error '{code}' has no message in any {name}"));
            }
        }
    }
}

/// The page that the program writes of all its operations; each is a heading.
const OPERATIONS: &str = "docs/operations.md";

/// Every operation is named in a test: as a string, as a line that somebody types, or as words of a command line.
fn operations(files: &[String], breaches: &mut Vec<String>) {
    let tests: Vec<String> = files
        .iter()
        .filter(|file| file.ends_with(".rs") && !file.contains("/benches/"))
        .filter_map(|file| {
            let text = fs::read_to_string(file).ok()?;
            if is_test(file) { Some(text) } else { Some(text.split_once("#[cfg(test)]")?.1.to_owned()) }
        })
        .collect();
    let page = fs::read_to_string(OPERATIONS).unwrap_or_default();
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    let names: Vec<&str> =
        headings.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    if names.is_empty() {
        breaches.push(format!("{OPERATIONS}: names no operation; write it with `make golden`"));
    }
    for name in names {
        let words = name.replace(' ', "\", \"");
        let tested = tests.iter().any(|text| {
            let begins = |before: &str| {
                [format!("{before}{name}\""), format!("{before}{name} ")]
                    .iter()
                    .any(|line| text.contains(line))
            };
            ["\"", "\"/", "\"$"].into_iter().any(begins) || text.contains(&format!("\"{words}\""))
        });
        if !tested {
            breaches.push(format!("{OPERATIONS}: no test calls '{name}'"));
        }
    }
}

/// The code that a line of a Fluent file has a message for.
fn message_of(line: &str) -> Option<String> {
    let (name, _) = line.split_once('=')?;
    let name = name.trim_end();
    let word =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    word.then(|| name.to_owned())
}

/// The codes of the errors that a source raises: `Error::new(Kind::NotFound, "server_not_found", …)`.
fn codes(text: &str) -> Vec<&str> {
    text.split("::new(")
        .skip(1)
        .filter_map(|rest| {
            let rest = rest.trim_start();
            let rest = ["guildhall_core::Kind::", "crate::Kind::", "Kind::", "Blame::"]
                .into_iter()
                .find_map(|kind| rest.strip_prefix(kind))?;
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_start();
            let rest = rest.strip_prefix(',')?.trim_start().strip_prefix('"')?;
            let (code, _) = rest.split_once('"')?;
            code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_').then_some(code)
        })
        // What is wrong with an input is said by the input's own message.
        .filter(|code| *code != "invalid_input")
        .collect()
}

/// What each room may stand on. The program stands on all of them, so it is not listed.
const GROUND: &[(&str, &[&str])] = &[
    ("crates/core/", &[]),
    ("crates/store/", &["core"]),
    ("crates/flows/", &["core", "store"]),
    ("crates/recipes/", &["core"]),
    ("crates/link/", &["core", "recipes"]),
    ("crates/broker/", &[]),
    ("crates/agent/", &["core", "recipes", "link"]),
    ("crates/servers/", &["core", "store", "flows", "recipes", "link"]),
    ("crates/guilds/", &["core"]),
    ("crates/community/", &["core", "store"]),
    ("crates/moderation/", &["core", "store", "flows"]),
    ("crates/incidents/", &["core", "store"]),
    ("crates/logs/", &["core", "store"]),
    ("crates/telemetry/", &["core", "store"]),
    ("crates/discord/", &["core", "guilds"]),
    ("crates/http/", &["core"]),
    ("sim/", &[]),
    ("xtask/", &[]),
];

/// A room is a crate of readable size, and stands only on what is below it.
fn rooms(files: &[String], breaches: &mut Vec<String>) {
    for manifest in files.iter().filter(|file| file.ends_with("Cargo.toml") && file.contains('/')) {
        let room = manifest.trim_end_matches("Cargo.toml");
        let lines: usize = files
            .iter()
            .filter(|file| {
                file.starts_with(&format!("{room}src/")) && file.ends_with(".rs") && !is_test(file)
            })
            .filter_map(|file| fs::read_to_string(file).ok())
            .map(|text| text.lines().count())
            .sum();
        let larger = LARGER.iter().find(|(name, _)| *name == room).map(|(_, most)| *most);
        let most = larger.unwrap_or(LARGEST_CRATE);
        if lines > most {
            breaches.push(format!("{room}: {lines} lines of source; make it two rooms (at most {most})"));
        }
        if room != "crates/guildhall/" {
            stands_on(manifest, room, breaches);
        }
    }
}

fn stands_on(manifest: &str, room: &str, breaches: &mut Vec<String>) {
    let Some((_, below)) = GROUND.iter().find(|(name, _)| *name == room) else {
        breaches.push(format!("{manifest}: a new room; say in xtask/src/tidy.rs what it may stand on"));
        return;
    };
    let text = fs::read_to_string(manifest).unwrap_or_default();
    // Tests may look anywhere.
    let runtime = text.split("[dev-dependencies]").next().unwrap_or_default();
    for line in runtime.lines() {
        let Some(rest) = line.strip_prefix("guildhall-") else { continue };
        let name = rest.split(['.', ' ', '=']).next().unwrap_or_default();
        if !below.contains(&name) {
            breaches.push(format!("{manifest}: stands on {name}, which is not below it"));
        }
    }
}
