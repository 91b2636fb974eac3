//! The OpenAPI description: well formed, complete, and true.

use std::collections::BTreeSet;

use guildhall_core::Spec;
use guildhall_http::{openapi, route};
use serde_json::{Value, json};

use crate::{
    harness::{ADMIN, Harness, MEMBER, answered},
    shed,
};

fn described() -> Value {
    openapi(shed::operations().specs())
}

/// Every object below a value, with its way there.
fn walk<'a>(value: &'a Value, way: &str, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(way, value);
    match value {
        Value::Object(object) => {
            object
                .iter()
                .for_each(|(key, inner)| walk(inner, &format!("{way}/{}", key.replace('/', "~1")), visit));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, inner)| walk(inner, &format!("{way}/{index}"), visit));
        }
        _ => {}
    }
}

/// A schema inside of the description, as one that stands alone.
fn alone(description: &Value, schema: &Value) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": description["components"],
        "allOf": [schema],
    })
}

fn check(description: &Value, schema: &Value, instance: &Value, what: &str) {
    let validator = jsonschema::draft202012::new(&alone(description, schema)).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(instance)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:?}\n{instance:#}");
}

#[test]
fn the_description_is_the_same_each_time_and_reads_well() {
    assert_eq!(described().to_string(), described().to_string());
    let operations = shed::operations();
    let mut backwards: Vec<&Spec> = operations.specs().collect();
    backwards.reverse();
    assert_eq!(
        openapi(backwards).to_string(),
        described().to_string(),
        "the order of operations does not matter"
    );
    let description = described();
    let paths: Vec<String> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| {
                format!("{} {path} = {}", method.to_uppercase(), operation["operationId"].as_str().unwrap())
            })
        })
        .collect();
    insta::assert_snapshot!(paths.join("\n"));
    insta::assert_json_snapshot!("console", description["paths"]["/api/v1/servers/{server}/console"]);
}

#[test]
fn the_description_keeps_the_rules_of_openapi() {
    let description = described();
    assert_eq!(description["openapi"], "3.1.0");
    for key in ["title", "version"] {
        assert!(description["info"][key].is_string(), "{key}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        assert!(path.starts_with('/'), "{path}");
        let in_path: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        for (method, operation) in item.as_object().unwrap() {
            assert!(["get", "post", "put", "delete"].contains(&method.as_str()), "{method} {path}");
            assert!(
                ids.insert(operation["operationId"].as_str().unwrap()),
                "{method} {path} has an id twice"
            );
            assert!(!operation["responses"].as_object().unwrap().is_empty());
            for (status, response) in operation["responses"].as_object().unwrap() {
                assert!((200..600).contains(&status.parse::<u16>().unwrap()));
                assert!(
                    response["description"].is_string() || response["$ref"].is_string(),
                    "{method} {path} {status}"
                );
            }
            assert!(
                method != "get" && method != "delete" || operation.get("requestBody").is_none(),
                "{method} {path}"
            );
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let named: BTreeSet<String> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| {
                    assert_eq!(parameter["required"], true);
                    parameter["name"].as_str().unwrap().to_owned()
                })
                .collect();
            assert_eq!(named.iter().map(String::as_str).collect::<BTreeSet<_>>(), in_path, "{method} {path}");
            for parameter in parameters.iter().filter(|parameter| parameter.get("$ref").is_none()) {
                assert!(["path", "query", "header"].contains(&parameter["in"].as_str().unwrap()));
                assert!(parameter["schema"].is_object(), "{method} {path}");
            }
        }
    }
    for kind in ["schemas", "responses", "parameters", "securitySchemes"] {
        for name in description["components"][kind].as_object().unwrap().keys() {
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)), "{name}");
        }
    }
    let mut references = 0;
    walk(&description, "", &mut |way, value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let pointer = target.strip_prefix('#').expect("references stay inside");
            assert!(description.pointer(pointer).is_some(), "{way} points to {target}, which is nowhere");
        }
    });
    assert!(references > 50, "{references}");
}

#[test]
fn every_schema_is_one() {
    let description = described();
    let mut schemas: Vec<(String, &Value)> = description["components"]["schemas"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, schema)| (name.clone(), schema))
        .collect();
    walk(&description["paths"], "", &mut |way, value| {
        if let Some(schema) = value.get("schema") {
            schemas.push((way.to_owned(), schema));
        }
    });
    for (name, schema) in &schemas {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name} is no schema: {schema:#}");
        let built = jsonschema::draft202012::new(&alone(&description, schema));
        assert!(built.is_ok(), "{name}: {:?}", built.err());
    }
    assert!(schemas.len() > 40, "{}", schemas.len());
    let schemas = &description["components"]["schemas"];
    let inside = |name: &str| &schemas[name]["properties"]["inside"]["items"]["$ref"];
    assert_eq!(inside("key.keep.Output"), "#/components/schemas/key.keep.Output", "{schemas:#}");
    assert_eq!(
        inside("ping.Output.Tree"),
        "#/components/schemas/ping.Output.Tree",
        "a type within itself was moved"
    );
}

#[test]
fn every_operation_and_every_resource_is_described() {
    let (description, operations) = (described(), shed::operations());
    for spec in operations.specs() {
        assert!(description["paths"][route::operation_path(spec.name)]["post"].is_object(), "{}", spec.name);
    }
    for resource in route::resources(operations.specs()) {
        let method = resource.verb.as_str().to_lowercase();
        assert_eq!(
            description["paths"][&resource.path][method]["operationId"],
            route::segment(resource.operation)
        );
    }
}

/// Asks, and holds request and answer against the description.
async fn hold(
    harness: &Harness,
    description: &Value,
    method: &str,
    path: &str,
    template: &str,
    body: Value,
) -> u16 {
    let what = format!("{method} {path}");
    let operation = &description["paths"][template][method.to_lowercase()];
    assert!(operation.is_object(), "{what} is not described");
    let mut request = harness.request(method, path, ADMIN);
    let wants = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = answered(request).await;
    if answer.status.is_success() && !body.is_null() && wants.is_object() {
        check(description, wants, &body, &format!("{what}: the request"));
    }
    if answer.status == 422 && wants.is_object() {
        let validator = jsonschema::draft202012::new(&alone(description, wants)).unwrap();
        assert!(!validator.is_valid(&body), "{what}: refused although it is described as right");
    }
    let mut response = &operation["responses"][answer.status.as_str()];
    if let Some(target) = response["$ref"].as_str() {
        response = description.pointer(&target[1..]).unwrap();
    }
    assert!(response.is_object(), "{what}: {} is not described", answer.status);
    check(description, &response["content"]["application/json"]["schema"], &answer.body, &what);
    answer.status.as_u16()
}

#[tokio::test]
async fn requests_and_answers_are_as_described() {
    let harness = Harness::start().await;
    let served = harness.ask("GET", "/api/v1/openapi.json", "").await;
    let description = described();
    assert_eq!(served.body, description, "what is served is what is described");
    let cases = [
        ("GET", "/api/v1/servers", "/api/v1/servers", Value::Null, 200),
        (
            "POST",
            "/api/v1/servers",
            "/api/v1/servers",
            json!({"name": "lobby", "recipe": "bzflag", "max_players": 3}),
            200,
        ),
        ("POST", "/api/v1/servers", "/api/v1/servers", json!({"name": "lobby", "recipe": "bzflag"}), 409),
        ("POST", "/api/v1/servers", "/api/v1/servers", json!({"name": "a", "recipe": "chess"}), 422),
        (
            "POST",
            "/api/v1/servers",
            "/api/v1/servers",
            json!({"name": "a", "recipe": "bzflag", "speed": 1}),
            422,
        ),
        ("GET", "/api/v1/servers/lobby", "/api/v1/servers/{server}", Value::Null, 200),
        ("GET", "/api/v1/servers/nowhere", "/api/v1/servers/{server}", Value::Null, 404),
        (
            "GET",
            "/api/v1/servers/lobby/console?lines=3",
            "/api/v1/servers/{server}/console",
            Value::Null,
            200,
        ),
        ("POST", "/api/v1/servers/lobby/start", "/api/v1/servers/{server}/start", Value::Null, 202),
        (
            "POST",
            "/api/v1/operations/server.start",
            "/api/v1/operations/server.start",
            json!({"server": "lobby"}),
            202,
        ),
        ("DELETE", "/api/v1/servers/lobby", "/api/v1/servers/{server}", Value::Null, 409),
        ("DELETE", "/api/v1/servers/lobby?confirm=true", "/api/v1/servers/{server}", Value::Null, 200),
        ("POST", "/api/v1/servers:break", "/api/v1/servers:break", json!({"how": "bug"}), 500),
        ("POST", "/api/v1/servers:break", "/api/v1/servers:break", json!({"how": "upstream"}), 502),
        ("GET", "/api/v1/lots/12", "/api/v1/lots/{number}", Value::Null, 200),
        ("GET", "/api/v1/lots/twelve", "/api/v1/lots/{number}", Value::Null, 422),
        ("POST", "/api/v1/lots/12/edit", "/api/v1/lots/{number}/edit", json!({"note": "a"}), 200),
        ("POST", "/api/v1/lots/12/edit", "/api/v1/lots/{number}/edit", json!({"note": 1}), 422),
        ("GET", "/api/v1/labels", "/api/v1/labels", Value::Null, 200),
        ("PUT", "/api/v1/labels/door", "/api/v1/labels/{key}", json!({"text": "shut"}), 200),
        ("PUT", "/api/v1/labels/door", "/api/v1/labels/{key}", json!({"text": 1}), 422),
        ("DELETE", "/api/v1/labels/door", "/api/v1/labels/{key}", Value::Null, 409),
        ("DELETE", "/api/v1/labels/door?confirm=true", "/api/v1/labels/{key}", Value::Null, 200),
        ("POST", "/api/v1/keys/a/keep", "/api/v1/keys/{key}/keep", json!({"value": "b"}), 200),
        ("POST", "/api/v1/operations/ping", "/api/v1/operations/ping", json!({}), 200),
        ("GET", "/api/v1/operations", "/api/v1/operations", Value::Null, 200),
        ("GET", "/healthz", "/healthz", Value::Null, 200),
        ("GET", "/readyz", "/readyz", Value::Null, 200),
    ];
    for (method, path, template, body, expected) in cases {
        let status = hold(&harness, &description, method, path, template, body).await;
        assert_eq!(status, expected, "{method} {path}");
    }
    harness.events.tell("guild", guildhall_core::Subject::Host("alpha".to_owned()), json!({"a": 1})).await;
    let mut told =
        harness.request("GET", "/api/v1/events?after=0&subject=host:alpha", MEMBER).send().await.unwrap();
    let mut text = String::new();
    while !text.contains("data: ") || !text.ends_with("\n\n") {
        text.push_str(std::str::from_utf8(&told.chunk().await.unwrap().unwrap()).unwrap());
    }
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let event: Value = serde_json::from_str(data).unwrap();
    check(&description, &json!({"$ref": "#/components/schemas/Event"}), &event, "an event");
}
