//! The page: what is pressed is changed at once, and the page shows it.

use guildhall_core::{
    Block, Document,
    document::{Choices, Menu},
};
use serde_json::{Value, json};

use crate::world::{
    ADMIN, GENERAL, GUARDIAN, GUARDIAN_ROLE, IGNORED, MANAGER, MOD_LOG, MODERATION, OWNER, PACE, PREFIX,
    World, button, menu, words, world,
};

async fn open(world: &World, section: &str) -> Document {
    world.show(ADMIN, "config open", json!({"section": section})).await
}

#[tokio::test]
async fn a_press_changes_the_value_and_shows_it() {
    let world = world().await;
    let page = open(&world, "features").await;
    let pressed = world.press(ADMIN, button(&page, "Turn off")).await.unwrap();
    assert_eq!(world.value(&MODERATION).await, json!(false));
    let shown = pressed.document();
    assert!(words(shown).contains("features.moderation: off"), "{}", words(shown));
    world.press(ADMIN, button(shown, "Turn on")).await.unwrap();
    assert_eq!(world.value(&MODERATION).await, json!(true));

    let page = open(&world, "logs").await;
    let channel = menu(&page, "config set", Some("logs.moderation"));
    assert_eq!(channel.of, Choices::Channels);
    let chosen = world.choose(ADMIN, channel, &[&GENERAL.to_string()]).await.unwrap();
    assert!(words(chosen.document()).contains("logs.moderation: #general"), "{}", words(chosen.document()));
    // Choosing nothing gives the default again.
    let channel = menu(chosen.document(), "config set", Some("logs.moderation"));
    assert_eq!(channel.chosen, [GENERAL.to_string()]);
    world.choose(ADMIN, channel, &[]).await.unwrap();
    assert_eq!(world.value(&MOD_LOG).await, Value::Null);
    let ignored = menu(&page, "config set", Some("logs.ignored"));
    world.choose(ADMIN, ignored, &[&GENERAL.to_string(), "302"]).await.unwrap();
    assert_eq!(world.value(&IGNORED).await, json!([GENERAL.to_string(), "302"]));
    let page = open(&world, "logs").await;
    world.choose(ADMIN, menu(&page, "config set", Some("logs.ignored")), &[]).await.unwrap();
    assert_eq!(world.value(&IGNORED).await, json!([]));

    let page = open(&world, "general").await;
    world.choose(ADMIN, menu(&page, "config set", Some("general.pace")), &["fast"]).await.unwrap();
    assert_eq!(world.value(&PACE).await, json!("fast"));
}

#[tokio::test]
async fn a_page_that_is_out_of_date_changes_nothing_and_says_so() {
    let world = world().await;
    let (one, two) = (open(&world, "features").await, open(&world, "features").await);
    world.press(ADMIN, button(&one, "Turn off")).await.unwrap();
    let error = world.press(MANAGER, button(&two, "Turn off")).await.unwrap_err();
    assert!(error.code == "setting_moved" && error.message.starts_with("Ada has just set"), "{error}");
}

#[tokio::test]
async fn texts_are_asked_for_in_a_form_that_has_the_old_one() {
    let world = world().await;
    world.call(ADMIN, "config set", json!({"key": "general.prefix", "value": "??"})).await;
    let mut page = open(&world, "general").await;
    loop {
        let action = page
            .actions()
            .find(|action| action.operation == "config set" && action.input["key"] == PREFIX.key);
        if let Some(action) = action {
            assert_eq!(
                (action.ask.as_slice(), &action.input["value"]),
                (&["value".to_owned()][..], &json!("??"))
            );
            break;
        }
        let more = button(&page, "More").clone();
        page = world.press(ADMIN, &more).await.unwrap().document().clone();
    }
}

/// Components that Discord counts: a menu and a row of buttons count themselves and what is in them.
fn components(document: &Document) -> usize {
    let of = |block: &Block| match block {
        Block::Actions { actions } => actions.len() + actions.len().div_ceil(5),
        Block::Menu(_) => 2,
        _ => 1,
    };
    2 + document.blocks.iter().map(of).sum::<usize>()
}

#[tokio::test]
async fn every_section_fits_onto_pages_that_discord_takes() {
    let world = world().await;
    let sections = world.call(ADMIN, "config open", json!({})).await["sections"].clone();
    let all = ["general", "ranks", "logs", "jail", "moderation", "features", "errors", "import/export"];
    assert_eq!(sections, json!(all));
    let offered = open(&world, "general").await;
    let Choices::Options(options) = &menu(&offered, "config open", None).of else { panic!("{offered:?}") };
    assert_eq!(options.iter().map(|option| option.value.as_str()).collect::<Vec<_>>(), all);
    let mut seen = 0;
    for section in sections.as_array().unwrap() {
        let mut page = open(&world, section.as_str().unwrap()).await;
        for turned in 0.. {
            assert!(turned < 20, "{section} has an end");
            assert!(components(&page) <= 40, "{section}: {}", components(&page));
            assert!(words(&page).chars().count() <= 4_000, "{section}");
            for block in &page.blocks {
                if let Block::Menu(Menu { of: Choices::Options(options), label, .. }) = block {
                    assert!(
                        (1..=25).contains(&options.len()) && label.chars().count() <= 150,
                        "{section} {label}"
                    );
                }
            }
            for action in page.actions() {
                assert!(action.label.chars().count() <= 80);
            }
            seen +=
                page.blocks.iter().filter(|block| matches!(block, Block::Divider)).count().saturating_sub(1);
            let Some(more) = page.actions().find(|action| action.label == "More").cloned() else { break };
            page = world.press(ADMIN, &more).await.unwrap().document().clone();
        }
    }
    assert_eq!(
        seen,
        crate::world::SETTINGS.len() + guildhall_community::SETTINGS.len(),
        "each setting is on one page"
    );
    let wrong = world.refused(ADMIN, "config open", json!({"section": "lgos"})).await;
    assert!(wrong.fields[0].message.contains("logs"), "{wrong:?}");
}

#[tokio::test]
async fn roles_are_given_ranks_on_the_page() {
    let world = world().await;
    let page = open(&world, "ranks").await;
    let chosen = world.choose(ADMIN, menu(&page, "config open", None), &["ranks"]).await.unwrap();
    let ranks = chosen.document().blocks.iter().find_map(|block| match block {
        Block::Menu(menu) if menu.field == "rank" => Some(menu.clone()),
        _ => None,
    });
    let page = world.choose(ADMIN, &ranks.unwrap(), &["3"]).await.unwrap().document().clone();
    let page =
        world.choose(ADMIN, menu(&page, "rank assign", None), &[&GUARDIAN_ROLE.to_string()]).await.unwrap();
    assert!(words(page.document()).contains("3 | Moderator | @Guardians"), "{}", words(page.document()));
    assert_eq!(world.actor(GUARDIAN).await.rank.level(), 3);
    let take = menu(page.document(), "rank unassign", None);
    world.choose(ADMIN, take, &[&GUARDIAN_ROLE.to_string()]).await.unwrap();
    assert_eq!(world.actor(GUARDIAN).await.rank.level(), 0);
}

#[tokio::test]
async fn a_rank_is_renamed_and_asked_for_on_the_page() {
    let world = world().await;
    let page = world.show(ADMIN, "config open", json!({"section": "ranks", "rank": "3"})).await;
    let with = |action: &guildhall_core::Action, more: Value| {
        let mut action = action.clone();
        for (name, value) in more.as_object().unwrap() {
            assert!(action.ask.contains(name), "the form asks for {name}");
            action.input[name] = value.clone();
        }
        action
    };
    let rename = with(button(&page, "Rename"), json!({"name": "Guardian"}));
    let renamed = world.press(ADMIN, &rename).await.unwrap().document().clone();
    assert!(words(&renamed).contains("3 | Guardian"), "{}", words(&renamed));
    let ask = button(&renamed, "What a command asks for").clone();
    let ask = with(&ask, json!({"command": "rank list", "rank": "3"}));
    let page = world.press(ADMIN, &ask).await.unwrap().document().clone();
    assert!(words(&page).contains("Ask for 3 (Guardian) here: rank list."), "{}", words(&page));
    assert!(page.actions().any(|action| action.label == "Rename"), "it is the page still");
    for name in ["rank edit", "rank require"] {
        assert!(world.catalogue.spec(name).unwrap().in_place, "{name} takes the page's place");
    }
}

#[tokio::test]
async fn ranks_are_made_and_deleted_on_the_page() {
    let world = world().await;
    let page = world.show(OWNER, "config open", json!({"section": "ranks"})).await;
    let mut create = button(&page, "Create rank 9").clone();
    assert_eq!(create.ask, ["name", "description"]);
    create.input["name"] = json!("Council");
    let page = world.press(OWNER, &create).await.unwrap().document().clone();
    assert!(words(&page).contains("9 | Council | –"), "{}", words(&page));
    assert!(page.actions().all(|action| action.label != "Create rank 9"), "{}", words(&page));
    button(&page, "Create rank 8");
    assert!(components(&page) <= 40, "{}", components(&page));

    // The new rank is the one that is worked on.
    let delete = button(&page, "Delete rank 9").clone();
    let request =
        guildhall_core::Request::json(world.actor(OWNER).await, &delete.operation, delete.input.clone());
    let asked = world.catalogue.call(request).await.unwrap();
    assert!(words(asked.document()).contains("Rank 9 is deleted"), "{}", words(asked.document()));
    let list = world.call(OWNER, "rank list", json!({})).await;
    assert_eq!(list["ranks"][8]["name"], "Council", "nothing happens before the yes");
    let page = world.press(OWNER, &delete).await.unwrap().document().clone();
    assert!(words(&page).contains("9 | free"), "{}", words(&page));
    button(&page, "Create rank 9");
    let fixed = world.show(OWNER, "config open", json!({"section": "ranks", "rank": "7"})).await;
    assert!(fixed.actions().all(|action| !action.label.starts_with("Delete")), "{}", words(&fixed));
    for name in ["rank create", "rank delete"] {
        assert!(world.catalogue.spec(name).unwrap().in_place, "{name} takes the page's place");
    }
}

#[tokio::test]
async fn resetting_a_section_asks_first() {
    let world = world().await;
    world.call(ADMIN, "config set", json!({"key": "general.prefix", "value": "?"})).await;
    world.call(ADMIN, "config set", json!({"key": "general.limit", "value": "7"})).await;
    let page = open(&world, "general").await;
    let reset = button(&page, "Reset this section");
    let request =
        guildhall_core::Request::json(world.actor(ADMIN).await, &reset.operation, reset.input.clone());
    let asked = world.catalogue.call(request).await.unwrap();
    assert!(words(asked.document()).contains("section general"), "{}", words(asked.document()));
    assert_eq!(world.value(&PREFIX).await, json!("?"), "nothing happens before the yes");
    world.press(ADMIN, reset).await.unwrap();
    assert_eq!(world.value(&PREFIX).await, json!("!"));
}
