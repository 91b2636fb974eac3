//! The schemas of the description: those all answers share, and each operation's own.

use std::collections::BTreeMap;

use guildhall_core::{
    Document, Event, Follow, Spec,
    input::{Field, FieldKind},
};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::{
    answer::Problem,
    readiness::{Health, Ready},
    route,
};

/// The address of a schema inside of the description.
pub(super) fn reference(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

/// A dot is in no operation's name, and in no shared schema's, so names never meet.
pub(super) fn input_name(spec: &Spec) -> String {
    format!("{}.Input", route::segment(spec.name))
}

pub(super) fn output_name(spec: &Spec) -> String {
    format!("{}.Output", route::segment(spec.name))
}

/// The schemas by name.
pub(super) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// What all answers share.
    pub(super) fn shared() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let mut generator = settings.into_generator();
        generator.subschema_for::<Document>();
        generator.subschema_for::<Event>();
        generator.subschema_for::<Follow>();
        generator.subschema_for::<Problem<'static>>();
        generator.subschema_for::<Health>();
        generator.subschema_for::<Ready>();
        let mut schemas: BTreeMap<String, Value> = generator.take_definitions(true).into_iter().collect();
        schemas.insert("Operation".to_owned(), operation());
        Self(schemas)
    }

    /// An operation's own.
    pub(super) fn add_operation(&mut self, spec: &Spec) {
        let mut input = self.hoist(&input_name(spec), &spec.input);
        close(&mut input);
        self.0.insert(input_name(spec), input);
        let output = self.hoist(&output_name(spec), &spec.output);
        self.0.insert(output_name(spec), output);
    }

    pub(super) fn finish(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }

    /// Moves what a schema defines inside of itself, which only recursive types do, to where references
    /// from anywhere in the description find it.
    fn hoist(&mut self, name: &str, schema: &Value) -> Value {
        let mut schema = embedded(name, schema);
        if let Some(Value::Object(inner)) = schema.as_object_mut().and_then(|object| object.remove("$defs")) {
            for (key, value) in inner {
                self.0.insert(format!("{name}.{key}"), value);
            }
        }
        schema
    }
}

/// A schema as a part of the description: no dialect of its own, references made absolute.
fn embedded(name: &str, schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
    }
    point(&mut schema, name);
    schema
}

fn point(value: &mut Value, name: &str) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(target)) = object.get_mut("$ref") {
                if let Some(inner) = target.strip_prefix("#/$defs/") {
                    *target = reference(&format!("{name}.{inner}"));
                } else if target == "#" {
                    *target = reference(name);
                }
            }
            object.values_mut().for_each(|value| point(value, name));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| point(value, name)),
        _ => {}
    }
}

/// The catalogue refuses inputs it does not know.
fn close(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        object.insert("additionalProperties".to_owned(), Value::from(false));
    }
}

/// The input of an operation without the one that is in the path.
pub(super) fn body_without(spec: &Spec, parameter: Option<&str>) -> Value {
    let Some(parameter) = parameter else { return json!({ "$ref": reference(&input_name(spec)) }) };
    let mut schema = embedded(&input_name(spec), &spec.input);
    close(&mut schema);
    if let Some(object) = schema.as_object_mut() {
        object.remove("$defs");
        object.remove("title");
        if let Some(Value::Object(properties)) = object.get_mut("properties") {
            properties.shift_remove(parameter);
        }
        if let Some(Value::Array(required)) = object.get_mut("required") {
            required.retain(|name| name != parameter);
        }
    }
    schema
}

/// The schema of an input that is written into the address.
pub(super) fn of_parameter(spec: &Spec, field: &Field) -> Value {
    match field.kind {
        // Written as name=value pairs.
        FieldKind::Map => json!({ "type": "string" }),
        FieldKind::List => json!({ "type": "array", "items": { "type": "string" } }),
        _ => {
            let property = embedded(&input_name(spec), &spec.input["properties"][&field.name]);
            without_null(property)
        }
    }
}

/// An optional input is left out of an address, and never null there.
fn without_null(mut schema: Value) -> Value {
    let Some(object) = schema.as_object_mut() else { return schema };
    object.remove("description");
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(words)) = object.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let inner = match object.get_mut("anyOf") {
        Some(Value::Array(variants)) => {
            variants.retain(|variant| variant["type"] != "null");
            match variants.as_slice() {
                [Value::Object(one)] => one.clone(),
                _ => Map::new(),
            }
        }
        _ => Map::new(),
    };
    if !inner.is_empty() {
        object.remove("anyOf");
        object.extend(inner);
    }
    schema
}

/// One entry of `GET /api/v1/operations`.
fn operation() -> Value {
    let text = json!({ "type": "string" });
    let count = json!({ "type": "integer", "minimum": 1 });
    json!({
        "type": "object",
        "description": "What is known of an operation.",
        "required": ["name", "summary", "rank", "effect", "limit", "private", "fields", "input", "output", "path", "resource"],
        "properties": {
            "name": text,
            "summary": text,
            "rank": { "type": "integer", "minimum": 0, "maximum": 10 },
            "effect": { "enum": ["read", "change", "destroy"] },
            "limit": {
                "type": "object",
                "required": ["per_minute", "burst"],
                "properties": { "per_minute": count, "burst": count },
            },
            "private": { "type": "boolean" },
            "fields": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name", "description", "kind", "required"],
                    "properties": {
                        "name": text,
                        "description": text,
                        "kind": { "type": "object", "required": ["type"], "properties": { "type": text } },
                        "required": { "type": "boolean" },
                        "default": {},
                        "complete": text,
                        "secret": { "type": "boolean" },
                    },
                },
            },
            "input": { "type": ["object", "boolean"], "description": "The input's JSON schema." },
            "output": { "type": ["object", "boolean"], "description": "The output's JSON schema." },
            "path": { "type": "string", "description": "Where it is called by its name, with POST." },
            "resource": {
                "description": "Where it is among the resources.",
                "anyOf": [
                    {
                        "type": "object",
                        "required": ["operation", "verb", "path", "parameter"],
                        "properties": {
                            "operation": text,
                            "verb": { "enum": ["GET", "POST", "PUT", "DELETE"] },
                            "path": text,
                            "parameter": { "type": ["string", "null"] },
                        },
                    },
                    { "type": "null" },
                ],
            },
        },
    })
}
