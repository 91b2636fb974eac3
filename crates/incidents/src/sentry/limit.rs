//! How long Sentry wants to be left alone:
//! <https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/>.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use time::OffsetDateTime;

/// What Sentry means when it does not say how long.
const UNSAID: Duration = Duration::from_secs(60);
/// Nobody is believed who asks for longer.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Until when no event is sent.
#[derive(Debug, Default)]
pub(crate) struct Pause(Option<OffsetDateTime>);

impl Pause {
    pub(crate) fn is_over(&self, now: OffsetDateTime) -> bool {
        self.0.is_none_or(|until| now >= until)
    }

    /// Hears what an answer asks for. True when it asks for a pause.
    pub(crate) fn hear(&mut self, headers: &HeaderMap, status: StatusCode, now: OffsetDateTime) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let asked = match text("x-sentry-rate-limits") {
            Some(limits) => of_errors(limits),
            None => text(RETRY_AFTER.as_str()).and_then(seconds),
        };
        let asked = asked.or_else(|| (status == StatusCode::TOO_MANY_REQUESTS).then_some(UNSAID));
        let Some(asked) = asked else { return false };
        let until = now + asked.min(LONGEST);
        self.0 = Some(self.0.map_or(until, |known| known.max(until)));
        true
    }
}

/// The longest pause for errors in `60:error;transaction:organization, 2700::key`. No category is all of them.
fn of_errors(limits: &str) -> Option<Duration> {
    let pauses = limits.split(',').filter_map(|limit| {
        let mut parts = limit.trim().split(':');
        let pause = seconds(parts.next()?)?;
        let categories = parts.next().unwrap_or_default();
        let ours = categories.is_empty() || categories.split(';').any(|category| category.trim() == "error");
        ours.then_some(pause)
    });
    pauses.max()
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds.min(LONGEST.as_secs_f64())).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_for_errors_is_kept_and_one_for_others_is_not_ours() {
        let of = |text| of_errors(text).map(|pause| pause.as_secs());
        assert_eq!(of("60:error;transaction:organization"), Some(60));
        assert_eq!(of("60:transaction:key, 2700:default;error:organization"), Some(2_700));
        assert_eq!(of("10::organization"), Some(10));
        assert_eq!(of("60:transaction:key"), None);
        assert_eq!(of("soon"), None);
    }

    #[test]
    fn an_answer_asks_for_a_pause_in_three_ways() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let after = |header: Option<(&'static str, &str)>, status: u16| {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = header {
                headers.insert(name, value.parse().unwrap());
            }
            let mut pause = Pause::default();
            pause.hear(&headers, StatusCode::from_u16(status).unwrap(), now);
            (0..100_000).find(|second| pause.is_over(now + Duration::from_secs(*second))).unwrap()
        };
        assert_eq!(after(None, 200), 0);
        assert_eq!(after(None, 429), 60);
        assert_eq!(after(Some(("retry-after", "7")), 429), 7);
        assert_eq!(after(Some(("x-sentry-rate-limits", "5:error:key")), 200), 5);
        assert_eq!(after(Some(("x-sentry-rate-limits", "9:transaction:key")), 200), 0);
        assert_eq!(after(Some(("retry-after", "1e300")), 503), 86_400);
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(text in "[ -~]{0,60}") {
            let _ = of_errors(&text);
        }
    }
}
