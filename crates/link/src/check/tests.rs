use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::{Value, json};

use super::*;
use crate::message::MAX_BYTES;

fn host() -> HostId {
    "alpha".parse().unwrap()
}

fn message(body: &Value) -> Vec<u8> {
    json!({ "version": 1, "host": "alpha", "body": body }).to_string().into_bytes()
}

fn joined(player: &str) -> Value {
    json!({
        "cursor": 1, "at": "2026-01-01T00:00:00Z", "tenant": "community",
        "server": "00000000-0000-0000-0000-000000000001", "generation": 1, "session": null,
        "event": "joined", "player": player
    })
}

fn reason<T>(result: Result<T, Refused>) -> Option<Reason> {
    result.err().map(|refused| refused.reason)
}

#[test]
fn each_mistake_has_its_reason() {
    let mut other = serde_json::from_slice::<Value>(&message(&joined("anna"))).unwrap();
    assert_eq!(reason(event(&host(), other.to_string().as_bytes())), None);
    other["host"] = "beta".into();
    assert_eq!(reason(event(&host(), other.to_string().as_bytes())), Some(Reason::Host));
    other["version"] = 2.into();
    assert_eq!(reason(event(&host(), other.to_string().as_bytes())), Some(Reason::Version));
    assert_eq!(reason(event(&host(), b"{")), Some(Reason::Malformed));
    assert_eq!(reason(event(&host(), &vec![b' '; MAX_BYTES + 1])), Some(Reason::Oversized));
    assert_eq!(reason(event(&host(), &message(&joined(&"x".repeat(65))))), Some(Reason::Bounds));
    assert_eq!(reason(event(&host(), &message(&joined("\u{1b}\u{7}")))), Some(Reason::Bounds));
}

#[test]
fn deep_nesting_is_refused_and_does_not_exhaust_the_stack() {
    let deep = vec![b'['; MAX_BYTES];
    assert_eq!(reason(event(&host(), &deep)), Some(Reason::Malformed));
    let inside = format!(r#"{{"version":1,"host":"alpha","body":{}}}"#, "[".repeat(200_000));
    assert_eq!(reason(event(&host(), inside.as_bytes())), Some(Reason::Malformed));
}

#[test]
fn control_characters_are_taken_out() {
    let event = event(&host(), &message(&joined("an\u{1b}[31mna\n"))).unwrap();
    assert_eq!(event.kind, EventKind::Joined { player: "an[31mna ".to_owned() });
    let line = json!({ "line": "output", "offset": 9, "text": "\u{1b}[31mred\u{1b}[0m\t\u{7}\r!" });
    let push = json!({
        "tenant": "community", "server": "00000000-0000-0000-0000-000000000001",
        "chunk": { "lines": [line], "next": 9 }
    });
    let push = console(&host(), &message(&push)).unwrap();
    let text = "\u{1b}[31mred\u{1b}[0m\t!".to_owned();
    assert_eq!(push.chunk.lines, [ConsoleLine::Output { offset: 9, text }]);
}

#[test]
fn a_refusal_quotes_nothing_that_may_be_secret() {
    let body = json!({ "request": "send", "server": "hunter2", "line": 7, "by": "hunter2" });
    let refused = request(&host(), &message(&body)).unwrap_err();
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
}

fn crashed(output: &[String]) -> Value {
    let mut event = joined("");
    event.as_object_mut().unwrap().remove("player");
    event["event"] = "exited".into();
    event["exit"] = json!({
        "at": "2026-01-01T00:00:00Z", "status": 1, "signal": null, "wanted": false, "ladder": [], "took_ms": 0
    });
    event["restart_in_ms"] = 20.into();
    event["crashes"] = 1.into();
    event["output"] = json!(output);
    event
}

#[test]
fn a_crashs_last_lines_are_bounded_and_cleaned() {
    let read = |output: &[String]| event(&host(), &message(&crashed(output)));
    let output = |event: AgentEvent| match event.kind {
        EventKind::Exited { output, .. } => output,
        other => panic!("{other:?}"),
    };
    let line = |length: usize| "x".repeat(length);
    assert_eq!(output(read(&["\u{1b}[31mout of\u{7} mana\n".to_owned()]).unwrap()), ["[31mout of mana "]);
    assert_eq!(output(read(&vec![line(200); 10]).unwrap()).len(), 10);
    assert_eq!(reason(read(&vec![line(1); 11])), Some(Reason::Bounds), "too many lines");
    assert_eq!(reason(read(&[line(201)])), Some(Reason::Bounds), "a line is too long");
    // Ten lines of 200 characters that take three bytes each.
    assert_eq!(reason(read(&vec!["\u{20ac}".repeat(200); 10])), Some(Reason::Bounds), "too many bytes");
    let mut older = crashed(&[]);
    older.as_object_mut().unwrap().remove("output");
    assert!(output(event(&host(), &message(&older)).unwrap()).is_empty(), "an older agent sends none");
}

#[test]
fn one_event_that_does_not_fit_leaves_the_others() {
    let mut second = joined(&"x".repeat(65));
    second["cursor"] = 2.into();
    let mut third = joined("bert");
    third["cursor"] = 3.into();
    let body = json!({ "reply": "events", "events": [joined("anna"), second, "nonsense", third] });
    let read = events(&host(), &message(&body)).unwrap().unwrap();
    let cursors: Vec<_> = read
        .iter()
        .map(|caught| match caught {
            Ok(event) => (true, Some(event.cursor)),
            Err((cursor, _)) => (false, *cursor),
        })
        .collect();
    assert_eq!(cursors, [(true, Some(1)), (false, Some(2)), (false, None), (true, Some(3))]);
    assert_eq!(events(&host(), &message(&json!({ "reply": "done" }))), Ok(None));
}

#[test]
fn what_agents_cut_is_taken() {
    let long = "zeile\n".repeat(200);
    let cut = cut(&long, MAX_NAME);
    assert_eq!(cut.chars().count(), MAX_NAME);
    assert!(event(&host(), &message(&joined(&cut))).is_ok());
}

#[test]
fn refusals_are_counted_by_reason() {
    let oversized = Counting::default();
    metrics::with_local_recorder(&oversized, || {
        Refused::new(Reason::Oversized, "too much").count(&host(), "event");
        Refused::new(Reason::Malformed, "not JSON").count(&host(), "event");
    });
    assert_eq!(oversized.0.0.load(Ordering::Relaxed), 1);
}

/// Counts `guildhall_link_refused_total` where the reason is `oversized`.
#[derive(Default)]
struct Counting(Arc<Count>);

#[derive(Default)]
struct Count(AtomicU64);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl Recorder for Counting {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let wanted = key.name() == "guildhall_link_refused_total"
            && key.labels().any(|label| (label.key(), label.value()) == ("reason", "oversized"));
        if wanted { Counter::from_arc(self.0.clone()) } else { Counter::noop() }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
