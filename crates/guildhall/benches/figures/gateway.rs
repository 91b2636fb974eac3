//! One shard of the gateway, through the whole program: messages that no feature wants, messages that become
//! cases, and memory for a thousand guilds. Beside it bots on discord.py and discord.js, one after the other
//! at the same stand-in.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use guildhall_sim::{App, ManyGuilds};
use serde_json::json;
use twilight_gateway::{ConfigBuilder, Intents, Message, Shard, ShardId, queue::InMemoryQueue};

use crate::{
    process::{Usage, mib},
    program::{LOOK, NO_AGENT, Program},
    rivals::{Library, Rival},
    stage::Stage,
};

const MESSAGES: u64 = 50_000;
const WARM_UP: u64 = 5_000;
const TEXT: &str = "has anybody seen my pickaxe? I left it at the second tower";
const MODERATORS: usize = 60;
/// Each moderator's commands. Guildhall takes 20 of one person at once.
const EACH: usize = 10;
const GUILDS: ManyGuilds = ManyGuilds { count: 1_000, channels: 20, roles: 15, members: 10 };
/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(180);

/// Whoever is measured.
enum Bot {
    Guildhall(Box<Program>),
    Rival(Rival),
}

/// How far it is.
#[derive(Clone, Copy, Default)]
struct Counts {
    messages: u64,
    cases: u64,
}

/// What was measured of one of them.
struct Figures {
    name: &'static str,
    /// Messages a second that nobody wanted, and processor time for each.
    unwanted: (f64, Duration),
    /// Cases a second, and processor time for each.
    cases: (f64, Duration),
    /// What it writes cases into.
    store: String,
    /// Resident memory with one guild and with many, in KiB.
    memory: (u64, u64),
    /// Events that did not reach a listener.
    lost: u64,
}

/// Measures everybody and prints it.
pub async fn measure() {
    let stage = Stage::new().await;
    let ceiling = ceiling(&stage).await;
    let mut all = vec![one(&stage, None).await];
    for library in [Library::Python, Library::JavaScript] {
        match library.install() {
            Ok(()) => all.push(one(&stage, Some(library)).await),
            Err(why) => println!("gateway: {} is left out, because {why}", library.name()),
        }
    }
    stage.sim.shutdown().await;
    print(&all, ceiling);
}

fn print(all: &[Figures], ceiling: f64) {
    println!(
        "gateway, one shard: a message → no feature wanted it, {MESSAGES} messages as fast as they are read"
    );
    println!(
        "  a shard alone          {ceiling:>8.0} /s   (twilight's, dropping everything: what the stand-in can send)"
    );
    for one in all {
        let (rate, each) = one.unwanted;
        println!("  {:<22} {rate:>8.0} /s   {:>6.1} µs of processor each", one.name, micros(each));
    }
    let [guildhall, rivals @ ..] = all else { return };
    ratios(guildhall, rivals, |one| one.unwanted.0);
    if guildhall.lost > 0 {
        println!("  guildhall's listeners missed {} of these events, and counted them", guildhall.lost);
    }
    let total = MODERATORS * EACH;
    println!(
        "gateway, one shard: `$warn @member spam` → a case was written, {total} of {MODERATORS} moderators at once"
    );
    for one in all {
        let (rate, each) = one.cases;
        println!(
            "  {:<22} {rate:>8.1} /s   {:>6.2} ms of processor each   {}",
            one.name,
            micros(each) / 1_000.0,
            one.store
        );
    }
    ratios(guildhall, rivals, |one| one.cases.0);
    println!(
        "  guildhall also checks ranks and standing, numbers without gaps, and keeps event and audit record; direct messages are off"
    );
    let ManyGuilds { count, channels, roles, .. } = GUILDS;
    println!("gateway, resident memory, and with {count} guilds of {channels} channels and {roles} roles");
    for one in all {
        let (few, many) = one.memory;
        let each = many.saturating_sub(few) as f64 / GUILDS.count as f64;
        println!(
            "  {:<22} {:>7.1} MiB   {:>7.1} MiB   {each:>5.1} KiB a guild",
            one.name,
            mib(few),
            mib(many)
        );
    }
    ratios(guildhall, rivals, |one| one.memory.1 as f64);
}

fn ratios(guildhall: &Figures, rivals: &[Figures], figure: impl Fn(&Figures) -> f64) {
    let ratio = |rival: &Figures| format!("{:.2} of {}", figure(guildhall) / figure(rival), rival.name);
    let ratios: Vec<String> = rivals.iter().map(ratio).collect();
    if !ratios.is_empty() {
        println!("  ratio: {}", ratios.join(", "));
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

async fn one(stage: &Stage, library: Option<Library>) -> Figures {
    let name = library.map_or("guildhall", Library::name);
    let app = stage.app(name);
    let mut bot = Bot::start(stage, &app, library).await;
    bot.wait_for_guilds(1).await;
    if let Bot::Guildhall(program) = &bot {
        // The others tell nobody either.
        program.call("config set", json!({"key": "moderation.dm", "value": "off"})).await;
    }
    let few = Usage::at_rest(bot.pid()).await.resident;
    unwanted(stage, &mut bot, WARM_UP).await;
    let unwanted = unwanted(stage, &mut bot, MESSAGES).await;
    let cases = cases(stage, &app, &mut bot, name).await;
    let (store, lost) = match &mut bot {
        Bot::Guildhall(program) => {
            ("SQLite".to_owned(), program.metric("guildhall_guilds_events_lost_total", &[]).await)
        }
        Bot::Rival(rival) => (rival.counts().await["store"].as_str().unwrap_or_default().to_owned(), 0),
    };
    drop(bot);
    stage.guild.remove(&app);
    let many = memory(library).await;
    Figures { name, unwanted, cases, store, memory: (few, many), lost }
}

/// Floods the general channel; messages a second, and the processor time of each until all is quiet again.
async fn unwanted(stage: &Stage, bot: &mut Bot, total: u64) -> (f64, Duration) {
    let before = bot.counts().await.messages;
    let used = Usage::of(bot.pid()).processor;
    let began = Instant::now();
    let place = stage.owner.in_channel(stage.general);
    let flood = place.flood(total, None, |_| TEXT.to_owned()).expect("a flood");
    bot.wait("every message is looked at", |counts| counts.messages >= before + total).await;
    let took = began.elapsed();
    assert_eq!(flood.finished().await, total);
    let used = Usage::at_rest(bot.pid()).await.processor - used;
    (total as f64 / took.as_secs_f64(), used.div_f64(total as f64))
}

/// Lets moderators warn members; cases a second, and the processor time of each.
async fn cases(stage: &Stage, app: &App, bot: &mut Bot, name: &str) -> (f64, Duration) {
    let channel = stage.guild.channel(&format!("cases-{}", name.replace('.', "-")));
    let moderators = stage.people(&format!("{name}-moderator"), MODERATORS, &[stage.moderators]);
    let members = stage.people(&format!("{name}-member"), MODERATORS, &[]);
    let warn = || {
        for (moderator, member) in moderators.iter().zip(&members) {
            let line = format!("$warn <@{}> spam", member.id());
            moderator.in_channel(channel).send_message(&line).expect("a message");
        }
    };
    let answers = async |count: usize| {
        let place = stage.owner.in_channel(channel);
        let of_bot = |messages: &[guildhall_sim::Message]| {
            messages.iter().filter(|message| message.author == app.bot()).count()
        };
        let end = Instant::now() + PATIENCE;
        let mut look = tokio::time::interval(LOOK * 10);
        while of_bot(&place.visible_messages()) < count {
            look.tick().await;
            assert!(Instant::now() < end, "{name}: not every command was answered");
        }
    };
    // Once for warmth: everybody is known from then on.
    let before = bot.counts().await.cases;
    warn();
    bot.wait("everybody is warned once", |counts| counts.cases >= before + MODERATORS as u64).await;
    answers(MODERATORS).await;
    let total = MODERATORS * EACH;
    let before = bot.counts().await.cases;
    let used = Usage::at_rest(bot.pid()).await.processor;
    let began = Instant::now();
    for _ in 0..EACH {
        warn();
    }
    bot.wait("every case is written", |counts| counts.cases >= before + total as u64).await;
    let took = began.elapsed();
    answers(MODERATORS + total).await;
    let used = Usage::at_rest(bot.pid()).await.processor - used;
    (total as f64 / took.as_secs_f64(), used.div_f64(total as f64))
}

/// Resident memory of a fresh process with many guilds, in KiB.
async fn memory(library: Option<Library>) -> u64 {
    let stage = Stage::new().await;
    let app = stage.app("many");
    stage.sim.guilds(&ManyGuilds { count: GUILDS.count - 1, ..GUILDS }, &stage.owner, Some(&app));
    let mut bot = Bot::start(&stage, &app, library).await;
    bot.wait_for_guilds(GUILDS.count as u64).await;
    let resident = Usage::at_rest(bot.pid()).await.resident;
    drop(bot);
    stage.sim.shutdown().await;
    resident
}

impl Bot {
    async fn start(stage: &Stage, app: &App, library: Option<Library>) -> Self {
        match library {
            None => {
                let configuration = format!("{NO_AGENT}{}", stage.configuration(app));
                Self::Guildhall(Box::new(Program::start(&configuration).await))
            }
            Some(library) => Self::Rival(library.start(stage, app)),
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Self::Guildhall(program) => program.pid(),
            Self::Rival(rival) => rival.pid(),
        }
    }

    async fn counts(&mut self) -> Counts {
        match self {
            Self::Guildhall(program) => {
                let messages = program.metric("guildhall_discord_messages_total", &["\"unwanted\""]).await;
                let done = ["operation=\"warn\"", "verdict=\"done\""];
                let cases = program.metric("guildhall_calls_total", &done).await;
                Counts { messages, cases }
            }
            Self::Rival(rival) => {
                let counts = rival.counts().await;
                let of = |name: &str| counts[name].as_u64().unwrap_or(0);
                Counts { messages: of("messages"), cases: of("cases") }
            }
        }
    }

    async fn wait(&mut self, what: &str, holds: impl Fn(Counts) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            let counts = self.counts().await;
            if holds(counts) {
                return;
            }
            let Counts { messages, cases } = counts;
            assert!(Instant::now() < end, "waited until {what}; {messages} messages, {cases} cases");
        }
    }

    async fn wait_for_guilds(&mut self, count: u64) {
        let end = Instant::now() + PATIENCE;
        // More calls of one operation than one a second are refused.
        let mut look = tokio::time::interval(Duration::from_millis(1_100));
        loop {
            look.tick().await;
            let known = match self {
                Self::Guildhall(program) => {
                    program.call("status", json!({})).await["discord"]["guilds"].clone()
                }
                Self::Rival(rival) => rival.counts().await["guilds"].clone(),
            };
            if known.as_u64().is_some_and(|known| known >= count) {
                return;
            }
            assert!(Instant::now() < end, "waited until it knows {count} guilds; it knows {known}");
        }
    }
}

/// Messages a second that a shard takes which drops them all.
async fn ceiling(stage: &Stage) -> f64 {
    let app = stage.app("ceiling");
    let intents = Intents::GUILDS | Intents::GUILD_MESSAGES | Intents::MESSAGE_CONTENT;
    let config = ConfigBuilder::new(app.token(), intents)
        .proxy_url(stage.sim.gateway_url())
        .queue(InMemoryQueue::default())
        .build();
    let mut shard = Shard::with_config(ShardId::ONE, config);
    let (send, mut heard) = tokio::sync::watch::channel(0_u64);
    let reading = tokio::spawn(async move {
        while let Some(item) = shard.next().await {
            if let Ok(Message::Text(text)) = item
                && text.contains("MESSAGE_CREATE")
            {
                send.send_modify(|heard| *heard += 1);
            }
        }
    });
    app.wait_connected(PATIENCE).await.expect("the shard connects");
    let place = stage.owner.in_channel(stage.general);
    let began = Instant::now();
    let flood = place.flood(MESSAGES, None, |_| TEXT.to_owned()).expect("a flood");
    let all = heard.wait_for(|heard| *heard >= MESSAGES);
    drop(tokio::time::timeout(PATIENCE, all).await.expect("every message comes").expect("the shard reads"));
    let rate = MESSAGES as f64 / began.elapsed().as_secs_f64();
    flood.finished().await;
    reading.abort();
    stage.guild.remove(&app);
    rate
}
