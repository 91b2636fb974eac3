//! `server config`.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone};
use guildhall_recipes::{Recipe, recipe::VariableKind};
use guildhall_store::scope;
use schemars::JsonSchema;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Names, ServerName, Settings};
use crate::{
    Changed, Servers,
    entity::{config, server},
    error::ServersError,
    launch::{self, Asked, read_idle_stop},
    told, view,
};

/// Versions shown.
const VERSIONS: u64 = 10;

/// Shows a server's launch configuration and who changed what, or changes it.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerConfig {
    /// Which server.
    pub server: ServerName,
    /// New values: `motd="Hello" max_players=20`; `port.game=25570` wishes for a port.
    #[serde(default)]
    pub set: Option<Settings>,
    /// Settings that are to have their default again: `motd max_players`, `port.game`, `idle_stop`. A secret gets a
    /// new value.
    #[serde(default)]
    pub reset: Option<Names>,
    /// Stop it when nobody has played for this long: `off`, `15m`, `2h`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub idle_stop: Option<String>,
    /// Take the newest edition of the recipe.
    #[serde(default)]
    pub update: Option<bool>,
}

/// A launch configuration.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConfigData {
    /// Its version.
    pub version: i64,
    /// The version that the running game was started with.
    pub launched: Option<i64>,
    /// Every setting, secrets hidden.
    pub settings: Vec<SettingData>,
    /// The newest versions, the newest first.
    pub history: Vec<VersionData>,
}

/// One setting.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SettingData {
    /// Its name.
    pub name: String,
    /// Its value; `[secret]` for a secret.
    pub value: String,
    /// What it changes.
    pub description: String,
}

/// One version.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VersionData {
    /// Its number, from 1.
    pub version: i64,
    /// When, RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub at: OffsetDateTime,
    /// Who.
    pub by: String,
    /// What changed.
    pub changes: Vec<Changed>,
}

impl Operation for ServerConfig {
    type Domain = Servers;
    type Output = ConfigData;

    const NAME: &'static str = "server config";
    const SUMMARY: &'static str = "Show or change how a server is launched, and who changed what";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] =
        &["server config server:survival", "server config server:survival set:max_players=20 idle_stop:15m"];

    async fn run(self, servers: &Servers, call: &Call) -> Result<Answer<ConfigData>, Error> {
        let row = servers.named(call, &self.server.0).await?;
        let settings = self.set.unwrap_or_default().0;
        let idle_stop =
            self.idle_stop.as_deref().map(read_idle_stop).transpose().map_err(ServersError::from)?;
        let reset = self.reset.unwrap_or_default().0;
        let asked =
            !settings.is_empty() || !reset.is_empty() || idle_stop.is_some() || self.update == Some(true);
        let mut document = Document::default();
        if asked {
            let recipe = match self.update {
                Some(true) => Some(servers.recipes().find(&row.recipe)?.clone()),
                _ => None,
            };
            let default_idle_stop = servers.shop.config.idle_stop_seconds();
            let asked = Asked {
                set: &settings,
                reset: &reset,
                recipe: recipe.as_ref(),
                idle_stop,
                default_idle_stop,
            };
            let changed = servers.reconfigure(call, &row, &asked).await?;
            document = if changed.is_empty() {
                Document::titled("Nothing changed").text("It has these values already.")
            } else {
                let document = Document::titled(format!("The configuration of {} has changed", row.name))
                    .tone(Tone::Good);
                let document = told::changes_in(document, &changed);
                if row.state.may_run() {
                    document
                        .text("It holds from the next start on; a restart applies it now.")
                        .action(view::restart(&row.name))
                } else {
                    document.text("It holds from the next start on.").action(view::start(&row.name))
                }
            };
        }
        let data = servers.configuration(call, &row).await?;
        if !asked {
            document = shown(&row, &data);
        }
        Ok(Answer::new(data, document))
    }
}

impl Servers {
    /// Adds a version of the launch configuration; gives what is different in it.
    async fn reconfigure(
        &self,
        call: &Call,
        row: &server::Model,
        asked: &Asked<'_>,
    ) -> Result<Vec<Changed>, ServersError> {
        self.change(call.tenant(), row, |change| {
            let Some((next, changed)) = change.newest.next(asked)? else {
                return Ok(Vec::new());
            };
            change.configure(&call.actor, next, &changed)?;
            Ok(changed)
        })
        .await
    }

    async fn configuration(&self, call: &Call, row: &server::Model) -> Result<ConfigData, ServersError> {
        let rows = scope::find::<config::Entity>(call.tenant())
            .filter(config::Column::Server.eq(row.id))
            .order_by_desc(config::Column::Version)
            .limit(VERSIONS)
            .all(self.shop.store.reader())
            .await?;
        let newest = rows.first().ok_or_else(|| Error::bug("a server has lost its launch configuration"))?;
        let launch = launch::read(newest, self.shop.config.secrets.as_ref())?;
        let describe = |name: &str| describe(&launch.recipe, name);
        let settings = launch.shown().into_iter().map(|(name, value)| {
            let description = describe(&name);
            SettingData { name, value, description }
        });
        let mut history = Vec::new();
        for row in &rows {
            history.push(VersionData {
                version: row.version,
                at: row.at.time(),
                by: row.actor_name.clone(),
                changes: serde_json::from_str(&row.changes)?,
            });
        }
        Ok(ConfigData {
            version: launch.version,
            launched: row.launched.filter(|_| row.state.may_run()),
            settings: settings.collect(),
            history,
        })
    }
}

fn describe(recipe: &Recipe, name: &str) -> String {
    if let Some(variable) = recipe.variables.get(name) {
        let fits = match &variable.kind {
            VariableKind::Text { .. } => String::new(),
            VariableKind::Integer { min, max, .. } => match (min, max) {
                (Some(min), Some(max)) => format!(" ({min} to {max})"),
                (Some(min), None) => format!(" (at least {min})"),
                (None, Some(max)) => format!(" (at most {max})"),
                (None, None) => String::new(),
            },
            VariableKind::Boolean { .. } => " (true or false)".to_owned(),
            VariableKind::Choice { choices, .. } => format!(" ({})", choices.join(", ")),
            VariableKind::Secret {} => " (secret)".to_owned(),
        };
        return format!("{}{fits}", variable.description);
    }
    match name.strip_prefix("port.") {
        Some(port) => format!("the number that port '{port}' should have"),
        None => "stop it when nobody has played for this long".to_owned(),
    }
}

fn shown(row: &server::Model, data: &ConfigData) -> Document {
    let cells = data.settings.iter().map(|setting| {
        vec![
            Rich::new().code(setting.name.as_str()),
            Rich::new().code(setting.value.as_str()),
            Rich::from(setting.description.as_str()),
        ]
    });
    let mut document =
        Document::titled(format!("Launch configuration of {}, version {}", row.name, data.version))
            .table(&["Setting", "Value", "What it changes"], cells.collect());
    if data.launched.is_some_and(|launched| launched != data.version) {
        document =
            document.text("The running game was started with an older version; a restart applies this one.");
    }
    let versions = data.history.iter().map(|version| {
        let changes = match version.changes.as_slice() {
            [] if version.version == 1 => "made with the recipe's defaults".to_owned(),
            changes => changes
                .iter()
                .take(5)
                .map(|c| format!("{} = {}", c.name, c.to))
                .collect::<Vec<_>>()
                .join(", "),
        };
        vec![
            Rich::from(version.version.to_string()),
            Rich::new().time(version.at),
            Rich::from(version.by.as_str()),
            Rich::from(changes),
        ]
    });
    document.heading("Who changed what").table(&["Version", "When", "Who", "What"], versions.collect())
}
