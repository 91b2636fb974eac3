//! Known secrets go in at every place, and come out at none.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use guildhall_core::{Action, FieldError, Kind, Rank, incident::Reader, language::Language};
use guildhall_incidents::{Blanking, log_panics};
use guildhall_store::{
    AuditStore,
    audit::{Filter as AuditFilter, Page},
};
use guildhall_telemetry::otlp::Ids;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde_json::json;
use tokio::sync::oneshot;
use tracing_subscriber::{Layer as _, filter::filter_fn, fmt::MakeWriter, layer::SubscriberExt};

use crate::{
    house::{Plan, actor, houses, text},
    rest::{Rest, exporter},
    sentry::StandIn,
};

/// What the program knows by value, what only looks like a secret, and what tells of people.
const KNOWN: &[&str] = &["correct horse \"battery\" staple", "s3cr3t-broker-pass", "Zm9vYmFyYmF6cXV4"];
const SHAPED: &[&str] = &[
    "MTE4NzY1NDMyMTA5ODc2NTQzMg.GabcDE.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "gh_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
];
const PEOPLE: &[&str] = &["ada.lovelace@example.org", "192.0.2.77", "2001:db8::77", "118765432109876543"];

fn leaky() -> String {
    let known = KNOWN.join(" then ");
    let shaped = SHAPED.join(" and ");
    let people = PEOPLE.join(" near ");
    format!(
        "login {known} failed at postgres://guild:{}@db/guild with Bearer abcdefghijklmnop, {shaped}, \
         https://discord.com/api/webhooks/42/hooktoken-x_y for {people}",
        KNOWN[1]
    )
}

/// Everything that must not come out.
fn leaks(text: &str, people: bool) -> Vec<String> {
    // JSON inside of JSON has its quotation marks escaped; the words next to them are enough.
    let mut leaks =
        vec!["correct horse", "battery", "s3cr3t", "Zm9vYmFyYmF6cXV4", "hooktoken", "abcdefghijklmnop"];
    leaks.extend(SHAPED);
    if people {
        leaks.extend(PEOPLE);
    }
    leaks.into_iter().filter(|leak| text.contains(leak)).map(str::to_owned).collect()
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn no_secret_comes_out_anywhere() {
    let mut sentry = StandIn::start().await;
    let secrets = || KNOWN.iter().map(|&secret| SecretString::from(secret)).collect::<Vec<_>>();
    log_panics();
    for house in houses(|| Plan { dsn: Some(sentry.dsn.clone()), secrets: secrets() }).await {
        let log = Captured::default();
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(Blanking::new(log.clone(), house.incidents.scrub()));
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines));
        let member = actor("a", Rank::MEMBER);

        // The person who asks.
        for kind in [Kind::Bug, Kind::Upstream, Kind::NotFound] {
            let mut error = house.fail(&member, kind, &leaky()).await;
            error =
                error.remedy(leaky()).action(Action::new("Again", "shop break", json!({ "text": leaky() })));
            error.fields.push(FieldError::new("text", leaky()));
            for language in Language::ALL {
                let reader = Reader { tenant: member.tenant.clone(), actor: member.id.clone(), language };
                for _ in 0..2 {
                    let said = text(&house.catalogue.present(&reader, &error).await);
                    assert_eq!(
                        leaks(&said, kind != Kind::NotFound),
                        Vec::<String>::new(),
                        "{}: {said}",
                        house.name
                    );
                }
            }
        }
        // What is kept, what operators are told, what Sentry is told, and what fails on the way.
        *house.post.failing.lock().unwrap() = Some("guild_unreachable");
        house.notice("a", "internal", Kind::Bug, &format!("POST {}", leaky()), &leaky());
        house.incidents.flush().await.unwrap();
        house.incidents.tell().await;
        *house.post.failing.lock().unwrap() = None;
        house.minutes(1);
        house.incidents.tell().await;
        let posts = house.post.all();
        assert!(posts.len() >= 2, "{}: {}", house.name, posts.len());
        for post in posts {
            assert_eq!(leaks(&text(&post), true), Vec::<String>::new(), "{}: {}", house.name, text(&post));
        }

        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(house.incidents.clone().run(async move {
            let _ = stopped.await;
        }));
        for _ in 0..2 {
            let (headers, event) = sentry.event().await;
            assert_eq!(leaks(&event.to_string(), true), Vec::<String>::new(), "{}: {event}", house.name);
            assert_eq!(leaks(&format!("{headers:?}"), true), Vec::<String>::new());
        }
        stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(30), running).await.unwrap().unwrap();
        while sentry.events.try_recv().is_ok() {}

        // The tables of this crate and everybody else's.
        let kept = house.everything().await;
        assert!(kept.contains("[secret]") && kept.contains("[e-mail]"), "{}: something is kept", house.name);
        assert_eq!(leaks(&kept, false), Vec::<String>::new(), "{}", house.name);
        let panicked = std::thread::scope(|scope| {
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            let text = leaky();
            let thread = scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || std::panic::panic_any(text));
            });
            thread.join().is_err()
        });
        assert!(panicked);
        drop(guard);
        let log = log.text();
        assert!(
            log.contains("internal") && log.contains("panicked: login [secret]"),
            "it has the errors: {log}"
        );
        assert_eq!(leaks(&log, false), Vec::<String>::new(), "{}: {log}", house.name);
        let shown = house.data(&actor("a", Rank::OPERATOR), "errors list", json!({ "which": "all" })).await;
        assert_eq!(leaks(&shown.to_string(), true), Vec::<String>::new(), "{}: {shown}", house.name);
    }
}

#[tokio::test]
async fn no_secret_comes_out_of_rest_the_record_the_events_or_the_traces() {
    let secrets = || KNOWN.iter().map(|&secret| SecretString::from(secret)).collect::<Vec<_>>();
    for house in houses(|| Plan { dsn: None, secrets: secrets() }).await {
        let rest = Rest::of(&house).await;
        let (exporter, mut spans) = exporter(Ids::W3c).await;
        let only_spans = filter_fn(|meta| meta.is_span() && meta.target().starts_with("guildhall"));
        let layer = exporter.layer().with_filter(only_spans);
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));

        // Everything that a caller can put one into.
        let mut bodies = Vec::new();
        for kind in ["bug", "upstream", "not_found", "user"] {
            let input = json!({ "kind": kind, "text": leaky() });
            bodies.push(rest.post("/api/v1/operations/shop.break", &input.to_string()).await.1);
        }
        for secret in KNOWN.iter().chain(SHAPED) {
            let typed = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
            bodies.push(rest.post(&format!("/api/v1/operations/{typed}"), "{}").await.1);
            bodies.push(rest.get(&format!("/api/v1/{typed}")).await.1);
            bodies.push(rest.get(&format!("/api/v1/errors?{typed}={typed}")).await.1);
            bodies.push(
                rest.post("/api/v1/operations/shop.break", &json!({ *secret: secret }).to_string()).await.1,
            );
            bodies.push(rest.post("/api/v1/operations/shop.break", &format!("{{\"kind\": {secret}")).await.1);
            bodies.push(rest.get_as("/api/v1/errors", secret).await.1);
        }
        bodies.push(rest.ask(KNOWN[1], "/api/v1/errors").await.1);
        // Where a text is too long to be repeated whole, half a secret may be left.
        let pad = |count: usize| "x".repeat(count);
        let (path, name) = (pad(112), pad(56));
        bodies.push(rest.get(&format!("/api/v1/{path}{}", KNOWN[1])).await.1);
        bodies.push(rest.get(&format!("/api/v1/events?{name}{}=1", KNOWN[1])).await.1);
        bodies.push(rest.post(&format!("/api/v1/operations/shop.break?{name}{}=1", KNOWN[1]), "{}").await.1);
        bodies.push(rest.get(&format!("/api/v1/errors/{name}{}", KNOWN[1])).await.1);
        for body in &bodies {
            assert!(body.contains("\"error\""), "{}: {body}", house.name);
            assert_eq!(leaks(body, false), Vec::<String>::new(), "{}: {body}", house.name);
        }

        let told = rest.events(4).await;
        assert!(told.matches("event: shop.broke").count() >= 4, "{}: {told}", house.name);
        assert!(told.contains("[secret]"), "{}: {told}", house.name);
        assert_eq!(leaks(&told, false), Vec::<String>::new(), "{}: {told}", house.name);

        let all = AuditFilter::default();
        let page = Page { before: None, limit: 200 };
        let kept = AuditStore::new(house.store.clone()).list_all(&all, page).await.unwrap();
        assert!(kept.len() > 20, "{}: {}", house.name, kept.len());
        for entry in &kept {
            let entry = format!("{entry:?}");
            assert_eq!(leaks(&entry, false), Vec::<String>::new(), "{}: {entry}", house.name);
        }
        assert!(
            kept.iter().any(|entry| entry.detail.as_deref().is_some_and(|text| text.contains("[secret]")))
        );
        house.incidents.flush().await.unwrap();
        assert_eq!(leaks(&house.everything().await, false), Vec::<String>::new(), "{}", house.name);

        drop(guard);
        tokio::task::spawn_blocking(|| exporter.close()).await.unwrap();
        let mut sent = String::new();
        while let Ok(body) = spans.try_recv() {
            sent.push_str(&String::from_utf8_lossy(&body));
        }
        for span in ["request", "verify", "call", "shop break", "store", "audit", "answer"] {
            assert!(sent.contains(span), "{}: no {span} was sent", house.name);
        }
        assert_eq!(leaks(&sent, true), Vec::<String>::new(), "{}: {sent}", house.name);
    }
}
