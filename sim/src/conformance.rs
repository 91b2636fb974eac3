//! Checks recorded traffic against Discord's own OpenAPI document: what an application sent, and what the stand-in
//! answered. For tests, where that document is at hand.
//!
//! ```no_run
//! # fn example(sim: &guildhall_sim::Sim) -> Result<(), Box<dyn std::error::Error>> {
//! let checker = guildhall_sim::conformance::Checker::load("openapi.json")?;
//! let wrong: Vec<_> = sim.log().iter().flat_map(|exchange| checker.check_exchange(exchange)).collect();
//! assert!(wrong.is_empty(), "{wrong:#?}");
//! # Ok(()) }
//! ```

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value, json};

use crate::log::{Direction, Exchange};

/// Where an answer in the body of an HTTP interaction is described.
const CALLBACK: &str = "/interactions/{interaction_id}/{interaction_token}/callback";

/// What Discord's document says more strictly than Discord itself behaves and documents elsewhere. Each entry: where
/// (the end of the JSON pointer, `*` for any one step), what passes, and why.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        place: "default_member_permissions",
        passes: is_digits,
        reason: "The reference documents permission sets as decimal strings, because they outgrow 53 bits; \
                 every client library sends strings, the OpenAPI document says integer.",
    },
    Exception {
        place: "permissions",
        passes: is_digits,
        reason: "As for default_member_permissions, in role requests.",
    },
    Exception {
        place: "allow",
        passes: is_digits,
        reason: "As for default_member_permissions, in overwrites.",
    },
    Exception {
        place: "deny",
        passes: is_digits,
        reason: "As for default_member_permissions, in overwrites.",
    },
    Exception {
        place: "_errors/*/code",
        passes: Value::is_string,
        reason: "The reference shows form errors with codes such as BASE_TYPE_REQUIRED, and Discord sends them; the \
                 OpenAPI document reuses the outer error object, whose code is a number.",
    },
    Exception {
        place: "attachments/*/id",
        passes: Value::is_u64,
        reason: "The reference numbers new files by their place in the request, and its examples write 0, not \"0\".",
    },
    Exception {
        place: "message_reference/*",
        passes: Value::is_u64,
        reason: "Discord reads an id written as a number; discord.py writes the ids of a reply so.",
    },
];

struct Exception {
    place: &'static str,
    passes: fn(&Value) -> bool,
    /// Read by people.
    reason: &'static str,
}

impl Exception {
    fn is_at(&self, pointer: &str) -> bool {
        let mut steps = pointer.rsplit('/');
        self.place.rsplit('/').all(|wanted| steps.next().is_some_and(|step| wanted == "*" || wanted == step))
    }
}

fn is_digits(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The deliberate differences, as (place, reason), for a report.
pub fn exceptions() -> impl Iterator<Item = (&'static str, &'static str)> {
    EXCEPTIONS.iter().map(|exception| (exception.place, exception.reason))
}

/// Why the document could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the OpenAPI document: {0}")]
    Read(#[from] std::io::Error),
    /// The file is no JSON.
    #[error("the OpenAPI document is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The file has no `paths`.
    #[error("the file is no OpenAPI document: it has no paths")]
    NoPaths,
}

/// One disagreement with Discord's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Method and path of the exchange.
    pub exchange: String,
    /// `request` or `response`.
    pub part: &'static str,
    /// Where in the JSON, as a pointer.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}: {}", self.exchange, self.part, self.place, self.message)
    }
}

/// Discord's OpenAPI document, ready to check against.
pub struct Checker {
    document: Value,
    compiled: Mutex<HashMap<String, Result<Arc<Validator>, String>>>,
}

impl Checker {
    /// Reads the document.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let document: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        if !document["paths"].is_object() {
            return Err(LoadError::NoPaths);
        }
        Ok(Self { document, compiled: Mutex::default() })
    }

    /// Checks the answer, and the request where it was accepted: a request that was refused on purpose is expected to
    /// be wrong.
    pub fn check_exchange(&self, exchange: &Exchange) -> Vec<Violation> {
        let mut violations = self.check_response(exchange);
        if (200..300).contains(&exchange.status) {
            violations.extend(self.check_request(exchange));
        }
        violations
    }

    /// Checks the request alone, whatever came of it.
    pub fn check_request(&self, exchange: &Exchange) -> Vec<Violation> {
        if exchange.direction == Direction::ToApplication {
            return Vec::new();
        }
        let Some(operation) = self.operation(&exchange.method, &exchange.path) else {
            return vec![violation(exchange, "request", "", "Discord's document has no such operation")];
        };
        let Some(schema) = body_schema(operation, &["requestBody"]) else { return Vec::new() };
        match &exchange.request {
            Some(body) => self.check(exchange, "request", schema, body),
            None if operation["requestBody"]["required"] == true && !self.allows_empty(schema) => {
                vec![violation(exchange, "request", "", "a body is required")]
            }
            None => Vec::new(),
        }
    }

    /// Checks the answer alone. What an application answers in the body of an HTTP interaction is checked as a
    /// callback.
    pub fn check_response(&self, exchange: &Exchange) -> Vec<Violation> {
        if exchange.direction == Direction::ToApplication {
            let operation = &self.document["paths"][CALLBACK]["post"];
            let schema = body_schema(operation, &["requestBody"]);
            return match (schema, &exchange.response) {
                (Some(schema), Some(body)) if exchange.status == 200 => {
                    self.check(exchange, "response", schema, body)
                }
                _ => Vec::new(),
            };
        }
        // Discord's document says nothing of its own failures, which are ordered here.
        if exchange.status >= 500 {
            return Vec::new();
        }
        let status = exchange.status.to_string();
        let schema = if exchange.status == 429 {
            Some(&self.document["components"]["schemas"]["RatelimitedResponse"])
        } else if (400..500).contains(&exchange.status) {
            Some(&self.document["components"]["schemas"]["ErrorResponse"])
        } else {
            let Some(operation) = self.operation(&exchange.method, &exchange.path) else {
                return vec![violation(exchange, "response", "", "Discord's document has no such operation")];
            };
            if operation["responses"][&status].is_null() {
                return vec![violation(
                    exchange,
                    "response",
                    "",
                    &format!("status {status} is not foreseen"),
                )];
            }
            body_schema(operation, &["responses", &status])
        };
        match (schema, &exchange.response) {
            (Some(schema), Some(body)) => self.check(exchange, "response", schema, body),
            (None, Some(_)) => vec![violation(exchange, "response", "", "no body is foreseen")],
            (Some(_), None) => vec![violation(exchange, "response", "", "a body is missing")],
            (None, None) => Vec::new(),
        }
    }

    /// Checks a value against a named schema of the document, for example a message inside a gateway event.
    pub fn check_value(&self, schema: &str, value: &Value) -> Vec<Violation> {
        let exchange = Exchange {
            direction: Direction::ToApplication,
            method: "VALUE".into(),
            path: schema.into(),
            query: String::new(),
            request: None,
            status: 0,
            response: None,
        };
        self.check(&exchange, "response", &json!({"$ref": format!("#/components/schemas/{schema}")}), value)
    }

    /// Whether no body can stand for `{}`: Discord reads it so, and every client leaves out a body with nothing in it.
    fn allows_empty(&self, schema: &Value) -> bool {
        let named = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#'));
        let schema = named.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(schema);
        schema["properties"].is_object() && schema["required"].is_null()
            || *schema == json!({"type": "object"})
    }

    /// The operation of the document that this method and path mean: of several templates the most literal one.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let asked: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let method = method.to_lowercase();
        let mut best: Option<(usize, &Value)> = None;
        for (template, item) in self.document["paths"].as_object()? {
            let parts: Vec<&str> = template.split('/').filter(|part| !part.is_empty()).collect();
            let fits = parts.len() == asked.len()
                && parts.iter().zip(&asked).all(|(part, asked)| part.starts_with('{') || part == asked);
            let literal = parts.iter().filter(|part| !part.starts_with('{')).count();
            if fits && !item[&method].is_null() && best.is_none_or(|(most, _)| literal > most) {
                best = Some((literal, &item[&method]));
            }
        }
        best.map(|(_, operation)| operation)
    }

    fn check(
        &self,
        exchange: &Exchange,
        part: &'static str,
        schema: &Value,
        value: &Value,
    ) -> Vec<Violation> {
        match self.validator(schema) {
            Ok(validator) => {
                let wrong = validator.iter_errors(value).flat_map(|error| explain(&error));
                wrong.map(|(place, message)| violation(exchange, part, &place, &message)).collect()
            }
            Err(why) => vec![violation(exchange, part, "", &format!("the schema cannot be used: {why}"))],
        }
    }

    fn validator(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        let key = schema.to_string();
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(&key) {
            return known.clone();
        }
        // Only what the schema reaches is compiled with it; the whole document is a megabyte.
        let mut reached = Map::new();
        let mut open = references(schema);
        while let Some(name) = open.pop_first() {
            let found = &self.document["components"]["schemas"][&name];
            open.extend(references(found).into_iter().filter(|name| !reached.contains_key(name)));
            reached.insert(name, found.clone());
        }
        let root = json!({"allOf": [schema], "components": {"schemas": reached}});
        let built = jsonschema::options()
            .should_validate_formats(true)
            .build(&root)
            .map(Arc::new)
            .map_err(|error| error.to_string());
        compiled.insert(key, built.clone());
        built
    }
}

fn violation(exchange: &Exchange, part: &'static str, place: &str, message: &str) -> Violation {
    let shown: String = message.chars().take(600).collect();
    Violation {
        exchange: format!("{} {}", exchange.method, exchange.path),
        part,
        place: place.into(),
        message: shown,
    }
}

fn body_schema<'a>(operation: &'a Value, at: &[&str]) -> Option<&'a Value> {
    let place = at.iter().fold(operation, |value, key| &value[*key]);
    let schema = &place["content"]["application/json"]["schema"];
    if schema.is_null() { None } else { Some(schema) }
}

fn references(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                let name = object.get("$ref").and_then(Value::as_str);
                found
                    .extend(name.and_then(|name| name.strip_prefix("#/components/schemas/")).map(Into::into));
                open.extend(object.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    found
}

/// What is wrong, as (place, message), without what the exceptions let pass. Of a union's branches the nearest one is
/// explained: the one with the right `type`, else the one with the fewest mistakes.
fn explain(error: &ValidationError<'_>) -> Vec<(String, String)> {
    let place = error.instance_path().to_string();
    let excepted =
        EXCEPTIONS.iter().any(|exception| exception.is_at(&place) && (exception.passes)(error.instance()));
    if excepted {
        return Vec::new();
    }
    let branches = match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => context,
        _ => return vec![(place, error.to_string())],
    };
    let explained = branches.iter().map(|branch| branch.iter().flat_map(explain).collect::<Vec<_>>());
    let wrong_type = |branch: &[(String, String)]| {
        let discriminator = format!("{place}/type");
        branch
            .iter()
            .any(|(at, message)| *at == discriminator || (*at == place && message.contains("is not of type")))
    };
    let nearest = explained.min_by_key(|branch| (!branch.is_empty(), wrong_type(branch), branch.len()));
    nearest.unwrap_or_else(|| vec![(place, error.to_string())])
}
