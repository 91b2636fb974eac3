//! Events told: threads, status messages, restarts, and what Discord can do to them.

use std::time::Duration;

use guildhall_core::{Document, event::Tell, upstream::Health};
use guildhall_discord::GatewayConfig;
use serde_json::json;

use crate::stage::{ANNOUNCE, Asked, Stage};

fn topic() -> String {
    "session".to_owned()
}

fn open() -> Tell {
    Tell::Open { topic: topic(), title: "survival".to_owned() }
}

fn status() -> Tell {
    Tell::Status { topic: topic() }
}

fn say() -> Tell {
    Tell::Say { topic: topic() }
}

fn close() -> Tell {
    Tell::Close { topic: topic() }
}

fn text(text: &str) -> Document {
    Document::default().text(text)
}

#[tokio::test]
async fn a_session_gets_a_thread_with_its_status_and_is_closed_at_the_end() {
    let mut stage = Stage::set().await;
    stage.run();
    let opened = stage.tell(open(), text("preparing")).await;
    stage.told(opened).await;
    let opener = stage.fake.wait("POST", &format!("/channels/{ANNOUNCE}/messages"), 1).await;
    assert!(opener.words().contains("**survival**"));
    let thread = stage.fake.wait("POST", "/threads", 1).await;
    assert_eq!(thread.body["name"], "survival");
    let id = thread.path.split('/').nth(6).unwrap().to_owned();
    let first = stage.fake.wait("POST", &format!("/channels/{id}/messages"), 1).await;
    assert!(first.words().contains("preparing"));

    stage.clock.advance(Duration::from_secs(1));
    stage.tell(status(), text("ready")).await;
    let edit = stage.fake.wait("PATCH", &format!("/channels/{id}/messages/"), 1).await;
    assert!(edit.words().contains("ready"));

    stage.tell(say(), text("robin joined")).await;
    assert!(
        stage
            .fake
            .wait("POST", &format!("/channels/{id}/messages"), 2)
            .await
            .words()
            .contains("robin joined")
    );

    let last = stage.tell(close(), text("it is over")).await;
    stage.told(last).await;
    assert!(
        stage.fake.wait("POST", &format!("/channels/{id}/messages"), 3).await.words().contains("it is over")
    );
    let closing = stage.fake.asked("PATCH", &format!("/channels/{id}")).pop().unwrap();
    assert_eq!(closing.body, json!({"archived": true, "locked": true}));
    stage.restart().await;
}

#[tokio::test]
async fn an_announcement_has_a_thread_and_its_status_is_the_announcement_itself() {
    let mut stage = Stage::set().await;
    stage.run();
    let announce = Tell::Announce { topic: topic(), title: "A new server".to_owned() };
    let announced = stage.tell(announce, text("it exists")).await;
    stage.told(announced).await;
    stage.clock.advance(Duration::from_secs(1));
    stage.tell(status(), text("it is gone")).await;
    let edit = stage.fake.wait("PATCH", &format!("/channels/{ANNOUNCE}/messages/"), 1).await;
    assert!(edit.words().contains("it is gone"));
    assert_eq!(
        stage.fake.asked("POST", "/messages").iter().filter(|a| !a.path.ends_with("threads")).count(),
        1
    );
    stage.restart().await;
}

#[tokio::test]
async fn many_changes_of_status_become_few_edits_and_the_last_one_is_shown() {
    let mut stage = Stage::set().await;
    stage.run();
    let opened = stage.tell(open(), text("step 0")).await;
    stage.told(opened).await;
    for step in 1..=50 {
        stage.tell(status(), text(&format!("step {step}"))).await;
    }
    let last = stage.tell(status(), text("the end")).await;
    stage.told(last - 1).await;
    assert!(stage.fake.asked("PATCH", "/messages/").is_empty(), "a second has not passed yet");
    stage.clock.advance(Duration::from_secs(1));
    stage.told(last).await;
    let edits = stage.fake.asked("PATCH", "/messages/");
    assert_eq!(edits.len(), 1);
    assert!(edits[0].words().contains("the end"));
    stage.restart().await;
}

#[tokio::test]
async fn the_last_status_is_shown_before_a_thread_is_closed() {
    let mut stage = Stage::set().await;
    stage.run();
    stage.tell(open(), text("starting")).await;
    stage.tell(status(), text("stopped")).await;
    let last = stage.tell(close(), text("bye")).await;
    stage.told(last).await;
    assert!(stage.fake.asked("PATCH", "/messages/")[0].words().contains("stopped"));
    stage.restart().await;
}

#[tokio::test]
async fn after_a_restart_the_same_thread_goes_on_and_nothing_is_told_twice() {
    let mut stage = Stage::set().await;
    stage.run();
    let opened = stage.tell(open(), text("starting")).await;
    stage.told(opened).await;
    stage.restart().await;
    let missed = stage.tell(say(), text("while you were away")).await;
    stage.run();
    stage.told(missed).await;
    assert_eq!(stage.fake.asked("POST", "/threads").len(), 1);
    let said = stage.fake.asked("POST", "/messages");
    let said = said.iter().filter(|asked| asked.words().contains("while you were away")).count();
    assert_eq!(said, 1);
    stage.restart().await;
}

#[tokio::test]
async fn an_event_told_twice_makes_one_thread() {
    let mut stage = Stage::set().await;
    stage.run();
    let opened = stage.tell(open(), text("starting")).await;
    stage.told(opened).await;
    // The cursor is lost, as when the program ends between telling and noting it.
    stage.book.0.lock().unwrap().retain(|(_, _, key), _| key != "cursor");
    let since = stage.clock.clone();
    stage.crash().await;
    stage
        .book
        .0
        .lock()
        .unwrap()
        .insert((crate::stage::tenant().to_string(), "discord".to_owned(), "cursor".to_owned()), json!(0));
    since.advance(Duration::from_secs(1));
    stage.run();
    let after = stage.tell(say(), text("again")).await;
    stage.told(after).await;
    assert_eq!(stage.fake.asked("POST", "/threads").len(), 1);
    stage.restart().await;
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_in_a_crash_is_found_again() {
    let mut stage = Stage::set().await;
    stage.fake.lose_answer("POST", &format!("/channels/{ANNOUNCE}/messages"));
    stage.run();
    let opened = stage.tell(open(), text("starting")).await;
    stage.fake.wait("POST", &format!("/channels/{ANNOUNCE}/messages"), 1).await;
    stage.crash().await;
    stage.fake.forget_nonces();
    stage.clock.advance(Duration::from_secs(600));
    stage
        .book
        .0
        .lock()
        .unwrap()
        .insert((crate::stage::tenant().to_string(), "discord".to_owned(), "cursor".to_owned()), json!(0));
    stage.run();
    stage.told(opened).await;
    let openers = stage.fake.asked("POST", &format!("/channels/{ANNOUNCE}/messages"));
    let openers = openers.iter().filter(|asked| !asked.path.ends_with("threads")).count();
    assert_eq!(openers, 1, "the message was found instead of sent again");
    assert_eq!(stage.fake.asked("POST", "/threads").len(), 1);
    stage.restart().await;
}

#[tokio::test]
async fn a_message_of_an_earlier_session_with_the_same_words_is_not_taken_for_the_lost_one() {
    let mut stage = Stage::set().await;
    stage.run();
    let first = Tell::Open { topic: "first".to_owned(), title: "survival".to_owned() };
    let first = stage.tell(first, text("starting")).await;
    stage.told(first).await;
    // The next session's first message never reaches Discord, because the program ends just before.
    let channel = format!("/channels/{ANNOUNCE}/messages");
    stage.fake.fail("POST", &channel, 1, 502, 0);
    let opened = stage.tell(open(), text("starting")).await;
    stage.fake.wait("POST", &channel, 3).await;
    stage.crash().await;
    stage.run();
    stage.told(opened).await;
    let threads: std::collections::BTreeSet<String> =
        stage.fake.asked("POST", "/threads").into_iter().map(|asked| asked.path).collect();
    assert_eq!(threads.len(), 2, "each session has a message and a thread of its own: {threads:?}");
    stage.restart().await;
}

#[tokio::test]
async fn trouble_at_discord_is_waited_out() {
    let mut stage = Stage::set().await;
    stage.fake.fail("POST", "/threads", 2, 503, 0);
    stage.run();
    let opened = stage.tell(open(), text("starting")).await;
    stage.fake.wait("POST", "/threads", 1).await;
    let passing = async {
        loop {
            stage.clock.advance(Duration::from_millis(200));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = stage.told(opened) => {}
        () = passing => {}
    }
    assert_eq!(stage.fake.asked("POST", "/threads").len(), 3);
    stage.restart().await;
}

#[tokio::test]
async fn a_discord_that_is_down_is_left_alone_and_is_told_everything_when_it_is_back() {
    // Three conversations, the commands and the gateway ask for something.
    const ASKING: usize = 5;
    let mut stage = Stage::set().await;
    stage.config.gateway = Some(GatewayConfig::default());
    let upstream = stage.guard().await;
    let (failures, rest) = (5, Duration::from_secs(30));
    stage.fake.set_down(true);
    stage.run();
    let mut last = 0;
    for name in ["a", "b", "c"] {
        let topic = || name.to_owned();
        stage.tell(Tell::Open { topic: topic(), title: name.to_owned() }, text("preparing")).await;
        stage.tell(Tell::Status { topic: topic() }, text(&format!("{name} is ready"))).await;
        stage.tell(Tell::Say { topic: topic() }, text(&format!("robin joined {name}"))).await;
        last = stage.tell(Tell::Close { topic: topic() }, text(&format!("{name} is over"))).await;
    }
    assert!(stage.passes(rest, || upstream.health() == Health::Open).await, "failures open the breaker");
    for asked in [("POST", "/messages"), ("PUT", "/commands"), ("GET", "/gateway/bot")] {
        assert!(!stage.fake.asked(asked.0, asked.1).is_empty(), "{asked:?}");
    }
    // Who had asked by then has failed, and nobody asks again before the rest is over.
    stage.passes(rest - Duration::from_secs(5), || false).await;
    let asked = stage.fake.requests();
    assert!((failures..failures + ASKING).contains(&asked), "{asked} requests");
    // Then one finds out that it is still down, and the others rest on.
    assert!(stage.passes(rest, || stage.fake.requests() > asked).await, "somebody tries");
    stage.passes(rest - Duration::from_secs(5), || false).await;
    assert_eq!(stage.fake.requests(), asked + 1, "one request is enough to know");

    stage.fake.set_down(false);
    let told = || stage.cursor() >= last && stage.has_registered();
    assert!(stage.passes(Duration::from_secs(300), told).await, "everything goes on");
    assert_eq!(upstream.health(), Health::Closed);
    assert_eq!(stage.fake.asked("POST", "/threads").len(), 3);
    let said = [stage.fake.asked("POST", "/messages"), stage.fake.asked("PATCH", "/messages")].concat();
    let said: Vec<String> = said.iter().map(Asked::words).collect();
    for name in ["a", "b", "c"] {
        for words in [format!("{name} is ready"), format!("robin joined {name}"), format!("{name} is over")] {
            assert_eq!(said.iter().filter(|said| said.contains(&words)).count(), 1, "{words}: {said:?}");
        }
    }
    stage.restart().await;
}

#[tokio::test]
async fn a_thread_that_is_gone_or_closed_to_us_holds_up_nobody() {
    let mut stage = Stage::set().await;
    stage.run();
    let opened = stage.tell(open(), text("starting")).await;
    stage.told(opened).await;
    stage.fake.fail("POST", "/messages", 1, 404, 10_003);
    let lost = stage.tell(say(), text("into the void")).await;
    stage.told(lost).await;
    let before = stage.fake.asked("POST", "/messages").len();
    let skipped = stage.tell(say(), text("not even tried")).await;
    stage.told(skipped).await;
    assert_eq!(stage.fake.asked("POST", "/messages").len(), before);

    stage.fake.fail("POST", "/messages", 1, 403, 50_013);
    let forbidden = Tell::Open { topic: "b".to_owned(), title: "b".to_owned() };
    stage.tell(forbidden, text("b")).await;
    let fine = Tell::Open { topic: "c".to_owned(), title: "c".to_owned() };
    let last = stage.tell(fine, text("c")).await;
    stage.told(last).await;
    assert_eq!(stage.fake.asked("POST", "/threads").len(), 2);
    stage.restart().await;
}

#[tokio::test]
async fn an_archived_thread_is_opened_again_to_say_something() {
    let mut stage = Stage::set().await;
    stage.run();
    let opened = stage.tell(open(), text("starting")).await;
    stage.told(opened).await;
    stage.fake.fail("POST", "/messages", 1, 400, 50_083);
    let said = stage.tell(say(), text("still here")).await;
    stage.told(said).await;
    let unlocking = stage.fake.asked("PATCH", "/channels/");
    assert_eq!(unlocking[0].body, json!({"archived": false, "locked": false}));
    assert!(stage.fake.asked("POST", "/messages").pop().unwrap().words().contains("still here"));
    stage.restart().await;
}

#[tokio::test]
async fn history_from_before_the_face_existed_is_not_told() {
    let mut stage = Stage::set().await;
    stage.tell(open(), text("long ago")).await;
    stage.clock.advance(Duration::from_secs(1));
    stage.restart().await;
    stage.run();
    let other = Tell::Open { topic: "now".to_owned(), title: "now".to_owned() };
    let last = stage.tell(other, text("now")).await;
    stage.told(last).await;
    assert_eq!(stage.fake.asked("POST", "/threads").len(), 1);
    stage.restart().await;
}

#[tokio::test]
async fn a_lane_that_panics_starts_over_and_tells_everything() {
    let mut stage = Stage::set().await;
    let mut left = 2;
    *stage.book.1.lock().unwrap() = Some(Box::new(move |key, _| {
        let sprung = key == "topic/session" && left > 0;
        left -= i32::from(sprung);
        sprung
    }));
    stage.run();
    stage.tell(open(), text("starting")).await;
    stage.tell(status(), text("ready")).await;
    let last = stage.tell(say(), text("robin joined")).await;
    stage.told_in_time(last).await;
    assert_eq!(stage.fake.asked("POST", "/threads").len(), 1);
    let edits = stage.fake.asked("PATCH", "/messages/");
    assert!(edits.iter().any(|asked| asked.words().contains("ready")), "{edits:?}");
    let said = stage.fake.asked("POST", "/messages");
    assert_eq!(said.iter().filter(|asked| asked.words().contains("robin joined")).count(), 1);
    stage.restart().await;
}

#[tokio::test]
async fn an_event_that_panics_every_time_is_skipped_and_holds_up_nobody() {
    let mut stage = Stage::set().await;
    stage.run();
    let opened = stage.tell(open(), text("starting")).await;
    stage.told(opened).await;
    let poison = opened + 1;
    *stage.book.1.lock().unwrap() =
        Some(Box::new(move |key, note| key == "topic/session" && note["said"] == poison));
    assert_eq!(stage.tell(say(), text("poison")).await, poison);
    stage.tell(status(), text("ready")).await;
    let other = Tell::Open { topic: "other".to_owned(), title: "other".to_owned() };
    stage.tell(other, text("elsewhere")).await;
    stage.fake.wait("POST", "/threads", 2).await;
    let last = stage.tell(say(), text("robin joined")).await;
    stage.told_in_time(last).await;
    let said = stage.fake.asked("POST", "/messages");
    assert_eq!(said.iter().filter(|asked| asked.words().contains("robin joined")).count(), 1);
    assert!(!stage.fake.asked("PATCH", "/messages/").is_empty(), "the status is shown too");
    stage.restart().await;
}
