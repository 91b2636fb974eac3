//! What the interface answers, described.

use guildhall_core::{Effect, Spec};
use serde_json::{Map, Value, json};

use super::schema;

/// The answers that are not successes: status, name, when.
const PROBLEMS: [(u16, &str, &str); 14] = [
    (400, "Malformed", "The body is not JSON, or the address is not one."),
    (401, "Unauthorized", "No token, or one that nobody holds."),
    (403, "Forbidden", "The rank is too low, or the token's scope does not cover this."),
    (404, "NotFound", "There is no such thing; the remedy names the nearest ones."),
    (405, "WrongMethod", "The address knows other methods; the Allow header names them."),
    (408, "TooSlow", "The body did not arrive in time."),
    (409, "Conflict", "It clashes with what is there; or, with a `question`, it waits for a yes."),
    (413, "TooLarge", "The body is over the limit."),
    (415, "NotJson", "The body is not said to be JSON."),
    (422, "Invalid", "An input does not fit; `fields` says which."),
    (429, "TooMany", "Too much or too often; Retry-After says when to try again, where that is known."),
    (500, "Internal", "Guildhall is wrong. The reference leads to the record."),
    (502, "Upstream", "Something Guildhall depends on did not do its part."),
    (503, "Busy", "Too many requests at a time."),
];

/// An operation that outlives the wait for it.
const GOES_ON: (u16, &str, &str) =
    (504, "GoesOn", "The operation takes long and goes on; look at its result later.");

pub(super) fn problems() -> Value {
    let content = json!({ "application/json": { "schema": { "$ref": schema::reference("Problem") } } });
    let described = PROBLEMS.iter().chain([&GOES_ON]).map(|(status, name, when)| {
        let mut response = json!({ "description": when, "content": content });
        let text = json!({ "type": "string" });
        let named = match status {
            401 => Some(("WWW-Authenticate", "How to say who you are.", text)),
            405 => Some(("Allow", "The methods that work.", text)),
            429 | 503 => {
                Some(("Retry-After", "Seconds to wait.", json!({ "type": "integer", "minimum": 1 })))
            }
            _ => None,
        };
        if let Some((header, description, schema)) = named {
            response["headers"] = json!({ header: { "description": description, "schema": schema } });
        }
        ((*name).to_owned(), response)
    });
    Value::Object(described.collect())
}

fn problem(status: u16) -> (String, Value) {
    let known = PROBLEMS.iter().chain([&GOES_ON]).find(|(known, ..)| *known == status);
    let name = known.map_or("Internal", |(_, name, _)| name);
    (status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }))
}

pub(super) fn of_operation(spec: &Spec) -> Value {
    let schema = json!({
        "type": "object",
        "required": ["data", "document", "follow", "call", "private"],
        "properties": {
            "data": { "$ref": schema::reference(&schema::output_name(spec)) },
            "document": { "$ref": schema::reference("Document") },
            "follow": { "anyOf": [{ "$ref": schema::reference("Follow") }, { "type": "null" }] },
            "call": { "type": "string", "format": "uuid" },
            "private": { "type": "boolean" },
        },
    });
    let content = json!({ "application/json": { "schema": schema } });
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({ "description": "It ran.", "content": content }));
    if spec.effect != Effect::Read {
        let text = "It ran, and a job goes on; `follow` says which.";
        responses.insert("202".to_owned(), json!({ "description": text, "content": content }));
    }
    responses.extend(PROBLEMS.iter().map(|(status, ..)| problem(*status)));
    responses.extend([problem(GOES_ON.0)]);
    Value::Object(responses)
}

pub(super) fn of_events() -> Value {
    let mut responses = text("Events, for as long as the reader stays.", "text/event-stream");
    for status in [401, 403, 405, 422, 429, 500, 502] {
        let (status, response) = problem(status);
        responses[status] = response;
    }
    responses
}

pub(super) fn of_catalogue() -> Value {
    let schema = json!({
        "type": "object",
        "required": ["operations"],
        "properties": { "operations": { "type": "array", "items": { "$ref": schema::reference("Operation") } } },
    });
    let content = json!({ "application/json": { "schema": schema } });
    let mut responses = json!({ "200": { "description": "Every operation.", "content": content } });
    for status in [401, 405, 429, 500, 502] {
        let (status, response) = problem(status);
        responses[status] = response;
    }
    responses
}

pub(super) fn of_health() -> Value {
    let content = json!({ "application/json": { "schema": { "$ref": schema::reference("Health") } } });
    json!({ "200": { "description": "It lives.", "content": content } })
}

pub(super) fn of_readiness() -> Value {
    let content = json!({ "application/json": { "schema": { "$ref": schema::reference("Ready") } } });
    json!({
        "200": { "description": "Every needed part does its work.", "content": content },
        "503": { "description": "A needed part does not, or the process is ending.", "content": content },
    })
}

pub(super) fn json_object(description: &str) -> Value {
    let content = json!({ "application/json": { "schema": { "type": "object" } } });
    json!({ "200": { "description": description, "content": content } })
}

pub(super) fn text(description: &str, kind: &str) -> Value {
    json!({ "200": { "description": description, "content": { kind: { "schema": { "type": "string" } } } } })
}
