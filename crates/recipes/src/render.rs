//! A recipe with its values filled in: the command line, the files, the install steps, the way to connect.
//!
//! A filled-in value stays inside the argument, the environment variable or the configuration value that it
//! was filled into. No shell reads any of it.

use std::collections::BTreeMap;

use crate::{
    config::{self, ConfigError},
    placeholder::{Placeholder, Template, TemplateError},
    recipe::{ConfigFile, FileFormat, InstallStep, Recipe},
    values::Values,
};

/// Where a server is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The server's name.
    pub server: &'a str,
    /// The absolute path of its folder.
    pub folder: &'a str,
    /// The address that players are told.
    pub address: &'a str,
}

/// How the process is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The working folder, relative to the server's folder; empty for that folder itself.
    pub folder: String,
    /// Environment variables of the recipe. PATH, LANG and HOME are the agent's.
    pub environment: BTreeMap<String, String>,
}

/// A configuration file with its values filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedFile {
    /// Where, relative to the server's folder.
    pub path: String,
    /// How it is written.
    pub format: FileFormat,
    values: BTreeMap<String, serde_json::Value>,
    content: Option<String>,
}

impl RenderedFile {
    /// The file's new text, given what it holds now.
    pub fn text(&self, existing: Option<&str>) -> Result<String, ConfigError> {
        match (&self.content, self.format) {
            (Some(content), FileFormat::Text) => Ok(content.clone()),
            _ => config::write(self.format, existing, &self.values),
        }
    }
}

/// Why a recipe could not be filled in. A recipe that passed lint and values that were resolved for it never
/// give this; a recipe and values that do not belong together do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A text is not a template.
    #[error("'{text}': {source}; run `recipe lint` on the recipe")]
    Template {
        /// The text.
        text: String,
        /// Why.
        source: TemplateError,
    },
    /// A placeholder stands for nothing.
    #[error("{0} stands for nothing in this recipe; run `recipe lint` on it")]
    Missing(String),
    /// The start line is empty.
    #[error("the start line is empty; run `recipe lint` on the recipe")]
    NoProgram,
}

/// How the process is started.
pub fn launch(recipe: &Recipe, values: &Values, place: &Place<'_>) -> Result<Launch, RenderError> {
    let argv = fill_all(&recipe.start.command, values, place)?;
    if argv.first().is_none_or(String::is_empty) {
        return Err(RenderError::NoProgram);
    }
    let mut environment = BTreeMap::new();
    for (name, text) in &recipe.start.environment {
        environment.insert(name.clone(), fill(text, values, place)?);
    }
    Ok(Launch { argv, folder: recipe.start.folder.clone().unwrap_or_default(), environment })
}

/// How a player gets in: the recipe's own text, or `address:port`.
pub fn connect(recipe: &Recipe, values: &Values, place: &Place<'_>) -> Result<String, RenderError> {
    fill(recipe.connect.as_deref().unwrap_or("{host.address}:{port.game}"), values, place)
}

/// The files to write before a start, in the recipe's order.
pub fn files(recipe: &Recipe, values: &Values, place: &Place<'_>) -> Result<Vec<RenderedFile>, RenderError> {
    recipe.files.iter().map(|file| rendered(file, values, place)).collect()
}

/// The install steps. A value in a download's address is percent-encoded, so that it stays in its place.
pub fn install(recipe: &Recipe, values: &Values, place: &Place<'_>) -> Result<Vec<InstallStep>, RenderError> {
    let mut steps = recipe.install.clone();
    for step in &mut steps {
        match step {
            InstallStep::Download { url, .. } => {
                *url = template(url)?.fill(|placeholder| {
                    stands_for(placeholder, values, place).map(|value| percent_encoded(&value))
                })?;
            }
            InstallStep::Command { run, .. } => *run = fill_all(run, values, place)?,
            InstallStep::Apt { .. } | InstallStep::Archive { .. } | InstallStep::Npm { .. } => {}
            InstallStep::Steamcmd { .. } => {}
        }
    }
    Ok(steps)
}

/// The console line that says `text` to everybody in the game, when the game has one. Control characters
/// become spaces, so that one saying stays one line.
pub fn say(recipe: &Recipe, text: &str) -> Option<String> {
    let template = Template::parse(recipe.console.say.as_deref()?).ok()?;
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    template
        .fill(|placeholder| if *placeholder == Placeholder::Text { Ok(plain.clone()) } else { Err(()) })
        .ok()
}

/// The arguments of an install step that placeholders are filled into.
pub(crate) fn arguments(step: &InstallStep) -> &[String] {
    match step {
        InstallStep::Command { run, .. } => run,
        _ => &[],
    }
}

fn rendered(file: &ConfigFile, values: &Values, place: &Place<'_>) -> Result<RenderedFile, RenderError> {
    let mut filled = BTreeMap::new();
    for (key, value) in &file.values {
        filled.insert(key.clone(), fill_json(value, values, place)?);
    }
    Ok(RenderedFile {
        path: file.path.clone(),
        format: file.format,
        values: filled,
        content: file.content.clone(),
    })
}

fn fill_json(
    value: &serde_json::Value,
    values: &Values,
    place: &Place<'_>,
) -> Result<serde_json::Value, RenderError> {
    use serde_json::Value as Json;
    Ok(match value {
        Json::String(text) => {
            let template = template(text)?;
            match template.sole() {
                Some(Placeholder::Variable(name)) => {
                    values.get(name).ok_or_else(|| RenderError::Missing(format!("{{var.{name}}}")))?.json()
                }
                Some(Placeholder::Port(name)) => {
                    values.port(name).ok_or_else(|| RenderError::Missing(format!("{{port.{name}}}")))?.into()
                }
                _ => template.fill(|placeholder| stands_for(placeholder, values, place))?.into(),
            }
        }
        Json::Array(items) => {
            Json::Array(items.iter().map(|item| fill_json(item, values, place)).collect::<Result<_, _>>()?)
        }
        Json::Object(map) => {
            let filled = map.iter().map(|(key, item)| Ok((key.clone(), fill_json(item, values, place)?)));
            Json::Object(filled.collect::<Result<_, RenderError>>()?)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    })
}

fn fill_all(texts: &[String], values: &Values, place: &Place<'_>) -> Result<Vec<String>, RenderError> {
    texts.iter().map(|text| fill(text, values, place)).collect()
}

fn fill(text: &str, values: &Values, place: &Place<'_>) -> Result<String, RenderError> {
    template(text)?.fill(|placeholder| stands_for(placeholder, values, place))
}

fn template(text: &str) -> Result<Template, RenderError> {
    Template::parse(text)
        .map_err(|source| RenderError::Template { text: text.chars().take(80).collect(), source })
}

fn stands_for(placeholder: &Placeholder, values: &Values, place: &Place<'_>) -> Result<String, RenderError> {
    let found = match placeholder {
        Placeholder::Variable(name) => values.get(name).map(|value| value.text()),
        Placeholder::Port(name) => values.port(name).map(|number| number.to_string()),
        Placeholder::ServerName => Some(place.server.to_owned()),
        Placeholder::ServerFolder => Some(place.folder.to_owned()),
        Placeholder::HostAddress => Some(place.address.to_owned()),
        Placeholder::Text | Placeholder::Player => None,
    };
    found.ok_or_else(|| RenderError::Missing(placeholder.to_string()))
}

/// RFC 3986: everything but the unreserved characters. A value of nothing but dots would still climb in the
/// path, so its dots are encoded too.
fn percent_encoded(value: &str) -> String {
    let only_dots = value.bytes().all(|byte| byte == b'.');
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) || (byte == b'.' && !only_dots) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
