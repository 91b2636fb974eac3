//! The launch configuration: what a server is started with. It lives in the store in versions, each with who
//! changed what; a change holds from the next start on.

use std::collections::BTreeMap;

use guildhall_core::Actor;
use guildhall_link::message::{Desired, Want};
use guildhall_recipes::{Place, Recipe, ValueProblem, Values, render};
use guildhall_store::Timestamp;
use rand::{Rng, distr::Alphanumeric};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    entity::{config, server},
    error::ServersError,
    text,
};

/// What stands in for a secret, wherever people read.
const HIDDEN: &str = "••••••";
/// The prefix of a setting that wishes for a port number.
const PORT: &str = "port.";
/// The setting for the idle stop.
const IDLE_STOP: &str = "idle_stop";
/// The change that takes a newer edition of the recipe.
const RECIPE: &str = "recipe";
/// Settings a call may change at once.
const MOST_SETTINGS: usize = 64;

/// One setting that changed. A secret's values are never in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// The variable, `port.NAME`, `idle_stop` or `recipe`.
    pub name: String,
    /// What it was; nothing in the first version.
    pub from: Option<String>,
    /// What it is now.
    pub to: String,
}

/// One launch configuration.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) version: i64,
    pub(crate) recipe: Recipe,
    /// Seconds; `None` for never.
    pub(crate) idle_stop: Option<i64>,
    variables: BTreeMap<String, String>,
    wished: BTreeMap<String, u16>,
}

impl Launch {
    /// The first launch configuration of a server: what was set, the recipe's defaults for the rest, and a
    /// generated value for each secret that was not set.
    pub(crate) fn first(
        recipe: &Recipe,
        settings: &BTreeMap<String, String>,
        idle_stop: Option<i64>,
    ) -> Result<(Self, Vec<Changed>), ServersError> {
        let (variables, wished) = split(recipe, settings)?;
        let values = Values::resolve(recipe, &variables, &wished, |_| generated_secret())
            .map_err(ServersError::Values)?;
        let launch =
            Self { version: 1, recipe: recipe.clone(), idle_stop, variables: values.variables(), wished };
        let shown = launch.shown();
        let changed = settings
            .keys()
            .map(|name| Changed {
                name: name.clone(),
                from: None,
                to: shown.get(name).cloned().unwrap_or_default(),
            })
            .collect();
        Ok((launch, changed))
    }

    /// The next version: these settings changed, the rest kept. `recipe` is a newer edition to take; `idle_stop`
    /// is the new idle stop, if that is to change. `None` when nothing is different.
    pub(crate) fn next(
        &self,
        settings: &BTreeMap<String, String>,
        recipe: Option<&Recipe>,
        idle_stop: Option<Option<i64>>,
    ) -> Result<Option<(Self, Vec<Changed>)>, ServersError> {
        let recipe = recipe.unwrap_or(&self.recipe);
        let (variables, wished) = split(recipe, settings)?;
        let mut all = self.variables.clone();
        // A newer edition may have dropped or tightened a variable: what no longer fits falls back to its default.
        all.retain(|name, text| Values::check(recipe, name, text).is_ok());
        all.extend(variables);
        let mut ports = self.wished.clone();
        ports.retain(|name, _| recipe.ports.contains_key(name));
        ports.extend(wished);
        let values =
            Values::resolve(recipe, &all, &ports, |_| generated_secret()).map_err(ServersError::Values)?;
        let next = Self {
            version: self.version + 1,
            recipe: recipe.clone(),
            idle_stop: idle_stop.unwrap_or(self.idle_stop),
            variables: values.variables(),
            wished: ports,
        };
        let changed = next.differences(self);
        Ok((!changed.is_empty()).then_some((next, changed)))
    }

    fn differences(&self, before: &Self) -> Vec<Changed> {
        let (old, new) = (before.shown(), self.shown());
        let mut changed = Vec::new();
        for (name, to) in &new {
            let secret_changed = self.variables.get(name) != before.variables.get(name) && to == HIDDEN;
            if old.get(name) != Some(to) || secret_changed {
                changed.push(Changed { name: name.clone(), from: old.get(name).cloned(), to: to.clone() });
            }
        }
        for (name, from) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
            changed.push(Changed { name: name.clone(), from: Some(from.clone()), to: "(gone)".to_owned() });
        }
        if self.recipe != before.recipe {
            let to = "its newest edition".to_owned();
            changed.push(Changed {
                name: RECIPE.to_owned(),
                from: Some("its earlier edition".to_owned()),
                to,
            });
        }
        changed
    }

    /// Every setting by name, secrets hidden: what people may see.
    pub(crate) fn shown(&self) -> BTreeMap<String, String> {
        let mut shown: BTreeMap<String, String> = self
            .variables
            .iter()
            .map(|(name, text)| {
                (name.clone(), if self.is_secret(name) { HIDDEN.to_owned() } else { text.clone() })
            })
            .collect();
        shown.extend(self.wished.iter().map(|(name, number)| (format!("{PORT}{name}"), number.to_string())));
        let idle = self.idle_stop.map_or_else(|| "off".to_owned(), written);
        shown.insert(IDLE_STOP.to_owned(), idle);
        shown
    }

    /// The number that a port should have, if it is free.
    pub(crate) fn wished_port(&self, name: &str) -> Option<u16> {
        self.wished.get(name).copied().or_else(|| self.recipe.ports.get(name).map(|port| port.default))
    }

    /// Whether somebody asked for this very number.
    pub(crate) fn is_wished(&self, name: &str) -> bool {
        self.wished.contains_key(name)
    }

    /// The text without any secret of this configuration, wherever a game or an agent may have printed one.
    pub(crate) fn redact(&self, text: &str) -> String {
        let secrets = self.variables.iter().filter(|(name, value)| self.is_secret(name) && !value.is_empty());
        secrets.fold(text.to_owned(), |text, (_, secret)| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), HIDDEN) } else { text }
        })
    }

    /// How players get in. A secret in the recipe's text stays hidden.
    pub(crate) fn connect(
        &self,
        server: &str,
        ports: &BTreeMap<String, u16>,
        address: &str,
    ) -> Option<String> {
        let known = ports.iter().filter(|(name, _)| self.recipe.ports.contains_key(*name));
        let ports = known.map(|(name, number)| (name.clone(), *number)).collect();
        let values = Values::complete(&self.recipe, &self.variables, &ports).ok()?;
        let text = render::connect(&self.recipe, &values, &Place { server, folder: "", address }).ok()?;
        Some(self.redact(&text))
    }

    /// What the agent is told.
    pub(crate) fn desired(
        &self,
        row: &server::Model,
        want: Want,
        ports: BTreeMap<String, u16>,
        address: &str,
    ) -> Result<Desired, ServersError> {
        Ok(Desired {
            tenant: row.tenant.parse().map_err(guildhall_core::Error::bug)?,
            server: row.id.into(),
            name: row.name.clone(),
            generation: u64::try_from(row.generation).unwrap_or_default(),
            want,
            session: row.session.map(Into::into),
            recipe: self.recipe.clone(),
            variables: self.variables.clone(),
            ports,
            address: address.to_owned(),
        })
    }

    /// The version as a row.
    pub(crate) fn row(
        &self,
        server: Uuid,
        actor: &Actor,
        at: Timestamp,
        changed: &[Changed],
    ) -> Result<config::Model, ServersError> {
        Ok(config::Model {
            server,
            version: self.version,
            tenant: actor.tenant.to_string(),
            at,
            actor: actor.id.to_string(),
            actor_name: text::line(&actor.name, 64),
            changes: serde_json::to_string(changed)?,
            variables: serde_json::to_string(&self.variables)?,
            recipe: serde_json::to_string(&self.recipe)?,
            ports: serde_json::to_string(&self.wished)?,
            idle_stop: self.idle_stop,
        })
    }

    /// A version read from its row.
    pub(crate) fn read(row: &config::Model) -> Result<Self, ServersError> {
        Ok(Self {
            version: row.version,
            recipe: serde_json::from_str(&row.recipe)?,
            idle_stop: row.idle_stop,
            variables: serde_json::from_str(&row.variables)?,
            wished: serde_json::from_str(&row.ports)?,
        })
    }

    fn is_secret(&self, name: &str) -> bool {
        use guildhall_recipes::recipe::VariableKind;
        self.recipe
            .variables
            .get(name)
            .is_none_or(|variable| matches!(variable.kind, VariableKind::Secret {}))
    }
}

/// Port numbers that were asked for, by the port's name.
type Wishes = BTreeMap<String, u16>;

/// Variables and `port.NAME` wishes, told apart.
fn split(
    recipe: &Recipe,
    settings: &BTreeMap<String, String>,
) -> Result<(BTreeMap<String, String>, Wishes), ServersError> {
    if settings.len() > MOST_SETTINGS {
        let message = format!("at most {MOST_SETTINGS} values can be set at once");
        return Err(ServersError::Values(vec![ValueProblem { name: "set".to_owned(), message }]));
    }
    let mut variables = BTreeMap::new();
    let mut ports = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, text) in settings {
        match name.strip_prefix(PORT).filter(|_| !recipe.variables.contains_key(name)) {
            None => {
                variables.insert(name.clone(), text.clone());
            }
            // Numbers below 1024 belong to the host's own services.
            Some(port) => match text.trim().parse::<u16>() {
                Ok(number) if number >= 1024 => {
                    ports.insert(port.to_owned(), number);
                }
                _ => problems.push(ValueProblem {
                    name: name.chars().take(64).collect(),
                    message: "a port is a number from 1024 to 65535".to_owned(),
                }),
            },
        }
    }
    if problems.is_empty() { Ok((variables, ports)) } else { Err(ServersError::Values(problems)) }
}

/// Reads an idle stop: `off`, or a duration of one minute to a day.
pub(crate) fn read_idle_stop(text: &str) -> Result<Option<i64>, ServersError> {
    let wrong =
        |message: String| ServersError::Values(vec![ValueProblem { name: IDLE_STOP.to_owned(), message }]);
    let text = text.trim();
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let duration = guildhall_recipes::duration::parse(text)
        .map_err(|_| wrong("write `off`, or a time like 15m or 2h".to_owned()))?;
    if duration.as_secs() < 60 {
        return Err(wrong("it is at least one minute".to_owned()));
    }
    Ok(Some(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)))
}

fn written(seconds: i64) -> String {
    if seconds % 60 == 0 { format!("{}m", seconds / 60) } else { format!("{seconds}s") }
}

fn generated_secret() -> String {
    rand::rng().sample_iter(Alphanumeric).take(24).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_idle_stop_is_off_or_a_time_of_at_least_a_minute() {
        let read = |text| read_idle_stop(text).ok();
        assert_eq!(read("off"), Some(None));
        assert_eq!(read(" 15m "), Some(Some(900)));
        assert_eq!(read("2h"), Some(Some(7_200)));
        assert!(["", "59s", "soon", "-1m", "25h"].into_iter().all(|text| read(text).is_none()));
    }

    proptest! {
        #[test]
        fn any_idle_stop_and_any_settings_are_read_or_refused(
            text in any::<String>(),
            settings in prop::collection::btree_map(any::<String>(), any::<String>(), 0..8),
        ) {
            let _ = read_idle_stop(&text);
            let recipe = Recipe::parse(include_str!("../tests/servers/testgame.toml"), "testgame.toml").unwrap();
            if let Ok((launch, _)) = Launch::first(&recipe, &settings, None) {
                prop_assert!(launch.next(&settings, None, None).unwrap().is_none(), "the same values are no change");
            }
        }
    }
}
