//! Nothing that comes over the wire brings the stand-in down: rubbish gets Discord's own kinds of error.

mod support;

use std::sync::OnceLock;

use guildhall_sim::conformance::Checker;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};
use support::{Community, Rest};
use tokio::runtime::Runtime;

/// One stand-in for all cases of this program.
struct Target {
    runtime: Runtime,
    community: Community,
    rest: Rest,
    message: String,
}

fn target() -> &'static Target {
    static TARGET: OnceLock<Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let (community, rest, message) = runtime.block_on(async {
            let community = Community::new().await;
            let rest = community.rest();
            let path = format!("/channels/{}/messages", community.general);
            let message = rest.post(&path, json!({"content": "target"})).await.1;
            let message = message["id"].as_str().expect("an id").to_owned();
            (community, rest, message)
        });
        Target { runtime, community, rest, message }
    })
}

/// Any JSON, with the words Discord looks at more often than chance would have it.
fn rubbish() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..20).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!("x".repeat(5000))),
    ];
    let words = [
        "type",
        "data",
        "content",
        "components",
        "flags",
        "embeds",
        "attachments",
        "name",
        "description",
        "options",
        "choices",
        "custom_id",
        "title",
        "accessory",
        "media",
        "url",
        "items",
        "component",
        "label",
        "style",
        "emoji",
        "allowed_mentions",
        "parse",
        "users",
        "message_reference",
        "message_id",
        "archived",
        "locked",
        "roles",
        "id",
        "permission_overwrites",
        "messages",
        "recipient_id",
        "value",
        "required",
        "fields",
        "author",
        "user_ids",
        "delete_message_seconds",
        "position",
        "parent_id",
        "permissions",
        "allow",
        "deny",
        "max_age",
        "max_uses",
        "nick",
        "communication_disabled_until",
        "channel_id",
        "preferred_locale",
        "default_values",
        "colors",
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(words.to_vec()), inner), 0..6).prop_map(|entries| {
                entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Value>()
            }),
        ]
    })
}

fn paths(target: &Target) -> Vec<(&'static str, String)> {
    let Community { guild, general, app, anna, .. } = &target.community;
    let (guild, app, anna, message) = (guild.id(), app.id(), anna.id(), &target.message);
    vec![
        ("POST", format!("/channels/{general}/messages")),
        ("PATCH", format!("/channels/{general}/messages/{message}")),
        ("POST", format!("/channels/{general}/messages/bulk-delete")),
        ("POST", format!("/channels/{general}/threads")),
        ("PATCH", format!("/channels/{general}")),
        ("PUT", format!("/channels/{general}/permissions/5")),
        ("POST", format!("/applications/{app}/commands")),
        ("PUT", format!("/applications/{app}/commands")),
        ("PATCH", "/applications/@me".into()),
        ("POST", format!("/guilds/{guild}/channels")),
        ("POST", format!("/guilds/{guild}/roles")),
        ("PATCH", format!("/guilds/{guild}/members/{anna}")),
        ("PUT", format!("/guilds/{guild}/bans/5")),
        ("POST", format!("/guilds/{guild}/bulk-ban")),
        ("PATCH", format!("/guilds/{guild}/roles")),
        ("PATCH", format!("/guilds/{guild}/roles/5")),
        ("PATCH", format!("/guilds/{guild}/channels")),
        ("PATCH", format!("/guilds/{guild}")),
        ("POST", format!("/channels/{general}/invites")),
        ("PUT", format!("/channels/{general}/permissions/{guild}")),
        ("POST", "/users/@me/channels".into()),
        ("POST", "/interactions/5/token/callback".into()),
        ("POST", format!("/webhooks/{app}/token")),
    ]
}

fn check(status: u16, text: &str) -> Result<(), TestCaseError> {
    prop_assert!(status < 500, "status {status}: {text}");
    if status >= 400 {
        let body: Value = serde_json::from_str(text).map_err(|_| TestCaseError::fail(text.to_owned()))?;
        prop_assert!(body["message"].is_string() && body["code"].is_u64(), "{body}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_answered(body in rubbish(), route in 0_usize..23) {
        let target = target();
        let (method, path) = &paths(target)[route];
        let (status, text) = target.runtime.block_on(async {
            let response = target.rest.response(method, path, Some(body)).await;
            (response.status().as_u16(), response.text().await.expect("a body"))
        });
        check(status, &text)?;
    }

    #[test]
    fn any_bytes_and_paths_are_answered(
        body in prop::collection::vec(any::<u8>(), 0..400),
        path in "(/[a-z@0-9%:-]{0,12}){0,6}",
        multipart in any::<bool>(),
    ) {
        let target = target();
        let (status, text) = target.runtime.block_on(async {
            let url = format!("{}/v10{path}", target.community.api());
            let kind = if multipart { "multipart/form-data; boundary=x" } else { "application/json" };
            let token = format!("Bot {}", target.community.app.token());
            let request = reqwest::Client::new().post(url).header("Authorization", token);
            let response = request.header("Content-Type", kind).body(body).send().await.expect("an answer");
            (response.status().as_u16(), response.text().await.expect("a body"))
        });
        check(status, &text)?;
    }
}

#[test]
fn what_was_answered_has_discords_form() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/discord/openapi.json");
    if !std::path::Path::new(path).exists() {
        println!("skipped, because Discord's own document is not at {path}");
        return;
    }
    let target = target();
    let rest = &target.rest;
    let checker = Checker::load(path).expect("the document can be read");
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    target.runtime.block_on(async {
        for (method, path) in paths(target) {
            for _ in 0..8 {
                let tree = rubbish().new_tree(&mut runner).expect("a value");
                rest.call(method, &path, Some(tree.current())).await;
            }
        }
    });
    let log = target.community.sim.log();
    let wrong: Vec<String> =
        log.iter().flat_map(|exchange| checker.check_response(exchange)).map(|w| w.to_string()).collect();
    let known_operation = |line: &&String| !line.contains("no such operation");
    assert!(wrong.iter().filter(known_operation).count() == 0, "{}", wrong.join("\n"));
}
