//! The configuration as a file: there and back, checked line by line, applied whole or not at all.

use guildhall_core::{
    Request, TenantId,
    language::{Language, Texts},
    setting::{Setting, SettingKind},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{
    ADMIN, GENERAL, GUARDIAN_ROLE, LIMIT, OWNER, PLAIN_ROLE, PREFIX, World, button, words, world, worlds,
};

const FILE: &str = r#"
[settings.general]
prefix = "?"
words = ["be kind", "have fun"]

[settings.moderation]
reasons = { spam = "No spam, please." }

[ranks.8]
name = "Board"
description = "Decides"

[roles]
"208" = 8
"209" = "Trusted"

[requirements]
"server start" = 1
server = 8
"#;

#[tokio::test]
async fn a_file_is_previewed_then_applied_at_once() {
    for world in worlds().await {
        let name = world.store.name;
        let preview = world.show(OWNER, "config import", json!({"text": FILE})).await;
        let text = words(&preview);
        assert!(text.contains("general.prefix | default | ?"), "{name}: {text}");
        assert!(text.contains("rank 8 | default | Board"), "{name}: {text}");
        assert!(text.contains("Nothing has been changed yet"), "{name}: {text}");
        assert_eq!(world.value(&PREFIX).await, json!("!"), "{name}");
        world.press(OWNER, button(&preview, "Apply these changes")).await.unwrap();
        assert_eq!(world.value(&PREFIX).await, json!("?"), "{name}");
        assert_eq!(world.actor(8).await.rank.level(), 8, "{name}");
        let history = world.call(OWNER, "config history", json!({})).await;
        let numbers = history["changes"].as_array().unwrap().iter().map(|change| change["number"].as_i64());
        assert_eq!(numbers.flatten().collect::<Vec<_>>(), [8, 7, 6, 5, 4, 3, 2, 1], "{name}");
        let diff = world.call(OWNER, "config diff", json!({"text": FILE})).await;
        assert_eq!(diff["changes"], json!([]), "{name}");

        // A preview that is out of date is not applied.
        let changed = FILE.replace("\"?\"", "\"$\"");
        let preview = world.show(OWNER, "config import", json!({"text": changed})).await;
        world.call(ADMIN, "config set", json!({"key": "general.limit", "value": "7"})).await;
        let stale = world.press(OWNER, button(&preview, "Apply these changes")).await.unwrap_err();
        assert_eq!(stale.code, "config_moved", "{name}");
        assert_eq!(world.value(&PREFIX).await, json!("?"), "{name}");

        // What the file does not name stays, unless the file is to be all there is.
        let changes = |data: Value| data["changes"].as_array().unwrap().len();
        assert_eq!(changes(world.call(OWNER, "config diff", json!({"text": FILE})).await), 0, "{name}");
        let whole = json!({"text": FILE, "replace": true});
        assert_eq!(changes(world.call(OWNER, "config diff", whole).await), 1, "{name}");
        let empty = json!({"text": "# nothing\n", "replace": true});
        let preview = world.show(OWNER, "config import", empty).await;
        world.press(OWNER, button(&preview, "Apply these changes")).await.unwrap();
        assert_eq!(world.value(&LIMIT).await, json!(5), "{name}");
        let export = world.call(OWNER, "config export", json!({"format": "json"})).await;
        let export: Value = serde_json::from_str(export["text"].as_str().unwrap()).unwrap();
        assert_eq!(export, json!({"settings": {}, "ranks": {}, "roles": {}, "requirements": {}}), "{name}");
    }
}

#[tokio::test]
async fn every_mistake_is_named_with_its_line_and_nothing_is_applied() {
    let world = world().await;
    let file = "[settings.general]\nprefix = \"far too long\"\nlimit = 7\nprefx = 1\n\n[settings.jail]\nrole = \"999\"\n\n\
                [roles]\n\"208\" = 9\n\"no\" = 1\n\n[requirements]\n\"server strat\" = 1\n\"token create\" = 1\n\n[extra]\n";
    let error = world.refused(ADMIN, "config import", json!({"text": file, "revision": 0})).await;
    assert_eq!(error.code, "config_unfit");
    let fields: Vec<(&str, Option<&str>)> =
        error.fields.iter().map(|field| (field.field.as_str(), field.code)).collect();
    let expected = [
        ("line 2: general.prefix", Some("setting_length")),
        ("line 4: general.prefx", Some("file_setting")),
        ("line 7: jail.role", Some("setting_role_gone")),
        ("line 10: roles.208", Some("rank_unknown")),
        ("line 11: roles.no", Some("setting_role")),
        ("line 14: requirements.server strat", Some("file_command")),
        ("line 15: requirements.token create", Some("requirement_fixed")),
        ("line 17: extra", Some("file_part")),
    ];
    assert_eq!(fields, expected);
    assert_eq!(error.message, "8 entries of the file do not fit.");
    assert_eq!(world.value(&LIMIT).await, json!(5), "what fits is not applied either");

    let mut request = Request::json(
        world.actor(ADMIN).await,
        "config diff",
        json!({"text": "settings: 7", "format": "yaml"}),
    );
    request.language = Language::German;
    let error = world.catalogue.call(request).await.unwrap_err();
    assert!(error.fields[0].field.starts_with("Zeile 1"), "{error:?}");
    let error = world.refused(ADMIN, "config import", json!({"text": "[settings", "revision": 0})).await;
    assert_eq!(error.code, "config_unreadable");
}

#[tokio::test]
async fn mistakes_stand_in_the_order_of_their_lines_and_one_is_one() {
    let world = world().await;
    let file =
        "[requirements]\n\"server strat\" = 1\n\n[roles]\n\"no\" = 1\n\n[settings.general]\nprefx = 1\n";
    let error = world.refused(ADMIN, "config diff", json!({"text": file})).await;
    let lines: Vec<&str> = error.fields.iter().map(|field| field.field.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["line 2", "line 5", "line 8"]);
    let one = world.refused(ADMIN, "config diff", json!({"text": "[settings.general]\nprefx = 1\n"})).await;
    assert_eq!(one.message, "1 entry of the file does not fit.");
    assert_eq!(one.remedy.as_deref(), Some("Mend this line and try again; nothing was changed."));
    let texts = Texts::new(&[guildhall_core::language::LOCALES, guildhall_community::LOCALES]).unwrap();
    let said = texts.translate(&error, Language::English);
    assert_eq!(said.message(), "3 entries of the file do not fit.");
    assert_eq!(said.remedy(), Some("Mend these lines and try again; nothing was changed."));
}

#[tokio::test]
async fn a_setting_may_be_spelled_as_the_page_spells_it() {
    for (format, text) in [
        ("yaml", "settings:\n  general.prefix: \"?\"\n"),
        ("toml", "[settings]\n\"general.prefix\" = \"?\"\n"),
        ("json", "{\"settings\": {\"general.prefix\": \"?\"}}"),
    ] {
        let world = world().await;
        let diff = world.call(ADMIN, "config diff", json!({"format": format, "text": text})).await;
        assert_eq!(diff["changes"][0]["name"], "general.prefix", "{format}: {diff}");
        let wrong = text.replace("prefix", "prefx");
        let error = world.refused(ADMIN, "config diff", json!({"format": format, "text": wrong})).await;
        assert_eq!(error.fields[0].code, Some("file_setting"), "{format}: {error:?}");
    }
}

/// Something that fits the setting and is not its default, as somebody types it.
fn another(setting: &Setting) -> String {
    match setting.kind {
        SettingKind::Switch => if setting.default == "true" { "off" } else { "on" }.to_owned(),
        SettingKind::Text { min, .. } => "?".repeat(usize::try_from(min.max(1)).unwrap()),
        SettingKind::Template { names, .. } => format!("Sorry: {{{}}} \"#'", names[0]),
        SettingKind::Integer { min, max } => {
            if setting.default == max.to_string() { min } else { max }.to_string()
        }
        SettingKind::Duration { min, max } => format!("{}s", min.midpoint(max)),
        SettingKind::Choice { of } => {
            of.iter().find(|word| setting.default_value() != **word).unwrap().to_string()
        }
        SettingKind::Channel => format!("<#{GENERAL}>"),
        SettingKind::Channels => format!("<#{GENERAL}> <#302>"),
        SettingKind::Role => format!("<@&{GUARDIAN_ROLE}>"),
        SettingKind::Roles => format!("<@&{GUARDIAN_ROLE}> <@&{PLAIN_ROLE}>"),
        SettingKind::Color => "#5865f2".to_owned(),
        SettingKind::Texts => "be kind, 7, yes".to_owned(),
        SettingKind::Map { .. } => "caps=\"Not so loud\"".to_owned(),
    }
}

#[tokio::test]
async fn every_setting_is_an_operation_and_a_line_in_a_file() {
    let world = world().await;
    let all: Vec<&Setting> =
        crate::world::SETTINGS.iter().chain(guildhall_community::SETTINGS).copied().collect();
    // The rate limit is not what is tried here.
    let step = || world.clock.advance(std::time::Duration::from_secs(60));
    for setting in &all {
        step();
        let input = json!({"key": setting.key, "value": another(setting)});
        world.call(OWNER, "config set", input).await;
        let shown = world.call(OWNER, "config get", json!({"key": setting.key})).await;
        assert_ne!(shown["value"], setting.default_value(), "{}", setting.key);
        assert_eq!(
            (&shown["set"], &shown["summary"]),
            (&json!(true), &json!(setting.summary)),
            "{}",
            setting.key
        );
    }
    let listed = async || world.call(OWNER, "config list", json!({})).await["settings"].clone();
    let values = |list: &Value| -> Vec<(Value, Value)> {
        let all = list.as_array().unwrap().iter();
        all.map(|setting| (setting["key"].clone(), setting["value"].clone())).collect()
    };
    let before = values(&listed().await);
    assert_eq!(before.len(), all.len());
    for format in ["toml", "yaml", "json"] {
        step();
        let file = world.call(OWNER, "config export", json!({"format": format})).await;
        let file = file["text"].as_str().unwrap();
        for setting in &all {
            let name = setting.key.split_once('.').unwrap().1;
            let is_there = file.lines().any(|line| line.contains(name));
            assert!(is_there, "{} is no line of the {format} file:\n{file}", setting.key);
        }
        import(&world, &world.tenant, "json", "{}").await;
        let defaults = listed().await;
        assert!(defaults.as_array().unwrap().iter().all(|setting| setting["set"] == false), "{defaults}");
        import(&world, &world.tenant, format, file).await;
        assert_eq!(values(&listed().await), before, "{format}:\n{file}");
    }
}

async fn import(world: &World, tenant: &TenantId, format: &str, text: &str) {
    let mut actor = world.actor(OWNER).await;
    actor.tenant = tenant.clone();
    let request = |input| Request::json(actor.clone(), "config import", input);
    let input = json!({"text": text, "format": format, "replace": true});
    let preview =
        world.catalogue.call(request(input)).await.unwrap_or_else(|error| panic!("{text}\n{error:?}"));
    let apply = preview.document().actions().next().cloned();
    if let Some(apply) = apply {
        world.catalogue.call(request(apply.input)).await.unwrap();
    }
}

async fn export(world: &World, tenant: &TenantId, format: &str) -> String {
    let mut actor = world.actor(OWNER).await;
    actor.tenant = tenant.clone();
    let request = Request::json(actor, "config export", json!({"format": format}));
    let guildhall_core::Reply::Done { data, .. } = world.catalogue.call(request).await.unwrap() else {
        panic!("an export does not ask")
    };
    data["text"].as_str().unwrap().to_owned()
}

fn text(most: usize) -> impl Strategy<Value = String> {
    prop::string::string_regex(&format!("[ -!#-~äß€🙂:#'\\[\\]{{}}%&*|>@`]{{1,{most}}}"))
        .unwrap()
        .prop_filter("trimmed", |text| text.trim() == text)
}

fn any_file() -> impl Strategy<Value = Value> {
    let word = text(20).prop_filter("no comma", |text| !text.contains([',', '\n']));
    let general = (
        prop::option::of(text(5)),
        prop::option::of(prop::collection::btree_set(word, 0..4)),
        prop::option::of(0..=100i64),
        prop::option::of("#[0-9a-f]{6}"),
    );
    let reasons = prop::collection::btree_map("[a-z0-9-]{1,10}", text(50), 0..4);
    let ranks = prop::collection::btree_map(0..=9u8, "[A-Z][a-z]{3,8} [0-9]{3}x", 0..4);
    let roles = prop::collection::btree_map(prop::sample::select(vec!["203", "208", "209"]), 0..=7u8, 0..3);
    let commands = prop::sample::select(vec!["server", "server start", "ban", "config set"]);
    let requirements = prop::collection::btree_map(commands, 0..=7u8, 0..4);
    (general, reasons, ranks, roles, requirements).prop_map(
        |(general, reasons, ranks, roles, requirements)| {
            let (prefix, words, limit, color) = general;
            let ranks: serde_json::Map<String, Value> = ranks
                .into_iter()
                .enumerate()
                .map(|(at, (level, name))| (level.to_string(), json!({"name": format!("{name}{at}")})))
                .collect();
            json!({
                "settings": {
                    "general": {"prefix": prefix, "words": words, "limit": limit, "color": color},
                    "moderation": {"reasons": reasons},
                },
                "ranks": ranks, "roles": roles, "requirements": requirements,
            })
        },
    )
}

#[test]
fn what_is_exported_is_imported_the_same_in_every_format() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let world = runtime.block_on(world());
    let (one, two): (TenantId, TenantId) = ("100".parse().unwrap(), "200".parse().unwrap());
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(file in any_file())| {
        runtime.block_on(async {
            // The rate limit is not what is tried here.
            world.clock.advance(std::time::Duration::from_secs(60));
            import(&world, &one, "json", &file.to_string()).await;
            let expected = export(&world, &one, "json").await;
            for format in ["toml", "yaml", "json"] {
                let text = export(&world, &one, format).await;
                import(&world, &two, "json", "{}").await;
                import(&world, &two, format, &text).await;
                let found = export(&world, &two, "json").await;
                assert_eq!(found, expected, "{format}:\n{text}");
            }
        });
    });
}
