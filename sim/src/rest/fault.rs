//! Faults ordered by a test or for a rehearsal: answers that fail, limits that bite, and answers that take their time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::ApiError;

/// Orders kept at once; further ones replace the oldest.
const MOST: usize = 100;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Fault {
    /// The request is refused with this status (400 to 599) and does nothing.
    Status {
        /// For example 500, 502 or 503.
        status: u16,
    },
    /// The request does what it does, but the answer is this status all the same: the caller cannot know.
    Lost {
        /// For example 502 or 504.
        status: u16,
    },
    /// The request is refused with 429.
    RateLimited {
        /// When to come again, in milliseconds.
        retry_after_ms: u64,
        /// Whether the limit is that of the whole application.
        global: bool,
    },
    /// The request takes this much longer.
    Slow {
        /// In milliseconds of real time.
        delay_ms: u64,
    },
}

/// An order of faults: where, what, how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultOrder {
    /// Method and path without `/api/v10`, in which `*` stands for anything without a slash and a `**` at the end for
    /// everything: `PUT /guilds/*/bans/*`, `* /channels/**`. None for every request.
    #[serde(default)]
    pub route: Option<String>,
    /// What goes wrong.
    pub fault: Fault,
    /// How many requests are struck; none for all until healed.
    #[serde(default)]
    pub times: Option<u32>,
}

impl FaultOrder {
    /// Strikes every request until [`crate::Sim::heal`].
    pub fn everywhere(fault: Fault) -> Self {
        Self { route: None, fault, times: None }
    }

    /// Strikes the requests of this route until [`crate::Sim::heal`].
    pub fn on(route: &str, fault: Fault) -> Self {
        Self { route: Some(route.into()), fault, times: None }
    }

    /// Strikes no more than so many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn strikes(&self, method: &str, path: &[String]) -> bool {
        let Some(route) = &self.route else { return true };
        let (wanted, pattern) = route.split_once(' ').unwrap_or(("*", route));
        if wanted != "*" && !wanted.eq_ignore_ascii_case(method) {
            return false;
        }
        let mut path = path.iter();
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            if part == "**" {
                return true;
            }
            if !path.next().is_some_and(|segment| part == "*" || part == segment) {
                return false;
            }
        }
        path.next().is_none()
    }
}

/// The orders in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    orders: Vec<FaultOrder>,
    struck: u64,
}

impl Faults {
    pub(crate) fn order(&mut self, order: FaultOrder) {
        if self.orders.len() >= MOST {
            self.orders.remove(0);
        }
        self.orders.push(order);
    }

    pub(crate) fn heal(&mut self) {
        self.orders.clear();
    }

    /// Requests struck so far.
    pub(crate) fn struck(&self) -> u64 {
        self.struck
    }

    /// The fault for this request, the oldest order first.
    pub(crate) fn strike(&mut self, method: &str, path: &[String]) -> Option<Fault> {
        let index = self.orders.iter().position(|order| order.strikes(method, path))?;
        let order = &mut self.orders[index];
        let fault = order.fault;
        if let Some(left) = &mut order.times {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.orders.remove(index);
            }
        }
        self.struck += 1;
        Some(fault)
    }
}

/// The answer with this status, as Discord words it.
pub(crate) fn failure(status: u16) -> ApiError {
    let status = if (400..600).contains(&status) { status } else { 500 };
    let name = axum::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let message = format!("{status}: {}", name.unwrap_or("Error"));
    ApiError { status, code: 0, message, errors: None }
}

/// The answer of a limit.
pub(crate) fn refusal(retry_after: Duration, global: bool) -> ApiError {
    ApiError {
        status: 429,
        code: 0,
        message: "You are being rate limited.".into(),
        errors: Some(json!({"retry_after": retry_after.as_secs_f64(), "global": global})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').filter(|part| !part.is_empty()).map(Into::into).collect()
    }

    #[test]
    fn a_route_names_method_and_path() {
        let fault = Fault::Status { status: 500 };
        let strikes =
            |route: &str, method: &str, at: &str| FaultOrder::on(route, fault).strikes(method, &path(at));
        assert!(strikes("PUT /guilds/*/bans/*", "PUT", "/guilds/5/bans/6"));
        assert!(!strikes("PUT /guilds/*/bans/*", "DELETE", "/guilds/5/bans/6"));
        assert!(!strikes("PUT /guilds/*/bans/*", "PUT", "/guilds/5/bans"));
        assert!(!strikes("PUT /guilds/*/bans", "PUT", "/guilds/5/bans/6"));
        assert!(strikes("* /channels/**", "GET", "/channels/5/messages/6"));
        assert!(strikes("/users/@me", "GET", "/users/@me"));
        assert!(FaultOrder::everywhere(fault).strikes("GET", &path("/anything")));
    }

    #[test]
    fn orders_are_used_up_in_turn() {
        let mut faults = Faults::default();
        faults.order(FaultOrder::everywhere(Fault::Status { status: 500 }).times(1));
        faults.order(FaultOrder::everywhere(Fault::Slow { delay_ms: 1 }));
        assert_eq!(faults.strike("GET", &path("/a")), Some(Fault::Status { status: 500 }));
        assert_eq!(faults.strike("GET", &path("/a")), Some(Fault::Slow { delay_ms: 1 }));
        assert_eq!(faults.strike("GET", &path("/a")), Some(Fault::Slow { delay_ms: 1 }));
        faults.heal();
        assert_eq!(faults.strike("GET", &path("/a")), None);
        assert_eq!(faults.struck(), 3);
    }
}
