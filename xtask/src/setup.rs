//! Installs what the tests need: Debian packages and cargo's own tools. As root or with sudo it installs them;
//! otherwise it names them and stops. The compiler for C is the Makefile's: this cannot be built without it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// What to install for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The demo: nothing but Node.
    Demo,
    /// The tests: the real games, brokers and databases that they start.
    Test,
}

/// A Debian package, and a file that proves that what it brings is there, wherever it came from.
struct Package {
    name: &'static str,
    provides: &'static str,
}

const TEST: &[Package] = &[
    Package { name: "postgresql", provides: "/usr/lib/postgresql" },
    Package { name: "mosquitto", provides: "/usr/sbin/mosquitto" },
    Package { name: "redis-server", provides: "/usr/bin/redis-server" },
    Package { name: "bzflag-server", provides: "/usr/games/bzfs" },
    Package { name: "bzflag-client", provides: "/usr/games/bzadmin" },
    Package { name: "minetest-server", provides: "/usr/games/minetestserver" },
    Package { name: "minetest", provides: "/usr/games/minetest" },
    Package { name: "teeworlds-server", provides: "/usr/games/teeworlds-server" },
    Package { name: "armagetronad-dedicated", provides: "/usr/games/armagetronad-dedicated" },
    Package { name: "python3-venv", provides: "/usr/share/doc/python3-venv" },
    Package { name: "procps", provides: "/usr/bin/pgrep" },
];

/// A cargo subcommand, built from source when it is missing.
const TOOLS: &[(&str, &str)] = &[("cargo-nextest", "0.9.143"), ("cargo-deny", "0.20.2")];

/// Installs what is missing, or says what is.
pub fn setup(purpose: Purpose) -> Result<(), String> {
    node()?;
    let packages = if purpose == Purpose::Test { TEST } else { &[] };
    let missing: Vec<&str> =
        packages.iter().filter(|package| !Path::new(package.provides).exists()).map(|p| p.name).collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    if purpose == Purpose::Test {
        for (tool, version) in TOOLS {
            cargo_tool(tool, version)?;
        }
    }
    Ok(())
}

/// Node is the reader's choice of version, so it is asked for and not installed.
fn node() -> Result<(), String> {
    for program in ["node", "npm"] {
        if !succeeds(Command::new(program).arg("--version")) {
            return Err(format!(
                "{program} is missing. Install Node 20 or newer (with npm), then run this again."
            ));
        }
    }
    Ok(())
}

fn install(missing: &[&str]) -> Result<(), String> {
    let by_hand = format!("sudo apt-get install {}", missing.join(" "));
    let root = succeeds(Command::new("sh").args(["-c", "[ \"$(id -u)\" = 0 ]"]));
    let prefix: &[&str] = if root {
        &[]
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        &["sudo", "-n"]
    } else {
        return Err(format!("These packages are missing, and only root can install them:\n  {by_hand}"));
    };
    eprintln!("Installing: {}", missing.join(" "));
    apt(prefix, &["update", "-qq"], &by_hand)?;
    let mut words = vec!["install", "-y", "-qq", "--no-install-recommends"];
    words.extend(missing);
    apt(prefix, &words, &by_hand)
}

fn apt(prefix: &[&str], words: &[&str], by_hand: &str) -> Result<(), String> {
    let mut line: Vec<&str> = prefix.to_vec();
    // `sudo` clears the environment, so the setting goes behind it.
    line.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    line.extend(words);
    let status = Command::new(line[0]).args(&line[1..]).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("apt-get did not work. Its words are above; then try:\n  {by_hand}")),
    }
}

fn cargo_tool(tool: &str, version: &str) -> Result<(), String> {
    let subcommand = tool.trim_start_matches("cargo-");
    if succeeds(Command::new("cargo").args([subcommand, "--version"])) {
        return Ok(());
    }
    eprintln!("Building {tool} {version}; this takes some minutes, once.");
    let status =
        Command::new("cargo").args(["install", "--locked", "--quiet", tool, "--version", version]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => {
            Err(format!("{tool} could not be built. Try: cargo install --locked {tool} --version {version}"))
        }
    }
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
