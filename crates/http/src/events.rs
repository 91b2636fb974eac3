//! `GET /api/v1/events`: what happens, as server-sent events (the format of WHATWG HTML, section 9.2).
//!
//! Who may read: every token, whatever its rank, reads the events of its own community. A token with a scope
//! reads those about the nouns in its scope: `server` for servers, `host` for hosts. A scope of single
//! operations (`server start`) covers none.
//!
//! Nothing is kept for a reader but its place in the order: events are read from the log when the connection
//! takes them, a few at a time. A reader that stops taking them is disconnected (see [`crate::stall`]) and
//! resumes with `Last-Event-ID`, as browsers do by themselves.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Extension,
    body::Body,
    extract::{OriginalUri, State},
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::Stream;
use guildhall_core::{
    Actor, ActorId, Error, Event, Kind, Rank, RunId, ServerId, Subject, TenantId, error::typed, event::Filter,
};
use metrics::gauge;
use tokio::{sync::watch, time::Instant};

use crate::{
    answer::unfit,
    authentication::Secret,
    face::{Shared, asked_for},
    language::language,
    metrics::STREAMS,
};

/// Events read at a time, which is also the most that is kept in memory for one reader.
const BATCH: u64 = 32;
/// What a browser waits before it connects again, in milliseconds.
const RETRY: u32 = 1000;

/// The open streams, in all and by token.
pub(crate) struct Streams {
    most: usize,
    most_each: usize,
    open: Arc<Mutex<HashMap<(TenantId, ActorId), usize>>>,
}

/// A stream's place among the open ones, given back when it is dropped.
struct Place {
    key: (TenantId, ActorId),
    open: Arc<Mutex<HashMap<(TenantId, ActorId), usize>>>,
}

impl Streams {
    pub(crate) fn new(most: usize, most_each: usize) -> Self {
        Self { most, most_each, open: Arc::default() }
    }

    fn take(&self, actor: &Actor) -> Option<Place> {
        let key = (actor.tenant.clone(), actor.id.clone());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= self.most {
            return None;
        }
        let mine = open.entry(key.clone()).or_default();
        if *mine >= self.most_each {
            return None;
        }
        *mine += 1;
        gauge!(STREAMS).increment(1.0);
        Some(Place { key, open: self.open.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = open.get_mut(&self.key) {
            *mine -= 1;
            if *mine == 0 {
                open.remove(&self.key);
            }
        }
        gauge!(STREAMS).decrement(1.0);
    }
}

/// `GET /api/v1/events`.
pub(crate) async fn events(
    State(shared): State<Arc<Shared>>,
    Extension(actor): Extension<Actor>,
    Extension(secret): Extension<Secret>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    method: Method,
) -> Response {
    let (asked_for, language) = (asked_for(&method, &uri), language(&headers));
    let opened = open(&shared, actor.clone(), secret, &headers, uri.query().unwrap_or_default()).await;
    let reading = match opened {
        Ok(reading) => reading,
        Err(error) => return shared.refuse(actor, language, &asked_for, error).await,
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would hold events back otherwise.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(reading.frames())).into_response()
}

async fn open(
    shared: &Arc<Shared>,
    actor: Actor,
    secret: Secret,
    headers: &HeaderMap,
    query: &str,
) -> Result<Reading, Error> {
    let wanted = Wanted::read(query, headers)?;
    let covers_any = NOUNS.iter().any(|noun| actor.covers(noun));
    let covered = wanted.subject.as_ref().is_none_or(|subject| covers(&actor, subject));
    if !covers_any || !covered {
        let message = "This token does not cover these events.";
        let scope = actor.scope.as_deref().unwrap_or_default().join(", ");
        return Err(Error::new(Kind::Permission, "out_of_scope", message)
            .remedy(
                "Use a token whose scope names what the events are about: 'server', 'host' or 'community'.",
            )
            .with("operation", "events")
            .with("scope", scope));
    }
    let place = shared.streams.take(&actor).ok_or_else(|| {
        Error::new(Kind::Limit, "too_many_streams", "Too many event streams are open.")
            .remedy("Close one of yours, or try again later.")
    })?;
    // Taken before the cursor is read, so that nothing which comes in between is missed.
    let changes = shared.events.changes();
    let cursor = match wanted.after {
        Some(cursor) => cursor,
        None => shared.events.newest().await?,
    };
    let filter = Filter { tenant: Some(actor.tenant.clone()), subject: wanted.subject, run: wanted.run };
    let beat = Instant::now() + shared.config.keep_alive;
    // An id without data tells nothing but the place, so that a reader whose connection breaks before the
    // first event resumes there too.
    let first = Bytes::from(format!("retry: {RETRY}\nid: {cursor}\n\n"));
    Ok(Reading {
        shared: shared.clone(),
        actor,
        secret,
        filter,
        cursor,
        pending: VecDeque::from([first]),
        changes,
        beat,
        _place: place,
    })
}

/// The nouns that events are about.
const NOUNS: [&str; 3] = ["server", "host", "community"];

fn covers(actor: &Actor, subject: &Subject) -> bool {
    let noun = match subject {
        Subject::Server(_) => "server",
        Subject::Host(_) => "host",
        // Cases and settings are the staff's.
        Subject::Community if actor.rank < Rank::MODERATOR => return false,
        Subject::Community => "community",
    };
    actor.covers(noun)
}

/// What a reader asks for.
#[derive(Debug, PartialEq)]
struct Wanted {
    subject: Option<Subject>,
    run: Option<RunId>,
    after: Option<i64>,
}

impl Wanted {
    fn read(query: &str, headers: &HeaderMap) -> Result<Self, Error> {
        let mut given: BTreeMap<String, String> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let subject = given.remove("subject").map(|text| {
            subject(&text).ok_or_else(|| {
                unfit("subject", "http_no_subject", "is neither server:ID, host:NAME nor community.")
            })
        });
        let run = given.remove("run").map(|text| {
            text.parse::<RunId>().map_err(|_| unfit("run", "http_no_run", "is not the id of a run."))
        });
        let after = given.remove("after").map(|text| cursor("after", &text));
        if let Some(name) = given.keys().next() {
            return Err(unfit(
                typed(name, 64),
                "http_no_parameter",
                "is not known here; use subject, run and after.",
            ));
        }
        // A browser that reconnects sends the address it was given at first, and where it really is in here.
        let last = headers
            .get("last-event-id")
            .map(|value| cursor("Last-Event-ID", value.to_str().unwrap_or_default()));
        Ok(Self {
            subject: subject.transpose()?,
            run: run.transpose()?,
            after: match last {
                Some(last) => Some(last?),
                None => after.transpose()?,
            },
        })
    }
}

fn subject(text: &str) -> Option<Subject> {
    if text == "community" {
        return Some(Subject::Community);
    }
    match text.split_once(':')? {
        ("server", id) => id.parse::<ServerId>().ok().map(Subject::Server),
        ("host", name) => guildhall_core::id::check_name(name).ok().map(|()| Subject::Host(name.to_owned())),
        _ => None,
    }
}

fn cursor(field: &str, text: &str) -> Result<i64, Error> {
    let number = text.trim().parse::<i64>().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| unfit(field, "http_no_cursor", "is not an event's id, a whole number from 0 on."))
}

/// One reader's place in the log.
struct Reading {
    shared: Arc<Shared>,
    actor: Actor,
    secret: Secret,
    filter: Filter,
    cursor: i64,
    pending: VecDeque<Bytes>,
    changes: watch::Receiver<i64>,
    beat: Instant,
    _place: Place,
}

impl Reading {
    fn frames(self) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send {
        futures::stream::unfold(self, |mut reading| async move {
            let frame = reading.next().await?;
            Some((Ok(frame), reading))
        })
    }

    /// The next frame; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        let stop = self.shared.stop.clone();
        loop {
            if stop.is_cancelled() {
                return None;
            }
            if let Some(frame) = self.pending.pop_front() {
                return Some(frame);
            }
            if Instant::now() >= self.beat {
                self.beat = Instant::now() + self.shared.config.keep_alive;
                if !self.shared.door.still(&self.secret, &self.actor).await {
                    return None;
                }
                return Some(Bytes::from_static(b": here\n\n"));
            }
            self.changes.borrow_and_update();
            let batch = match self.shared.events.after(self.cursor, &self.filter, BATCH).await {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::error!("events could not be read, a stream ends: {}", error.causes());
                    return None;
                }
            };
            if !batch.is_empty() {
                self.keep(&batch);
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.beat) => {}
                changed = self.changes.changed() => changed.ok()?,
            }
        }
    }

    fn keep(&mut self, batch: &[Event]) {
        for event in batch {
            self.cursor = self.cursor.max(event.cursor);
            if covers(&self.actor, &event.subject) {
                self.pending.push_back(frame(event));
            }
        }
    }
}

/// One event in the stream's format. JSON has no line breaks, and the kind is stripped of them.
fn frame(event: &Event) -> Bytes {
    let kind: String = event.kind.chars().filter(|c| !c.is_control()).collect();
    let data = serde_json::to_string(event).unwrap_or_else(|_| "null".to_owned());
    Bytes::from(format!("id: {}\nevent: {kind}\ndata: {data}\n\n", event.cursor))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_place_of_a_reconnecting_browser_wins_over_the_address() {
        let mut headers = HeaderMap::new();
        assert_eq!(Wanted::read("after=3", &headers).unwrap().after, Some(3));
        headers.insert("last-event-id", HeaderValue::from_static("9"));
        assert_eq!(Wanted::read("after=3", &headers).unwrap().after, Some(9));
        headers.insert("last-event-id", HeaderValue::from_static("x"));
        assert_eq!(Wanted::read("", &headers).unwrap_err().fields[0].field, "Last-Event-ID");
    }

    #[test]
    fn a_filter_that_is_not_understood_is_refused() {
        let none = HeaderMap::new();
        for query in ["subject=server:1", "subject=x", "subject=host:A", "run=1", "after=-1", "sbject=host:a"]
        {
            assert!(Wanted::read(query, &none).is_err(), "{query}");
        }
        let wanted = Wanted::read("subject=host:alpha", &none).unwrap();
        assert_eq!(wanted.subject, Some(Subject::Host("alpha".to_owned())));
    }

    proptest! {
        #[test]
        fn any_filter_is_read_without_a_panic(query in "\\PC{0,200}") {
            let _ = Wanted::read(&query, &HeaderMap::new());
        }
    }
}
