//! Settings as resources: those of a community, with everything behind them that is there in the program.

use std::sync::Arc;

use axum::Router;
use guildhall_community::{Community, CommunityConfig};
use guildhall_core::{
    Clock, SystemClock,
    audit::Verdict,
    fault::Faults,
    guild::NoGuilds,
    setting::{Setting, SettingKind},
};
use guildhall_store::{
    EventStore,
    testkit::{self, TestStore},
};
use serde_json::{Value, json};

use crate::harness::{ADMIN, Harness, MEMBER, config};

const PREFIX: Setting = Setting {
    key: "general.prefix",
    summary: "What commands in messages begin with",
    kind: SettingKind::Text { min: 1, max: 5 },
    default: "\"$\"",
};
const LIMIT: Setting = Setting {
    key: "general.limit",
    summary: "How many at once",
    kind: SettingKind::Integer { min: 0, max: 100 },
    default: "5",
};

/// The face before a community that has set nothing yet.
async fn house() -> (Harness, TestStore) {
    let store = testkit::sqlite(guildhall_community::migrations()).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let community = Community::new(
        CommunityConfig::default(),
        store.store(),
        Arc::new(EventStore::new(store.store(), clock.clone())),
        Arc::new(NoGuilds),
        vec![&PREFIX, &LIMIT],
        Faults::new(clock.clone()),
        clock,
    );
    let furnish = |catalogue: guildhall_core::CatalogueBuilder| {
        catalogue.add(guildhall_community::operations(), community)
    };
    (Harness::furnished(config(), Router::new(), furnish).await, store)
}

#[tokio::test]
async fn a_setting_is_read_changed_refused_and_reset_where_it_is() {
    let (harness, _store) = house().await;
    let limit = "/api/v1/settings/general.limit";

    let listed = harness.ask("GET", "/api/v1/settings?section=general", ADMIN).await;
    let keys: Vec<&Value> =
        listed.body["data"]["settings"].as_array().unwrap().iter().map(|setting| &setting["key"]).collect();
    assert_eq!(keys, ["general.limit", "general.prefix"], "{}", listed.body);

    let read = harness.ask("GET", limit, ADMIN).await;
    let data = &read.body["data"];
    assert_eq!((&data["value"], &data["set"], &data["version"]), (&json!(5), &json!(false), &json!(0)));

    let changed = harness.send("PUT", limit, ADMIN, json!({"value": "7"})).await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["data"]["value"]),
        (200, &json!(7)),
        "{}",
        changed.body
    );
    let version = &changed.body["data"]["version"];

    // What does not fit is refused with what would, and changes nothing.
    let refused = harness.send("PUT", limit, ADMIN, json!({"value": "700"})).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let field = &refused.body["error"]["fields"][0];
    assert_eq!(field["field"], "general.limit");
    assert!(field["message"].as_str().unwrap().contains("100"), "{field}");
    let stale = harness.send("PUT", limit, ADMIN, json!({"value": "8", "version": 0})).await;
    assert_eq!(stale.status, 409, "somebody has changed it since: {}", stale.body);
    let twice = harness.send("PUT", limit, ADMIN, json!({"key": "general.prefix", "value": "8"})).await;
    assert_eq!(twice.body["error"]["fields"][0]["field"], "key", "the address says which: {}", twice.body);
    let member = harness.send("PUT", limit, MEMBER, json!({"value": "8"})).await;
    assert_eq!((member.status.as_u16(), member.code()), (403, "rank_too_low"));
    let unknown = harness.send("PUT", "/api/v1/settings/general.limmit", ADMIN, json!({"value": "8"})).await;
    assert_eq!(unknown.status, 404, "{}", unknown.body);
    assert!(unknown.body.to_string().contains("general.limit"), "{}", unknown.body);
    let read = harness.ask("GET", limit, ADMIN).await;
    assert_eq!((&read.body["data"]["value"], &read.body["data"]["version"]), (&json!(7), version));

    let again = harness.send("PUT", limit, ADMIN, json!({"value": "8", "version": version})).await;
    assert_eq!((again.status.as_u16(), &again.body["data"]["value"]), (200, &json!(8)), "{}", again.body);

    let asked = harness.ask("DELETE", limit, ADMIN).await;
    assert_eq!((asked.status.as_u16(), asked.code()), (409, "confirmation_required"));
    let reset = harness.ask("DELETE", &format!("{limit}?confirm=true"), ADMIN).await;
    assert_eq!((reset.status.as_u16(), &reset.body["data"]["reset"]), (200, &json!(["general.limit"])));
    let read = harness.ask("GET", limit, ADMIN).await;
    assert_eq!((&read.body["data"]["value"], &read.body["data"]["set"]), (&json!(5), &json!(false)));

    let history = harness.ask("GET", "/api/v1/settings:history?key=general.limit", ADMIN).await;
    assert_eq!(history.body["data"]["changes"].as_array().unwrap().len(), 3, "{}", history.body);
}

#[tokio::test]
async fn each_is_a_call_of_the_catalogue_with_its_record() {
    let (harness, _store) = house().await;
    let key = "/api/v1/settings/general.prefix";
    harness.ask("GET", "/api/v1/settings", ADMIN).await;
    harness.ask("GET", key, ADMIN).await;
    harness.send("PUT", key, ADMIN, json!({"value": "!"})).await;
    harness.ask("DELETE", &format!("{key}?confirm=true"), ADMIN).await;
    let by_name = harness.call("config.get", ADMIN, json!({"key": "general.prefix"})).await;
    assert_eq!(by_name.body["data"]["value"], "$", "the old address stays: {}", by_name.body);
    let records = harness.records.all();
    let calls: Vec<(&str, Verdict)> =
        records.iter().map(|record| (record.operation.as_str(), record.verdict)).collect();
    let expected = ["config list", "config get", "config set", "config reset", "config get"];
    assert_eq!(calls, expected.map(|operation| (operation, Verdict::Done)));
    assert_eq!(records[2].input, json!({"key": "general.prefix", "value": "!"}));
}

#[tokio::test]
async fn they_are_described() {
    let (harness, _store) = house().await;
    let described = harness.ask("GET", "/api/v1/openapi.json", "").await.body;
    let paths = &described["paths"];
    let id = |path: &str, method: &str| paths[path][method]["operationId"].clone();
    assert_eq!(id("/api/v1/settings", "get"), "config.list");
    let item = "/api/v1/settings/{key}";
    let ids = ["get", "put", "delete"].map(|method| id(item, method));
    assert_eq!(ids, ["config.get", "config.set", "config.reset"]);
    for method in ["get", "put", "delete"] {
        let parameters = paths[item][method]["parameters"].as_array().unwrap();
        let key = parameters.iter().find(|parameter| parameter["name"] == "key").unwrap();
        assert_eq!(
            (&key["in"], &key["required"], &key["schema"]["type"]),
            (&json!("path"), &json!(true), &json!("string"))
        );
    }
    let body = &paths[item]["put"]["requestBody"]["content"]["application/json"]["schema"];
    assert!(body["properties"]["value"].is_object() && body["properties"].get("key").is_none(), "{body}");
    assert_eq!(body["required"], json!([]), "{body}");
}
