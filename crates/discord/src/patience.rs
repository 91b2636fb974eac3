//! Trying again: with growing pauses, for a bounded time, and only where it can help.

use std::{future::Future, time::Duration};

use guildhall_core::Clock;
use time::OffsetDateTime;

use crate::rest::RestError;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// The pause before attempt number `failed + 1`.
pub(crate) fn pause(failed: u32) -> Duration {
    FIRST.saturating_mul(2_u32.saturating_pow(failed.min(16))).min(LONGEST)
}

/// Attempts until it works, fails for a reason that stays, or `until` has come.
pub(crate) async fn insist<T, F, A>(
    clock: &dyn Clock,
    until: OffsetDateTime,
    passes: impl Fn(&RestError) -> bool,
    mut attempt: A,
) -> Result<T, RestError>
where
    A: FnMut() -> F,
    F: Future<Output = Result<T, RestError>>,
{
    let mut failed = 0;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let pause = pause(failed);
        if !passes(&error) || clock.now() + pause > until {
            return Err(error);
        }
        tracing::debug!(%error, "trying again in {pause:?}");
        clock.sleep(pause).await;
        failed += 1;
    }
}
