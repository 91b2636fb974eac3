//! Discord's validation, rule by rule: what is refused, with which code, at which place.

#![expect(clippy::needless_pass_by_value, reason = "callers write json!(...) in place")]

mod support;

use serde_json::{Value, json};
use support::{Community, check_conformance, mistakes};

fn text(content: &str) -> Value {
    json!({"type": 10, "content": content})
}

fn button(id: &str) -> Value {
    json!({"type": 2, "style": 1, "label": "Go", "custom_id": id})
}

fn v2(components: Value) -> Value {
    json!({"flags": 32768, "components": components})
}

fn row(children: Vec<Value>) -> Value {
    json!({"type": 1, "components": children})
}

#[tokio::test]
async fn message_bodies_that_discord_refuses() {
    let community = Community::new().await;
    let rest = community.rest();
    let path = format!("/channels/{}/messages", community.general);
    let long = "x".repeat(101);
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        ("content over 2000", json!({"content": "x".repeat(2001)}), "content", "BASE_TYPE_MAX_LENGTH"),
        (
            "content beside components",
            json!({"flags": 32768, "content": "x", "components": [text("y")]}),
            "content",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
        ),
        (
            "embeds beside components",
            json!({"flags": 32768, "embeds": [{"title": "x"}], "components": [text("y")]}),
            "embeds",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
        ),
        (
            "41 components",
            v2(json!((0..41).map(|_| text("x")).collect::<Vec<_>>())),
            "components",
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
        ),
        (
            "41 components with the nested ones",
            v2(json!([{"type": 17, "components": (0..40).map(|_| text("x")).collect::<Vec<_>>()}])),
            "components",
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
        ),
        (
            "4001 characters of text",
            v2(json!([text(&"x".repeat(2001)), text(&"y".repeat(2000))])),
            "components",
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
        ),
        (
            "six buttons",
            json!({"components": [row((0..6).map(|n| button(&n.to_string())).collect())]}),
            "components.0.components",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            "an empty row",
            json!({"components": [row(vec![])]}),
            "components.0.components",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            "a menu beside a button",
            json!({"components": [row(vec![
                button("a"),
                json!({"type": 3, "custom_id": "m", "options": [{"label": "l", "value": "v"}]}),
            ])]}),
            "components.0.components.1",
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
        ),
        (
            "a custom id twice",
            json!({"components": [row(vec![button("same"), button("same")])]}),
            "components.0.components.1.custom_id",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
        (
            "a custom id over 100",
            json!({"components": [row(vec![button(&long)])]}),
            "components.0.components.0.custom_id",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            "a label over 80",
            json!({"components": [row(vec![json!({"type": 2, "style": 1, "label": long, "custom_id": "a"})])]}),
            "components.0.components.0.label",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            "a link button that is no link",
            json!({"components": [row(vec![json!({"type": 2, "style": 5, "label": "x", "url": "javascript:1"})])]}),
            "components.0.components.0.url",
            "URL_TYPE_INVALID_URL",
        ),
        (
            "26 options",
            json!({"components": [row(vec![json!({
                "type": 3, "custom_id": "m",
                "options": (0..26).map(|n| json!({"label": "l", "value": n.to_string()})).collect::<Vec<_>>(),
            })])]}),
            "components.0.components.0.options",
            "BASE_TYPE_BAD_LENGTH",
        ),
        ("text without the flag", json!({"components": [text("x")]}), "components.0", "UNION_TYPE_CHOICES"),
        (
            "a section without accessory",
            v2(json!([{"type": 9, "components": [text("x")]}])),
            "components.0.accessory",
            "BASE_TYPE_REQUIRED",
        ),
        (
            "a section of four texts",
            v2(json!([{
                "type": 9, "components": [text("a"), text("b"), text("c"), text("d")], "accessory": button("a"),
            }])),
            "components.0.components",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            "a container in a container",
            v2(json!([{"type": 17, "components": [{"type": 17, "components": [text("x")]}]}])),
            "components.0.components.0",
            "UNION_TYPE_CHOICES",
        ),
        (
            "a file that was not sent",
            v2(json!([{"type": 13, "file": {"url": "attachment://a.txt"}}])),
            "components.0.file.url",
            "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
        ),
        (
            "an embed that is too large in all",
            json!({"embeds": (0..2).map(|_| json!({"description": "x".repeat(3500)})).collect::<Vec<_>>()}),
            "embeds",
            "MAX_EMBED_SIZE_EXCEEDED",
        ),
        ("flags that are no number", json!({"content": "x", "flags": "a"}), "flags", "NUMBER_TYPE_COERCE"),
        (
            "mentions both parsed and listed",
            json!({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["5"]}}),
            "allowed_mentions",
            "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        ),
        (
            "a reply to nothing",
            json!({"content": "x", "message_reference": {"message_id": "5"}}),
            "message_reference",
            "REPLIES_UNKNOWN_MESSAGE",
        ),
    ];
    for (name, body, place, code) in cases {
        let (status, answer) = rest.post(&path, body).await;
        assert_eq!((status, &answer["code"]), (400, &json!(50035)), "{name}: {answer}");
        let expected = (place.to_owned(), code.to_owned());
        assert!(mistakes(&answer).contains(&expected), "{name}: {answer}");
    }
    let (status, answer) = rest.post(&path, json!({"content": ""})).await;
    assert_eq!((status, &answer["code"]), (400, &json!(50006)));
    assert!(community.anna.in_channel(community.general).visible_messages().is_empty(), "nothing was posted");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn messages_at_the_limits_are_taken_and_come_back_in_discords_form() {
    let community = Community::new().await;
    let rest = community.rest();
    let path = format!("/channels/{}/messages", community.general);
    let nested: Vec<Value> = (0..39).map(|_| text("x")).collect();
    let (status, full) = rest.post(&path, v2(json!([{"type": 17, "components": nested}]))).await;
    assert_eq!(status, 200, "40 components in all: {full}");
    assert_eq!(full["components"][0]["spoiler"], false);
    let ids: std::collections::BTreeSet<i64> = full["components"][0]["components"]
        .as_array()
        .expect("children")
        .iter()
        .map(|child| child["id"].as_i64().expect("every component has an id"))
        .collect();
    assert_eq!(ids.len(), 39, "ids are unique");

    let rich = v2(json!([
        text("# Title"),
        {"type": 9, "components": [text("left")], "accessory": {"type": 2, "style": 4, "label": "Stop", "custom_id": "s"}},
        {"type": 9, "components": [text("beside")],
         "accessory": {"type": 11, "media": {"url": "https://example.com/a.png"}, "description": "a picture"}},
        {"type": 14},
        {"type": 12, "items": [{"media": {"url": "https://example.com/b.png"}}]},
        row(vec![json!({"type": 3, "custom_id": "m", "placeholder": "choose", "options": [
            {"label": "One", "value": "1", "emoji": {"name": "🎲"}}, {"label": "Two", "value": "2", "default": true},
        ]})]),
        row(vec![json!({"type": 5, "custom_id": "u"})]),
        row(vec![json!({"type": 2, "style": 5, "label": "Site", "url": "https://example.com"})]),
    ]));
    let (status, answer) = rest.post(&path, rich).await;
    assert_eq!(status, 200, "{answer}");
    let id = answer["id"].as_str().expect("an id").parse().expect("a snowflake");
    let message = community.anna.in_channel(community.general).message(id).expect("a visible message");
    assert_eq!(message.text(), "# Title\nleft\nbeside\n[image a picture]");
    let labels: Vec<String> = message.buttons().into_iter().map(|button| button.label).collect();
    assert_eq!(labels, ["Stop", "Site"]);

    // The flag stays for good, and what it forbids stays forbidden.
    let one = format!("{path}/{id}");
    let (_, refused) = rest.call("PATCH", &one, Some(json!({"flags": 0}))).await;
    assert_eq!(mistakes(&refused)[0].1, "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG");
    let (_, refused) = rest.call("PATCH", &one, Some(json!({"content": "x"}))).await;
    assert_eq!(mistakes(&refused)[0].0, "content");
    let (status, _) = rest.call("PATCH", &one, Some(json!({"components": [text("new")]}))).await;
    assert_eq!(status, 200);
    let (_, refused) = rest.call("PATCH", &one, Some(json!({"components": []}))).await;
    assert_eq!(refused["code"], 50006);
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn commands_that_discord_refuses() {
    let community = Community::new().await;
    let rest = community.rest();
    let path = format!("/applications/{}/commands", community.app.id());
    let option = |name: &str, more: Value| {
        let mut option = json!({"type": 3, "name": name, "description": "d"});
        option.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        option
    };
    let with = |options: Vec<Value>| json!({"name": "ok", "description": "d", "options": options});
    let large: Vec<Value> = (0..25)
        .map(|n| {
            let choices: Vec<Value> =
                (0..25).map(|c| json!({"name": format!("choice {c}"), "value": "v".repeat(50)})).collect();
            option(&format!("o{n}"), json!({"choices": choices}))
        })
        .collect();
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        ("no name", json!({"description": "d"}), "name", "BASE_TYPE_REQUIRED"),
        (
            "capitals",
            json!({"name": "Server", "description": "d"}),
            "name",
            "APPLICATION_COMMAND_INVALID_NAME",
        ),
        ("a space", json!({"name": "a b", "description": "d"}), "name", "APPLICATION_COMMAND_INVALID_NAME"),
        (
            "33 characters",
            json!({"name": "x".repeat(33), "description": "d"}),
            "name",
            "BASE_TYPE_BAD_LENGTH",
        ),
        ("no description", json!({"name": "a"}), "description", "BASE_TYPE_REQUIRED"),
        (
            "description over 100",
            json!({"name": "a", "description": "x".repeat(101)}),
            "description",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            "26 options",
            with((0..26).map(|n| option(&format!("o{n}"), json!({}))).collect()),
            "options",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            "required after optional",
            with(vec![option("a", json!({})), option("b", json!({"required": true}))]),
            "options.1",
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (
            "a name twice",
            with(vec![option("a", json!({})), option("a", json!({}))]),
            "options.1.name",
            "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
        ),
        (
            "a sub-command beside an option",
            with(vec![json!({"type": 1, "name": "s", "description": "d"}), option("a", json!({}))]),
            "options.0.type",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (
            "26 choices",
            with(vec![option(
                "a",
                json!({"choices": (0..26).map(|n| json!({"name": n.to_string(), "value": "v"})).collect::<Vec<_>>()}),
            )]),
            "options.0.choices",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            "choices and autocomplete",
            with(vec![option("a", json!({"autocomplete": true, "choices": [{"name": "n", "value": "v"}]}))]),
            "options.0.autocomplete",
            "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID",
        ),
        (
            "an unknown type",
            with(vec![option("a", json!({"type": 99}))]),
            "options.0.type",
            "BASE_TYPE_CHOICES",
        ),
        (
            "a menu command with description",
            json!({"type": 2, "name": "User Info", "description": "d"}),
            "description",
            "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_INVALID",
        ),
        ("over 8000 characters", with(large), "", "APPLICATION_COMMAND_TOO_LARGE"),
    ];
    for (name, body, place, code) in cases {
        let (status, answer) = rest.post(&path, body).await;
        assert_eq!((status, &answer["code"]), (400, &json!(50035)), "{name}: {answer}");
        assert!(mistakes(&answer).contains(&(place.to_owned(), code.to_owned())), "{name}: {answer}");
    }
    let twice = json!([{"name": "a", "description": "d"}, {"name": "a", "description": "e"}]);
    let (_, answer) = rest.call("PUT", &path, Some(twice)).await;
    assert_eq!(mistakes(&answer), [("1".to_owned(), "APPLICATION_COMMANDS_DUPLICATE_NAME".to_owned())]);
    assert!(community.app.commands().is_empty());
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn commands_are_kept_edited_and_overwritten() {
    let community = Community::new().await;
    let rest = community.rest();
    let global = format!("/applications/{}/commands", community.app.id());
    let (status, made) =
        rest.post(&global, json!({"name": "été", "description": "Letters of any script"})).await;
    assert_eq!(status, 201, "{made}");
    let (status, again) = rest.post(&global, json!({"name": "été", "description": "Other"})).await;
    assert_eq!((status, &again["id"]), (200, &made["id"]), "the same name replaces");
    assert_ne!(made["version"], again["version"]);
    let (_, same) = rest.post(&global, json!({"name": "été", "description": "Other"})).await;
    assert_eq!(same["version"], again["version"], "an unchanged command keeps its version");
    let one = format!("{global}/{}", made["id"].as_str().expect("an id"));
    let (status, edited) = rest.call("PATCH", &one, Some(json!({"default_member_permissions": "32"}))).await;
    assert_eq!((status, &edited["default_member_permissions"]), (200, &json!("32")));
    let set = json!([
        {"name": "server", "description": "Servers", "options": [
            {"type": 2, "name": "group", "description": "g", "options": [
                {"type": 1, "name": "start", "description": "s", "options": [
                    {"type": 4, "name": "count", "description": "c", "min_value": 1, "max_value": 5, "required": true},
                ]},
            ]},
        ]},
        {"type": 3, "name": "Report This"},
    ]);
    let (status, all) = rest.call("PUT", &global, Some(set)).await;
    assert_eq!((status, all.as_array().map(Vec::len)), (200, Some(2)), "{all}");
    assert_eq!(rest.get(&one).await.0, 404, "what an overwrite leaves out is gone");
    let in_guild = format!("/applications/{}/guilds/{}/commands", community.app.id(), community.guild.id());
    assert_eq!(
        rest.call("PUT", &in_guild, Some(json!([{"name": "local", "description": "d"}]))).await.0,
        200
    );
    assert_eq!(rest.get(&global).await.1.as_array().map(Vec::len), Some(2), "the two sets are apart");
    let other = rest.get("/applications/5/commands").await;
    assert_eq!((other.0, &other.1["code"]), (403, &json!(50001)));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}
