//! The description of the interface, OpenAPI 3.1, made from what the catalogue knows of its operations.
//!
//! The same operations always give the same bytes, so the wiring keeps the description as a file and sees in
//! its difference what a change does to callers.

mod answers;
mod schema;

use std::collections::BTreeMap;

use guildhall_core::{
    Effect, Spec,
    input::{Field, FieldKind},
};
use serde_json::{Map, Value, json};

use crate::{
    call::CONFIRM,
    route::{self, BASE, Resource},
};
use schema::Schemas;

/// The OpenAPI 3.1 description of the interface to these operations.
pub fn openapi<'a>(specs: impl IntoIterator<Item = &'a Spec>) -> Value {
    let mut specs: Vec<&Spec> = specs.into_iter().collect();
    specs.sort_by_key(|spec| spec.name);
    let mut schemas = Schemas::shared();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (path, item) in own_paths() {
        paths.entry(path).or_default().extend(item);
    }
    for spec in &specs {
        schemas.add_operation(spec);
        let path = paths.entry(route::operation_path(spec.name)).or_default();
        path.insert("post".to_owned(), by_name(spec));
    }
    for resource in route::resources(specs.iter().copied()) {
        let Some(spec) = specs.iter().find(|spec| spec.name == resource.operation) else { continue };
        let method = resource.verb.as_str().to_lowercase();
        paths.entry(resource.path.clone()).or_default().insert(method, by_resource(spec, &resource));
    }
    let mut tags: Vec<&str> = std::iter::once(OWN).chain(specs.iter().map(|spec| tag(spec))).collect();
    tags.sort_unstable();
    tags.dedup();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Guildhall",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "tags": tags.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the installation. It has a rank, and may have a scope of \
                                    operations that it covers.",
                },
            },
            "parameters": shared_parameters(),
            "responses": answers::problems(),
            "schemas": schemas.finish(),
        },
    })
}

/// What the interface's own addresses are grouped by.
const OWN: &str = "guildhall";

const DESCRIPTION: &str = "\
Every operation of the installation. Each has two addresses: one by its name under `/api/v1/operations`, and \
mostly one among the resources; both do the same, with the same permission, limit and record.\n\n\
An answer has `data` for programs and a `document` for people. When it has `follow`, a job goes on, and its \
events are read at `/api/v1/events?run=…`; the last one has an `outcome`.\n\n\
An operation that takes something away for good answers 409 with the code `confirmation_required` and a \
question first, and runs when the request is repeated with `confirm=true`.\n\n\
Where a body is JSON, a form (`application/x-www-form-urlencoded`) does as well: its words are typed as the \
inputs ask, which suits shells.";

/// The noun that operations are grouped by.
fn tag(spec: &Spec) -> &'static str {
    spec.name.split(' ').next().unwrap_or(spec.name)
}

/// What both addresses of an operation have in common.
fn described(spec: &Spec, id: String, parameters: Vec<Value>) -> Map<String, Value> {
    let effect = match spec.effect {
        Effect::Read => "Looks and changes nothing.",
        Effect::Change => "Changes something that can be changed back.",
        Effect::Destroy => "Takes something away for good, and asks first.",
    };
    let description = format!(
        "{effect} Asks for rank {} unless the community says otherwise. At most {} calls a minute, {} at once.",
        spec.rank, spec.limit.per_minute, spec.limit.burst
    );
    let mut object = Map::new();
    object.insert("operationId".to_owned(), Value::from(id));
    object.insert("tags".to_owned(), json!([tag(spec)]));
    object.insert("summary".to_owned(), Value::from(spec.summary));
    object.insert("description".to_owned(), Value::from(description));
    if !parameters.is_empty() {
        object.insert("parameters".to_owned(), Value::from(parameters));
    }
    object.insert("responses".to_owned(), answers::of_operation(spec));
    object.insert("x-rank".to_owned(), Value::from(spec.rank.level()));
    object.insert("x-effect".to_owned(), json!(spec.effect));
    object
}

fn by_name(spec: &Spec) -> Value {
    let mut parameters = vec![json!({ "$ref": "#/components/parameters/face" })];
    parameters.extend(confirm(spec));
    // A colon is in no operation's name, so these ids never meet those of the resources.
    let mut object = described(spec, format!("call:{}", route::segment(spec.name)), parameters);
    let body = json!({ "$ref": schema::reference(&schema::input_name(spec)) });
    object.insert(
        "requestBody".to_owned(),
        request_body(&body, spec.fields.iter().any(|field| field.required)),
    );
    Value::Object(object)
}

fn by_resource(spec: &Spec, resource: &Resource) -> Value {
    let is_parameter = |field: &&Field| resource.parameter.as_deref() == Some(field.name.as_str());
    let mut parameters = vec![json!({ "$ref": "#/components/parameters/face" })];
    if let Some(field) = spec.fields.iter().find(is_parameter) {
        parameters.push(json!({
            "name": field.name,
            "in": "path",
            "required": true,
            "description": field.description,
            "schema": schema::of_parameter(spec, field),
        }));
    }
    let rest: Vec<&Field> = spec.fields.iter().filter(|field| !is_parameter(field)).collect();
    if !resource.verb.has_body() {
        parameters.extend(rest.iter().map(|field| query_parameter(spec, field)));
    }
    parameters.extend(confirm(spec));
    let mut object = described(spec, route::segment(spec.name), parameters);
    if resource.verb.has_body() && !rest.is_empty() {
        let body = schema::body_without(spec, resource.parameter.as_deref());
        object.insert("requestBody".to_owned(), request_body(&body, rest.iter().any(|field| field.required)));
    }
    Value::Object(object)
}

fn request_body(schema: &Value, required: bool) -> Value {
    json!({ "required": required, "content": { "application/json": { "schema": schema } } })
}

fn query_parameter(spec: &Spec, field: &Field) -> Value {
    let mut description = field.description.clone();
    if field.kind == FieldKind::Map {
        description.push_str(" Written as name=value pairs with blanks between.");
    }
    json!({
        "name": field.name,
        "in": "query",
        "required": field.required,
        "description": description.trim(),
        "schema": schema::of_parameter(spec, field),
    })
}

/// How a caller says yes. Where an input is called like the parameter, only the header does.
fn confirm(spec: &Spec) -> Vec<Value> {
    if spec.effect != Effect::Destroy {
        return Vec::new();
    }
    let mut ways = vec![json!({ "$ref": "#/components/parameters/confirmHeader" })];
    if !spec.fields.iter().any(|field| field.name == CONFIRM) {
        ways.insert(0, json!({ "$ref": "#/components/parameters/confirm" }));
    }
    ways
}

fn shared_parameters() -> Value {
    let yes = "Yes: the caller has seen the question that the operation asks.";
    json!({
        "confirm": {
            "name": CONFIRM, "in": "query", "required": false, "description": yes, "schema": { "type": "boolean" },
        },
        "confirmHeader": {
            "name": "Guildhall-Confirm", "in": "header", "required": false, "description": yes,
            "schema": { "type": "boolean" },
        },
        "face": {
            "name": "Guildhall-Face", "in": "header", "required": false,
            "description": "Sent by the command line, for the record's label.",
            "schema": { "enum": ["cli"] },
        },
    })
}

/// The paths that are the interface's own.
fn own_paths() -> Vec<(String, Map<String, Value>)> {
    let own = |id: &str, summary: &str, responses: Value| json!({ "operationId": format!("guildhall:{id}"), "tags": [OWN], "summary": summary, "responses": responses });
    let open = |mut operation: Value| {
        operation["security"] = json!([]);
        operation
    };
    let mut events = own("events", "What happens, as server-sent events.", answers::of_events());
    events["description"] = Value::from(
        "Each event has the cursor as `id`, its kind as `event`, and as `data` the JSON of the schema Event. \
         Without a place to begin at, only what happens from now on is sent. A reader that does not keep up \
         is disconnected and resumes with the last id it got. Needs rank 0; a token with a scope reads only \
         events about the nouns in it (`server`, `host`).",
    );
    events["parameters"] = json!([
        { "name": "subject", "in": "query", "required": false, "schema": { "type": "string" },
          "description": "Only about this: `server:ID` or `host:NAME`." },
        { "name": "run", "in": "query", "required": false, "schema": { "type": "string", "format": "uuid" },
          "description": "Only of this job." },
        { "name": "after", "in": "query", "required": false, "schema": { "type": "integer", "minimum": 0 },
          "description": "Begin after the event with this id; 0 is the beginning." },
        { "name": "Last-Event-ID", "in": "header", "required": false, "schema": { "type": "integer", "minimum": 0 },
          "description": "The same, as browsers say it; it wins over `after`." },
    ]);
    let operations =
        own("operations", "The catalogue: what is known of each operation.", answers::of_catalogue());
    let description = open(own("openapi", "This description.", answers::json_object("OpenAPI 3.1.")));
    let health = open(own("health", "Whether the process lives.", answers::of_health()));
    let ready = open(own("ready", "Whether the installation can do its work.", answers::of_readiness()));
    let figures = open(own(
        "metrics",
        "Figures for Prometheus.",
        answers::text("Prometheus text format.", "text/plain"),
    ));
    [
        (format!("{BASE}/events"), events),
        (format!("{BASE}/operations"), operations),
        (format!("{BASE}/openapi.json"), description),
        ("/healthz".to_owned(), health),
        ("/readyz".to_owned(), ready),
        ("/metrics".to_owned(), figures),
    ]
    .into_iter()
    .map(|(path, operation)| (path, Map::from_iter([("get".to_owned(), operation)])))
    .collect()
}
