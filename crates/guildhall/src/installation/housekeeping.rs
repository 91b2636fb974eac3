//! Removes what nobody needs any more, once a day, so that the database does not grow for ever. Workflows keep
//! their own house.

use std::{sync::Arc, time::Duration};

use guildhall_core::Clock;
use guildhall_store::EventStore;
use tokio_util::sync::CancellationToken;

/// How long events can be read again; the audit record is kept for good.
const KEEP: Duration = Duration::from_secs(90 * 24 * 3_600);
/// How often old events are removed.
const EVERY: Duration = Duration::from_secs(24 * 3_600);

/// Keeps house until `stop`: once at the start, and then daily.
pub async fn keep_house(events: EventStore, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let daily = async {
        loop {
            match events.prune(clock.now() - KEEP).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "events older than 90 days were removed"),
                Err(error) => {
                    tracing::warn!("old events could not be removed; tried again tomorrow: {error}");
                }
            }
            clock.sleep(EVERY).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = daily => {}
    }
}

#[cfg(test)]
mod tests {
    use guildhall_core::{EventLog as _, ManualClock, NewEvent, Subject, event::Filter};
    use guildhall_store::testkit;

    use super::*;

    fn event(kind: &str) -> NewEvent {
        NewEvent {
            tenant: "ours".parse().expect("a community's name"),
            subject: Subject::Host("attic".to_owned()),
            kind: kind.to_owned(),
            run: None,
            outcome: None,
            data: serde_json::Value::Null,
            document: None,
            tell: None,
        }
    }

    #[tokio::test]
    async fn events_are_removed_after_ninety_days() {
        let store = testkit::sqlite(Vec::new()).await;
        let clock = Arc::new(ManualClock::default());
        let events = EventStore::new(store.store(), clock.clone());
        let kinds = async || -> Vec<String> {
            let read = events.after(0, &Filter::default(), 10).await.expect("events can be read");
            read.into_iter().map(|event| event.kind).collect()
        };
        let until = async |left: &[&str]| {
            let come = async {
                while kinds().await != left {
                    tokio::task::yield_now().await;
                }
            };
            let come = tokio::time::timeout(Duration::from_secs(20), come).await;
            assert!(come.is_ok(), "{:?} instead of {left:?}", kinds().await);
        };
        events.append(event("before the start")).await.expect("an event is kept");
        clock.advance(KEEP + Duration::from_secs(1));
        events.append(event("first")).await.expect("an event is kept");
        clock.advance(EVERY);
        events.append(event("second")).await.expect("an event is kept");
        let stop = CancellationToken::new();
        let keeping = tokio::spawn(keep_house(events.clone(), clock.clone(), stop.clone()));
        until(&["first", "second"]).await;
        // Some days later, each with its turn: the time only goes on while the keeper sleeps.
        let days = async {
            loop {
                clock.advance(Duration::from_secs(3_600));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = until(&["second"]) => {}
            () = days => {}
        }
        stop.cancel();
        keeping.await.expect("it ends in order");
    }
}
