//! The post: documents to channels and people, and buttons that work in direct messages.

use guildhall_core::{
    Action, Document, Kind, TenantId,
    guild::{ChannelId, Courier, Delivery, MessageId, MessageLink, UserId},
};
use serde_json::json;

use crate::{
    stage::{GUILD, Stage, USER, button, by_admin, command, in_private, press, tenant, words},
    town::{SOON, Town},
};

fn appeal(text: &str) -> Document {
    Document::titled("You were banned").action(Action::new(
        "Appeal",
        "toy make",
        json!({"name": text, "tags": [text, "appeal"]}),
    ))
}

#[tokio::test]
async fn a_step_that_is_repeated_posts_once() {
    let stage = Stage::set().await;
    let document = Document::titled("Case 12");
    let community = tenant();
    let post = || stage.post.post(&community, ChannelId(5), &document, "case-12");
    let (first, second) = (post().await.unwrap(), post().await.unwrap());
    assert_eq!(first, second);
    let asked = stage.fake.asked("POST", "/channels/5/messages");
    assert_eq!((&asked[0].body["nonce"], &asked[0].body["enforce_nonce"]), (&json!("case-12"), &json!(true)));
    assert_eq!(asked[0].body["allowed_mentions"], json!({"parse": []}));
}

#[tokio::test]
async fn what_is_gone_or_forbidden_is_said_as_such() {
    let stage = Stage::set().await;
    let at = MessageLink { channel: ChannelId(5), message: MessageId(6) };
    for (status, code, expected, kind) in [
        (404, 10_003, "guild_unknown", Kind::NotFound),
        (404, 10_008, "guild_unknown", Kind::NotFound),
        (403, 50_001, "guild_missing_permission", Kind::Permission),
    ] {
        stage.fake.fail("POST", "/channels/5/", 1, status, code);
        stage.fake.fail("PATCH", "/channels/5/", 1, status, code);
        let document = Document::titled("hello");
        let error = stage.post.post(&tenant(), ChannelId(5), &document, "n").await.unwrap_err();
        assert_eq!((error.code, error.kind), (expected, kind));
        let error = stage.post.edit(&tenant(), at, &document).await.unwrap_err();
        assert_eq!((error.code, error.kind), (expected, kind));
    }
}

#[tokio::test]
async fn trouble_on_the_way_is_tried_again() {
    let stage = Stage::set().await;
    stage.fake.fail("POST", "/channels/5/", 2, 503, 0);
    let document = Document::titled("hello");
    let nobody = tenant();
    let post = stage.post.post(&nobody, ChannelId(5), &document, "n");
    let passing = async {
        loop {
            stage.clock.advance(std::time::Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        posted = post => assert!(posted.is_ok(), "{posted:?}"),
        () = passing => {}
    }
    assert_eq!(stage.fake.asked("POST", "/channels/5/messages").len(), 3);
}

#[tokio::test]
async fn a_person_who_takes_no_messages_is_no_error() {
    let stage = Stage::set().await;
    for code in [50_007, 50_278] {
        stage.fake.fail("POST", "/channels/99/", 1, 403, code);
        let delivery = stage.post.direct(&tenant(), UserId(USER), &appeal("x"), "n").await.unwrap();
        assert_eq!(delivery, Delivery::Closed);
    }
    let nowhere: TenantId = "elsewhere".parse().unwrap();
    let error = stage.post.direct(&nowhere, UserId(USER), &appeal("x"), "n").await.unwrap_err();
    assert_eq!(error.code, "guild_none");
}

#[tokio::test]
async fn a_button_in_a_direct_message_acts_for_its_community_as_a_member() {
    let mut stage = Stage::set().await;
    // The second is too long for a button and is kept.
    for text in ["unjust", "the one who was not there"] {
        let sent = stage.fake.asked("POST", "/channels/99/messages").len();
        let delivery = stage.post.direct(&tenant(), UserId(USER), &appeal(text), &format!("n{sent}")).await;
        assert_eq!(delivery.unwrap(), Delivery::Delivered);
        let message = stage.fake.wait("POST", "/channels/99/messages", sent + 1).await;
        let id = button(&message.body, "Appeal");
        assert!(id.starts_with(&format!("g{GUILD:x}:")) && id.len() <= 100, "{id}");
        stage.restart().await;
        let answer = stage.answer(in_private(by_admin(press(&id, false)))).await;
        assert!(words(&answer).contains("Made"), "{}", words(&answer));
        // The answer's own buttons go on working there.
        let next = button(&answer["data"], "Break it");
        let refused = stage.answer(in_private(by_admin(press(&next, false)))).await;
        assert!(words(&refused).contains("You need rank"), "{}", words(&refused));
        let another = stage.answer(in_private(press(&button(&answer["data"], "Another"), false))).await;
        assert_eq!(another["type"], 9, "a form opens there too");
        let form = another["data"]["custom_id"].as_str().unwrap();
        let made = stage.answer(in_private(crate::stage::form(form, &[("name", "bear")]))).await;
        assert!(words(&made).contains("bear"), "{}", words(&made));
    }
    let records = stage.audit.0.lock().unwrap();
    assert!(records.iter().all(|record| record.tenant == tenant() && record.rank.level() == 0));
}

#[tokio::test]
async fn nothing_but_such_a_button_works_in_a_direct_message() {
    let stage = Stage::set().await;
    let answer = stage.answer(in_private(press("a1:toy list|", false))).await;
    assert!(words(&answer).contains("inside of a Discord server only"), "{}", words(&answer));
    let answer = stage.answer(in_private(press("g2a:a1:toy list|", false))).await;
    assert!(words(&answer).contains("not set up"), "{}", words(&answer));
}

#[tokio::test]
async fn a_guild_that_is_not_configured_is_served_where_everybody_is() {
    let stage = Stage::with(|config| config.open = true).await;
    let mut elsewhere = command("toy make", &[("name", json!("ball"))]);
    elsewhere["guild_id"] = json!("42");
    assert!(words(&stage.answer(elsewhere).await).contains("ball"));
    assert_eq!(stage.audit.0.lock().unwrap()[0].tenant.as_str(), "42");
    let open: TenantId = "42".parse().unwrap();
    stage.post.direct(&open, UserId(USER), &appeal("x"), "n").await.unwrap();
    let message = stage.fake.wait("POST", "/channels/99/messages", 1).await;
    assert!(button(&message.body, "Appeal").starts_with("g2a:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_banned_can_still_appeal_from_the_message_they_got() {
    let town = Town::build(true).await;
    let anna = UserId(town.anna.id().0);
    let delivery = town.post.direct(&tenant(), anna, &appeal("unjust"), "n1").await.unwrap();
    assert_eq!(delivery, Delivery::Delivered);
    town.olive.in_guild(town.guild.id()).ban(town.anna.id(), None, 0).unwrap();
    let direct = town.anna.direct(town.app.bot());
    let message = direct.wait_for_text(SOON, "You were banned").await.unwrap();
    let answer = direct.press(message.id, "Appeal").unwrap().message(SOON).await.unwrap();
    assert!(answer.text().contains("Made"), "{}", answer.text());
    {
        let records = town.audit.0.lock().unwrap();
        let record = records.last().unwrap();
        assert_eq!((&record.tenant, record.rank.level()), (&tenant(), 0));
    }
    // Staff who press a button there have the rank that they have in the guild.
    let olive = UserId(town.olive.id().0);
    let document = Document::titled("Look").action(Action::new("Break", "toy break", json!({"toy": "ball"})));
    town.post.direct(&tenant(), olive, &document, "n2").await.unwrap();
    let direct = town.olive.direct(town.app.bot());
    let message = direct.wait_for_text(SOON, "Look").await.unwrap();
    let asked = direct.press(message.id, "Break").unwrap().message(SOON).await.unwrap();
    assert!(asked.text().contains("Break ball?"), "{}", asked.text());

    town.anna.take_direct_messages(false);
    let delivery = town.post.direct(&tenant(), anna, &appeal("unjust"), "n3").await.unwrap();
    assert_eq!(delivery, Delivery::Closed);
    let gone = ChannelId(town.guild.channel("gone").0);
    town.olive.in_guild(town.guild.id()).delete_channel(guildhall_sim::ChannelId(gone.0)).unwrap();
    let error = town.post.post(&tenant(), gone, &document, "n4").await.unwrap_err();
    assert_eq!(error.code, "guild_unknown");
    town.leave_after(&[50_007, 10_003]).await;
}
