//! The stage: the stand-in Discord with its people, and a running Guildhall that serves their community.

use std::{fs, future::Future, os::unix::fs::FileTypeExt as _, path::Path};

use guildhall_sim::{
    Answer, App, ChannelId, ChannelView, Direction, Exchange, Guild, InteractionHandle, Message, Permissions,
    Place, Sim, SimConfig, User, conformance::Checker,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{GAME, Guildhall, PATIENCE, assert_discreet, eventually};

/// How interactions come to Guildhall.
pub enum Way {
    /// Posted and signed by Discord.
    Http,
    /// Over the gateway.
    Gateway,
    /// Posted by the test itself, signed with the other half of this key.
    Forged(String),
}

/// Everything a test needs.
pub struct Stage {
    pub guildhall: Guildhall,
    pub sim: Sim,
    pub app: App,
    pub guild: Guild,
    /// Owns the guild.
    pub olive: User,
    /// Of the staff.
    pub ada: User,
    /// Of the staff as well.
    pub cleo: User,
    /// A member.
    pub ben: User,
    /// The channel for game servers.
    pub channel: ChannelId,
    runtime: Runtime,
}

/// The small game, with an installation that waits until the test opens the gate.
pub fn gated() -> String {
    let game = GAME
        .replace("name = \"counter\"", "name = \"gated\"")
        .replace("title = \"Counter\"", "title = \"Gated\"");
    let install = "rm -f gate; mkfifo gate && cat gate > opened && mv opened installed";
    format!(
        "{game}\n[[install]]\nstep = \"command\"\nrun = [\"sh\", \"-c\", {install:?}]\ncreates = \"installed\"\n"
    )
}

/// Lets the installation of a gated game go on.
pub fn open_gate(folder: &Path) {
    let gate = folder.join("gate");
    let waits = || fs::metadata(&gate).ok()?.file_type().is_fifo().then_some(());
    eventually("the installation waits at its gate", waits);
    fs::write(gate, "open").expect("the gate opens");
}

impl Stage {
    /// Sets it up, with more recipes beside `counter` and `gated`.
    pub fn set(way: &Way, recipes: &[String]) -> Self {
        Self::set_with(way, recipes, "")
    }

    /// The same, with more sections in its configuration.
    pub fn set_with(way: &Way, recipes: &[String], sections: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let sim = runtime.block_on(Sim::start(SimConfig::default())).expect("the stand-in");
        let olive = sim.user("olive");
        let (ada, ben, cleo) = (sim.user("ada"), sim.user("ben"), sim.user("cleo"));
        let guild = sim.guild("Community", &olive);
        let channel = guild.channel("game-servers");
        let moderation = Permissions::MODERATE_MEMBERS | Permissions::KICK_MEMBERS | Permissions::BAN_MEMBERS;
        let staff = guild.role("staff", Permissions::MANAGE_GUILD | moderation);
        guild.join(&ada, &[staff]);
        guild.join(&cleo, &[staff]);
        guild.join(&ben, &[]);
        let app = sim.application("Guildhall", &olive);
        guild.install_with(&app, Permissions::ADMINISTRATOR);

        let own_key = app.public_key();
        let key = if let Way::Forged(key) = way { key } else { &own_key };
        let gateway = match way {
            Way::Gateway => format!("gateway = true\ngateway_url = \"{}\"\n", sim.gateway_url()),
            Way::Http | Way::Forged(_) => String::new(),
        };
        let configuration = format!(
            "[discord]\napplication_id = {}\npublic_key = \"{key}\"\ntoken = \"{}\"\napi_url = \"{}\"\n{gateway}\n\
             [[communities]]\ntenant = \"community\"\nguild = {}\nchannel = {channel}\nadmin_roles = [{staff}]\n{sections}\n",
            app.id(),
            app.token(),
            sim.rest_base(),
            guild.id(),
        );
        let recipes: Vec<String> = [gated()].iter().chain(recipes).cloned().collect();
        let guildhall = Guildhall::start(&configuration, &recipes);
        let stage = Self { guildhall, sim, app, guild, olive, ada, cleo, ben, channel, runtime };
        match way {
            Way::Http => {
                let endpoint = stage.guildhall.url("/interactions");
                stage
                    .wait(stage.app.set_interactions_url(Some(&endpoint)))
                    .expect("the endpoint checks signatures");
            }
            Way::Gateway => stage.wait(stage.app.wait_connected(PATIENCE)).expect("a gateway connection"),
            Way::Forged(_) => {}
        }
        stage
            .wait(stage.app.wait_for_command("server start", PATIENCE))
            .expect("the commands are registered");
        stage
    }

    /// Waits for something of the stand-in's.
    pub fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// A person uses a slash command in the servers' channel; the answer as that person sees it.
    pub fn command(&self, who: &User, path: &str, options: Value) -> Message {
        let handle =
            who.in_channel(self.channel).run(path, options).expect("a command that Discord would send");
        self.answer(&handle)
    }

    /// A person presses a button; the answer as that person sees it.
    pub fn press(&self, place: &Place, message: &Message, button: &str) -> Message {
        let handle = place.press(message.id, button).expect("a button that Discord would send");
        self.answer(&handle)
    }

    /// What a person is offered while typing.
    pub fn offered(&self, who: &User, path: &str, options: Value, focused: &str) -> Vec<String> {
        let typed = who.in_channel(self.channel).autocomplete(path, options, focused).expect("an option");
        let choices = self.wait(typed.choices(PATIENCE)).expect("suggestions in time");
        choices.into_iter().map(|choice| choice.value.as_str().unwrap_or_default().to_owned()).collect()
    }

    fn answer(&self, handle: &InteractionHandle) -> Message {
        // Discord's three seconds are the stand-in's as well: who is later has failed.
        if let Answer::Failed(why) = self.wait(handle.answer()) {
            panic!("not answered in time: {why}\n{}", self.guildhall.log());
        }
        self.wait(handle.message(PATIENCE)).expect("an answer")
    }

    /// The sessions' and servers' threads that members see, in the order they were made.
    pub fn threads(&self) -> Vec<ChannelView> {
        self.ben.threads(self.channel)
    }

    /// Waits for a thread that was not there before.
    pub fn new_thread(&self, before: &[ChannelView]) -> Place {
        let fresh = |all: &[ChannelView]| {
            let new = |channel: &&ChannelView| {
                channel.parent == Some(self.channel) && before.iter().all(|known| known.id != channel.id)
            };
            all.iter().find(new).map(|thread| thread.id)
        };
        let thread = self.wait(self.ben.wait_for_channel(PATIENCE, fresh)).expect("a new thread");
        self.ben.in_channel(thread)
    }

    /// Waits for a message with these words in a thread.
    pub fn read(&self, place: &Place, words: &str) -> Message {
        self.wait(place.wait_for_text(PATIENCE, words)).expect("the words")
    }

    /// Waits until a thread is closed; everything in it, oldest first.
    pub fn closed(&self, place: &Place) -> Vec<Message> {
        let closed = |all: &[ChannelView]| {
            let thread = all.iter().find(|channel| channel.id == place.channel())?;
            (thread.archived && thread.locked).then_some(())
        };
        self.wait(self.ben.wait_for_channel(PATIENCE, closed)).expect("a closed thread");
        place.visible_messages()
    }

    /// Makes a server as staff; its own thread.
    pub fn create(&self, options: Value) -> Place {
        let before = self.threads();
        let name = options["name"].as_str().expect("a name").to_owned();
        let made = self.command(&self.ada, "server create", options);
        assert!(made.text().contains(&format!("{name} is made")), "{}", made.text());
        self.new_thread(&before)
    }

    /// Starts a server as a member; the session's thread.
    pub fn start(&self, server: &str) -> Place {
        let before = self.threads();
        let answer = self.command(&self.ben, "server start", json!({"server": server}));
        assert!(answer.is_ephemeral() && answer.text().contains("is starting"), "{}", answer.text());
        self.new_thread(&before)
    }

    /// Everything that a thread's messages have ever read, in order: edits are kept in the stand-in's log.
    pub fn told(&self, thread: ChannelId) -> Vec<String> {
        let path = format!("/channels/{thread}/messages");
        let log = self.sim.log();
        let ours = log.iter().filter(|exchange| {
            exchange.path.starts_with(&path) && ["POST", "PATCH"].contains(&exchange.method.as_str())
        });
        ours.filter_map(|exchange| Some(content(exchange.request.as_ref()?).join("\n"))).collect()
    }

    /// Stops everything and proves that nothing is left, that no secret was told anywhere, and that every exchange
    /// with Discord kept to its specification.
    pub fn finish(self) {
        self.finish_with(&[]);
    }

    /// The same, with secrets of the servers.
    pub fn finish_with(self, of_servers: &[String]) {
        let Self { guildhall, sim, app, runtime, .. } = self;
        let listed = guildhall.cli(&["audit", "list", "--json"]);
        assert!(listed.status.success(), "the command line works as well: {listed:?}");
        let secrets = [&guildhall.secrets(), of_servers].concat();
        assert!(secrets.contains(&app.token()), "the bot's token is one of them");
        guildhall.finish(of_servers);
        for exchange in sim.log() {
            let told = match exchange.direction {
                Direction::ToDiscord => &exchange.request,
                Direction::ToApplication => &exchange.response,
            };
            let place = format!("{} {}", exchange.method, exchange.path);
            assert_discreet(&secrets, &place, &format!("{} {told:?}", exchange.query));
        }
        assert_conformance(&sim);
        runtime.block_on(sim.shutdown());
    }
}

/// Proves that every exchange kept to Discord's own specification, where that is at hand.
fn assert_conformance(sim: &Sim) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/discord/openapi.json");
    if !path.exists() {
        println!("skipped, because there is no {}", path.display());
        return;
    }
    let checker = Checker::load(path).expect("Discord's document");
    let log = sim.log();
    assert!(!log.is_empty() && sim.log_dropped() == 0, "{} exchanges", log.len());
    let wrong: Vec<String> = log
        .iter()
        .flat_map(|exchange| checker.check_exchange(exchange))
        .map(|wrong| wrong.to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // The way to the thread may be shown before Discord has taken in the answer it is added to; that edit is
    // repeated until it is.
    let taken_later = |early: &Exchange| {
        let same = |other: &&Exchange| (&other.method, &other.path) == (&early.method, &early.path);
        let on_its_way = early.status == 404 && early.path.ends_with("/messages/@original");
        on_its_way && log.iter().filter(same).any(|other| other.status < 300)
    };
    // Whether somebody is a member, or banned, or takes messages, is only known from Discord's no.
    let asked = |exchange: &Exchange| {
        let closed = exchange.response.as_ref().is_some_and(|answer| answer["code"] == 50_007);
        (exchange.method == "GET" && exchange.status == 404) || closed
    };
    let refused: Vec<_> = log
        .iter()
        .filter(|exchange| exchange.direction == Direction::ToDiscord && exchange.status >= 400)
        .filter(|exchange| !taken_later(exchange) && !asked(exchange))
        .map(|exchange| {
            format!("{} {} {}: {:?}", exchange.method, exchange.path, exchange.status, exchange.response)
        })
        .collect();
    assert!(refused.is_empty(), "Discord refuses nothing that Guildhall asks: {refused:#?}");
}

/// The texts in a message's components, in order.
fn content(part: &Value) -> Vec<String> {
    match part {
        Value::Array(parts) => parts.iter().flat_map(content).collect(),
        Value::Object(part) => {
            let own = part.get("content").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(part.get("components").map(content).unwrap_or_default()).collect()
        }
        _ => Vec::new(),
    }
}
