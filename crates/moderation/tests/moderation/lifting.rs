//! Lifting what a case holds: it closes the case, and it takes what the community asks for it, whichever way it
//! is done.

use guildhall_core::{Actor, Rank};
use serde_json::{Value, json};

use crate::{fake::*, stage::World};

/// What holds, and what lifts it.
fn measures() -> [(&'static str, Value, &'static str, Value); 4] {
    let ann = || json!({ "user": [ANN] });
    let hours = |hours: u8| json!({ "user": [ANN], "duration": format!("{hours}h") });
    [
        ("ban", hours(5), "unban", ann()),
        ("timeout", hours(5), "untimeout", ann()),
        ("jail", hours(5), "unjail", ann()),
        ("lock", json!({ "duration": "5h" }), "unlock", json!({})),
    ]
}

fn admin(world: &World) -> Actor {
    world.actor(OWNER, Rank::ADMIN)
}

/// What was done, but for the channels that a jail closes in its own time.
fn done(world: &World) -> Vec<String> {
    let jails_own = format!(" {JAIL}");
    world.guild.done().into_iter().filter(|done| !done.ends_with(&jails_own)).collect()
}

#[tokio::test]
async fn a_lift_is_a_case_that_closes_the_one_it_names_and_frees_what_that_held() {
    let world = World::new().await;
    let mut number = 0;
    for (measure, input, lift, undo) in measures() {
        for by_number in [false, true] {
            number += 2;
            world.call(measure, input.clone()).await.unwrap();
            let (operation, undo) = match by_number {
                true => ("case close", json!({ "number": number - 1, "reason": "Talked about it" })),
                false => (lift, undo.clone()),
            };
            world.call_as(admin(&world), operation, undo).await.unwrap();
            let (held, lifting) = (world.case(number - 1).await, world.case(number).await);
            assert_eq!(
                (&held["state"], &held["ended_by"]),
                (&json!("closed"), &json!("Olga")),
                "{operation}"
            );
            assert_eq!((&lifting["state"], &lifting["kind"]), (&json!("closed"), &json!(lift)));
            assert_eq!(lifting["lifts"], number - 1, "{operation}");
            // Bans throw out; the next measure is for somebody who is here.
            world.guild.join(ANN, "Ann", &[PLAYER, ARTIST, MANAGED]);
        }
    }
}

#[tokio::test]
async fn closing_or_shortening_takes_what_the_lifting_takes() {
    for (measure, input, lift, _) in measures() {
        let world = World::new().await;
        world.permissions.require(lift, Rank::ADMIN);
        world.call(measure, input).await.unwrap();
        let before = done(&world);
        for (operation, input) in [
            ("case close", json!({ "number": 1 })),
            ("case close", json!({ "number": 1, "void": true })),
            ("case edit", json!({ "number": 1, "duration": "1h" })),
            ("case edit", json!({ "number": 1, "reason": "Short", "duration": "4h" })),
        ] {
            let error = world.call(operation, input).await.unwrap_err();
            assert_eq!(error.code, "rank_too_low", "{operation} of a {measure}");
            assert!(error.message.contains(&format!("`{lift}`")), "{error}");
        }
        assert_eq!((world.state(1).await, done(&world)), ("active".to_owned(), before), "{measure}");
        assert_eq!(world.case(1).await["reason"], "", "nothing of a refused change is kept");
        // What ends nothing is still theirs to do.
        world.call("case edit", json!({ "number": 1, "reason": "Long", "duration": "6h" })).await.unwrap();
        world.call_as(admin(&world), "case edit", json!({ "number": 1, "duration": "4h" })).await.unwrap();
        world.call_as(admin(&world), "case close", json!({ "number": 1 })).await.unwrap();
        assert_eq!(world.state(1).await, "closed");
    }
}

#[tokio::test]
async fn a_token_for_cases_alone_lifts_nothing() {
    let world = World::new().await;
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    let token = Actor { scope: Some(vec!["case".to_owned()]), ..admin(&world) };
    let error = world.call_as(token.clone(), "case close", json!({ "number": 1 })).await.unwrap_err();
    assert_eq!(error.code, "out_of_scope");
    world.call("warn", json!({ "user": [BOB] })).await.unwrap();
    world.call_as(token, "case close", json!({ "number": 2 })).await.unwrap();
    assert_eq!(world.state(2).await, "closed", "a warning holds nothing that another operation lifts");
}

#[tokio::test]
async fn lengthening_takes_what_the_measure_takes() {
    let world = World::new().await;
    world.call("tempban", json!({ "user": [ANN], "duration": "5h" })).await.unwrap();
    world.permissions.require("ban", Rank::ADMIN);
    let forever = json!({ "number": 1, "forever": true });
    let error = world.call("case edit", forever.clone()).await.unwrap_err();
    assert!(error.code == "rank_too_low" && error.message.contains("`ban`"), "{error}");
    world.call("case edit", json!({ "number": 1, "duration": "6h" })).await.unwrap();
    world.permissions.require("tempban", Rank::ADMIN);
    let error = world.call("case edit", json!({ "number": 1, "duration": "7h" })).await.unwrap_err();
    assert_eq!(error.code, "rank_too_low");
    world.call("case edit", json!({ "number": 1, "duration": "6h" })).await.unwrap();
    world.call_as(admin(&world), "case edit", forever).await.unwrap();
    assert_eq!(world.case(1).await["kind"], "ban");
}

#[tokio::test]
async fn nobody_moves_the_end_of_what_was_done_to_their_equal() {
    let world = World::new().await;
    let timeout = json!({ "user": [OTHER_MOD, MOD], "duration": "5h" });
    world.call_as(admin(&world), "timeout", timeout).await.unwrap();
    for (number, code) in [(1, "guild_not_below_you"), (2, "guild_yourself")] {
        let error = world.call("case edit", json!({ "number": number, "duration": "1h" })).await.unwrap_err();
        assert_eq!(error.code, code);
        world.call("case edit", json!({ "number": number, "reason": "Words" })).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_withdraws_what_was_done_to_them_or_to_their_equal() {
    let world = World::new().await;
    let warning = json!({ "user": [OTHER_MOD, MOD], "reason": "Words" });
    world.call_as(admin(&world), "warn", warning).await.unwrap();
    for void in [false, true] {
        for (number, code) in [(1, "guild_not_below_you"), (2, "guild_yourself")] {
            let close = json!({ "number": number, "void": void });
            assert_eq!(world.call("case close", close).await.unwrap_err().code, code);
            assert_eq!(world.state(number).await, "active");
        }
    }
    let mia = || world.actor(MOD, Rank::SENIOR_MODERATOR);
    let appeal = json!({ "case": 2, "text": "It was a joke" });
    world.call_as(mia(), "appeal", appeal).await.unwrap();
    let error = world.call_as(mia(), "inbox accept", json!({ "appeal": 1 })).await.unwrap_err();
    assert_eq!((error.code, world.state(2).await), ("guild_yourself", "active".to_owned()));
    world.call_as(admin(&world), "inbox accept", json!({ "appeal": 1 })).await.unwrap();
    assert_eq!(world.state(2).await, "voided", "it was still to be decided");
    world.call_as(admin(&world), "case close", json!({ "number": 1 })).await.unwrap();
    assert_eq!(world.state(1).await, "closed");
}
