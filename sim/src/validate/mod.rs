//! Discord's form validation: every mistake is collected with its code at its place, and all come back together.

pub(crate) mod command;
pub(crate) mod component;
pub(crate) mod embed;
pub(crate) mod message;
pub(crate) mod modal;
pub(crate) mod select;

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use crate::rest::error::ApiError;

/// Mistakes reported for one request. More are not worth sending.
const MOST_PROBLEMS: usize = 100;

/// A form under inspection: where we are in it, and what was wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Form {
    path: Vec<String>,
    problems: Vec<(Vec<String>, String, String)>,
}

pub(crate) type Object = Map<String, Value>;

impl Form {
    /// Inspects with `inspect` and gives its result when nothing was wrong.
    pub(crate) fn check<T>(inspect: impl FnOnce(&mut Self) -> T) -> Result<T, ApiError> {
        let mut form = Self::default();
        let result = inspect(&mut form);
        form.finish().map(|()| result)
    }

    fn finish(mut self) -> Result<(), ApiError> {
        if self.problems.is_empty() {
            return Ok(());
        }
        // A node holds either its own mistakes or those inside it, never both; the outer ones win.
        self.problems.sort_by_key(|(path, _, _)| path.len());
        let mut errors = json!({});
        for (path, code, message) in self.problems {
            let mut place = &mut errors;
            let mut covered = false;
            for key in path {
                covered = place.get("_errors").is_some();
                if covered {
                    break;
                }
                place = &mut place[key];
            }
            if covered {
                continue;
            }
            match place.get_mut("_errors").and_then(Value::as_array_mut) {
                Some(list) => list.push(json!({"code": code, "message": message})),
                None => place["_errors"] = json!([{"code": code, "message": message}]),
            }
        }
        Err(ApiError::invalid_form(errors))
    }

    /// Inspects what lies under `key`.
    #[expect(clippy::needless_pass_by_value, reason = "keys are literals and small numbers")]
    pub(crate) fn at<T>(&mut self, key: impl ToString, inspect: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_string());
        let result = inspect(self);
        self.path.pop();
        result
    }

    pub(crate) fn problem(&mut self, code: &str, message: impl Into<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push((self.path.clone(), code.into(), message.into()));
        }
    }

    pub(crate) fn problem_at(&mut self, key: impl ToString, code: &str, message: impl Into<String>) {
        self.at(key, |form| form.problem(code, message));
    }

    pub(crate) fn required(&mut self, key: &str) {
        self.problem_at(key, "BASE_TYPE_REQUIRED", "This field is required");
    }

    pub(crate) fn object<'a>(&mut self, value: &'a Value) -> Option<&'a Object> {
        let object = value.as_object();
        if object.is_none() {
            self.problem("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType");
        }
        object
    }

    pub(crate) fn length(&mut self, length: usize, bounds: RangeInclusive<usize>) {
        if bounds.contains(&length) {
            return;
        }
        let (least, most) = (bounds.start(), bounds.end());
        if *least == 0 {
            self.problem("BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
        } else if *most == usize::MAX {
            self.problem("BASE_TYPE_MIN_LENGTH", format!("Must be {least} or more in length."));
        } else {
            self.problem("BASE_TYPE_BAD_LENGTH", format!("Must be between {least} and {most} in length."));
        }
    }

    /// A text, or nothing when it is missing or null. Lengths are in characters, not bytes.
    pub(crate) fn text(
        &mut self,
        object: &Object,
        key: &str,
        bounds: RangeInclusive<usize>,
    ) -> Option<String> {
        let value = object.get(key).filter(|value| !value.is_null())?;
        self.at(key, |form| match value {
            Value::String(text) => {
                form.length(text.chars().count(), bounds);
                Some(text.clone())
            }
            Value::Number(number) => Some(number.to_string()),
            _ => {
                form.problem("STRING_TYPE_CONVERT", "Could not interpret value as string.");
                None
            }
        })
    }

    pub(crate) fn required_text(
        &mut self,
        object: &Object,
        key: &str,
        bounds: RangeInclusive<usize>,
    ) -> Option<String> {
        if object.get(key).is_none_or(Value::is_null) {
            self.required(key);
        }
        self.text(object, key, bounds)
    }

    /// A whole number; like Discord, one written as a string counts.
    pub(crate) fn integer(&mut self, object: &Object, key: &str, bounds: RangeInclusive<i64>) -> Option<i64> {
        let value = object.get(key).filter(|value| !value.is_null())?;
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        self.at(key, |form| {
            let Some(number) = number else {
                let shown: String = value.to_string().chars().take(100).collect();
                form.problem("NUMBER_TYPE_COERCE", format!("Value {shown} is not int."));
                return None;
            };
            if number < *bounds.start() {
                let least = bounds.start();
                form.problem(
                    "NUMBER_TYPE_MIN",
                    format!("int value should be greater than or equal to {least}."),
                );
            } else if number > *bounds.end() {
                let most = bounds.end();
                form.problem("NUMBER_TYPE_MAX", format!("int value should be less than or equal to {most}."));
            }
            Some(number)
        })
    }

    pub(crate) fn boolean(&mut self, object: &Object, key: &str) -> Option<bool> {
        let value = object.get(key).filter(|value| !value.is_null())?;
        if !value.is_boolean() {
            self.problem_at(key, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.");
        }
        value.as_bool()
    }

    pub(crate) fn choice(&mut self, object: &Object, key: &str, allowed: &[i64]) -> Option<i64> {
        let number = self.integer(object, key, i64::MIN..=i64::MAX)?;
        if !allowed.contains(&number) {
            let list: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            let message = format!("Value must be one of {{{}}}.", list.join(", "));
            self.problem_at(key, "BASE_TYPE_CHOICES", message);
        }
        Some(number)
    }

    pub(crate) fn list<'a>(
        &mut self,
        object: &'a Object,
        key: &str,
        bounds: RangeInclusive<usize>,
    ) -> Option<&'a [Value]> {
        let value = object.get(key).filter(|value| !value.is_null())?;
        self.at(key, |form| match value {
            Value::Array(list) => {
                form.length(list.len(), bounds);
                Some(list.as_slice())
            }
            _ => {
                form.problem("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
                None
            }
        })
    }

    /// A list of ids.
    pub(crate) fn snowflakes<T: std::str::FromStr>(
        &mut self,
        object: &Object,
        key: &str,
        bounds: RangeInclusive<usize>,
    ) -> Option<Vec<T>> {
        let list = self.list(object, key, bounds)?;
        let mut ids = Vec::new();
        for (index, value) in list.iter().enumerate() {
            match snowflake(value) {
                Some(id) => ids.push(id),
                None => self.at(key, |form| {
                    form.problem_at(index, "NUMBER_TYPE_COERCE", format!("Value {value} is not snowflake."));
                }),
            }
        }
        Some(ids)
    }
}

/// An id as a string or, as some clients write it, as a number.
pub(crate) fn snowflake<T: std::str::FromStr>(value: &Value) -> Option<T> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// The body of a request as an object; anything else is a form mistake.
pub(crate) fn object_of(body: &Value) -> Result<&Object, ApiError> {
    body.as_object().ok_or_else(|| {
        ApiError::form(&[], "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    })
}
