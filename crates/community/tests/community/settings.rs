//! Settings: what fits, who was first, what is remembered.

use std::time::Duration;

use guildhall_core::{
    Block, Call, CallId, Clock, EventLog, Reply,
    document::Span,
    event::Filter,
    language::Language,
    permission::Bypass,
    setting::{self, Settings},
};
use serde_json::{Value, json};

use crate::world::{
    ADMIN, COLOR, GENERAL, GREETING, IGNORED, KEEP, MANAGER, MEMBER, MOD_LOG, PREFIX, WORDS, words, world,
    worlds,
};

#[tokio::test]
async fn a_setting_is_set_read_remembered_and_reset() {
    for world in worlds().await {
        let name = world.store.name;
        assert_eq!(world.value(&PREFIX).await, json!("!"), "{name}");
        let data = world.call(ADMIN, "config set", json!({"key": "general.prefix", "value": "?"})).await;
        assert_eq!((&data["value"], &data["set"]), (&json!("?"), &json!(true)), "{name}");
        assert_eq!(world.value(&PREFIX).await, json!("?"), "{name}");
        let first = world.clock.now();
        world.clock.advance(Duration::from_secs(60));
        world.call(MANAGER, "config set", json!({"key": "general.prefix", "value": "$"})).await;
        world.clock.advance(Duration::from_secs(3_600));
        world.call(ADMIN, "config reset", json!({"key": "general.prefix"})).await;
        assert_eq!(world.value(&PREFIX).await, json!("!"), "{name}");

        let history = world.call(ADMIN, "config history", json!({"key": "general.prefix"})).await;
        let lines: Vec<_> = history["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| (change["by"].as_str().unwrap(), change["from"].clone(), change["to"].clone()))
            .collect();
        let expected = [
            ("Ada", json!("$"), Value::Null),
            ("Manu", json!("?"), json!("$")),
            ("Ada", Value::Null, json!("?")),
        ];
        assert_eq!(lines, expected, "{name}");
        let at: Vec<_> = history["changes"].as_array().unwrap().iter().map(|one| &one["at"]).collect();
        let expected = [3_660, 60, 0].map(|later| {
            let at = first + Duration::from_secs(later);
            json!(at.format(&time::format_description::well_known::Rfc3339).unwrap())
        });
        assert_eq!(at, expected.iter().collect::<Vec<_>>(), "{name}");
        let shown = world.show(ADMIN, "config history", json!({"key": "general.prefix"})).await;
        let Some(Block::Table(table)) = shown.blocks.first() else { panic!("{name}: {shown:?}") };
        let times: Vec<_> = table.rows.iter().map(|row| row[0].0[0].clone()).collect();
        let expected = [3_660, 60, 0].map(|later| Span::Ago(first + Duration::from_secs(later)));
        assert_eq!(times, expected, "{name}");

        let events = world.events.after(0, &Filter::default(), 100).await.unwrap();
        assert_eq!(events.len(), 3, "{name}");
        assert!(events.iter().all(|event| event.kind == "setting.changed"), "{name}");
        assert_eq!(events[1].data["to"], "$", "{name}");

        // Another community has its own.
        let other = "200".parse().unwrap();
        assert_eq!(world.community.value(&other, &PREFIX).await.unwrap(), json!("!"), "{name}");
    }
}

#[tokio::test]
async fn settings_are_listed_by_section_and_by_what_is_set() {
    let world = world().await;
    world.call(ADMIN, "config set", json!({"key": "general.prefix", "value": "?"})).await;
    let keys = async |input: Value| {
        let list = world.call(ADMIN, "config list", input).await;
        let settings = list["settings"].as_array().unwrap().clone();
        settings.into_iter().map(|setting| setting["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = keys(json!({})).await;
    assert_eq!(all.len(), crate::world::SETTINGS.len() + guildhall_community::SETTINGS.len());
    assert_eq!(keys(json!({"section": "jail"})).await, ["jail.channel", "jail.role"]);
    assert_eq!(keys(json!({"set": true})).await, ["general.prefix"]);
    assert_eq!(keys(json!({"section": "jail", "set": true})).await, Vec::<String>::new());
    let text = words(&world.show(ADMIN, "config list", json!({"section": "general"})).await);
    assert!(text.contains("general.prefix: ?") && !text.contains("jail"), "{text}");
    let wrong = world.refused(ADMIN, "config list", json!({"section": "jial"})).await;
    assert_eq!(wrong.fields[0].code, Some("section_unknown"));
    assert_eq!(world.refused(MEMBER, "config list", json!({})).await.code, "rank_too_low");
}

#[tokio::test]
async fn of_two_who_press_at_once_one_is_told_who_was_first() {
    for world in worlds().await {
        let name = world.store.name;
        let press = |user, value: &'static str| {
            world.try_call(user, "config set", json!({"key": "general.prefix", "value": value, "version": 0}))
        };
        let (one, two) = tokio::join!(press(ADMIN, "?"), press(MANAGER, "$"));
        let (winner, error) = match (one, two) {
            (Ok(_), Err(error)) => (("Ada", "?"), error),
            (Err(error), Ok(_)) => (("Manu", "$"), error),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(error.code, "setting_moved", "{name}");
        assert!(error.message.contains(winner.0) && error.message.contains(winner.1), "{name}: {error}");
        assert_eq!(world.value(&PREFIX).await, json!(winner.1), "{name}");
    }
}

#[tokio::test]
async fn many_changes_at_once_are_numbered_without_gaps() {
    for world in worlds().await {
        let name = world.store.name;
        let changes = (0..40).map(|n| {
            let key = if n % 2 == 0 { "general.limit" } else { "general.prefix" };
            let value = format!("{}", n + 10);
            let world = &world;
            async move {
                let user = if n % 3 == 0 { ADMIN } else { MANAGER };
                world.try_call(user, "config set", json!({"key": key, "value": value})).await
            }
        });
        let results = futures_all(changes.collect()).await;
        let done = results.iter().filter(|result| result.is_ok()).count();
        let mut numbers = Vec::new();
        let mut before = None;
        loop {
            let page = world.call(ADMIN, "config history", json!({"before": before})).await;
            let page: Vec<i64> =
                page["changes"].as_array().unwrap().iter().map(|c| c["number"].as_i64().unwrap()).collect();
            let Some(last) = page.last() else { break };
            before = Some(*last);
            numbers.extend(page);
        }
        numbers.reverse();
        let expected: Vec<i64> = (1..=i64::try_from(done).unwrap()).collect();
        assert!(done >= 30, "{name}: {results:?}");
        assert_eq!(numbers, expected, "{name}");
    }
}

/// Waits for all of them, in one task.
async fn futures_all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, result) in futures.iter_mut().zip(&mut done) {
            if result.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *result = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn what_does_not_fit_is_answered_with_what_does() {
    let world = world().await;
    let refused = |key: &'static str, value: &'static str| {
        world.refused(ADMIN, "config set", json!({"key": key, "value": value}))
    };
    let error = refused("errors.text", "Sorry, {user}").await;
    assert!(error.fields[0].message.contains("{message}, {reference}"), "{error:?}");
    assert_eq!(refused("logs.moderation", "<#999>").await.fields[0].code, Some("setting_channel_gone"));
    assert_eq!(refused("jail.role", "<@&100>").await.fields[0].code, Some("setting_role_everyone"));
    assert_eq!(refused("general.limit", "101").await.fields[0].code, Some("setting_number"));
    let error = refused("logs.moderatoin", "x").await;
    assert_eq!(error.code, "setting_unknown");
    assert_eq!(error.actions[0].input["key"], "logs.moderation");
    assert_eq!(world.value(&MOD_LOG).await, Value::Null, "nothing was changed");

    // Where Discord cannot be asked, nobody is kept from setting up.
    *world.guilds.reachable.lock().unwrap() = false;
    world.community.forget(&world.tenant);
    let reply = world.try_call(2, "config set", json!({"key": "logs.moderation", "value": "<#999>"})).await;
    assert!(matches!(reply, Ok(Reply::Done { .. })), "{reply:?}");
    assert_eq!(world.value(&MOD_LOG).await, json!("999"));
}

#[tokio::test]
async fn values_are_read_as_the_types_that_domains_want() {
    let world = world().await;
    let set = |key: &'static str, value: String| {
        world.call(ADMIN, "config set", json!({"key": key, "value": value}))
    };
    set("moderation.keep", "1 day, 12 hours".to_owned()).await;
    set("logs.ignored", format!("<#{GENERAL}> 302")).await;
    set("general.words", "be kind, have fun".to_owned()).await;
    set("general.color", "5865F2".to_owned()).await;
    let settings = world.community.settings();
    let settings: &dyn Settings = settings.as_ref();
    let keep = setting::duration(settings, &world.tenant, &KEEP).await.unwrap();
    assert_eq!(keep, Some(Duration::from_secs(36 * 3_600)));
    let ignored: Vec<guildhall_core::guild::ChannelId> =
        setting::get(settings, &world.tenant, &IGNORED).await.unwrap();
    assert_eq!(ignored.iter().map(|id| id.0).collect::<Vec<_>>(), [GENERAL, 302]);
    let words: Vec<String> = setting::get(settings, &world.tenant, &WORDS).await.unwrap();
    assert_eq!(words, ["be kind", "have fun"]);
    let color: Option<String> = setting::get(settings, &world.tenant, &COLOR).await.unwrap();
    assert_eq!(color.as_deref(), Some("#5865f2"));
    // An empty value gives the default again, whose type every reader knows.
    set("moderation.keep", String::new()).await;
    set("general.words", String::new()).await;
    assert_eq!(world.value(&KEEP).await, json!("7d"));
    assert_eq!(world.value(&WORDS).await, json!([]));
    assert_eq!(world.value(&GREETING).await, Value::Null);
}

#[tokio::test]
async fn members_cannot_look_at_or_change_settings() {
    let world = world().await;
    for (operation, input) in [
        ("config set", json!({"key": "general.prefix", "value": "?"})),
        ("config get", json!({"key": "general.prefix"})),
        ("config export", json!({})),
        ("config open", json!({})),
    ] {
        assert_eq!(world.refused(MEMBER, operation, input).await.code, "rank_too_low", "{operation}");
    }
}

#[tokio::test]
async fn another_domain_sets_a_setting_with_the_same_checks_and_traces() {
    for world in worlds().await {
        let call = Call {
            id: CallId(world.clock.uuid()),
            actor: world.actor(ADMIN).await,
            channel: None,
            message: None,
            language: Language::English,
            operation: "toy rename",
            clock: world.clock.clone(),
            bypass: Bypass::default(),
        };
        let settings = world.community.settings();
        settings.set(&call, &PREFIX, json!("!"), json!("?")).await.unwrap();
        assert_eq!(world.value(&PREFIX).await, json!("?"));
        // Who has read an older value is told that somebody was first.
        let late = settings.set(&call, &PREFIX, json!("!"), json!("$")).await.unwrap_err();
        assert!(late.code == "setting_moved" && late.message.starts_with("Ada has just set"), "{late}");
        let unfit = settings.set(&call, &PREFIX, json!("?"), json!("much too long")).await.unwrap_err();
        assert_eq!(unfit.fields[0].field, PREFIX.key);
        assert_eq!(world.value(&PREFIX).await, json!("?"), "neither changed anything");
        let history = world.call(ADMIN, "config history", json!({"key": PREFIX.key})).await;
        assert_eq!(history["changes"].as_array().unwrap().len(), 1, "{history}");
    }
}
