//! Answers in time: at once, deferred, after the token has ended, and with the way to the thread.

use std::{sync::Arc, time::Duration};

use guildhall_core::{Document, event::Tell};
use serde_json::json;

use crate::stage::{ANNOUNCE, Stage, button, by_admin, command, is_ephemeral, press};

#[tokio::test]
async fn a_slow_operation_is_acknowledged_in_time_and_answered_later() {
    let stage = Arc::new(Stage::set().await);
    let first = stage.begin(command("toy slow", &[]));
    stage.begun().await;
    assert!(!first.is_finished(), "there is time left");
    stage.clock.advance(stage.config.timing.defer_after);
    assert_eq!(first.await.unwrap(), json!({"type": 5, "data": {"flags": 64}}));
    assert!(stage.fake.asked("PATCH", "/webhooks/").is_empty());

    stage.open_gate();
    let edit = stage.fake.wait("PATCH", "/messages/@original", 1).await;
    assert!(edit.words().contains("Slowly done"));
    assert_eq!(edit.body["allowed_mentions"], json!({"parse": []}));
    assert_eq!(edit.body["flags"], 32_768);
}

#[tokio::test]
async fn a_public_operation_is_deferred_for_everybody_to_see() {
    let stage = Arc::new(Stage::set().await);
    let first = stage.begin(command("toy show", &[]));
    stage.begun().await;
    stage.clock.advance(stage.config.timing.defer_after);
    assert_eq!(first.await.unwrap(), json!({"type": 5, "data": {}}));
    stage.open_gate();
    assert!(stage.fake.wait("PATCH", "/messages/@original", 1).await.words().contains("Slowly done"));
}

#[tokio::test]
async fn an_error_after_a_public_deferral_is_shown_only_to_the_one_who_asked() {
    let stage = Arc::new(Stage::set().await);
    let first = stage.begin(command("toy show", &[("fail", json!(true))]));
    stage.begun().await;
    stage.clock.advance(stage.config.timing.defer_after);
    first.await.unwrap();
    stage.open_gate();
    stage.fake.wait("DELETE", "/messages/@original", 1).await;
    let answer = stage.fake.wait("POST", "/webhooks/", 1).await;
    assert!(is_ephemeral(&answer.body["flags"]) && answer.words().contains("jammed"), "{answer:?}");
}

#[tokio::test]
async fn a_slow_yes_defers_the_update_of_the_question() {
    let stage = Arc::new(Stage::set().await);
    // The question of another operation stands in: any confirmed call takes the same way.
    let yes = format!("y1:{:x}:{:x}:toy slow|", crate::stage::USER, u32::MAX);
    let first = stage.begin(by_admin(press(&yes, true)));
    stage.begun().await;
    stage.clock.advance(stage.config.timing.defer_after);
    assert_eq!(first.await.unwrap(), json!({"type": 6}));
    stage.open_gate();
    assert!(stage.fake.wait("PATCH", "/messages/@original", 1).await.words().contains("Slowly done"));
}

#[tokio::test]
async fn an_operation_goes_on_when_the_one_who_asked_hangs_up() {
    let stage = Arc::new(Stage::set().await);
    let first = stage.begin(command("toy slow", &[]));
    stage.begun().await;
    first.abort();
    let _ = first.await;
    stage.open_gate();
    let done = async {
        while stage.audit.seen().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done).await.expect("it ends");
    assert_eq!(stage.audit.seen()[0].1, "done");
    assert_eq!(*stage.toys.made.lock().unwrap(), [json!("slow")]);
}

#[tokio::test]
async fn after_the_tokens_life_a_private_answer_comes_as_a_direct_message_that_says_why() {
    let stage = Arc::new(Stage::set().await);
    let first = stage.begin(command("toy slow", &[]));
    stage.begun().await;
    stage.clock.advance(stage.config.timing.defer_after);
    first.await.unwrap();
    stage.clock.advance(stage.config.timing.token_life);
    stage.open_gate();
    let message = stage.fake.wait("POST", "/channels/99/messages", 1).await;
    assert!(
        message.words().contains("Slowly done") && message.words().contains("direct message"),
        "{message:?}"
    );
    assert!(stage.fake.asked("PATCH", "/webhooks/").is_empty());
}

#[tokio::test]
async fn after_the_tokens_life_a_public_answer_is_edited_by_the_bot_itself() {
    let stage = Arc::new(Stage::set().await);
    let first = stage.begin(command("toy show", &[]));
    stage.begun().await;
    stage.clock.advance(stage.config.timing.defer_after);
    first.await.unwrap();
    stage.clock.advance(Duration::from_secs(14 * 60 + 30));
    stage.fake.wait("GET", "/messages/@original", 1).await;
    stage.clock.advance(Duration::from_secs(60));
    stage.open_gate();
    let edit = stage.fake.wait("PATCH", &format!("/channels/{ANNOUNCE}/messages/77"), 1).await;
    assert!(edit.words().contains("Slowly done"));
}

#[tokio::test]
async fn an_edit_that_overtakes_its_acknowledgement_is_tried_again() {
    let stage = Arc::new(Stage::set().await);
    stage.fake.fail("PATCH", "/messages/@original", 1, 404, 10_015);
    let first = stage.begin(command("toy slow", &[]));
    stage.begun().await;
    stage.clock.advance(stage.config.timing.defer_after);
    first.await.unwrap();
    stage.open_gate();
    stage.fake.wait("PATCH", "/messages/@original", 1).await;
    tokio::select! {
        edit = stage.fake.wait("PATCH", "/messages/@original", 2) => assert!(edit.words().contains("Slowly done")),
        () = passing(&stage) => {}
    }
}

/// Time passes in small steps, for ever.
async fn passing(stage: &Stage) {
    loop {
        stage.clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_shows_the_way_to_the_thread_as_soon_as_there_is_one() {
    let mut stage = Stage::set().await;
    stage.run();
    let answer = stage.answer(command("toy wind", &[("topic", json!("session-1"))])).await;
    assert!(!answer.to_string().contains("<#"), "there is no thread yet");
    let open = Tell::Open { topic: "session-1".to_owned(), title: "A session".to_owned() };
    stage.tell(open, Document::titled("Starting")).await;
    let edit = stage.fake.wait("PATCH", "/messages/@original", 1).await;
    let thread = stage.fake.asked("POST", "/threads")[0].path.split('/').nth(6).unwrap().to_owned();
    assert!(edit.words().contains(&format!("<#{thread}>")), "{}", edit.words());
    assert!(edit.words().contains("Winding"));

    let answer = stage.answer(command("toy wind", &[("topic", json!("session-1"))])).await;
    assert!(answer.to_string().contains(&format!("<#{thread}>")), "now it is known at once");
    stage.restart().await;
}

#[tokio::test]
async fn two_interactions_do_not_wait_for_each_other() {
    let stage = Arc::new(Stage::set().await);
    let slow = stage.begin(command("toy slow", &[]));
    stage.begun().await;
    let quick = stage.answer(command("toy list", &[])).await;
    assert_eq!(button(&quick["data"], "Again"), "a1:toy list|");
    stage.open_gate();
    slow.await.unwrap();
}

/// A span's name and its parent's.
type Named = (&'static str, Option<&'static str>);

/// Spans as they are made.
#[derive(Clone, Default)]
struct Spans(Arc<std::sync::Mutex<Vec<Named>>>);

impl<S> tracing_subscriber::Layer<S> for Spans
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_new_span(
        &self,
        _: &tracing::span::Attributes<'_>,
        id: &tracing::span::Id,
        context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let span = context.span(id).unwrap();
        self.0.lock().unwrap().push((span.name(), span.parent().map(|parent| parent.name())));
    }
}

#[tokio::test]
async fn every_interaction_has_a_trace_that_tells_verification_call_and_answer_apart() {
    use tracing_subscriber::layer::SubscriberExt;

    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let stage = Stage::set().await;
    stage.answer(command("toy list", &[])).await;
    let seen = spans.0.lock().unwrap().clone();
    for expected in [
        ("interaction", None),
        ("verify", Some("interaction")),
        ("call", Some("interaction")),
        ("answer", Some("interaction")),
    ] {
        assert!(seen.contains(&expected), "{expected:?} is not among {seen:?}");
    }
}
