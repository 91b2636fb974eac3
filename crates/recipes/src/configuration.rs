//! The launch configuration: what a server is started with. It has versions; a change holds from the next start on.
//!
//! It pins its recipe, so that a later edition of that does not change a server by itself, and it knows what may be
//! shown of it: a secret never is.

use std::collections::{BTreeMap, BTreeSet};

use guildhall_core::suggest;
use rand::{Rng, distr::Alphanumeric};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Place, Recipe, ValueProblem, Values, address,
    recipe::VariableKind,
    render,
    secrets::{Kept, Owner, SecretsKey},
    values::{HIDDEN, Misfit},
};

/// The prefix of a setting that wishes for a port number.
const PORT: &str = "port.";
/// The setting for the idle stop.
const IDLE_STOP: &str = "idle_stop";
/// The change that takes a newer edition of the recipe.
const RECIPE: &str = "recipe";
/// Numbers below this belong to the host's own services.
const LOWEST_PORT: u16 = 1_024;
/// Settings a call may change at once.
const MOST_SETTINGS: usize = 64;

/// Why a launch configuration cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// Values that the recipe does not take.
    #[error("{} of the values do not fit; correct them", .0.len())]
    Values(Vec<ValueProblem>),
    /// Secrets that were sealed with another key.
    #[error("these secrets are sealed with another key; set them anew: {}", .0.join(", "))]
    Locked(Vec<String>),
}

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
pub struct Configuration {
    /// Its version, from 1.
    pub version: i64,
    /// The recipe, as it was when the configuration was made.
    pub recipe: Recipe,
    /// Stop after this long without players, in seconds; `None` for never.
    pub idle_stop: Option<i64>,
    variables: BTreeMap<String, String>,
    wished: BTreeMap<String, u16>,
    /// Secrets that were sealed with another key than this installation's, as they are kept.
    locked: BTreeMap<String, Kept>,
}

impl Configuration {
    /// The first launch configuration of a server: what was set, the recipe's defaults for the rest, and a
    /// generated value for each secret that was not set.
    pub fn first(
        recipe: &Recipe,
        settings: &BTreeMap<String, String>,
        idle_stop: Option<i64>,
    ) -> Result<(Self, Vec<Changed>), ConfigurationError> {
        let (variables, wished) = split(recipe, settings)?;
        let values = Values::resolve(recipe, &variables, &wished, |_| generated_secret())
            .map_err(ConfigurationError::Values)?;
        let first = Self {
            version: 1,
            recipe: recipe.clone(),
            idle_stop,
            variables: values.variables(),
            wished,
            locked: BTreeMap::new(),
        };
        let shown = first.shown();
        let changed = settings
            .keys()
            .map(|name| Changed {
                name: name.clone(),
                from: None,
                to: shown.get(name).cloned().unwrap_or_default(),
            })
            .collect();
        Ok((first, changed))
    }

    /// The next version: what is asked for changed, the rest kept. `None` when nothing is different.
    pub fn next(&self, asked: &Asked<'_>) -> Result<Option<(Self, Vec<Changed>)>, ConfigurationError> {
        let recipe = asked.recipe.unwrap_or(&self.recipe);
        let (variables, wished) = split(recipe, asked.set)?;
        self.check_reset(recipe, asked)?;
        let locked: Vec<String> = self
            .locked
            .keys()
            .filter(|name| recipe.variables.contains_key(*name))
            .filter(|name| !variables.contains_key(*name) && !asked.reset.contains(*name))
            .cloned()
            .collect();
        if !locked.is_empty() {
            return Err(ConfigurationError::Locked(locked));
        }
        let mut all = self.variables.clone();
        // A newer edition may have dropped or tightened a variable: what no longer fits falls back to its default.
        all.retain(|name, text| Values::check(recipe, name, text).is_ok());
        all.retain(|name, _| !asked.reset.contains(name));
        all.extend(variables);
        let mut ports = self.wished.clone();
        ports.retain(|name, _| recipe.ports.contains_key(name));
        ports.retain(|name, _| !asked.reset.contains(&format!("{PORT}{name}")));
        ports.extend(wished);
        let values = Values::resolve(recipe, &all, &ports, |_| generated_secret())
            .map_err(ConfigurationError::Values)?;
        let next = Self {
            version: self.version + 1,
            recipe: recipe.clone(),
            idle_stop: match asked.idle_stop {
                Some(idle_stop) => idle_stop,
                None if asked.reset.contains(IDLE_STOP) => asked.default_idle_stop,
                None => self.idle_stop,
            },
            variables: values.variables(),
            wished: ports,
            locked: BTreeMap::new(),
        };
        let changed = next.differences(self);
        Ok((!changed.is_empty()).then_some((next, changed)))
    }

    /// What is to have its default again has to be a setting, and not one that is set in the same breath.
    fn check_reset(&self, recipe: &Recipe, asked: &Asked<'_>) -> Result<(), ConfigurationError> {
        let ports = recipe.ports.keys().map(|name| format!("{PORT}{name}"));
        let known: Vec<String> =
            recipe.variables.keys().cloned().chain(ports).chain([IDLE_STOP.to_owned()]).collect();
        let problem = |name: &String| {
            let set = asked.set.contains_key(name) || (name == IDLE_STOP && asked.idle_stop.is_some());
            if set {
                let message = "it is set and reset at once; do one of them";
                return Some(Misfit::new("value_set_and_reset", message).of(name));
            }
            if known.contains(name) {
                return None;
            }
            let near = suggest::nearest(name, known.iter().map(String::as_str), 3).join(", ");
            let message = format!("it is not a setting of this server; there is {near}");
            Some(Misfit::new("value_not_a_setting", message).with("near", near).of(name))
        };
        let problems: Vec<ValueProblem> = asked.reset.iter().filter_map(problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(ConfigurationError::Values(problems)) }
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
    pub fn shown(&self) -> BTreeMap<String, String> {
        let mut shown: BTreeMap<String, String> = self
            .variables
            .iter()
            .map(|(name, text)| {
                (name.clone(), if self.is_secret(name) { HIDDEN.to_owned() } else { text.clone() })
            })
            .collect();
        shown.extend(self.locked.keys().map(|name| (name.clone(), HIDDEN.to_owned())));
        shown.extend(self.wished.iter().map(|(name, number)| (format!("{PORT}{name}"), number.to_string())));
        let idle = self.idle_stop.map_or_else(|| "off".to_owned(), written);
        shown.insert(IDLE_STOP.to_owned(), idle);
        shown
    }

    /// The number that a port should have, if it is free.
    pub fn wished_port(&self, name: &str) -> Option<u16> {
        self.wished.get(name).copied().or_else(|| self.recipe.ports.get(name).map(|port| port.default))
    }

    /// Whether somebody asked for this very number.
    pub fn is_wished(&self, name: &str) -> bool {
        self.wished.contains_key(name)
    }

    /// The text without any secret of this configuration, wherever a game or an agent may have printed one.
    pub fn redact(&self, text: &str) -> String {
        let secrets = self.variables.iter().filter(|(name, value)| self.is_secret(name) && !value.is_empty());
        secrets.fold(text.to_owned(), |text, (_, secret)| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), HIDDEN) } else { text }
        })
    }

    /// The text as everybody may read it: without secrets, and without the addresses of players.
    pub fn for_everybody(&self, text: &str) -> String {
        address::hide(&self.redact(text)).into_owned()
    }

    /// How players get in. A secret in the recipe's text stays hidden.
    pub fn connect(&self, server: &str, ports: &BTreeMap<String, u16>, address: &str) -> Option<String> {
        let known = ports.iter().filter(|(name, _)| self.recipe.ports.contains_key(*name));
        let ports = known.map(|(name, number)| (name.clone(), *number)).collect();
        let values = Values::complete(&self.recipe, &self.variables, &ports).ok()?;
        let text = render::connect(&self.recipe, &values, &Place { server, folder: "", address }).ok()?;
        Some(self.redact(&text))
    }

    /// The variables as they are kept: secrets sealed.
    pub fn kept(&self, owner: Owner<'_>, key: Option<&SecretsKey>) -> BTreeMap<String, Kept> {
        let mut kept = self.locked.clone();
        kept.extend(self.variables.iter().map(|(name, text)| {
            let secret = self.is_secret(name);
            let value = if secret { Kept::secret(key, owner, name, text) } else { Kept::plain(text) };
            (name.clone(), value)
        }));
        kept
    }

    /// Takes the variables up again as they were kept.
    #[must_use]
    pub fn with_kept(
        mut self,
        kept: BTreeMap<String, Kept>,
        owner: Owner<'_>,
        key: Option<&SecretsKey>,
    ) -> Self {
        for (name, kept) in kept {
            match kept.read(key, owner, &name) {
                Ok(text) => drop(self.variables.insert(name, text)),
                Err(sealed) => drop(self.locked.insert(name, sealed)),
            }
        }
        self
    }

    /// A version without its variables, which are taken up by [`Configuration::with_kept`].
    pub fn bare(version: i64, recipe: Recipe, idle_stop: Option<i64>, wished: BTreeMap<String, u16>) -> Self {
        Self { version, recipe, idle_stop, variables: BTreeMap::new(), wished, locked: BTreeMap::new() }
    }

    /// The port numbers that were asked for, by the port's name.
    pub fn wished(&self) -> &BTreeMap<String, u16> {
        &self.wished
    }

    /// The variables' values, secrets included: what an agent is told.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Whether it can be started with: every secret can be read.
    pub fn check_unlocked(&self) -> Result<(), ConfigurationError> {
        if self.locked.is_empty() {
            return Ok(());
        }
        Err(ConfigurationError::Locked(self.locked.keys().cloned().collect()))
    }

    /// Whether it has a secret at all.
    pub fn has_secrets(&self) -> bool {
        self.variables.keys().any(|name| self.is_secret(name))
    }

    fn is_secret(&self, name: &str) -> bool {
        self.recipe
            .variables
            .get(name)
            .is_none_or(|variable| matches!(variable.kind, VariableKind::Secret {}))
    }
}

/// What is to be different in the next version of a launch configuration.
pub struct Asked<'a> {
    /// New values.
    pub set: &'a BTreeMap<String, String>,
    /// Settings that are to have their default again: variables, `port.NAME` and `idle_stop`. A secret's default
    /// is a new one.
    pub reset: &'a BTreeSet<String>,
    /// A newer edition of the recipe to take.
    pub recipe: Option<&'a Recipe>,
    /// The new idle stop, if that is to change.
    pub idle_stop: Option<Option<i64>>,
    /// The installation's own idle stop.
    pub default_idle_stop: Option<i64>,
}

/// Port numbers that were asked for, by the port's name.
type Wishes = BTreeMap<String, u16>;

/// Variables and `port.NAME` wishes, told apart.
fn split(
    recipe: &Recipe,
    settings: &BTreeMap<String, String>,
) -> Result<(BTreeMap<String, String>, Wishes), ConfigurationError> {
    if settings.len() > MOST_SETTINGS {
        let message = format!("at most {MOST_SETTINGS} values can be set at once");
        let misfit = Misfit::new("value_too_many", message).with("most", MOST_SETTINGS);
        return Err(ConfigurationError::Values(vec![misfit.of("set")]));
    }
    let mut variables = BTreeMap::new();
    let mut ports = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, text) in settings {
        match name.strip_prefix(PORT).filter(|_| !recipe.variables.contains_key(name)) {
            None => {
                variables.insert(name.clone(), text.clone());
            }
            Some(port) => match text.trim().parse::<u16>() {
                Ok(number) if number >= LOWEST_PORT => {
                    ports.insert(port.to_owned(), number);
                }
                _ => {
                    let message = format!("a port is a number from {LOWEST_PORT} to 65535");
                    let misfit = Misfit::new("value_port", message).with("least", LOWEST_PORT);
                    problems.push(misfit.of(name));
                }
            },
        }
    }
    if problems.is_empty() { Ok((variables, ports)) } else { Err(ConfigurationError::Values(problems)) }
}

/// Reads an idle stop: `off`, or a duration of one minute to a day.
pub fn read_idle_stop(text: &str) -> Result<Option<i64>, ConfigurationError> {
    let wrong =
        |code, message: &str| ConfigurationError::Values(vec![Misfit::new(code, message).of(IDLE_STOP)]);
    let text = text.trim();
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let duration = crate::duration::parse(text)
        .map_err(|_| wrong("value_idle_stop", "write `off`, or a time like 15m or 2h"))?;
    if duration.as_secs() < 60 {
        return Err(wrong("value_idle_stop_short", "it is at least one minute"));
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
mod tests;
