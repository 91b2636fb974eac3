//! What a community set a recipe's variables to, checked and complete.

use std::{collections::BTreeMap, fmt};

use guildhall_core::{FieldError, error, suggest};

use crate::{
    patterns,
    placeholder::{Placeholder, Template},
    recipe::{Recipe, Variable, VariableKind},
};

/// What stands in for a secret, wherever people read.
pub const HIDDEN: &str = "[secret]";

/// A text value is at most this many characters, whatever the recipe says.
pub const MAX_TEXT: usize = 1_000;

/// A variable's value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A line of text, or one of several words.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
    /// A line of text that is never shown.
    Secret(String),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Boolean(yes) => write!(f, "{yes}"),
            Self::Secret(_) => f.write_str("(secret)"),
        }
    }
}

impl Value {
    /// The value as text: what is stored, and what goes into a command line.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Secret(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(yes) => yes.to_string(),
        }
    }

    /// The value with its type: what goes into a configuration file.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) | Self::Secret(text) => text.clone().into(),
            Self::Integer(number) => (*number).into(),
            Self::Boolean(yes) => (*yes).into(),
        }
    }

    /// Whether it must not be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }
}

/// What is wrong with one value. Never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct ValueProblem {
    /// The variable's or the port's name; at most 64 characters.
    pub name: String,
    /// What is wrong, and what would be right, in English.
    pub message: String,
    /// The same as a code of the [locales](crate::LOCALES).
    pub code: &'static str,
    /// What the message speaks of.
    pub vars: error::Vars,
}

impl From<ValueProblem> for FieldError {
    fn from(problem: ValueProblem) -> Self {
        let ValueProblem { name, message, code, vars } = problem;
        Self { field: name, message, code: Some(code), vars }
    }
}

/// Why a value does not fit, whatever it is the value of.
#[derive(Debug)]
pub(crate) struct Misfit {
    pub(crate) message: String,
    code: &'static str,
    vars: error::Vars,
}

impl Misfit {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), code, vars: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<error::Variable>) -> Self {
        self.vars.push((name, value.into()));
        self
    }

    pub(crate) fn of(self, name: &str) -> ValueProblem {
        let Self { message, code, vars } = self;
        ValueProblem { name: name.chars().take(64).collect(), message, code, vars }
    }
}

/// A complete and checked set of values for one recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    variables: BTreeMap<String, Value>,
    ports: BTreeMap<String, u16>,
}

impl Values {
    /// Checks what was set, fills in the defaults, and asks `secret` (which gets the variable's name) for each
    /// secret that was not set. Ports that are not given have their default number.
    pub fn resolve(
        recipe: &Recipe,
        set: &BTreeMap<String, String>,
        ports: &BTreeMap<String, u16>,
        mut secret: impl FnMut(&str) -> String,
    ) -> Result<Self, Vec<ValueProblem>> {
        Self::build(recipe, set, ports, |name| Some(secret(name)))
    }

    /// The same for values that were resolved before and stored: a secret that is missing is a problem.
    pub fn complete(
        recipe: &Recipe,
        stored: &BTreeMap<String, String>,
        ports: &BTreeMap<String, u16>,
    ) -> Result<Self, Vec<ValueProblem>> {
        Self::build(recipe, stored, ports, |_| None)
    }

    fn build(
        recipe: &Recipe,
        set: &BTreeMap<String, String>,
        given: &BTreeMap<String, u16>,
        mut secret: impl FnMut(&str) -> Option<String>,
    ) -> Result<Self, Vec<ValueProblem>> {
        let mut problems = Vec::new();
        let mut variables = BTreeMap::new();
        for name in set.keys().filter(|name| !recipe.variables.contains_key(*name)) {
            problems.push(unknown(name, &NOT_A_VARIABLE, recipe.variables.keys()));
        }
        for (name, variable) in &recipe.variables {
            let value = match (set.get(name), &variable.kind) {
                (Some(text), _) => check(variable, text),
                (None, VariableKind::Secret {}) => match secret(name) {
                    Some(text) => check(variable, &text),
                    None => Err(Misfit::new("value_missing", "it has no value; set one")),
                },
                (None, kind) => Ok(default_of(kind)),
            };
            match value.and_then(|value| no_option(recipe, name, value)) {
                Ok(value) => drop(variables.insert(name.clone(), value)),
                Err(misfit) => problems.push(misfit.of(name)),
            }
        }
        let mut ports = BTreeMap::new();
        for name in given.keys().filter(|name| !recipe.ports.contains_key(*name)) {
            problems.push(unknown(name, &NOT_A_PORT, recipe.ports.keys()));
        }
        for (name, port) in &recipe.ports {
            let number = given.get(name).copied().unwrap_or(port.default);
            if number == 0 {
                let misfit = Misfit::new("value_port_zero", "port 0 is not a port; use 1 to 65535");
                problems.push(misfit.of(name));
            }
            ports.insert(name.clone(), number);
        }
        if problems.is_empty() { Ok(Self { variables, ports }) } else { Err(problems) }
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    /// A port's number.
    pub fn port(&self, name: &str) -> Option<u16> {
        self.ports.get(name).copied()
    }

    /// All ports by name.
    pub fn ports(&self) -> &BTreeMap<String, u16> {
        &self.ports
    }

    /// All values as text, secrets included: what is stored, and what an agent is told.
    pub fn variables(&self) -> BTreeMap<String, String> {
        self.variables.iter().map(|(name, value)| (name.clone(), value.text())).collect()
    }

    /// All values as text, with [`HIDDEN`] in place of secrets: what people may see.
    pub fn shown(&self) -> BTreeMap<String, String> {
        let show = |value: &Value| if value.is_secret() { HIDDEN.to_owned() } else { value.text() };
        self.variables.iter().map(|(name, value)| (name.clone(), show(value))).collect()
    }

    /// Takes one setting in: its type, bounds, pattern and choices.
    pub fn check(recipe: &Recipe, name: &str, text: &str) -> Result<Value, ValueProblem> {
        let Some(variable) = recipe.variables.get(name) else {
            return Err(unknown(name, &NOT_A_VARIABLE, recipe.variables.keys()));
        };
        check(variable, text)
            .and_then(|value| no_option(recipe, name, value))
            .map_err(|misfit| misfit.of(name))
    }
}

/// The code for a name that means nothing, and what it would have to mean.
type Unknown = (&'static str, &'static str);

const NOT_A_VARIABLE: Unknown = ("value_not_a_variable", "a variable");
const NOT_A_PORT: Unknown = ("value_not_a_port", "a port");

fn unknown<'a>(name: &str, (code, what): &Unknown, known: impl Iterator<Item = &'a String>) -> ValueProblem {
    let near = suggest::nearest(name, known.map(String::as_str), 3);
    let message = match near.as_slice() {
        [] => format!("it is not {what} of this recipe, which has none"),
        names => format!("it is not {what} of this recipe; there is {}", names.join(", ")),
    };
    Misfit::new(code, message).with("count", near.len()).with("near", near.join(", ")).of(name)
}

pub(crate) fn default_of(kind: &VariableKind) -> Value {
    match kind {
        VariableKind::Text { default, .. } | VariableKind::Choice { default, .. } => {
            Value::Text(default.clone())
        }
        VariableKind::Integer { default, .. } => Value::Integer(*default),
        VariableKind::Boolean { default } => Value::Boolean(*default),
        VariableKind::Secret {} => Value::Secret(String::new()),
    }
}

/// Whether a text fits a variable. Also what lint checks the defaults with.
pub(crate) fn check(variable: &Variable, text: &str) -> Result<Value, Misfit> {
    if text.chars().count() > MAX_TEXT {
        return Err(too_long(MAX_TEXT));
    }
    // A line end would start a new line in a configuration file or on a console; the others have no place in
    // a line of text. U+2028 and U+2029 end lines in JavaScript and in YAML 1.1.
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        let message = "it holds a line end or another control character; write one line of plain text";
        return Err(Misfit::new("value_not_one_line", message));
    }
    match &variable.kind {
        VariableKind::Text { max_length, pattern, .. } => {
            if let Some(most) = max_length.filter(|most| text.chars().count() > *most as usize) {
                return Err(too_long(most as usize));
            }
            if let Some(pattern) = pattern {
                let regex = patterns::whole(pattern).map_err(|problem| {
                    Misfit::new("value_pattern_wrong", problem.to_string())
                        .with("problem", problem.to_string())
                })?;
                if !regex.is_match(text) {
                    let misfit = Misfit::new("value_pattern", format!("it does not match {pattern}"));
                    return Err(misfit.with("pattern", pattern.as_str()));
                }
            }
            Ok(Value::Text(text.to_owned()))
        }
        VariableKind::Integer { min, max, .. } => {
            let not_whole = |_| Misfit::new("value_not_whole", "it is not a whole number");
            let number: i64 = text.trim().parse().map_err(not_whole)?;
            // Numbers are said as texts: a locale's number has no more than 53 bits.
            match (min, max) {
                (Some(min), _) if number < *min => {
                    let message = format!("{number} is too small; at least {min}");
                    let misfit = Misfit::new("value_too_small", message);
                    Err(misfit.with("number", number.to_string()).with("least", min.to_string()))
                }
                (_, Some(max)) if number > *max => {
                    let message = format!("{number} is too large; at most {max}");
                    let misfit = Misfit::new("value_too_large", message);
                    Err(misfit.with("number", number.to_string()).with("most", max.to_string()))
                }
                _ => Ok(Value::Integer(number)),
            }
        }
        VariableKind::Boolean { .. } => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(Value::Boolean(true)),
            "false" | "no" | "off" | "0" => Ok(Value::Boolean(false)),
            _ => Err(Misfit::new("value_not_a_switch", "it is yes or no: write true or false")),
        },
        VariableKind::Choice { choices, .. } => {
            if choices.iter().any(|choice| choice == text) {
                return Ok(Value::Text(text.to_owned()));
            }
            let near = suggest::nearest(text, choices.iter().map(String::as_str), 5).join(", ");
            let misfit = Misfit::new("value_not_a_choice", format!("it is not one of the choices: {near}"));
            Err(misfit.with("choices", near))
        }
        VariableKind::Secret {} => {
            // Configuration files of many kinds hold secrets, so they keep to what has no meaning in any.
            let fits = |c: char| c.is_ascii_alphanumeric() || "._~!@%^*+=:,/?-".contains(c);
            if (1..=128).contains(&text.len()) && text.chars().all(fits) {
                Ok(Value::Secret(text.to_owned()))
            } else {
                let message = "a secret is 1 to 128 letters, digits and . _ ~ ! @ % ^ * + = : , / ? -";
                Err(Misfit::new("value_secret", message))
            }
        }
    }
}

fn too_long(most: usize) -> Misfit {
    Misfit::new("value_too_long", format!("it is longer than {most} characters")).with("most", most)
}

/// A value at the beginning of an argument must not make an option of it: games take `-exec` and `+exec`
/// wherever they stand.
fn no_option(recipe: &Recipe, name: &str, value: Value) -> Result<Value, Misfit> {
    let (Value::Text(text) | Value::Secret(text)) = &value else { return Ok(value) };
    // The choices are the recipe's own words.
    let chosen =
        matches!(recipe.variables.get(name), Some(Variable { kind: VariableKind::Choice { .. }, .. }));
    if chosen || !text.starts_with(['-', '+', '@']) {
        return Ok(value);
    }
    let arguments =
        recipe.start.command.iter().chain(recipe.install.iter().flat_map(crate::render::arguments));
    let leads = |argument: &String| {
        let template = Template::parse(argument).ok()?;
        let first = template.placeholders().next()?;
        let at_start = matches!(template.pieces().first(), Some(crate::placeholder::Piece::Placeholder(_)));
        Some(at_start && *first == Placeholder::Variable(name.to_owned()))
    };
    if arguments.into_iter().any(|argument| leads(argument) == Some(true)) {
        let message = "it begins with '-', '+' or '@', which the game would take for an option";
        return Err(Misfit::new("value_option", message));
    }
    Ok(value)
}
