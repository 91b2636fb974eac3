//! Cases: numbers, what is done on Discord, who may, and how they are found again.

use std::collections::BTreeSet;

use futures::future::join_all;
use guildhall_core::{
    Document, EventLog, Rank,
    document::{Block, Span},
    event::Filter,
    guild::{MessageLink, UserId},
};
use guildhall_store::{EventStore, testkit::stores};
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::{
    fake::*,
    stage::{World, tables},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_get_the_numbers_from_1_to_200() {
    for store in stores(tables).await {
        let world = World::on(store.store()).await;
        let calls = (0..200_u64).map(|index| {
            let actor = world.actor(UserId(5_000 + index), Rank::OPERATOR);
            world.call_as(actor, "warn", json!({ "user": [ANN], "reason": format!("the {index}th") }))
        });
        let numbers: BTreeSet<i64> = join_all(calls)
            .await
            .into_iter()
            .map(|result| result.unwrap().0["cases"][0]["number"].as_i64().unwrap())
            .collect();
        assert_eq!(numbers, (1..=200).collect(), "on {}", store.name);
    }
}

#[tokio::test]
async fn a_change_and_the_word_of_it_are_one() {
    for store in stores(tables).await {
        let world = World::on(store.store()).await;
        world.call("ban", json!({ "user": [ANN] })).await.unwrap();
        world.call("unban", json!({ "user": [ANN] })).await.unwrap();
        let events = EventStore::new(world.store.clone(), world.clock.clone());
        let heard = events.after(0, &Filter::default(), 100).await.unwrap();
        let heard: Vec<_> = heard.iter().map(|event| &event.data).collect();
        let told = |number: i64, version: i64, state: &str| {
            let of = |data: &&&serde_json::Value| data["number"] == number && data["version"] == version;
            heard.iter().find(of).is_some_and(|data| data["state"] == state)
        };
        assert!(told(1, 1, "pending") && told(1, 2, "active") && told(1, 3, "closed"), "{heard:?}");
        assert!(told(2, 1, "pending") && told(2, 2, "closed") && heard.len() == 5, "{heard:?}");

        let tx = world.store.begin().await.unwrap();
        tx.conn().execute_unprepared("ALTER TABLE event RENAME TO elsewhere").await.unwrap();
        tx.commit().await.unwrap();
        let error = world.call("warn", json!({ "user": [BOB] })).await.unwrap_err();
        assert!(error.causes().contains("event"), "on {}: {}", store.name, error.causes());
        let (list, _) = world.call("case list", json!({})).await.unwrap();
        assert_eq!(list["total"], 2, "what nobody could be told of has not happened");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_leaves_no_gap_in_the_numbers() {
    for store in stores(tables).await {
        let world = World::on(store.store()).await;
        let calls = (0..40_u64).map(|index| {
            let actor = world.actor(UserId(5_000 + index), Rank::OPERATOR);
            match index % 2 {
                0 => world.call_as(actor, "jail", json!({ "user": [ANN] })),
                _ => world.call_as(actor, "warn", json!({ "user": [BOB] })),
            }
        });
        let (done, refused): (Vec<_>, Vec<_>) = join_all(calls).await.into_iter().partition(Result::is_ok);
        assert!(refused.iter().all(|error| error.as_ref().unwrap_err().code == "case_held"), "{refused:?}");
        let numbers: BTreeSet<i64> = done
            .iter()
            .map(|done| done.as_ref().unwrap().0["cases"][0]["number"].as_i64().unwrap())
            .collect();
        assert_eq!(numbers, (1..=21).collect(), "one jail and twenty warnings on {}", store.name);
    }
}

#[tokio::test]
async fn a_number_stays_with_a_case_that_failed() {
    let world = World::new().await;
    world.guild.trouble("ban 20", 1, forbidden);
    let error = world.call("ban", json!({ "user": [ANN] })).await.unwrap_err();
    assert_eq!(error.code, "case_failed");
    assert!(error.message.contains("Ban Members"), "{error}");
    assert_eq!(world.state(1).await, "failed");
    assert!(!world.guild.is_banned(ANN));
    let (data, _) = world.call("ban", json!({ "user": [BOB] })).await.unwrap();
    assert_eq!(data["cases"][0]["number"], 2);
    // What the failed case held is free again.
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
}

#[tokio::test]
async fn a_ban_tells_first_is_logged_and_its_log_follows_it() {
    let world = World::new().await;
    world.settings.set("moderation.reasons", json!({ "spam": "Advertising without asking" }));
    let input = json!({ "user": [ANN], "reason": "{spam}", "delete_days": 1 });
    let (data, document) = world.call("ban", input).await.unwrap();
    assert_eq!((&data["cases"][0]["state"], &data["cases"][0]["kind"]), (&json!("active"), &json!("ban")));
    assert_eq!(document.title.as_deref(), Some("Ann: banned"));
    assert_eq!(world.guild.done(), ["ban 20 delete 86400"]);
    {
        let state = world.guild.lock();
        let (to, letter, _) = &state.letters[0];
        assert_eq!(*to, ANN, "the message went out before the ban, when it still could");
        assert!(format!("{letter:?}").contains("Advertising without asking"));
        let appeal = letter.actions().next().expect("a button to appeal");
        assert_eq!((&*appeal.operation, &*appeal.ask), ("appeal", &["text".to_owned()][..]));
        assert!(state.bans[&ANN].contains("Case 1 by Mia: Advertising"));
    }
    world.until("the case is in the log", async || !world.guild.posts(LOG).is_empty()).await;
    world.call("case edit", json!({ "number": 1, "reason": "Something else" })).await.unwrap();
    let shown = async || {
        let posts = world.guild.posts(LOG);
        posts.len() == 1 && format!("{:?}", posts[0].document).contains("Something else")
    };
    world.until("the log's message was edited", shown).await;

    world.call("unban", json!({ "user": [ANN], "reason": "Enough" })).await.unwrap();
    assert!(!world.guild.is_banned(ANN));
    let case = world.case(1).await;
    assert_eq!((&case["state"], &case["ended_by"]), (&json!("closed"), &json!("Mia")));
    assert_eq!(
        case["history"].as_array().unwrap().len(),
        3,
        "activated, edited, closed: {}",
        case["history"]
    );
}

#[tokio::test]
async fn a_case_has_all_that_belongs_to_it_and_evidence_is_added_later() {
    let world = World::new().await;
    let input = json!({
        "user": [ANN], "duration": "2h", "reason": "Griefing", "delete_days": 7,
        "evidence": ["https://a.example/1", "100/5"],
    });
    world.call("tempban", input).await.unwrap();
    assert_eq!(world.guild.done(), ["ban 20 delete 604800"]);
    let case = world.case(1).await;
    let (target, mia) = (ANN.to_string(), format!("discord:{MOD}"));
    for (what, wanted) in [
        ("kind", json!("tempban")),
        ("state", json!("active")),
        ("target", json!(target)),
        ("target_name", json!("Ann")),
        ("moderator", json!(mia)),
        ("reason", json!("Griefing")),
        ("told", json!("delivered")),
        ("source", json!("operation")),
        ("evidence", json!([{ "link": "https://a.example/1" }, { "link": "100/5" }])),
    ] {
        assert_eq!(case[what], wanted, "{what}");
    }
    let moment = |what: &str| {
        let text = case[what].as_str().unwrap();
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
    };
    assert_eq!(moment("expires") - moment("created"), time::Duration::hours(2));

    // Whoever edits it finds in the form what is there now.
    let (_, page) = world.call("case show", json!({ "number": 1 })).await.unwrap();
    let edit = page.actions().find(|action| action.label == "Edit").unwrap();
    assert_eq!(edit.input, json!({ "number": 1, "reason": "Griefing" }));
    assert!(edit.ask.contains(&"reason".to_owned()), "{edit:?}");

    let more: Vec<_> = (0..8).map(|index| format!("https://b.example/{index}")).collect();
    world.call("case edit", json!({ "number": 1, "evidence": more })).await.unwrap();
    let case = world.case(1).await;
    assert_eq!(case["evidence"].as_array().unwrap().len(), 10);
    let changed = &case["history"][0]["changes"][0];
    assert_eq!((&changed["what"], &case["history"][0]["by"]), (&json!("evidence"), &json!("Mia")));
    let error = world.call("case edit", json!({ "number": 1, "evidence": ["1/2"] })).await.unwrap_err();
    assert_eq!(error.code, "too_much_evidence");

    world.call("case close", json!({ "number": 1, "void": true })).await.unwrap();
    assert_eq!(world.state(1).await, "voided");
    assert!(!world.guild.is_banned(ANN), "what should never have been holds no more");
}

#[tokio::test]
async fn of_two_who_press_at_once_one_bans_and_the_other_is_told_who_did() {
    for store in stores(tables).await {
        let world = World::on(store.store()).await;
        let first = world.call_as(world.actor(MOD, Rank::MODERATOR), "ban", json!({ "user": [ANN] }));
        let second = world.call_as(world.actor(OTHER_MOD, Rank::MODERATOR), "ban", json!({ "user": [ANN] }));
        let (first, second) = tokio::join!(first, second);
        let refused: Vec<_> = [first, second].into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1, "on {}", store.name);
        assert_eq!(refused[0].code, "case_held");
        assert!(refused[0].message.contains("case 1"), "{}", refused[0]);
        assert_eq!(world.guild.count("ban 20"), 1);

        let first = world.call_as(world.actor(MOD, Rank::MODERATOR), "unban", json!({ "user": [ANN] }));
        let second =
            world.call_as(world.actor(OTHER_MOD, Rank::MODERATOR), "case close", json!({ "number": 1 }));
        let (first, second) = tokio::join!(first, second);
        let refused = first.err().or(second.err()).expect("one of them came too late");
        assert!(matches!(refused.code, "case_held" | "case_over" | "not_banned"), "{}", refused.code);
        assert_eq!(world.guild.count("unban 20"), 1);
        assert_eq!(world.state(1).await, "closed");
    }
}

#[tokio::test]
async fn nobody_acts_on_the_equal_or_the_higher_and_nothing_happens_then() {
    let world = World::new().await;
    let refusals = [
        (OTHER_MOD, "guild_not_below_you"),
        (OWNER, "guild_the_owner"),
        (BOT, "guild_the_bot"),
        (MOD, "guild_yourself"),
    ];
    for (user, code) in refusals {
        for operation in ["ban", "kick", "warn", "jail"] {
            let error = world.call(operation, json!({ "user": [user] })).await.unwrap_err();
            assert_eq!(error.code, code, "{operation} {user}");
        }
    }
    // Bob is given a rank, but no role above Mia's: ranks count as well.
    world.guild.join(BOB, "Bob", &[PLAYER]);
    world.guild.lock().guild.as_mut().unwrap().roles.iter_mut().find(|r| r.id == STAFF).unwrap().position = 1;
    world.guild.lock().guild.as_mut().unwrap().roles.iter_mut().find(|r| r.id == TOP).unwrap().position = 0;
    world.guild.join(BOB, "Bob", &[TOP]);
    let error = world.call("warn", json!({ "user": [BOB] })).await.unwrap_err();
    assert_eq!(error.code, "target_rank_not_below");
    assert_eq!(world.guild.done(), [""; 0]);
    let (data, _) = world.call("case list", json!({})).await.unwrap();
    assert_eq!(data["total"], 0, "a refusal leaves no case");
}

#[tokio::test]
async fn the_bot_says_when_its_own_role_is_too_low() {
    let world = World::new().await;
    {
        let mut state = world.guild.lock();
        let roles = &mut state.guild.as_mut().unwrap().roles;
        roles.iter_mut().find(|role| role.id == BOT_ROLE).unwrap().position = 1;
        roles.iter_mut().find(|role| role.id == PLAYER).unwrap().position = 2;
    }
    let error = world.call("kick", json!({ "user": [BOB] })).await.unwrap_err();
    assert_eq!(error.code, "guild_role_too_low");
    assert!(error.remedy.unwrap().contains("Server Settings"));
    world.guild.lock().guild.as_mut().unwrap().roles.iter_mut().for_each(|role| role.permissions = 0);
    let error = world.call("kick", json!({ "user": [BOB] })).await.unwrap_err();
    assert_eq!(error.code, "guild_missing_permission");
}

#[tokio::test]
async fn several_at_once_each_get_a_case_and_each_failure_a_line() {
    let world = World::new().await;
    let users = format!("<@{ANN}> {OTHER_MOD}, {BOB} {ANN}");
    let (data, document) = world.call("kick", json!({ "user": users, "reason": "Raid" })).await.unwrap();
    assert_eq!(data["cases"].as_array().unwrap().len(), 2, "named twice is kicked once");
    assert_eq!(data["problems"][0]["code"], "guild_not_below_you");
    let table = document.blocks.iter().find_map(|block| match block {
        Block::Table(table) => Some(table.rows.len()),
        _ => None,
    });
    assert_eq!(table, Some(3));
}

#[tokio::test]
async fn who_takes_no_messages_is_banned_all_the_same_and_silence_is_kept() {
    let world = World::new().await;
    world.guild.lock().closed.insert(ANN);
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    assert_eq!(world.case(1).await["told"], "closed");
    world.call("kick", json!({ "user": [BOB], "silent": true })).await.unwrap();
    assert_eq!(world.case(2).await["told"], "silent");
    assert!(world.guild.lock().letters.is_empty());
}

#[tokio::test]
async fn what_is_done_silently_is_told_to_nobody() {
    for (measure, extra) in
        [("warn", json!({})), ("timeout", json!({ "duration": "1h" })), ("jail", json!({}))]
    {
        let world = World::new().await;
        let call = async |user: UserId, silent: bool| {
            let mut input = extra.clone();
            (input["user"], input["silent"]) = (json!([user]), json!(silent));
            world.call(measure, input).await.unwrap().0["cases"][0]["told"].clone()
        };
        assert_eq!(call(ANN, true).await, "silent", "{measure}");
        assert_eq!(call(BOB, false).await, "delivered", "{measure}");
        assert!(world.guild.lock().letters.iter().all(|(to, ..)| *to == BOB), "{measure}");
    }
}

#[tokio::test]
async fn who_wrote_a_message_is_warned_with_it_and_their_cases_are_shown_from_it() {
    let world = World::new().await;
    let now = guildhall_core::Clock::now(world.clock.as_ref());
    let message = MessageLink { channel: GENERAL, message: world.guild.write(GENERAL, BOB, "buy this", now) };
    let operations = guildhall_moderation::operations();
    let mut menus = operations.specs().filter(|spec| ["warn-author", "cases-author"].contains(&spec.name));
    assert!(menus.all(|spec| spec.menu.is_some_and(|menu| menu.field == "message")));
    let input = json!({ "message": message, "reason": "Adverts" });
    let (data, _) = world.call("warn-author", input).await.unwrap();
    let case = &data["cases"][0];
    assert_eq!((&case["target"], &case["reason"]), (&json!(BOB), &json!("Adverts")));
    assert_eq!(case["evidence"][0]["quote"], "buy this");
    assert!(case["evidence"][0]["link"].as_str().unwrap().ends_with(&message.message.to_string()));

    for _ in 0..10 {
        world.call("warn", json!({ "user": [BOB] })).await.unwrap();
    }
    world.call("warn", json!({ "user": [ANN] })).await.unwrap();
    let (data, document) = world.call("cases-author", json!({ "message": message })).await.unwrap();
    assert_eq!((&data["total"], &data["cases"][0]["target"]), (&json!(11), &json!(BOB)));
    // The pages are about the person: they turn though the message is deleted.
    world.guild.lock().messages.clear();
    let next = document.actions().find(|action| action.label == "Next").unwrap().clone();
    let (data, _) = world.call(&next.operation, next.input).await.unwrap();
    assert_eq!((&data["page"], data["cases"].as_array().unwrap().len()), (&json!(2), 1));
    for operation in ["warn-author", "cases-author"] {
        let error = world.call(operation, json!({ "message": message })).await.unwrap_err();
        assert_eq!(error.code, "message_not_found", "{operation}");
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_does_not_save_anybody() {
    let world = World::new().await;
    world.guild.trouble("direct", 100, unreachable);
    world.patiently("ban", json!({ "user": [ANN] })).await.unwrap();
    world.until_state_in_time(1, "active").await;
    assert!(world.guild.is_banned(ANN));
}

#[tokio::test]
async fn what_discord_refuses_for_a_moment_is_tried_again() {
    let world = World::new().await;
    world.guild.trouble("ban 20", 2, unreachable);
    world.patiently("ban", json!({ "user": [ANN] })).await.unwrap();
    world.until_state_in_time(1, "active").await;
    assert_eq!(world.guild.count("ban 20"), 1);
}

#[tokio::test]
async fn an_outage_during_the_ban_leaves_nothing_half_done() {
    let world = World::new().await;
    world.guild.trouble("ban 20", 1_000, unreachable);
    let _ = world.patiently("ban", json!({ "user": [ANN] })).await;
    world.until_state_in_time(1, "failed").await;
    assert!(!world.guild.is_banned(ANN));
}

#[tokio::test]
async fn who_is_banned_is_found_by_name_and_who_is_not_is_not() {
    let world = World::new().await;
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    let error = world.call("unban", json!({ "user": "bob" })).await.unwrap_err();
    assert_eq!(error.code, "no_such_person", "a member who is not banned");
    world.call("unban", json!({ "user": "ann" })).await.unwrap();
    assert!(!world.guild.is_banned(ANN));
}

#[tokio::test]
async fn a_softban_and_a_kick_are_over_at_once() {
    let world = World::new().await;
    world.call("softban", json!({ "user": [ANN] })).await.unwrap();
    assert_eq!(world.guild.done(), ["ban 20 delete 86400", "unban 20"]);
    assert_eq!(world.state(1).await, "closed");
    world.call("kick", json!({ "user": [BOB] })).await.unwrap();
    assert_eq!(world.state(2).await, "closed");
}

#[tokio::test]
async fn roles_and_nicknames_are_cases_too() {
    let world = World::new().await;
    let admin = || world.actor(OWNER, Rank::OWNER);
    world.call_as(admin(), "role add", json!({ "user": [BOB], "role": ARTIST })).await.unwrap();
    assert_eq!(world.guild.roles(BOB), [PLAYER, ARTIST]);
    world.call_as(admin(), "role remove", json!({ "user": [BOB], "role": ARTIST })).await.unwrap();
    assert_eq!(world.guild.roles(BOB), [PLAYER]);
    for (role, code) in [
        (MANAGED, "role_managed"),
        (EVERYONE, "role_everyone"),
        (PLAYER, "role_held"),
        (TOP, "guild_role_too_low"),
        (guildhall_core::guild::RoleId(77), "role_not_found"),
    ] {
        let error = world.call_as(admin(), "role add", json!({ "user": [BOB], "role": role })).await;
        assert_eq!(error.unwrap_err().code, code);
    }
    for (role, code) in [(EVERYONE, "role_everyone"), (EVENT, "role_not_held")] {
        let error = world.call_as(admin(), "role remove", json!({ "user": [BOB], "role": role })).await;
        assert_eq!(error.unwrap_err().code, code);
    }
    let (list, _) = world.call("case list", json!({})).await.unwrap();
    assert_eq!(list["total"], 2, "what is refused is no case");
    let (_, page) = world.call("case show", json!({ "number": 1 })).await.unwrap();
    assert_eq!(field(&page, "Role given"), "Artist");
    let senior = world.actor(MOD, Rank::SENIOR_MODERATOR);
    let error = world.call_as(senior, "role add", json!({ "user": [BOB], "role": STAFF })).await.unwrap_err();
    assert_eq!(error.code, "role_not_below", "nobody gives away what stands as high as they do");
    world.call("nick", json!({ "user": [BOB], "nick": "Robert" })).await.unwrap();
    assert_eq!(world.guild.member_now(BOB).unwrap().nick.as_deref(), Some("Robert"));
    world.call("nick", json!({ "user": [BOB] })).await.unwrap();
    assert_eq!(world.guild.member_now(BOB).unwrap().nick, None);
}

#[tokio::test]
async fn a_mass_ban_bans_who_can_be_banned_and_lists_the_rest() {
    let world = World::new().await;
    world.guild.lock().bans.insert(BOB, "earlier".to_owned());
    world.guild.trouble("ban 30", 1, forbidden);
    let users = format!("{ANN} {BOB} {MOD} 31 {STRANGER}");
    let (_, _) =
        world.call_as(world.actor(OWNER, Rank::ADMIN), "massban", json!({ "users": users })).await.unwrap();
    world.until_state(1, "closed").await;
    let case = world.case(1).await;
    let results = case["results"].as_array().unwrap();
    assert_eq!(results.len(), 5);
    let problems: Vec<_> = results.iter().map(|result| result["problem"].is_string()).collect();
    assert_eq!(problems, [false, true, false, true, true], "{results:?}");
    assert!(world.guild.is_banned(ANN) && world.guild.is_banned(MOD) && !world.guild.is_banned(STRANGER));
    assert_eq!(world.state(results[0]["case"].as_i64().unwrap()).await, "active");
    let error = world.call("massban", json!({ "users": "1" })).await.unwrap_err();
    assert_eq!(error.code, "rank_too_low");
}

#[tokio::test]
async fn a_mass_ban_is_about_people() {
    let world = World::new().await;
    for (users, who) in [(ANN.to_string(), "1 person"), (format!("{BOB} {STRANGER}"), "2 people")] {
        let actor = world.actor(OWNER, Rank::ADMIN);
        let (_, page) = world.call_as(actor, "massban", json!({ "users": users })).await.unwrap();
        assert_eq!(field(&page, "Who"), who);
    }
}

#[tokio::test]
async fn what_was_done_to_none_of_several_is_an_error() {
    let world = World::new().await;
    let error = world.call("ban", json!({ "user": "1 2" })).await.unwrap_err();
    assert_eq!(error.code, "done_to_nobody");
    assert!(error.message.contains("the id 1.") && error.message.contains("the id 2."), "{error}");
    world.guild.trouble("kick", 2, forbidden);
    let error = world.call("kick", json!({ "user": [ANN, BOB] })).await.unwrap_err();
    assert_eq!(error.code, "done_to_nobody", "they have cases, which failed");
    assert!(error.message.contains("Case 1 could") && error.message.contains("Case 2 could"), "{error}");
}

#[tokio::test]
async fn a_mass_ban_deletes_what_they_wrote_in_so_many_days() {
    let world = World::new().await;
    let input = json!({ "users": format!("{ANN} {BOB}"), "delete_days": 2 });
    world.call_as(world.actor(OWNER, Rank::ADMIN), "massban", input).await.unwrap();
    world.until_state(1, "closed").await;
    assert_eq!(world.guild.done(), ["ban 20 delete 172800", "ban 21 delete 172800"]);
}

#[tokio::test]
async fn cases_are_found_by_everything_and_paged() {
    for store in stores(tables).await {
        let world = World::on(store.store()).await;
        for index in 0..12 {
            let input = json!({ "user": [ANN], "reason": format!("caps 100% {index}") });
            world.call("warn", input).await.unwrap();
        }
        world.clock.advance(std::time::Duration::from_secs(40 * 86_400));
        let other = || world.actor(OTHER_MOD, Rank::MODERATOR);
        world.call_as(other(), "note", json!({ "user": [BOB], "reason": "Asked politely" })).await.unwrap();
        world.call_as(other(), "kick", json!({ "user": [BOB], "reason": "SPAM" })).await.unwrap();

        let count =
            async |input| world.call("case search", input).await.unwrap().0["total"].as_u64().unwrap();
        assert_eq!(count(json!({ "user": ANN })).await, 12);
        assert_eq!(count(json!({ "moderator": OTHER_MOD })).await, 2);
        assert_eq!(count(json!({ "kind": "kick" })).await, 1);
        assert_eq!(count(json!({ "state": "active" })).await, 13);
        assert_eq!(count(json!({ "since": "2026-02-01" })).await, 2);
        assert_eq!(count(json!({ "until": "2026-01-01" })).await, 12, "the day itself counts");
        assert_eq!(count(json!({ "text": "spam" })).await, 1, "letters count alike, large or small");
        assert_eq!(count(json!({ "text": "100%" })).await, 12, "a percent sign is a percent sign");
        assert_eq!(count(json!({ "text": "%" })).await, 12);
        assert_eq!(count(json!({ "text": "c_ps" })).await, 0);
        assert_eq!(count(json!({ "text": "' OR 1=1 --" })).await, 0);

        let (first, document) = world.call("case list", json!({ "user": ANN })).await.unwrap();
        assert_eq!((first["cases"].as_array().unwrap().len(), &first["pages"]), (10, &json!(2)));
        let next =
            document.actions().find(|action| action.label == "Next").expect("a button to the next page");
        let (second, _) = world.call(&next.operation, next.input.clone()).await.unwrap();
        assert_eq!(second["cases"].as_array().unwrap().len(), 2);
        let (_, nowhere) = world.call("case list", json!({ "page": 99 })).await.unwrap();
        assert_eq!(nowhere.title.as_deref(), Some("There is no such page"));

        let (stats, _) = world.call("case stats", json!({})).await.unwrap();
        assert_eq!(stats["total"], 14);
        assert_eq!(stats["kinds"][0], json!({ "name": "warn", "count": 12 }));
        assert_eq!(stats["moderators"][1], json!({ "name": "Max", "count": 2 }));
        assert_eq!(stats["months"][0], json!({ "name": "2026-02", "count": 2 }));

        let admin = || world.actor(OWNER, Rank::ADMIN);
        let (csv, _) = world.call_as(admin(), "case export", json!({})).await.unwrap();
        assert_eq!(csv["text"].as_str().unwrap().lines().count(), 15);
        let (all, _) = world.call_as(admin(), "case export", json!({ "format": "json" })).await.unwrap();
        let parsed: Vec<serde_json::Value> = serde_json::from_str(all["text"].as_str().unwrap()).unwrap();
        assert_eq!(parsed.len(), 14);
        let (_, beyond) = world.call_as(admin(), "case export", json!({ "page": 3 })).await.unwrap();
        assert_eq!(beyond.title.as_deref(), Some("There is no such part"));
        assert_eq!(beyond.actions().next().unwrap().input["page"], 1);
    }
}

#[tokio::test]
async fn words_are_found_however_they_are_written_on_both_databases() {
    for store in stores(tables).await {
        let world = World::on(store.store()).await;
        for reason in ["ÜBERFALL auf den Server", "Große Störung", "50% off_line"] {
            world.call("note", json!({ "user": [ANN], "reason": reason })).await.unwrap();
        }
        let found = async |text: &str| {
            world.call("case search", json!({ "text": text })).await.unwrap().0["total"].as_u64().unwrap()
        };
        for text in ["überfall", "Überfall", "ÜBERFALL", "GROßE", "störung", "0% off_l"] {
            assert_eq!(found(text).await, 1, "{text}");
        }
        for text in ["ueberfall", "%", "_"] {
            assert_eq!(found(text).await, u64::from(text != "ueberfall"), "{text} stands for itself");
        }
    }
}

/// What a page says under this name.
fn field(page: &Document, name: &str) -> String {
    let fields = page.blocks.iter().flat_map(|block| match block {
        Block::Fields { fields } => fields.as_slice(),
        _ => &[],
    });
    let spans = fields.filter(|field| field.name == name).flat_map(|field| &field.value.0);
    let words = spans.map(|span| match span {
        Span::Plain(text) => text.clone(),
        other => format!("{other:?}"),
    });
    words.collect()
}

#[tokio::test]
async fn notes_are_for_the_staff_alone() {
    let world = World::new().await;
    world.call("note", json!({ "user": [ANN], "reason": "Is somebody's brother" })).await.unwrap();
    world.call("warn", json!({ "user": [BOB], "reason": "Loud" })).await.unwrap();
    world.until("the warning is logged", async || !world.guild.posts(LOG).is_empty()).await;
    assert!(world.guild.posts(LOG).iter().all(|post| !format!("{:?}", post.document).contains("brother")));
    assert!(world.guild.lock().letters.iter().all(|(to, ..)| *to == BOB));
}

#[tokio::test]
async fn a_server_that_does_not_exist_is_called_so() {
    let world = World::new().await;
    world.settings.set("moderation.carry", "ban");
    world.settings.set("moderation.carry_servers", json!(["survival", "nope"]));
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    world.until("the case says so", async || world.case(1).await["carried"].is_string()).await;
    let carried = world.case(1).await["carried"].clone();
    assert_eq!(carried, "Kept out of survival. There is no server called nope.");
}

#[tokio::test]
async fn a_case_reaches_the_game_servers_and_their_trouble_is_not_its_own() {
    let world = World::new().await;
    world.settings.set("moderation.carry", "ban");
    world.settings.set("moderation.carry_servers", json!(["survival"]));
    world.access.0.lock().unwrap().failures = 2;
    world.call("ban", json!({ "user": [ANN], "reason": "Griefing" })).await.unwrap();
    assert_eq!(world.state(1).await, "active", "the ban stands though no game server knows of it yet");
    let told = async || {
        world.clock.advance(std::time::Duration::from_secs(1));
        world.access.0.lock().unwrap().barred.len() == 1
    };
    world.until("the game servers were told", told).await;
    world.until("the case says so", async || world.case(1).await["carried"].is_string()).await;
    world.call("unban", json!({ "user": [ANN] })).await.unwrap();
    let lifted = async || world.access.0.lock().unwrap().barred.is_empty();
    world.until("they were told of the end", lifted).await;
    world.call("warn", json!({ "user": [BOB] })).await.unwrap();
    assert_eq!(world.access.0.lock().unwrap().calls, ["bar discord:20 case 1", "admit discord:20 case 1"]);
}

#[tokio::test]
async fn a_jail_reaches_the_game_servers_only_where_the_community_wants_it() {
    let world = World::new().await;
    let calls = || world.access.0.lock().unwrap().calls.clone();
    world.settings.set("moderation.carry", "ban");
    world.call("jail", json!({ "user": [BOB] })).await.unwrap();
    world.settings.set("moderation.carry", "ban_and_jail");
    world.call("jail", json!({ "user": [ANN], "duration": "1h", "reason": "Griefing" })).await.unwrap();
    world.until("they were told", async || calls() == ["bar discord:20 case 2"]).await;
    {
        let state = world.access.0.lock().unwrap();
        let bar = state.barred.values().next().unwrap();
        let hour = std::time::Duration::from_secs(3_600);
        assert_eq!(bar.until, Some(guildhall_core::Clock::now(world.clock.as_ref()) + hour));
    }
    world.clock.advance(std::time::Duration::from_secs(3_600));
    world.until_state_in_time(2, "expired").await;
    let over = ["bar discord:20 case 2", "admit discord:20 case 2"];
    world.until("they were told of its end", async || calls() == over).await;
}
