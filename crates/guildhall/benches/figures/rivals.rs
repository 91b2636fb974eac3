//! The bots that Guildhall is measured beside: discord.py and discord.js, at versions that are pinned.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use guildhall_sim::App;
use serde_json::Value;

use crate::{
    process::{Process, free_port},
    stage::Stage,
};

/// Which bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// discord.py
    Python,
    /// discord.js
    JavaScript,
}

/// A bot that runs.
pub struct Rival {
    process: Process,
    counts: String,
    log: PathBuf,
    http: reqwest::Client,
}

impl Library {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "discord.py",
            Self::JavaScript => "discord.js",
        }
    }

    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["requirements.txt", "bot.py"],
            Self::JavaScript => &["package.json", "package-lock.json", "bot.js"],
        }
    }

    fn folder(self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("rivals").join(self.name())
    }

    /// Installs it below the target folder, unless these versions are there already. Why not, otherwise.
    pub fn install(self) -> Result<(), String> {
        let folder = self.folder();
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(failed)?;
        for file in self.files() {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rivals").join(file);
            fs::copy(from, folder.join(file)).map_err(failed)?;
        }
        let lock = match self {
            Self::Python => "requirements.txt",
            Self::JavaScript => "package-lock.json",
        };
        let wanted = fs::read_to_string(folder.join(lock)).map_err(failed)?;
        let stamp = folder.join("installed");
        if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
            return Ok(());
        }
        match self {
            Self::Python => {
                self.run("python3", &["-m", "venv", "--clear", "venv"])?;
                let quiet = ["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
                self.run("venv/bin/pip", &quiet)?;
            }
            Self::JavaScript => {
                self.run("npm", &["ci", "--no-audit", "--no-fund", "--ignore-scripts"])?;
                // Compiles it. Without a compiler the bot says that it writes lines instead.
                let _ = self.run("npm", &["rebuild", "better-sqlite3", "--build-from-source"]);
            }
        }
        fs::write(stamp, wanted).map_err(failed)
    }

    fn run(self, program: &str, arguments: &[&str]) -> Result<(), String> {
        let output =
            Command::new(program).args(arguments).current_dir(self.folder()).stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing said");
        Err(format!("{program} {} failed: {last}", arguments.join(" ")))
    }

    /// Starts it as this application. It has to be installed.
    pub fn start(self, stage: &Stage, app: &App) -> Rival {
        let folder = self.folder();
        for old in ["cases-py.db", "cases-js.db", "cases.jsonl"] {
            for end in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(folder.join(format!("{old}{end}")));
            }
        }
        let log = folder.join("log");
        let output = fs::File::create(&log).expect("a log");
        let port = free_port();
        let mut command = match self {
            Self::Python => Command::new(folder.join("venv/bin/python")),
            Self::JavaScript => Command::new("node"),
        };
        command
            .arg(if self == Self::Python { "bot.py" } else { "bot.js" })
            .current_dir(&folder)
            .env("SIM_API", format!("{}/api", stage.sim.rest_base()))
            .env("SIM_TOKEN", app.token())
            .env("MODERATORS", stage.moderators.to_string())
            .env("PORT", port.to_string())
            .env("NODE_ENV", "production")
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a log"))
            .stderr(output);
        Rival {
            process: Process::start(&mut command).expect("the bot starts"),
            counts: format!("http://127.0.0.1:{port}/"),
            log,
            http: reqwest::Client::builder().no_proxy().build().expect("a client"),
        }
    }
}

impl Rival {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How far it is: `messages`, `cases`, `guilds`, and what its `store` is. Nothing while it starts.
    pub async fn counts(&mut self) -> Value {
        if let Some(status) = self.process.ended() {
            panic!("the bot ended with {status}:\n{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
        match self.http.get(&self.counts).send().await {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        }
    }
}
