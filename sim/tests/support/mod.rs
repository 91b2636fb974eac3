//! A small community to test in, and the check of everything that went over the wire.

#![allow(dead_code, reason = "each test program uses its own part of this")]

pub mod gateway;

use guildhall_sim::conformance::Checker;
use serde_json::Value;

use guildhall_sim::{App, ChannelId, Guild, Message, Permissions, RoleId, Sim, SimConfig, User};

/// Discord's three seconds are too short for a test on a busy machine; where they matter, the test says so.
pub fn patient() -> SimConfig {
    SimConfig { answer_within: std::time::Duration::from_secs(60), ..SimConfig::default() }
}

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
        Self::with(patient()).await
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
    sim.log()
        .iter()
        .flat_map(|exchange| checker.check_exchange(exchange))
        .map(|wrong| wrong.to_string())
        .collect()
}

/// A plain REST client with the bot's token.
pub struct Rest {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Community {
    pub fn rest(&self) -> Rest {
        Rest {
            http: reqwest::Client::new(),
            base: format!("{}/api/v10", self.sim.rest_base()),
            token: Some(self.app.token()),
        }
    }
}

impl Rest {
    /// The same client with another token, or none.
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { http: self.http.clone(), base: self.base.clone(), token: token.map(Into::into) }
    }

    pub async fn response(&self, method: &str, path: &str, body: Option<Value>) -> reqwest::Response {
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bot {token}"));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.expect("an answer")
    }

    /// The same with a reason for the audit log.
    pub async fn call_because(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        reason: &str,
    ) -> (u16, Value) {
        let mut request =
            self.http.request(method.parse().expect("a method"), format!("{}{path}", self.base));
        request = request.header("X-Audit-Log-Reason", reason);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bot {token}"));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") })
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.response(method, path, body).await;
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") })
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("POST", path, Some(body)).await
    }
}

/// Where a form mistake of that code was reported, as dotted paths.
pub fn mistakes(error: &Value) -> Vec<(String, String)> {
    fn inside(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            if key == "_errors" {
                for one in value.as_array().into_iter().flatten() {
                    found.push((path.into(), one["code"].as_str().unwrap_or_default().into()));
                }
            } else {
                let dot = if path.is_empty() { "" } else { "." };
                inside(value, &format!("{path}{dot}{key}"), found);
            }
        }
    }
    let mut found = Vec::new();
    inside(&error["errors"], "", &mut found);
    found
}
