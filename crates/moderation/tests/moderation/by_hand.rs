//! What staff do in Discord itself becomes cases too.

use guildhall_core::{Clock, guild::GuildEvent};
use serde_json::json;

use crate::{fake::*, stage::World};

fn audited(world: &World, action: u16, by: guildhall_core::guild::UserId) -> GuildEvent {
    let (target, reason) = (Some(ANN.0), Some("Was rude".to_owned()));
    GuildEvent::Audited { action, by: Some(by), target, reason, at: world.clock.now() }
}

fn banned() -> GuildEvent {
    GuildEvent::Banned { user: ANN, name: "Ann".to_owned() }
}

#[tokio::test]
async fn a_ban_by_hand_is_one_case_with_its_moderator_whichever_is_told_first() {
    for audit_first in [false, true] {
        let world = World::new().await;
        world.guild.leave(ANN);
        world.guild.lock().bans.insert(ANN, String::new());
        let mut events = vec![banned(), audited(&world, 22, MOD)];
        if audit_first {
            events.reverse();
        }
        for event in events {
            world.notice(event).await;
        }
        let case = world.case(1).await;
        assert_eq!(
            (&case["kind"], &case["state"], &case["source"]),
            (&json!("ban"), &json!("active"), &json!("by_hand"))
        );
        assert_eq!((&case["moderator_name"], &case["reason"]), (&json!("Mia"), &json!("Was rude")));
        let (list, _) = world.call("case list", json!({})).await.unwrap();
        assert_eq!(list["total"], 1);
        // And it can be lifted like any other.
        world.call("unban", json!({ "user": [ANN] })).await.unwrap();
        assert_eq!(world.state(1).await, "closed");
    }
}

#[tokio::test]
async fn what_the_bot_itself_did_is_no_second_case() {
    let world = World::new().await;
    world.call("ban", json!({ "user": [ANN] })).await.unwrap();
    world.notice(banned()).await;
    world.notice(audited(&world, 22, BOT)).await;
    world.call("unban", json!({ "user": [ANN] })).await.unwrap();
    world.notice(GuildEvent::Unbanned { user: ANN, name: "Ann".to_owned() }).await;
    world.notice(banned()).await;
    let (list, _) = world.call("case list", json!({})).await.unwrap();
    assert_eq!(list["total"], 2, "an event that comes late makes no case either");
    world.guild.join(ANN, "Ann", &[PLAYER]);
    world.call("kick", json!({ "user": [ANN] })).await.unwrap();
    world.notice(audited(&world, 20, BOT)).await;
    let (list, _) = world.call("case list", json!({})).await.unwrap();
    assert_eq!(list["total"], 3);
}

#[tokio::test]
async fn kicks_by_hand_are_cases_once_and_none_when_the_community_wants_none() {
    let world = World::new().await;
    let event = audited(&world, 20, MOD);
    world.guild.leave(ANN);
    world.notice(event.clone()).await;
    world.notice(event).await;
    let (list, _) = world.call("case list", json!({})).await.unwrap();
    assert_eq!((&list["total"], &list["cases"][0]["kind"]), (&json!(1), &json!("kick")));

    world.settings.set("moderation.record_by_hand", false);
    world.guild.lock().bans.insert(ANN, String::new());
    world.notice(banned()).await;
    let (list, _) = world.call("case list", json!({})).await.unwrap();
    assert_eq!(list["total"], 1);
    world.settings.set("moderation.record_by_hand", true);
    world.settings.set("features.moderation", false);
    world.notice(banned()).await;
    let (list, _) = world.call("case list", json!({})).await.unwrap();
    assert_eq!(list["total"], 1, "there is no moderation");
}

#[tokio::test]
async fn a_timeout_that_is_taken_away_in_discord_closes_its_case() {
    let world = World::new().await;
    world.call("timeout", json!({ "user": [ANN], "duration": "1h" })).await.unwrap();
    let mut after = world.guild.member_now(ANN).unwrap();
    // A change of the name says nothing about the timeout.
    world.notice(GuildEvent::MemberChanged { before: None, after: after.clone() }).await;
    assert_eq!(world.state(1).await, "active");
    after.timeout = None;
    world.guild.lock().members.insert(ANN, after.clone());
    world.notice(GuildEvent::MemberChanged { before: None, after }).await;
    assert_eq!(world.state(1).await, "closed");
    let case = world.case(1).await;
    assert_eq!(case["ended_by"], "somebody in Discord", "it is read behind 'by'");
}

#[tokio::test]
async fn what_holds_by_hand_is_not_done_again_and_can_be_ended() {
    let world = World::new().await;
    let hour = world.clock.now() + std::time::Duration::from_secs(3_600);
    world.guild.lock().members.get_mut(&ANN).unwrap().timeout = Some(hour);
    world.guild.lock().bans.insert(STRANGER, "earlier".to_owned());
    let again = [
        ("timeout", json!({ "user": [ANN], "duration": "5h" }), "already_timed_out"),
        ("ban", json!({ "user": [STRANGER] }), "already_banned"),
    ];
    for (measure, input, code) in again {
        assert_eq!(world.call(measure, input).await.unwrap_err().code, code);
    }
    assert!(world.guild.done().is_empty());
    world.call("untimeout", json!({ "user": [ANN] })).await.unwrap();
    world.call("unban", json!({ "user": [STRANGER] })).await.unwrap();
    assert_eq!(world.guild.done(), ["untimeout 20", "unban 30"]);
    assert_eq!((world.state(1).await, world.state(2).await), ("closed".to_owned(), "closed".to_owned()));
}
