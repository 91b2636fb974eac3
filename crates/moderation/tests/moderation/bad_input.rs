//! Bad input: each has an answer, and nothing happens.

use guildhall_core::{
    Rank,
    language::{Language, Texts},
};
use serde_json::json;

use crate::{fake::*, stage::World};

#[tokio::test]
async fn a_duration_that_overflows_is_refused_and_the_longest_works() {
    let world = World::new().await;
    for wrong in ["99999999999999999999d", "11y", "0s", "soon", "-1d", ""] {
        let error = world.call("ban", json!({ "user": [ANN], "duration": wrong })).await.unwrap_err();
        assert_eq!(error.code, "invalid_input", "{wrong}");
    }
    assert!(world.guild.done().is_empty());
    world.call("ban", json!({ "user": [ANN], "duration": "10y" })).await.unwrap();
    assert_eq!(world.state(1).await, "active");
}

#[tokio::test]
async fn a_reason_of_2000_characters_with_mentions_and_markup_is_kept_as_text() {
    let world = World::new().await;
    let reason =
        "@everyone **[x](https://evil.example)** `<@&6>` ".repeat(60).chars().take(2_000).collect::<String>();
    assert_eq!(reason.chars().count(), 2_000);
    world.call("warn", json!({ "user": [ANN], "reason": reason })).await.unwrap();
    assert_eq!(world.case(1).await["reason"], reason.trim());
    world.until("it is logged", async || world.guild.posts(LOG).len() == 1).await;
    // Documents are plain text: only a person or a moment is anything else, and a reason is neither.
    let document = serde_json::to_value(&world.guild.posts(LOG)[0].document).unwrap();
    let fields = document["blocks"][0]["fields"].as_array().unwrap();
    let field = fields.iter().find(|field| field["name"] == "Reason").unwrap();
    assert_eq!(field["value"], json!([{ "span": "plain", "value": reason.trim() }]));
    assert_eq!(fields[0]["name"], "Person");

    let long = "x".repeat(2_001);
    let error = world.call("warn", json!({ "user": [ANN], "reason": long })).await.unwrap_err();
    assert_eq!(error.code, "invalid_input");
    let nul = "a\u{0}b\u{1b}[31mc";
    world.call("warn", json!({ "user": [ANN], "reason": nul })).await.unwrap();
    assert_eq!(world.case(2).await["reason"], "ab[31mc");
}

#[tokio::test]
async fn who_left_and_who_never_was() {
    let world = World::new().await;
    world.guild.leave(BOB);
    for operation in ["kick", "warn", "softban"] {
        let error = world.call(operation, json!({ "user": [BOB] })).await.unwrap_err();
        assert_eq!(error.code, "target_not_here", "{operation}");
    }
    world.call("ban", json!({ "user": [BOB] })).await.unwrap();
    assert!(world.guild.is_banned(BOB), "who left can be banned");
    let error = world.call("ban", json!({ "user": [777] })).await.unwrap_err();
    assert_eq!(error.code, "nobody");
    let error = world.call("unban", json!({ "user": [STRANGER] })).await.unwrap_err();
    assert_eq!(error.code, "not_banned");
}

#[tokio::test]
async fn who_leaves_in_the_very_moment() {
    let world = World::new().await;
    // The check finds them, Discord does not any more.
    world.guild.trouble("timeout 20", 1, gone);
    let error = world.call("timeout", json!({ "user": [ANN], "duration": "1h" })).await.unwrap_err();
    assert_eq!(error.code, "case_failed");
    assert_eq!(world.state(1).await, "failed");
}

#[tokio::test]
async fn a_guild_that_removed_the_bot_says_so() {
    let world = World::new().await;
    world.guild.lock().guild = None;
    for (operation, input) in
        [("ban", json!({ "user": [ANN] })), ("lock", json!({})), ("purge", json!({ "count": 5 }))]
    {
        let error = world.call(operation, input).await.unwrap_err();
        assert_eq!(error.code, "guild_left", "{operation}");
    }
    assert!(world.call("case list", json!({})).await.is_ok(), "what is written down can be read");
}

#[tokio::test]
async fn a_stale_button_names_what_has_become_of_it() {
    let mut world = World::new().await;
    let (_, document) = world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    let button = document.actions().next().unwrap().clone();
    let (_, page) = world.call(&button.operation, button.input.clone()).await.unwrap();
    let end = page.actions().find(|action| action.label == "End it").unwrap().clone();
    world.restart().await;
    // From before the restart, and pressed twice.
    world.call(&end.operation, end.input.clone()).await.unwrap();
    assert!(!world.guild.is_banned(ANN));
    let error = world.call(&end.operation, end.input).await.unwrap_err();
    assert_eq!(error.code, "case_over");
    let error = world.call("case show", json!({ "number": 99 })).await.unwrap_err();
    assert_eq!(error.code, "case_not_found");
}

#[tokio::test]
async fn nonsense_of_4000_characters_in_every_text_is_refused_or_kept() {
    let world = World::new().await;
    let nonsense: String = (0..4_000_u32).filter_map(|n| char::from_u32(n * 17 % 0xd7ff)).collect();
    for (operation, input) in [
        ("ban", json!({ "user": nonsense })),
        ("warn", json!({ "user": [ANN], "reason": nonsense })),
        ("warn", json!({ "user": [ANN], "evidence": [nonsense] })),
        ("massban", json!({ "users": nonsense })),
        ("case search", json!({ "text": nonsense })),
        ("case search", json!({ "since": nonsense })),
        ("report", json!({ "text": nonsense })),
        ("slowmode", json!({ "delay": nonsense })),
        ("purge", json!({ "count": nonsense })),
    ] {
        let result = world.call_as(world.actor(OWNER, Rank::ADMIN), operation, input).await;
        let error = result.expect_err(operation);
        assert!(error.kind.is_refusal(), "{operation}: {}", error.causes());
    }
    assert!(world.guild.done().is_empty());
}

#[tokio::test]
async fn a_reason_by_an_unknown_name_suggests_and_evidence_has_to_be_links() {
    let world = World::new().await;
    world.settings.set("moderation.reasons", json!({ "spam": "Advertising" }));
    let error = world.call("warn", json!({ "user": [ANN], "reason": "{spm}" })).await.unwrap_err();
    assert_eq!(error.code, "reason_not_found");
    let error = world.call("warn", json!({ "user": [ANN], "evidence": ["javascript:1"] })).await.unwrap_err();
    assert_eq!(error.code, "evidence_no_link");
    let actor = world.actor(MOD, Rank::MODERATOR);
    let choices = world.catalogue.complete(&actor, "warn", "reason", "sp").await.unwrap();
    assert_eq!((choices.len(), &*choices[0].value), (1, "{spam}"));
}

#[tokio::test]
async fn a_ban_with_a_duration_does_not_ask() {
    let operations = guildhall_moderation::operations();
    let asks: Vec<_> = operations
        .specs()
        .filter(|spec| spec.effect == guildhall_core::Effect::Destroy)
        .map(|spec| spec.name)
        .collect();
    assert_eq!(asks, ["massban", "purge"], "only what cannot be taken back asks first");
    let mut words: Vec<&str> = operations.specs().flat_map(|spec| spec.aliases.iter().copied()).collect();
    words.extend(operations.specs().map(|spec| spec.name));
    let count = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), count, "a word stands for one operation");
    for spec in operations.specs() {
        assert!(spec.summary.chars().count() <= 100 && !spec.examples.is_empty(), "{}", spec.name);
        assert_eq!(spec.feature, Some("moderation"), "{}", spec.name);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_readers_language_to_the_last_word() {
    let world = World::new().await;
    let texts = Texts::new(&[guildhall_moderation::LOCALES]).unwrap();
    let said = async |operation: &str, input: serde_json::Value| {
        let actor = world.actor(OWNER, Rank::OWNER);
        let error = world.call_as(actor, operation, input).await.expect_err(operation);
        let german = texts.translate(&error, Language::German);
        german.fields().next().map_or(german.message(), |(_, text)| text).to_owned()
    };
    let delay = |text: &str| json!({ "delay": text });
    assert!(said("slowmode", delay("soon")).await.starts_with("ist keine Zeit zwischen Nachrichten"));
    assert_eq!(said("slowmode", delay("7h")).await, "ist mehr als 6 Stunden (21600 Sekunden).");
    assert!(said("inbox show", json!({})).await.starts_with("fehlt: gib die Nummer einer Meldung an"));
    let all = json!({ "all": true });
    assert_eq!(said("unlock", all.clone()).await, "Der ganze Server ist durch keinen Fall gesperrt.");
    world.call("lock", all.clone()).await.unwrap();
    let held = "Der ganze Server: Mia ist schon dabei oder hat es getan: Fall 1.";
    assert_eq!(said("lock", all).await, held);
    world.call("kick", json!({ "user": [ANN] })).await.unwrap();
    let over = "Fall 2 ist schon geschlossen.";
    assert_eq!(said("case close", json!({ "number": 2 })).await, over);
}
