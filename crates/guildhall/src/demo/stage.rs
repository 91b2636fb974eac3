//! Where the demo takes place: the stand-in Discord with its people, the program, and what the reader is told.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use guildhall_sim::{
    Answer, App, ChannelId, InteractionHandle, Message, Permissions, Place, RateLimits, Sim, SimConfig, User,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Trouble, player, program::Program};

/// Discord's own patience with an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Everything the scenes need.
pub struct Stage {
    /// Kept for its end: the folder goes with it.
    _temporary: Option<TempDir>,
    folder: PathBuf,
    sim: Sim,
    app: App,
    /// The running Guildhall.
    pub program: Program,
    /// Staff.
    pub ada: User,
    /// A member.
    pub ben: User,
    /// The channel for game servers.
    pub channel: ChannelId,
}

impl Stage {
    /// Sets it up.
    pub async fn set(folder: Option<PathBuf>) -> Result<Self, Trouble> {
        say("Guildhall: a real game server, a real player, and a stand-in for Discord.\n");
        let (temporary, folder) = match folder {
            Some(folder) => (None, folder),
            None => {
                let temporary = tempfile::Builder::new().prefix("guildhall-demo-").tempdir()?;
                let folder = temporary.path().to_owned();
                (Some(temporary), folder)
            }
        };
        fs::create_dir_all(&folder)?;
        // As root, each game runs as a user of its own, who has to get through to its folder.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711))?;
        say("Preparing the player (mineflayer, from npm) …");
        player::install(&folder.join("player")).await?;

        let config = SimConfig { rate_limits: RateLimits::generous(), ..SimConfig::default() };
        let sim = Sim::start(config).await?;
        let olive = sim.user("olive");
        let (ada, ben) = (sim.user("ada"), sim.user("ben"));
        let guild = sim.guild("Community", &olive);
        let channel = guild.channel("game-servers");
        let moderation = Permissions::MODERATE_MEMBERS | Permissions::KICK_MEMBERS | Permissions::BAN_MEMBERS;
        let staff = guild.role("staff", Permissions::MANAGE_GUILD | moderation);
        guild.join(&ada, &[staff]);
        guild.join(&ben, &[]);
        let app = sim.application("Guildhall", &olive);
        guild.install_with(&app, Permissions::ADMINISTRATOR);

        let configuration = format!(
            "[discord]\napplication_id = {}\npublic_key = \"{}\"\ntoken = \"{}\"\napi_url = \"{}\"\n\n\
             [[communities]]\ntenant = \"community\"\nguild = {}\nchannel = {channel}\nadmin_roles = [{staff}]\n",
            app.id(),
            app.public_key(),
            app.token(),
            sim.rest_base(),
            guild.id(),
        );
        say("Starting Guildhall: SQLite, the embedded MQTT broker, and an agent on this machine …");
        let program = Program::start(&folder, &configuration).await?;
        let endpoint = format!("{}/interactions", program.url);
        app.set_interactions_url(Some(&endpoint)).await?;
        app.wait_for_command("server start", Duration::from_secs(30)).await?;
        say(
            "Ready. The commands are registered, and the interactions endpoint has proven that it checks signatures.",
        );
        Ok(Self { _temporary: temporary, folder, sim, app, program, ada, ben, channel })
    }

    /// The player's folder.
    pub fn player_folder(&self) -> PathBuf {
        self.folder.join("player")
    }

    /// The folder with everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A person uses a slash command; the answer as that person sees it.
    pub async fn command(&self, who: &User, path: &str, options: Value) -> Result<Message, Trouble> {
        let words: Vec<_> = options
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                format!("{name}:{}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect();
        say(&format!("\n  {}: /{path} {}", capitalised(&who.name()), words.join(" ")));
        let handle = who.in_channel(self.channel).run(path, options)?;
        self.answered(&handle).await
    }

    /// A person presses a button; the answer as that person sees it.
    pub async fn press(&self, place: &Place, message: &Message, button: &str) -> Result<Message, Trouble> {
        say(&format!("\n  {} presses [{button}]", capitalised(&place.user().name())));
        let handle = place.press(message.id, button)?;
        self.answered(&handle).await
    }

    async fn answered(&self, handle: &InteractionHandle) -> Result<Message, Trouble> {
        let began = Instant::now();
        if let Answer::Failed(what) = handle.answer().await {
            return Err(Trouble(format!(
                "there was no answer within Discord's three seconds; the user reads: {what}"
            )));
        }
        let took = began.elapsed();
        // A deferred answer is filled in later.
        let message = handle.message(ANSWER * 6).await?;
        say(&format!("    answered after {} ms", took.as_millis()));
        quote(&message.text());
        Ok(message)
    }

    /// Where everything is, for a reader who wants to go on.
    pub fn tell_addresses(&self) -> io::Result<()> {
        let (url, folder) = (&self.program.url, self.folder.display());
        let places = [
            ("the stand-in Discord, to click on", self.sim.rest_base()),
            ("REST", format!("{url}/api/v1/operations")),
            ("OpenAPI", format!("{url}/api/v1/openapi.json")),
            ("metrics", format!("{url}/metrics")),
            ("the operator's token", format!("{folder}/data/secrets/operator")),
            ("the log", format!("{folder}/guildhall.log")),
            ("the command line", format!("guildhall server list --config {folder}/guildhall.toml")),
        ];
        let mut out = io::stdout();
        if for_programs() {
            let places: serde_json::Map<String, Value> =
                places.into_iter().map(|(name, place)| (name.to_owned(), place.into())).collect();
            return writeln!(out, "{}", json!({"addresses": places}));
        }
        writeln!(out, "\nEverything stays up until Ctrl-C:")?;
        places.into_iter().try_for_each(|(name, place)| writeln!(out, "  {name:<34} {place}"))
    }

    /// Takes everything down. When the scenes went wrong, what cannot be cleared is no further news.
    pub async fn clear(mut self, went_well: bool) -> Result<(), Trouble> {
        say("\nClearing up: servers are deleted, Guildhall stops.");
        let deleted = self.program.delete_servers().await;
        self.app.set_interactions_url(None).await?;
        let stopped = self.program.stop().await;
        self.sim.shutdown().await;
        if !went_well {
            if let Some(folder) = self._temporary.take() {
                say(&format!("The logs stay in {}.", folder.keep().display()));
            }
            return Ok(());
        }
        deleted.and(stopped)
    }
}

/// Whether a program reads standard output: it gets one JSON object a line there, for what was proven, and the story
/// goes to standard error.
static FOR_PROGRAMS: AtomicBool = AtomicBool::new(false);

/// From here on, a program reads standard output.
pub fn tell_programs() {
    FOR_PROGRAMS.store(true, Ordering::Relaxed);
}

fn for_programs() -> bool {
    FOR_PROGRAMS.load(Ordering::Relaxed)
}

/// Tells the reader a line.
pub fn say(line: &str) {
    let _ = match for_programs() {
        true => writeln!(io::stderr(), "{line}"),
        false => writeln!(io::stdout(), "{line}"),
    };
}

/// Shows what Guildhall wrote.
pub fn quote(text: &str) {
    for line in text.lines() {
        say(&format!("    │ {line}"));
    }
}

/// Names what has just been proven.
pub fn proven(what: &str) {
    say(&format!("  ✓ {what}"));
    if for_programs() {
        let _ = writeln!(io::stdout(), "{}", json!({"proven": what}));
    }
}

/// Fails unless it is so.
pub fn must(so: bool, what: &str) -> Result<(), Trouble> {
    if so {
        proven(what);
        return Ok(());
    }
    Err(Trouble(format!("this did not happen: {what}")))
}

/// Fails unless the text holds all the words.
pub fn must_read(text: &str, words: &[&str], what: &str) -> Result<(), Trouble> {
    match words.iter().find(|word| !text.contains(**word)) {
        None => {
            proven(what);
            Ok(())
        }
        Some(word) => Err(Trouble(format!("this did not happen: {what}; '{word}' is not in:\n{text}"))),
    }
}

/// The options that name the demo's server.
pub fn survival() -> Value {
    json!({"server": "survival"})
}

fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
