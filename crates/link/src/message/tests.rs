//! Any message comes out as it went in; nothing that comes in breaks the reader.

use std::collections::BTreeMap;

use guildhall_core::{HostId, ServerId, SessionId, TenantId};
use guildhall_recipes::Recipe;
use proptest::{collection, option, prelude::*};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::*;
use crate::{check, wire};

/// A recipe with a little of everything.
pub(crate) fn sample_recipe() -> Recipe {
    serde_json::from_value(serde_json::json!({
        "format": 1,
        "name": "sample",
        "title": "Sample",
        "summary": "A game that is none.",
        "variables": { "motd": { "description": "What it says.", "type": "text", "default": "hello" } },
        "ports": { "game": { "protocol": "tcp", "default": 25565 } },
        "install": [{ "step": "npm", "package": "sample", "version": "1.0.0" }],
        "files": [{ "path": "server.properties", "format": "properties", "values": { "motd": "{var.motd}" } }],
        "start": { "command": ["node", "server.js"] },
        "ready": { "within": "60s", "log": "Done" },
        "stop": { "command": "stop" }
    }))
    .unwrap()
}

fn host() -> HostId {
    "alpha".parse().unwrap()
}

fn ids() -> impl Strategy<Value = (TenantId, ServerId)> {
    ("[a-z0-9-]{1,64}", any::<u128>())
        .prop_map(|(tenant, server)| (tenant.parse().unwrap(), ServerId(Uuid::from_u128(server))))
}

fn session() -> impl Strategy<Value = Option<SessionId>> {
    option::of(any::<u128>().prop_map(|id| SessionId(Uuid::from_u128(id))))
}

/// Any text without control characters; those are taken out on the way in.
fn words(most: usize) -> impl Strategy<Value = String> {
    collection::vec(any::<char>(), 0..=most)
        .prop_map(|chars| chars.into_iter().filter(|c| !c.is_control()).collect())
}

fn name() -> impl Strategy<Value = String> {
    words(63).prop_map(|text| format!("a{text}"))
}

fn number() -> impl Strategy<Value = u64> {
    0..=i64::MAX as u64
}

fn moment() -> impl Strategy<Value = OffsetDateTime> {
    (0..4_000_000_000_000_000i128)
        .prop_map(|micros| OffsetDateTime::from_unix_timestamp_nanos(micros * 1000).unwrap())
}

fn phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(vec![
        Phase::Preparing,
        Phase::Installing,
        Phase::Starting,
        Phase::Ready,
        Phase::Stopping,
        Phase::Stopped,
        Phase::Restarting,
        Phase::Failed,
    ])
}

fn failure() -> impl Strategy<Value = Failure> {
    let code =
        prop::sample::select(vec![FailureCode::ProgramMissing, FailureCode::PortTaken, FailureCode::Host]);
    (code, phase(), words(500), collection::vec(words(200), 0..=20))
        .prop_map(|(code, phase, message, output)| Failure { code, phase, message, output })
}

fn exit() -> impl Strategy<Value = Exit> {
    let rung = prop_oneof![
        words(1000).prop_map(|line| Rung::Command { line }),
        words(64).prop_map(|name| Rung::Signal { name }),
    ];
    let ladder = collection::vec(rung, 0..4);
    (moment(), any::<Option<i32>>(), any::<Option<i32>>(), any::<bool>(), ladder, number()).prop_map(
        |(at, status, signal, wanted, ladder, took_ms)| Exit { at, status, signal, wanted, ladder, took_ms },
    )
}

fn event() -> impl Strategy<Value = AgentEvent> {
    let kind = prop_oneof![
        phase().prop_map(|phase| EventKind::Phase { phase }),
        (phase(), words(500), any::<u32>(), any::<u32>())
            .prop_map(|(phase, step, done, total)| EventKind::Progress { phase, step, done, total }),
        number().prop_map(|took_ms| EventKind::Ready { took_ms }),
        name().prop_map(|player| EventKind::Joined { player }),
        name().prop_map(|player| EventKind::Left { player }),
        (exit(), option::of(number()), any::<u32>(), collection::vec(words(50), 0..=10)).prop_map(
            |(exit, restart_in_ms, crashes, output)| EventKind::Exited {
                exit,
                restart_in_ms,
                crashes,
                output
            }
        ),
        failure().prop_map(|failure| EventKind::Failed { failure }),
        Just(EventKind::Removed),
    ];
    (1..=i64::MAX as u64, moment(), ids(), number(), session(), kind).prop_map(
        |(cursor, at, (tenant, server), generation, session, kind)| AgentEvent {
            cursor,
            at,
            tenant,
            server,
            generation,
            session,
            kind,
        },
    )
}

fn observed() -> impl Strategy<Value = Observed> {
    let players =
        (any::<Option<u32>>(), any::<Option<u32>>(), collection::vec(name(), 0..4), option::of(moment()))
            .prop_map(|(online, max, names, at)| PlayersSeen { online, max, names, at });
    let state = (number(), phase(), session(), moment(), any::<Option<u32>>());
    (ids(), state, players, option::of(failure()), option::of(exit())).prop_map(
        |((tenant, server), (generation, phase, session, since, pid), players, failure, exit)| Observed {
            tenant,
            server,
            generation,
            phase,
            session,
            since,
            pid,
            players,
            failure,
            exit,
        },
    )
}

fn chunk() -> impl Strategy<Value = ConsoleChunk> {
    let line = prop_oneof![
        (number(), words(1000)).prop_map(|(offset, text)| ConsoleLine::Output { offset, text }),
        (number(), words(128), words(1000)).prop_map(|(offset, by, text)| ConsoleLine::Input {
            offset,
            by,
            text
        }),
        (number(), number()).prop_map(|(offset, bytes)| ConsoleLine::Gap { offset, bytes }),
    ];
    (collection::vec(line, 0..5), number()).prop_map(|(lines, next)| ConsoleChunk { lines, next })
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        number().prop_map(|generation| Reply::Applied { generation }),
        observed().prop_map(|observed| Reply::Observed { observed: Box::new(observed) }),
        collection::vec(observed(), 0..3).prop_map(|servers| Reply::AllObserved { servers }),
        collection::vec(any::<u16>(), 0..=64).prop_map(|free| Reply::Ports { free }),
        chunk().prop_map(|chunk| Reply::Console { chunk }),
        Just(Reply::Done),
        collection::vec(event(), 0..5).prop_map(|events| Reply::Events { events }),
        words(500).prop_map(|message| Reply::Refused { why: Refusal::NotRunning, message }),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let want = prop::sample::select(vec![Want::Running, Want::Stopped, Want::Absent]);
    let ports = collection::btree_map("[a-z]{1,8}", any::<u16>(), 0..4);
    let variables = collection::btree_map("[a-z]{1,8}", words(40), 0..4);
    let desired = (ids(), words(64), number(), want, session(), ports, variables).prop_map(
        |((tenant, server), name, generation, want, session, ports, variables)| Desired {
            tenant,
            server,
            name,
            generation,
            want,
            session,
            recipe: sample_recipe(),
            variables,
            ports,
            address: "192.0.2.1".to_owned(),
        },
    );
    let server = || any::<u128>().prop_map(|id| ServerId(Uuid::from_u128(id)));
    prop_oneof![
        desired.prop_map(|desired| Request::Apply { desired: Box::new(desired) }),
        server().prop_map(|server| Request::Observe { server }),
        Just(Request::ObserveAll),
        (collection::vec(any::<u16>(), 0..=64), 0..=64u16)
            .prop_map(|(wanted, count)| Request::FreePorts { wanted, count }),
        (server(), any::<Option<u64>>(), 0..=500u16).prop_map(|(server, after, limit)| Request::Console {
            server,
            after,
            limit
        }),
        (server(), 0..=300u16).prop_map(|(server, seconds)| Request::WatchConsole { server, seconds }),
        (server(), words(1000), words(64)).prop_map(|(server, line, by)| Request::Send { server, line, by }),
        (any::<u64>(), 0..=200u16).prop_map(|(after, limit)| Request::Events { after, limit }),
    ]
}

/// Changes one thing somewhere in a message.
fn mutate(value: &mut Value, at: usize, with: &Value) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let (key, at) = (map.keys().nth(at % map.len()).cloned().unwrap(), at / map.len());
            if at % 3 == 0 {
                map.insert(key, with.clone());
            } else {
                mutate(&mut map[&key], at, with);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let count = items.len();
            mutate(&mut items[at % count], at / count, with);
        }
        leaf => *leaf = with.clone(),
    }
}

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        (0..6000usize).prop_map(|length| Value::from("\u{7}x".repeat(length))),
        (0..1200usize).prop_map(|length| Value::from(vec!["x"; length])),
        Just(serde_json::json!({})),
    ]
}

fn fits(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.chars().any(|c| c.is_control() && c != '\t')
}

fn event_fits(event: &AgentEvent) -> bool {
    let failure_fits = |failure: &Failure| {
        fits(&failure.message, 500)
            && failure.output.len() <= 20
            && failure.output.iter().all(|line| fits(line, 200))
    };
    (1..=i64::MAX as u64).contains(&event.cursor)
        && match &event.kind {
            EventKind::Joined { player } | EventKind::Left { player } => {
                fits(player, 64) && !player.is_empty()
            }
            EventKind::Progress { step, .. } => fits(step, 500),
            EventKind::Failed { failure } => failure_fits(failure),
            _ => true,
        }
}

fn chunk_fits(chunk: &ConsoleChunk) -> bool {
    chunk.lines.len() <= 500
        && chunk.lines.iter().all(|line| match line {
            ConsoleLine::Output { text, .. } => text.len() <= 4096 && !text.contains(['\n', '\u{7}', '\0']),
            ConsoleLine::Input { by, text, .. } => fits(by, 128) && fits(text, 1000),
            ConsoleLine::Gap { .. } => true,
        })
}

fn sealed<T: Serialize>(body: &T) -> Value {
    serde_json::from_slice(&wire::encode(&host(), body).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn every_event_comes_out_as_it_went_in(event in event()) {
        prop_assert_eq!(check::event(&host(), &wire::encode(&host(), &event).unwrap()), Ok(event));
    }

    #[test]
    fn every_reply_comes_out_as_it_went_in(reply in reply()) {
        prop_assert_eq!(check::reply(&host(), &wire::encode(&host(), &reply).unwrap()), Ok(reply));
    }

    #[test]
    fn every_request_comes_out_as_it_went_in(request in request()) {
        prop_assert_eq!(check::request(&host(), &wire::encode(&host(), &request).unwrap()), Ok(request));
    }

    #[test]
    fn every_console_push_comes_out_as_it_went_in(chunk in chunk(), (tenant, server) in ids()) {
        let push = ConsolePush { tenant, server, chunk };
        prop_assert_eq!(check::console(&host(), &wire::encode(&host(), &push).unwrap()), Ok(push));
    }

    #[test]
    fn every_presence_comes_out_as_it_went_in(
        version in any::<u32>(), online in any::<bool>(), since in moment(), agent in words(64),
    ) {
        let presence = Presence { version, host: host(), online, since, agent };
        prop_assert_eq!(check::presence(&host(), &serde_json::to_vec(&presence).unwrap()), Ok(presence));
    }

    #[test]
    fn no_bytes_break_a_reader(bytes in collection::vec(any::<u8>(), 0..2000)) {
        let _ = check::event(&host(), &bytes);
        let _ = check::console(&host(), &bytes);
        let _ = check::presence(&host(), &bytes);
        let _ = check::reply(&host(), &bytes);
        let _ = check::events(&host(), &bytes);
        let _ = check::request(&host(), &bytes);
    }

    #[test]
    fn a_changed_event_is_within_bounds_or_refused(event in event(), at in any::<usize>(), with in anything()) {
        let mut message = sealed(&event);
        mutate(&mut message, at, &with);
        if let Ok(event) = check::event(&host(), message.to_string().as_bytes()) {
            prop_assert!(event_fits(&event), "{:?}", event);
        }
    }

    #[test]
    fn a_changed_reply_is_within_bounds_or_refused(reply in reply(), at in any::<usize>(), with in anything()) {
        let mut message = sealed(&reply);
        mutate(&mut message, at, &with);
        let bytes = message.to_string();
        match check::reply(&host(), bytes.as_bytes()) {
            Ok(Reply::Events { events }) => prop_assert!(events.iter().all(event_fits)),
            Ok(Reply::Console { chunk }) => prop_assert!(chunk_fits(&chunk)),
            Ok(Reply::Refused { message, .. }) => prop_assert!(fits(&message, 500)),
            _ => {}
        }
        if let Ok(Some(events)) = check::events(&host(), bytes.as_bytes()) {
            prop_assert!(events.iter().flatten().all(event_fits));
        }
    }

    #[test]
    fn a_changed_request_is_read_or_refused(request in request(), at in any::<usize>(), with in anything()) {
        let mut message = sealed(&request);
        mutate(&mut message, at, &with);
        if let Ok(Request::Send { line, by, .. }) = check::request(&host(), message.to_string().as_bytes()) {
            prop_assert!(fits(&line, 1000) && fits(&by, 128));
        }
    }

    #[test]
    fn truncated_messages_are_refused(reply in reply(), keep in 0.0..1.0f64) {
        let bytes = wire::encode(&host(), &reply).unwrap();
        let cut = (bytes.len() as f64 * keep) as usize;
        prop_assert!(check::reply(&host(), &bytes[..cut]).is_err());
    }
}

/// What can be sent beside a recipe, to see that maps keep their order and types.
#[test]
fn a_desired_state_keeps_its_recipe() {
    let recipe = sample_recipe();
    let again: Recipe = serde_json::from_value(serde_json::to_value(&recipe).unwrap()).unwrap();
    assert_eq!(again, recipe);
    assert_eq!(again.ports, BTreeMap::from_iter(recipe.ports));
}

#[test]
fn a_failure_code_has_one_word_everywhere() {
    for code in FailureCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}
