//! Help: only what one may use, found by name, group, word or near miss.

use guildhall_community::LOCALES;
use guildhall_core::{
    Block,
    document::Choices,
    language::{Language, Texts},
};
use serde_json::json;

use crate::world::{ADMIN, BANNER, MEMBER, OWNER, button, menu, words, world};

#[tokio::test]
async fn help_has_what_one_may_use_and_nothing_else() {
    let world = world().await;
    let mine = world.show(MEMBER, "help", json!({})).await;
    let text = words(&mine);
    assert!(text.contains("/rank list") && text.contains("/help"), "{text}");
    assert!(!text.contains("/config set") && !text.contains("/server start"), "{text}");
    let groups = menu(&mine, "help", None);
    let Choices::Options(options) = &groups.of else { panic!("{groups:?}") };
    assert!(options.iter().all(|option| option.value != "config"), "{options:?}");
    assert_eq!(world.refused(MEMBER, "help", json!({"query": "config set"})).await.code, "command_unknown");
    // What the community asks for counts, not the default.
    world.call(OWNER, "rank require", json!({"command": "server start", "rank": "0"})).await;
    let text = words(&world.show(MEMBER, "help", json!({"query": "server"})).await);
    assert!(text.contains("/server start") && text.contains("0 (Member)"), "{text}");
}

#[tokio::test]
async fn a_command_has_a_page_with_all_one_needs() {
    let world = world().await;
    let page = world.show(ADMIN, "help", json!({"query": "/config set"})).await;
    insta::assert_snapshot!("command_page", words(&page));
    assert_eq!(button(&page, "/config set").operation, "config set");
    let by_alias = world.show(MEMBER, "help", json!({"query": "whoami"})).await;
    assert_eq!(by_alias.title.as_deref(), Some("/rank whoami"));
}

#[tokio::test]
async fn words_and_near_misses_are_found() {
    let world = world().await;
    let found = world.call(ADMIN, "help", json!({"query": "keep community"})).await;
    assert_eq!(found["commands"][0]["name"], "ban");
    let error = world.refused(BANNER, "help", json!({"query": "rank lsit"})).await;
    assert_eq!(error.code, "command_unknown");
    assert_eq!(error.actions[0].input["query"], "rank list");
    assert!(world.press(BANNER, &error.actions[0]).await.is_ok());
    // What nothing is like brings up nothing.
    let error = world.refused(MEMBER, "help", json!({"query": "spam"})).await;
    assert!(error.code == "command_unknown" && error.actions.is_empty(), "{error:?}");
    let texts = Texts::new(&[LOCALES]).unwrap();
    for (language, said) in [(Language::English, "/help shows"), (Language::German, "/help zeigt")] {
        let remedy = texts.translate(&error, language).remedy().unwrap().to_owned();
        assert!(remedy.starts_with(said), "{remedy}");
    }
}

#[tokio::test]
async fn an_input_is_described_in_sentences() {
    let world = world().await;
    let page = words(&world.show(OWNER, "help", json!({"query": "ban"})).await);
    let described: Vec<&str> = page.lines().filter(|line| line.contains("Takes ")).collect();
    assert!(!described.is_empty(), "{page}");
    for line in described {
        let (before, _) = line.split_once("Takes ").unwrap();
        assert!(before.ends_with(". ") || before.ends_with(": "), "{line}");
    }
}

#[tokio::test]
async fn a_long_list_has_pages() {
    let world = world().await;
    let mut page = world.show(OWNER, "help", json!({})).await;
    let mut names = Vec::new();
    for turned in 0.. {
        assert!(turned < 10);
        names.extend(page.blocks.iter().filter_map(|block| match block {
            Block::Fields { fields } => {
                Some(fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>())
            }
            _ => None,
        }));
        let Some(more) = page.actions().find(|action| action.label == "More").cloned() else { break };
        page = world.press(OWNER, &more).await.unwrap().document().clone();
    }
    let names: Vec<String> = names.into_iter().flatten().collect();
    let actor = world.actor(OWNER).await;
    let allowed: Vec<String> =
        world.catalogue.allowed(&actor).await.unwrap().iter().map(|spec| format!("/{}", spec.name)).collect();
    assert_eq!(names, allowed);
}

#[tokio::test]
async fn names_are_completed() {
    let world = world().await;
    let complete = |user, operation: &'static str, field: &'static str, partial: &'static str| {
        let world = &world;
        async move {
            let actor = world.actor(user).await;
            let choices = world.catalogue.complete(&actor, operation, field, partial).await.unwrap();
            choices.into_iter().map(|choice| choice.value).collect::<Vec<_>>()
        }
    };
    assert_eq!(complete(MEMBER, "help", "query", "rank l").await[0], "rank list");
    assert!(complete(MEMBER, "help", "query", "config").await.is_empty());
    assert_eq!(complete(ADMIN, "config set", "key", "prefix").await, ["general.prefix"]);
    assert_eq!(complete(ADMIN, "rank require", "command", "/serv").await[..2], ["server", "server purge"]);
    assert_eq!(complete(ADMIN, "rank assign", "rank", "junior").await, ["2"]);
}
