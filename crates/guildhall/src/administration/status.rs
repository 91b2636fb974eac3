//! `status`: how Guildhall is doing, how long commands took in the last day, and where the time went.

use std::sync::{Arc, OnceLock};

use guildhall_community::Community;
use guildhall_core::{
    Answer, Call, Document, Effect, Error, Operation, Operations, Rank, Rich, Tone,
    upstream::{Health, Upstream},
};
use guildhall_discord::{Discord, GatewayState};
use guildhall_guilds::DiscordGuilds;
use guildhall_incidents::Incidents;
use guildhall_store::Store;
use guildhall_telemetry::{Figures, Latency, Stage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Operations shown; the slowest come first.
const SHOWN: usize = 15;

/// What the status is about.
pub struct Status {
    /// How long everything took.
    pub latency: Arc<Latency>,
    /// Discord's REST interface.
    pub upstream: Upstream,
    /// What went wrong.
    pub incidents: Arc<Incidents>,
    /// Who keeps settings, in Redis as well where that is set up.
    pub community: Arc<Community>,
    /// The guilds, when Discord is set up.
    pub guilds: Option<Arc<DiscordGuilds>>,
    /// The Discord face, once it is there.
    pub discord: OnceLock<Arc<Discord>>,
    /// The database.
    pub store: Store,
    /// When Guildhall was started.
    pub since: OffsetDateTime,
}

/// The status.
pub fn operations() -> Operations<Status> {
    Operations::new().with::<Show>()
}

/// Shows how Guildhall is doing.
#[derive(Deserialize, JsonSchema)]
pub struct Show {}

/// How Guildhall is doing.
#[derive(Serialize, JsonSchema)]
pub struct StatusData {
    /// Its version.
    version: &'static str,
    /// Since when it runs.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    since: OffsetDateTime,
    /// Whether the database answers.
    database: bool,
    /// Discord, when it is set up.
    discord: Option<DiscordData>,
    /// Redis, when it is set up.
    redis: Option<Health>,
    /// What does not work, because Guildhall is not told of what happens in guilds.
    features_off: Vec<String>,
    /// Things that were dropped because too much came at once, by what they were.
    lost: Vec<Lost>,
    /// How long commands took in the last day, the slowest first.
    commands: Vec<Figures>,
}

/// Discord.
#[derive(Serialize, JsonSchema)]
pub struct DiscordData {
    /// The gateway: `off`, `connecting`, `ready` or `refused`.
    gateway: &'static str,
    /// Its REST interface.
    rest: Health,
    /// Guilds that are known of, where the gateway tells of them.
    guilds: Option<usize>,
}

/// Something that was dropped.
#[derive(Serialize, JsonSchema)]
pub struct Lost {
    /// What.
    what: &'static str,
    /// How many since the start.
    count: u64,
}

impl Operation for Show {
    type Domain = Status;
    type Output = StatusData;
    const NAME: &'static str = "status";
    const SUMMARY: &'static str = "Show how Guildhall is doing, and how long commands take";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["status"];

    async fn run(self, status: &Status, _: &Call) -> Result<Answer<StatusData>, Error> {
        let database = status.store.ping().await.is_ok();
        let commands = status.latency.last_day().await?;
        let discord = status.guilds.as_ref().map(|guilds| DiscordData {
            gateway: status.gateway(),
            rest: status.upstream.health(),
            guilds: (status.gateway() != "off").then(|| guilds.cached().guilds),
        });
        let lost = [
            ("guild events", status.guilds.as_ref().map_or(0, |guilds| guilds.lost())),
            ("details of errors", status.incidents.lost()),
        ];
        let lost: Vec<Lost> = lost.into_iter().map(|(what, count)| Lost { what, count }).collect();
        let off = status.discord.get().map(|discord| discord.features_off()).unwrap_or_default();
        let features_off: Vec<String> = off.into_iter().map(str::to_owned).collect();
        let version = env!("CARGO_PKG_VERSION");
        let since = status.since;
        let redis = status.community.redis();
        let data = StatusData { version, since, database, discord, redis, features_off, lost, commands };
        let document = document(&data);
        Ok(Answer::new(data, document))
    }
}

impl Status {
    fn gateway(&self) -> &'static str {
        let state = self.discord.get().map(|discord| discord.gateway());
        match state.as_ref().map(|state| state.borrow().clone()) {
            None | Some(GatewayState::Off) => "off",
            Some(GatewayState::Connecting) => "connecting",
            Some(GatewayState::Ready) => "ready",
            Some(GatewayState::Refused(_)) => "refused",
        }
    }
}

fn document(data: &StatusData) -> Document {
    let answers = |health: Option<Health>| health.is_none_or(|health| health == Health::Closed);
    let well =
        data.database && answers(data.discord.as_ref().map(|discord| discord.rest)) && answers(data.redis);
    let tone = if well { Tone::Good } else { Tone::Warning };
    let mut document = Document::titled(format!("Guildhall {}", data.version))
        .tone(tone)
        .field("running since", Rich::new().ago(data.since))
        .field("database", if data.database { "answers" } else { "does not answer" });
    if let Some(discord) = &data.discord {
        let rest = spoken(discord.rest);
        document = document.field("Discord", format!("REST {rest}; gateway {}", discord.gateway));
        if let Some(guilds) = discord.guilds {
            document = document.field("guilds", guilds.to_string());
        }
    }
    if let Some(redis) = data.redis {
        document = document.field("Redis", spoken(redis));
    }
    for lost in data.lost.iter().filter(|lost| lost.count > 0) {
        document = document.field("dropped", format!("{} {}", lost.count, lost.what));
    }
    if !data.features_off.is_empty() {
        document = document.heading("Off, because Guildhall does not hear what happens in the guild");
        for feature in &data.features_off {
            document = document.text(format!("• {feature}"));
        }
    }
    if data.commands.is_empty() {
        return document.text("No command was called in the last day.");
    }
    let rows = data.commands.iter().take(SHOWN).map(row).collect();
    document = document
        .heading("The last day")
        .table(&["command", "calls", "p50", "p95", "p99", "where the time went"], rows);
    match data.commands.len().saturating_sub(SHOWN) {
        0 => document,
        more => document.text(format!("and {more} quicker ones")),
    }
}

fn spoken(health: Health) -> &'static str {
    match health {
        Health::Closed => "answers",
        Health::Open => "does not answer, and is left alone for a while",
        Health::Trying => "is being tried again",
    }
}

fn row(figures: &Figures) -> Vec<Rich> {
    vec![
        Rich::new().code(figures.operation.as_str()),
        figures.calls.to_string().into(),
        millis(figures.p50_us).into(),
        millis(figures.p95_us).into(),
        millis(figures.p99_us).into(),
        split(figures).into(),
    ]
}

fn millis(us: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a time is shown with two digits")]
    let millis = us as f64 / 1_000.0;
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

/// The stages that took at least a twentieth, the largest first.
fn split(figures: &Figures) -> String {
    let mut stages: Vec<(Stage, f64)> = figures
        .stages
        .iter()
        .map(|(stage, part)| (*stage, *part))
        .filter(|(_, part)| *part >= 0.05)
        .collect();
    stages.sort_by(|a, b| b.1.total_cmp(&a.1));
    let words = stages.iter().map(|(stage, part)| format!("{stage} {:.0} %", part * 100.0));
    words.collect::<Vec<_>>().join(", ")
}
