//! The recipe format, version 1: the types that a TOML file is read into.
//!
//! Texts may hold placeholders: `{var.NAME}`, `{port.NAME}`, `{server.name}`, `{server.folder}` and
//! `{host.address}`. `{{` and `}}` stand for the braces themselves. Paths are relative to the server's folder
//! and never leave it.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one game is installed, configured, started, watched and stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The format's version: 1.
    pub format: u32,
    /// The recipe's name: 1 to 32 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// The game's name as people know it.
    pub title: String,
    /// One line on what it is.
    pub summary: String,
    /// Where the game server comes from.
    #[serde(default)]
    pub homepage: Option<String>,
    /// What a community may set, by name.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    /// The ports it listens on, by name. `game` is the one players connect to.
    pub ports: BTreeMap<String, Port>,
    /// What to do before the first start, in order.
    #[serde(default)]
    pub install: Vec<InstallStep>,
    /// Files to write before each start.
    #[serde(default)]
    pub files: Vec<ConfigFile>,
    /// The process.
    pub start: Start,
    /// When it is ready for players. Every condition given must hold.
    pub ready: Ready,
    /// Who is playing.
    #[serde(default)]
    pub players: Players,
    /// How to talk to it.
    #[serde(default)]
    pub console: Console,
    /// How players are kept out.
    #[serde(default, skip_serializing_if = "Access::is_empty")]
    pub access: Access,
    /// How it is stopped.
    pub stop: Stop,
    /// What of its folder is worth keeping.
    #[serde(default)]
    pub save: Save,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// How a player gets in; a text with placeholders.
    #[serde(default)]
    pub connect: Option<String>,
}

/// Something that a community may set.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Variable {
    /// What it changes.
    pub description: String,
    /// What fits.
    #[serde(flatten)]
    pub kind: VariableKind,
}

/// What fits into a variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum VariableKind {
    /// A line of text.
    Text {
        /// When not set.
        default: String,
        /// At most this many characters.
        #[serde(default)]
        max_length: Option<u32>,
        /// A regular expression it matches as a whole.
        #[serde(default)]
        pattern: Option<String>,
    },
    /// A whole number.
    Integer {
        /// When not set.
        default: i64,
        /// At least.
        #[serde(default)]
        min: Option<i64>,
        /// At most.
        #[serde(default)]
        max: Option<i64>,
    },
    /// Yes or no.
    Boolean {
        /// When not set.
        default: bool,
    },
    /// One of several words.
    Choice {
        /// When not set.
        default: String,
        /// The words.
        choices: Vec<String>,
    },
    /// A line of text that is never shown. Without a value it is generated when the server is made.
    Secret {},
}

/// A port's transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// The same number on both.
    Both,
}

/// A port that the game listens on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its transport.
    pub protocol: Protocol,
    /// The number it has when that is free; otherwise the next free one.
    pub default: u16,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
}

/// One step of an installation. Each can be repeated without harm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "step", deny_unknown_fields)]
pub enum InstallStep {
    /// A Debian package, on the host as a whole.
    Apt {
        /// The package.
        package: String,
        /// A program that proves that it is there: an absolute path.
        provides: String,
    },
    /// A file from the network. Without a digest a recipe is refused unless it is `unpinned = true`.
    Download {
        /// `https` only.
        url: String,
        /// The file's SHA-256, in hex.
        #[serde(default)]
        sha256: Option<String>,
        /// Where it goes.
        to: String,
        /// The publisher replaces the file in place, so there is no digest to pin.
        #[serde(default)]
        unpinned: bool,
    },
    /// Unpacks a `.zip`, `.tar` or `.tar.gz` in the server's folder.
    Archive {
        /// The archive.
        file: String,
        /// Where it goes.
        to: String,
        /// Leading folders to leave out.
        #[serde(default)]
        strip: u32,
    },
    /// A package from npm, into `node_modules`.
    Npm {
        /// The package.
        package: String,
        /// The exact version.
        version: String,
    },
    /// A program run in the server's folder, as the server's user.
    Command {
        /// The program and its arguments.
        run: Vec<String>,
        /// At most this long.
        #[serde(default = "ten_minutes", with = "crate::duration")]
        #[schemars(with = "String")]
        within: Duration,
        /// A file that is there afterwards; when it is there before, the step is skipped.
        creates: String,
    },
    /// A game from Steam by SteamCMD, into the server's folder. Needs the host's `steamcmd` program.
    Steamcmd {
        /// Steam's number of the dedicated server.
        app: u32,
        /// The beta branch instead of the public one.
        #[serde(default)]
        beta: Option<String>,
        /// Where it goes; the server's folder itself when not given.
        #[serde(default)]
        to: Option<String>,
        /// At most this long.
        #[serde(default = "two_hours", with = "crate::duration")]
        #[schemars(with = "String")]
        within: Duration,
    },
}

fn two_hours() -> Duration {
    Duration::from_secs(7_200)
}

fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}

/// How a configuration file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Java properties: `key=value`.
    Properties,
    /// INI: a value's key is `section.key`.
    Ini,
    /// JSON: a value's key is a dotted path.
    Json,
    /// YAML: a value's key is a dotted path.
    Yaml,
    /// XML: a value's key is a slashed path of elements, `@name` for an attribute.
    Xml,
    /// TOML: a value's key is a dotted path.
    Toml,
    /// Plain lines: a value's key is the line's first word, its value the rest.
    Lines,
    /// A text that the recipe carries in `content`, written as it is: no placeholder is filled in, so that no
    /// variable can become a part of a script.
    Text,
}

/// A file that is written before each start. Keys that the file has and the recipe does not name stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// Where, in the server's folder.
    pub path: String,
    /// How.
    pub format: FileFormat,
    /// What. A value that is nothing but one placeholder keeps the variable's type.
    #[serde(default)]
    pub values: BTreeMap<String, serde_json::Value>,
    /// The whole file, for the format `text` only.
    #[serde(default)]
    pub content: Option<String>,
}

/// The process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The program and its arguments. No shell reads them.
    pub command: Vec<String>,
    /// The working folder.
    #[serde(default)]
    pub folder: Option<String>,
    /// Environment variables. Nothing else is inherited but PATH, LANG and HOME (the server's folder).
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// When the game is ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// It has to be ready this long after its start, or the start has failed.
    #[serde(with = "crate::duration")]
    #[schemars(with = "String")]
    pub within: Duration,
    /// A console line matches this.
    #[serde(default)]
    pub log: Option<String>,
    /// This port, by name, is open (TCP: listening; UDP: bound).
    #[serde(default)]
    pub port: Option<String>,
    /// The query of `[players]` is answered.
    #[serde(default)]
    pub query: bool,
}

/// The protocols that Guildhall can ask who is playing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueryProtocol {
    /// Minecraft Java status.
    Minecraft,
    /// Valve A2S.
    Valve,
    /// BZFlag's own.
    Bzflag,
    /// Teeworlds 0.7 server info.
    Teeworlds,
    /// Luanti (Minetest): answers a greeting, names nobody.
    Luanti,
    /// Armagetron Advanced's server info.
    Armagetron,
}

/// Who is playing. Where both are given, the query counts and the patterns name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Players {
    /// Ask the game.
    #[serde(default)]
    pub query: Option<QueryProtocol>,
    /// On this port, by name; `game` when not given.
    #[serde(default)]
    pub port: Option<String>,
    /// A console line that tells of a player joining; the group `player` is the name.
    #[serde(default)]
    pub join: Option<String>,
    /// A console line that tells of a player leaving; the group `player` is the name.
    #[serde(default)]
    pub leave: Option<String>,
}

/// How the game reads its console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleInput {
    /// It reads lines from its terminal.
    #[default]
    Terminal,
    /// It does not.
    None,
}

/// How to talk to the game.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Console {
    /// Where lines go.
    #[serde(default)]
    pub input: ConsoleInput,
    /// The line that says `{text}` to everybody in the game.
    #[serde(default)]
    pub say: Option<String>,
}

/// How the game keeps a player out, by lines on its console. Each holds `{player}` and no other placeholder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The line that keeps a player out until `unban`, whether or not they are in the game.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ban: Option<String>,
    /// The line that lets a banned player in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unban: Option<String>,
    /// The line that throws out a player who is in the game, and who can come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kick: Option<String>,
    /// A regular expression that a player's name matches as a whole; `[A-Za-z0-9_.-]{1,32}` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player_name: Option<String>,
}

impl Access {
    /// Whether the recipe says nothing of it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the game has a way to keep somebody out. One that can only throw them out is told to whenever
    /// they come back.
    pub fn keeps_out(&self) -> bool {
        self.ban.is_some() || self.kick.is_some()
    }
}

/// A signal that stops a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StopSignal {
    /// Interrupt.
    #[serde(rename = "SIGINT")]
    Int,
    /// Terminate.
    #[serde(rename = "SIGTERM")]
    Term,
    /// Quit.
    #[serde(rename = "SIGQUIT")]
    Quit,
    /// Hang up.
    #[serde(rename = "SIGHUP")]
    Hup,
}

/// How the game is stopped: its own way, then SIGTERM, then SIGKILL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// A console line. Either this or `signal`.
    #[serde(default)]
    pub command: Option<String>,
    /// A signal.
    #[serde(default)]
    pub signal: Option<StopSignal>,
    /// How long its own way may take before SIGTERM.
    #[serde(default = "half_a_minute", with = "crate::duration")]
    #[schemars(with = "String")]
    pub wait: Duration,
    /// How long SIGTERM may take before SIGKILL.
    #[serde(default = "ten_seconds", with = "crate::duration")]
    #[schemars(with = "String")]
    pub term_wait: Duration,
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

/// What is worth keeping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Save {
    /// Files and folders.
    #[serde(default)]
    pub paths: Vec<String>,
    /// A console line that makes the game write everything out; sent before it is stopped.
    #[serde(default)]
    pub command: Option<String>,
}

/// What the process may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open files (RLIMIT_NOFILE).
    pub open_files: u64,
    /// Processes and threads of the server's user (RLIMIT_NPROC).
    pub processes: u64,
    /// The largest file it may write, in bytes (RLIMIT_FSIZE).
    pub file_size: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { open_files: 8192, processes: 512, file_size: None }
    }
}
