//! The stand-in's clock: real time plus whatever a test skipped, so that a fifteen-minute token can
//! expire without anybody waiting fifteen minutes.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;

#[derive(Debug)]
pub(crate) struct SimClock {
    skipped: watch::Sender<Duration>,
}

impl SimClock {
    pub(crate) fn new() -> Self {
        Self { skipped: watch::Sender::new(Duration::ZERO) }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + *self.skipped.borrow()
    }

    pub(crate) fn skip(&self, by: Duration) {
        self.skipped.send_modify(|skipped| *skipped += by);
    }

    /// Returns once `now()` has reached `until`, woken early by [`SimClock::skip`].
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock of the stand-in: its deadlines end here"
    )]
    pub(crate) async fn reach(&self, until: OffsetDateTime) {
        let mut skipped = self.skipped.subscribe();
        loop {
            skipped.mark_unchanged();
            let Ok(left) = Duration::try_from(until - self.now()) else { return };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                changed = skipped.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Discord writes times as RFC 3339 with microseconds and a numeric offset.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    let micros = at.replace_nanosecond(at.nanosecond() / 1000 * 1000).unwrap_or(at);
    let text = micros.format(&Rfc3339).unwrap_or_default();
    text.replace('Z', "+00:00")
}
