//! What must not get in, and what must not break anything when it does.

use std::time::Duration;

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::stage::{GUILD, Now, Stage, TOKEN, command, form, is_ephemeral, press, typing, words};

fn ping() -> Value {
    json!({"id": "1", "application_id": crate::stage::APPLICATION.to_string(), "type": 1, "token": "t", "version": 1})
}

#[tokio::test]
async fn a_ping_is_answered_with_a_pong() {
    let stage = Stage::set().await;
    assert_eq!(stage.send(&ping()).await, (200, json!({"type": 1})));
}

#[tokio::test]
async fn what_is_not_signed_by_discord_is_refused_recorded_and_not_run() {
    let stage = Stage::set().await;
    let body = command("toy make", &[("name", json!("ball"))]).to_string().into_bytes();
    let now = stage.clock.now_text();
    let good = stage.sign(&now, &body);
    let other_body = stage.sign(&now, b"{}");
    let zero = "0".repeat(128);
    let cases: [(&str, Option<&str>, Option<&str>); 9] = [
        ("signature_missing", None, None),
        ("signature_missing", Some(&now), None),
        ("signature_missing", None, Some(&good)),
        ("signature_unreadable", Some(&now), Some("not hex")),
        ("signature_unreadable", Some(&now), Some("00ff")),
        ("signature_unreadable", Some("yesterday"), Some(&good)),
        ("signature_unreadable", Some("+1767225600"), Some(&good)),
        ("signature_wrong", Some(&now), Some(&other_body)),
        ("signature_wrong", Some(&now), Some(&zero)),
    ];
    for (code, timestamp, signature) in cases {
        let (status, answer) = stage.post_as(body.clone(), timestamp, signature).await;
        assert_eq!((status, answer["code"].as_str()), (401, Some(code)), "{timestamp:?} {signature:?}");
    }
    assert!(stage.toys.made.lock().unwrap().is_empty());
    let records = stage.audit.seen();
    assert_eq!(records.len(), cases.len());
    assert!(
        records.iter().all(|(operation, verdict, _)| operation == "an interaction" && *verdict == "refused")
    );
}

#[tokio::test]
async fn a_timestamp_too_far_from_now_is_refused_in_both_directions() {
    let stage = Stage::set().await;
    let now = stage.clock.now_seconds();
    for (offset, expected) in [(-31, 401), (-30, 200), (30, 200), (31, 401)] {
        let body = ping().to_string().into_bytes();
        assert_eq!(stage.post(body, (now + offset).to_string()).await.0, expected, "{offset}");
    }
}

#[tokio::test]
async fn the_same_interaction_is_taken_once() {
    let stage = Stage::set().await;
    let make = command("toy make", &[("name", json!("ball"))]);
    assert_eq!(stage.send(&make).await.0, 200);
    let (status, answer) = stage.send(&make).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("replayed_interaction")));
    assert_eq!(stage.toys.made.lock().unwrap().len(), 1);
    assert_eq!(stage.audit.seen()[1].2, "replayed_interaction");
}

#[tokio::test]
async fn too_large_and_malformed_bodies_are_refused_and_recorded() {
    let stage = Stage::with(|config| config.max_body = 4_096).await;
    let now = stage.clock.now_text();
    let mut foreign = ping();
    foreign["application_id"] = json!("12");
    let cases = [
        (vec![b' '; 5_000], 413, "body_too_large"),
        (b"{".to_vec(), 400, "malformed_interaction"),
        (b"[]".to_vec(), 400, "malformed_interaction"),
        (b"\xff\xfe".to_vec(), 400, "malformed_interaction"),
        (b"{\"type\":9}".to_vec(), 400, "malformed_interaction"),
        (vec![b'['; 4_000], 400, "malformed_interaction"),
        (foreign.to_string().into_bytes(), 400, "foreign_interaction"),
    ];
    for (body, status, code) in cases {
        let (got, answer) = stage.post(body, now.clone()).await;
        assert_eq!((got, answer["code"].as_str()), (status, Some(code)));
        assert_eq!(stage.audit.seen().last().unwrap().2, code);
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_though_its_head_looks_signed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let stage =
        Stage::with(|config| config.max_timestamp_age = Duration::from_secs(10 * 365 * 24 * 3600)).await;
    let address = stage.base.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /interactions HTTP/1.1\r\nhost: {address}\r\ncontent-length: 100\r\nx-signature-timestamp: {}\r\n\
         x-signature-ed25519: {}\r\n\r\n{{",
        stage.clock.now_text(),
        "0".repeat(128)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = tokio::spawn(async move {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.map(|_| answer)
    });
    let given_up = async {
        // Nobody can see from outside when the body is waited for, so time passes until it has been.
        while !answer.is_finished() {
            stage.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), given_up).await.expect("it is given up");
    assert_eq!(&answer.await.unwrap().unwrap(), b"HTTP/1.1 408");
    assert_eq!(stage.audit.seen().last().unwrap().2, "body_too_slow");
}

#[tokio::test]
async fn a_flood_of_bad_signatures_cannot_fill_the_audit_log() {
    let stage = Stage::set().await;
    for _ in 0..60 {
        assert_eq!(stage.post_as(b"{}".to_vec(), None, None).await.0, 401);
    }
    assert_eq!(stage.audit.seen().len(), 30);
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.post_as(b"{}".to_vec(), None, None).await.0, 401);
    assert_eq!(stage.audit.seen().len(), 31);
}

#[tokio::test]
async fn an_unknown_command_or_option_gets_a_clear_answer_for_one_and_a_record() {
    let stage = Stage::set().await;
    let answer = stage.answer(command("toy brake", &[])).await;
    assert!(is_ephemeral(&answer["data"]["flags"]));
    assert!(words(&answer).contains("There is no operation “toy brake”."), "{}", words(&answer));
    assert!(words(&answer).contains("toy break"));

    let options = [("name", json!("ball")), ("colour", json!("red"))];
    let answer = stage.answer(command("toy make", &options)).await;
    assert!(is_ephemeral(&answer["data"]["flags"]));
    assert!(words(&answer).contains("is not an input of this operation"), "{}", words(&answer));

    let twice = [("name", json!("ball")), ("name", json!("bear"))];
    let answer = stage.answer(command("toy make", &twice)).await;
    assert!(words(&answer).contains("given twice"), "{}", words(&answer));

    assert!(stage.toys.made.lock().unwrap().is_empty());
    let codes: Vec<String> = stage.audit.seen().into_iter().map(|(_, _, code)| code).collect();
    assert_eq!(codes, ["unknown_operation", "invalid_input", "invalid_input"]);
}

#[tokio::test]
async fn an_unknown_guild_and_a_direct_message_get_a_clear_answer_and_a_record() {
    let stage = Stage::set().await;
    let mut elsewhere = command("toy list", &[]);
    elsewhere["guild_id"] = json!("42");
    let answer = stage.answer(elsewhere).await;
    assert!(words(&answer).contains("not set up in Guildhall"), "{}", words(&answer));
    assert!(is_ephemeral(&answer["data"]["flags"]));

    let mut direct = command("toy list", &[]);
    let user = direct["member"]["user"].clone();
    direct.as_object_mut().unwrap().retain(|key, _| key != "member" && key != "guild_id");
    direct["user"] = user;
    let answer = stage.answer(direct).await;
    assert!(words(&answer).contains("inside of a Discord server only"), "{}", words(&answer));

    let codes: Vec<String> = stage.audit.seen().into_iter().map(|(_, _, code)| code).collect();
    assert_eq!(codes, ["unknown_guild", "not_in_a_guild"]);
    assert_eq!(stage.audit.0.lock().unwrap()[0].tenant.as_str(), "42");
}

#[tokio::test]
async fn a_guild_that_removed_the_bot_is_told_so_and_nothing_runs() {
    let mut stage = Stage::set().await;
    stage.learn(&[("GUILD_DELETE", json!({"id": GUILD.to_string()}))]).await;
    let answer = stage.answer(command("toy make", &[("name", json!("ball"))])).await;
    assert!(words(&answer).contains("no longer on this Discord server"), "{}", words(&answer));
    assert!(is_ephemeral(&answer["data"]["flags"]));
    let answer = stage.answer(press("a1:toy list|", false)).await;
    assert!(words(&answer).contains("no longer on this Discord server"), "{}", words(&answer));
    assert!(stage.toys.made.lock().unwrap().is_empty());
    assert!(stage.audit.seen().iter().all(|(_, _, code)| code == "bot_not_in_guild"));
}

#[tokio::test]
async fn a_panic_is_answered_with_a_reference_and_nothing_of_its_text() {
    let stage = Stage::set().await;
    let answer = stage.answer(command("toy burst", &[])).await;
    let text = words(&answer);
    assert!(text.contains("Something went wrong inside Guildhall") && text.contains("E-"), "{text}");
    assert!(!answer.to_string().contains("hunter2"));
    assert_eq!(stage.audit.seen()[0].1, "failed");
}

#[tokio::test]
async fn the_token_is_in_no_answer_and_no_debug_text() {
    let stage = Stage::set().await;
    assert!(!format!("{:?}", stage.config).contains(TOKEN));
}

/// Cases a property; each is a request over the network.
const CASES: u32 = 64;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[0-9]{1,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("(id|type|data|name|options|value|token|custom_id|member)", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// An interaction of any kind with one place in it changed to anything.
fn mutated() -> impl Strategy<Value = Value> {
    let valid = prop_oneof![
        Just(command("toy make", &[("name", json!("ball")), ("size", json!(3))])),
        Just(typing("toy break", &[("toy", json!("b"))], "toy")),
        Just(press("a1:toy list|", true)),
        Just(press("p1:0:0123456789abcdef01234567", false)),
        Just(form("m1:toy make|", &[("name", "ball")])),
    ];
    (valid, any::<prop::sample::Index>(), any_json()).prop_map(|(mut value, place, new)| {
        let mut pointers = Vec::new();
        collect(&value, String::new(), &mut pointers);
        let pointer = place.get(&pointers).clone();
        if let Some(slot) = value.pointer_mut(&pointer) {
            *slot = new;
        }
        // A fresh id, so that it is not turned away as a repetition.
        if value["id"].is_string() && pointer != "/id" {
            value["id"] = command("x", &[])["id"].clone();
        }
        value
    })
}

fn collect(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, inner)| collect(inner, format!("{at}/{key}"), pointers));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, inner)| collect(inner, format!("{at}/{index}"), pointers));
        }
        _ => {}
    }
    if !at.is_empty() {
        pointers.push(at);
    }
}

/// Sends what `bodies` makes, signed, and wants an answer to each.
fn every_one_is_answered(bodies: impl Strategy<Value = Vec<u8>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::set());
    let mut runner =
        TestRunner::new(ProptestConfig { cases: CASES, failure_persistence: None, ..Default::default() });
    let result = runner.run(&bodies, |body| {
        let (status, answer) = runtime.block_on(stage.post(body, stage.clock.now_text()));
        // 500 would mean that the task behind the answer broke.
        prop_assert!(matches!(status, 200 | 400 | 409), "{status} {answer}");
        prop_assert!(!answer.is_null());
        Ok(())
    });
    result.unwrap();
}

#[test]
fn arbitrary_bytes_are_answered() {
    every_one_is_answered(prop::collection::vec(any::<u8>(), 0..256));
}

#[test]
fn arbitrary_json_is_answered() {
    every_one_is_answered(any_json().prop_map(|value| value.to_string().into_bytes()));
}

#[test]
fn mutated_interactions_are_answered() {
    every_one_is_answered(mutated().prop_map(|value| value.to_string().into_bytes()));
}
