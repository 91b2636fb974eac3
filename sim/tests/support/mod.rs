//! A small community to test in, and the check of everything that went over the wire.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use guildhall_sim::conformance::Checker;
use guildhall_sim::{App, ChannelId, Guild, Message, Permissions, RoleId, Sim, SimConfig, User};

/// A guild with an owner, a member of staff, two members, a channel and an installed application.
pub struct Community {
    pub sim: Sim,
    pub guild: Guild,
    pub olive: User,
    pub anna: User,
    pub bo: User,
    pub staff: RoleId,
    pub general: ChannelId,
    pub app: App,
}

impl Community {
    pub async fn new() -> Self {
        Self::with(SimConfig::default()).await
    }

    pub async fn with(config: SimConfig) -> Self {
        let sim = Sim::start(config).await.expect("the stand-in starts");
        let olive = sim.user("olive");
        let guild = sim.guild("Community", &olive);
        let general = guild.channel("general");
        let staff = guild.role("staff", Permissions::MANAGE_GUILD);
        let (anna, bo) = (sim.user("anna"), sim.user("bo"));
        guild.join(&anna, &[]);
        guild.join(&bo, &[]);
        let app = sim.application("Guildhall", &olive);
        guild.install(&app);
        Self { sim, guild, olive, anna, bo, staff, general, app }
    }

    /// The API address as clients want it, without version.
    pub fn api(&self) -> String {
        format!("{}/api", self.sim.rest_base())
    }

    pub fn bo_sees(&self, message: &Message) -> bool {
        self.bo.in_channel(message.channel).message(message.id).is_some()
    }
}

/// Everything in the log that disagrees with Discord's own document; nothing where that document is not at hand.
pub fn check_conformance(sim: &Sim) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/discord/openapi.json");
    if !std::path::Path::new(path).exists() {
        println!("not checked against Discord's own document, because it is not at {path}");
        return Vec::new();
    }
    let checker = Checker::load(path).expect("the document can be read");
    sim.log().iter().flat_map(|exchange| checker.check_exchange(exchange)).map(|wrong| wrong.to_string()).collect()
}
