//! Slash commands: what they are, when they are registered, what becomes of their options, what is suggested.

use serde_json::{Value, json};

use crate::stage::{GUILD, Stage, USER, by_admin, command, is_ephemeral, typing, words};

#[tokio::test]
async fn the_commands_are_made_from_the_operations() {
    let stage = Stage::set().await;
    insta::assert_json_snapshot!("commands", stage.face.commands());
}

#[tokio::test]
async fn options_become_the_operations_input() {
    let stage = Stage::set().await;
    let options = [
        ("name", json!("ball")),
        ("stuff", json!("tin")),
        ("size", json!(3)),
        ("loud", json!(true)),
        ("tags", json!("round, red")),
        ("settings", json!("bounce=high motto=\"up and down\"")),
    ];
    let answer = stage.answer(command("toy make", &options)).await;
    assert_eq!(answer["type"], 4);
    assert!(!is_ephemeral(&answer["data"]["flags"]), "the operation's answer is for everybody");
    assert_eq!(answer["data"]["allowed_mentions"], json!({"parse": []}));
    assert!(words(&answer).contains(&format!("<@{USER}> made `ball`")), "{}", words(&answer));
    let made = stage.toys.made.lock().unwrap()[0].clone();
    assert_eq!(
        made,
        json!({
            "name": "ball", "stuff": "tin", "size": 3, "loud": true, "tags": ["round", "red"],
            "settings": {"bounce": "high", "motto": "up and down"},
        })
    );
}

#[tokio::test]
async fn the_record_says_who_through_what_and_with_which_rank() {
    let stage = Stage::set().await;
    stage.answer(by_admin(command("toy list", &[]))).await;
    let records = stage.audit.0.lock().unwrap();
    let record = &records[0];
    assert_eq!(record.actor.as_str(), format!("discord:{USER}"));
    assert_eq!(
        (record.actor_name.as_str(), record.face.as_str(), record.rank.level()),
        ("Robin", "discord", 5)
    );
    assert_eq!(record.tenant, crate::stage::tenant());
}

#[tokio::test]
async fn a_rank_too_low_is_told_only_to_the_one_who_tried() {
    let stage = Stage::set().await;
    let answer = stage.answer(command("toy break", &[("toy", json!("ball"))])).await;
    assert!(is_ephemeral(&answer["data"]["flags"]));
    assert!(words(&answer).contains("You need rank"), "{}", words(&answer));
    assert!(stage.toys.broken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn suggestions_come_from_the_completer_and_those_that_do_not_fit_are_left_out() {
    let stage = Stage::set().await;
    let answer = stage.answer(by_admin(typing("toy break", &[("toy", json!("b"))], "toy"))).await;
    assert_eq!(answer["type"], 8);
    assert_eq!(
        answer["data"]["choices"],
        json!([{"name": "The ball", "value": "ball"}, {"name": "The bear", "value": "bear"}])
    );
    let answer = stage.answer(by_admin(typing("toy break", &[("toy", json!("xxx"))], "toy"))).await;
    assert_eq!(answer["data"]["choices"], json!([]), "a value over 100 characters cannot be offered");
    let answer = stage.answer(typing("toy break", &[("toy", json!("b"))], "toy")).await;
    assert_eq!(answer["data"]["choices"], json!([]), "a member may not break toys");
    let answer = stage.answer(typing("toy brake", &[("toy", json!("b"))], "toy")).await;
    assert_eq!(answer["data"]["choices"], json!([]));
    assert_eq!(stage.audit.seen()[0].2, "unknown_input");
}

#[tokio::test]
async fn suggestions_that_take_too_long_are_left_out() {
    let stage = std::sync::Arc::new(Stage::set().await);
    let answer = stage.begin(by_admin(typing("toy break", &[("toy", json!("stuck"))], "toy")));
    stage.begun().await;
    stage.clock.advance(stage.config.timing.defer_after);
    assert_eq!(answer.await.unwrap(), json!({"type": 8, "data": {"choices": []}}));
}

#[tokio::test]
async fn commands_are_registered_once_and_again_only_when_they_have_changed() {
    let mut stage = Stage::set().await;
    stage.run();
    let first = stage.fake.wait("PUT", "/commands", 1).await;
    assert_eq!(first.path, format!("/api/v10/applications/{}/commands", crate::stage::APPLICATION));
    let names: Vec<&Value> = first.body.as_array().unwrap().iter().map(|command| &command["name"]).collect();
    assert_eq!(names, ["mark", "praise", "tale", "toy", "whisper", "Praise", "Mark it"]);
    let digest = stage.noted("commands/").await;
    assert_eq!(digest.as_str().map(str::len), Some(64));

    stage.restart().await;
    stage.run();
    stage.commands_considered(2).await;
    stage.more = true;
    stage.restart().await;
    assert_eq!(stage.fake.asked("PUT", "/commands").len(), 1, "nothing has changed");

    stage.run();
    let second = stage.fake.wait("PUT", "/commands", 2).await;
    let paint = second.body.as_array().unwrap().iter().any(|command| command["name"] == "paint");
    assert!(paint && second.path == first.path, "{second:?}");
    let noted = async {
        while stage.noted("commands/").await == digest {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), noted).await.expect("the change is noted");
    stage.restart().await;
    stage.run();
    stage.commands_considered(4).await;
    stage.more = false;
    stage.restart().await;
    assert_eq!(stage.fake.asked("PUT", "/commands").len(), 2, "nothing has changed again");

    stage.run();
    let third = stage.fake.wait("PUT", "/commands", 3).await;
    assert_eq!(third.body, first.body, "an operation less is a change as well");
    stage.config.commands = guildhall_discord::CommandScope::Guilds;
    stage.restart().await;
    stage.run();
    let fourth = stage.fake.wait("PUT", "/commands", 4).await;
    assert!(fourth.path.ends_with(&format!("/guilds/{GUILD}/commands")), "{}", fourth.path);
}

#[tokio::test]
async fn registration_is_tried_again_while_discord_is_out_of_reach() {
    let mut stage = Stage::set().await;
    stage.fake.fail("PUT", "/commands", 1, 503, 0);
    stage.run();
    stage.fake.wait("PUT", "/commands", 1).await;
    // The pause begins some time after the failure; whenever that is, it ends.
    let again = async {
        loop {
            stage.clock.advance(std::time::Duration::from_millis(500));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = stage.fake.wait("PUT", "/commands", 2) => {}
        () = again => {}
    }
    assert_eq!(stage.fake.asked("PUT", "/commands").len(), 2);
}
