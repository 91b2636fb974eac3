//! Answers in time: at once, deferred, after the token has ended, and with the way to the thread.

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Document, ManualClock,
    event::Tell,
    fault::{Point, Strike},
    upstream::Health,
};
use guildhall_sim::{Answer, Exchange, Fault, FaultOrder};
use serde_json::json;

use crate::{
    stage::{ANNOUNCE, Stage, button, by_admin, command, is_ephemeral, press},
    town::{SOON, Town},
};

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

/// Somebody asks for something slow; as time goes on for the face, it goes on for the stand-in by `theirs`.
async fn beyond_the_tokens_life(operation: &str, face: Duration, theirs: Duration) -> (Town, Vec<Exchange>) {
    let clock = Arc::new(ManualClock::default());
    let town = Town::build_by(clock.clone(), true, |_, _, _| {}).await;
    let anna = town.anna.in_channel(town.general);
    let asked = anna.run(operation, json!({})).unwrap();
    town.begun().await;
    clock.advance(Duration::from_secs(2));
    let Answer::Deferred(thinking) = asked.answer().await else { panic!("it is acknowledged in time") };
    clock.advance(Duration::from_secs(14 * 60));
    if !thinking.is_ephemeral() {
        let original = |one: &Exchange| one.method == "GET" && one.path.ends_with("/messages/@original");
        assert_eq!(town.exchanged(original).await.status, 200);
    }
    town.sim.advance(theirs);
    clock.advance(face);
    town.toys.gate.add_permits(1);
    if thinking.is_ephemeral() {
        let direct = town.anna.direct(town.app.bot());
        let message = direct.wait_for_text(SOON, "Slowly done").await.unwrap();
        assert!(message.text().contains("direct message"), "{}", message.text());
    } else {
        let look = |all: &[guildhall_sim::Message]| {
            let answer = all.iter().find(|message| message.id == thinking.id)?;
            answer.text().contains("Slowly done").then_some(())
        };
        anna.wait_until(SOON, look).await.expect("the answer that was promised is filled");
    }
    // The answer may be seen before its request is written down.
    let done = |one: &Exchange| {
        one.status == 200 && one.request.as_ref().is_some_and(|body| body.to_string().contains("Slowly done"))
    };
    town.exchanged(done).await;
    let edits = town.sim.log().into_iter().filter(|one| one.method == "PATCH").collect();
    (town, edits)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_token_has_ended_for_discord_too_the_bot_edits_the_answer_itself() {
    let later = Duration::from_secs(60);
    let (town, edits) = beyond_the_tokens_life("toy show", later, Duration::from_secs(16 * 60)).await;
    let paths: Vec<(u16, bool)> =
        edits.iter().map(|edit| (edit.status, edit.path.starts_with("/channels/"))).collect();
    assert_eq!(paths, [(200, true)], "nothing is tried with the token that has ended");
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_discord_ends_earlier_than_thought_is_done_without() {
    let (town, edits) =
        beyond_the_tokens_life("toy show", Duration::from_secs(1), Duration::from_secs(16 * 60)).await;
    let [refused, edit] = edits.as_slice() else { panic!("{edits:?}") };
    assert_eq!((refused.status, refused.response.as_ref().unwrap()["code"].as_u64()), (401, Some(50_027)));
    assert!(refused.path.starts_with("/webhooks/"), "{}", refused.path);
    assert!(edit.status == 200 && edit.path.starts_with("/channels/"), "{edit:?}");
    town.leave_after(&[50_027]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_answer_after_the_tokens_end_comes_as_a_direct_message_of_discords() {
    let later = Duration::from_secs(60);
    let (town, edits) = beyond_the_tokens_life("toy slow", later, Duration::from_secs(16 * 60)).await;
    assert_eq!(edits.len(), 0, "{edits:?}");
    town.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_answer_waits_for_no_breaker_and_tells_it_how_discord_is() {
    let town = Town::build(true).await;
    let anna = town.anna.in_channel(town.general);
    town.sim.fault(FaultOrder::on("POST /interactions/*/*/callback", Fault::Status { status: 503 }));
    for _ in 0..3 {
        anna.run("toy list", json!({})).unwrap();
    }
    let opened = async {
        while town.upstream.health() != Health::Open {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, opened).await.expect("answers that fail open the breaker");
    town.sim.heal();
    let toys = anna.run("toy list", json!({})).unwrap().message(SOON).await.unwrap();
    assert!(toys.text().contains("Toys"), "the open breaker did not hold it up");
    let closed = async {
        while town.upstream.health() != Health::Closed {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, closed).await.expect("an answer that comes through closes it");
    town.leave_after(&[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsed_outage_strikes_what_is_answered_later_which_is_tried_again() {
    let town = Town::build(true).await;
    let anna = town.anna.in_channel(town.general);
    let outage = Point::Upstream("discord".to_owned());
    town.faults.put(outage, Strike::Outage, 1, Duration::from_secs(60)).unwrap();
    let slow = anna.run("toy slow", json!({})).unwrap();
    assert!(matches!(slow.answer().await, Answer::Deferred(_)), "the acknowledgement is not held up");
    assert_eq!(town.faults.list().len(), 1, "and not struck");
    town.toys.gate.add_permits(1);
    assert!(slow.message(SOON).await.unwrap().text().contains("Slowly done"));
    assert_eq!(town.faults.list().len(), 0, "the edit was struck and tried again");
    town.leave().await;
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
