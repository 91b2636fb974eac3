//! Faults that are put in on purpose, for tests and rehearsals: an error, an outage, slowness.
//!
//! The catalogue asks before it runs an operation, and whoever speaks to another system asks before it does.
//! Without a fault that costs one atomic read.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Clock, Error, Kind};

/// Faults that may be in place at once.
pub const MOST: usize = 32;
/// The variable of a rehearsed error that says it is one. Its message is the code's own, which whoever has the texts
/// puts in.
pub const REHEARSED: &str = "rehearsed";

/// Where a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "at", content = "name")]
pub enum Point {
    /// When this operation is about to run; `*` is every one.
    Operation(String),
    /// When this system is about to be asked: `discord`, `redis`, `sentry`.
    Upstream(String),
}

/// What happens there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "strike")]
pub enum Strike {
    /// An error with this code and kind.
    Error {
        /// The code; one that no text knows is shown as it is.
        code: String,
        /// Who can do something about it.
        kind: Kind,
    },
    /// The system does not answer.
    Outage,
    /// It takes so much longer, in milliseconds; at most 60,000.
    Slow {
        /// How much.
        millis: u64,
    },
    /// It says that it was asked too often.
    RateLimit {
        /// When it may be asked again, in milliseconds; at most 60,000.
        retry_millis: u64,
    },
}

/// One fault in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Fault {
    /// Its number.
    pub number: u64,
    /// Where.
    pub point: Point,
    /// What.
    pub strike: Strike,
    /// How many more times; it goes away afterwards.
    pub times: u32,
    /// Until when at the latest.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub until: OffsetDateTime,
}

/// The faults in place. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Faults {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    count: AtomicUsize,
    list: Mutex<(u64, Vec<Fault>)>,
    /// The operations and the upstreams that ask here before they do anything.
    asking: Mutex<(BTreeSet<&'static str>, BTreeSet<&'static str>)>,
}

impl Faults {
    /// None in place.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let list = Mutex::new((0, Vec::new()));
        let inner = Inner { clock, count: AtomicUsize::new(0), list, asking: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Puts one in place for `times` strikes within `within`. Refused when there are [`MOST`] already.
    pub fn put(&self, point: Point, strike: Strike, times: u32, within: Duration) -> Result<Fault, Error> {
        let until = self.inner.clock.now() + within;
        self.change(|next, list| {
            if list.len() >= MOST {
                let message = format!("There are {MOST} faults in place already.");
                return Err(Error::new(Kind::Limit, "too_many_faults", message)
                    .remedy("Clear some with `errors clear`.")
                    .with("most", MOST));
            }
            *next += 1;
            let fault = Fault { number: *next, point, strike, times, until };
            list.push(fault.clone());
            Ok(fault)
        })
    }

    /// The operations that a fault can strike at.
    pub fn operations(&self) -> Vec<&'static str> {
        self.asking(|(operations, _)| operations.iter().copied().collect())
    }

    /// The other systems that a fault can strike at.
    pub fn upstreams(&self) -> Vec<&'static str> {
        self.asking(|(_, upstreams)| upstreams.iter().copied().collect())
    }

    /// These operations ask before they run.
    pub(crate) fn add_operations(&self, names: impl IntoIterator<Item = &'static str>) {
        self.asking(|(operations, _)| operations.extend(names));
    }

    /// Whoever speaks to this system asks before.
    pub(crate) fn add_upstream(&self, name: &'static str) {
        self.asking(|(_, upstreams)| upstreams.insert(name));
    }

    /// Those in place, the oldest first.
    pub fn list(&self) -> Vec<Fault> {
        self.change(|_, list| list.clone())
    }

    /// Removes all, and says how many there were.
    pub fn clear(&self) -> usize {
        self.change(|_, list| std::mem::take(list).len())
    }

    /// What strikes at an operation now, if anything; it counts as one time.
    pub fn at_operation(&self, operation: &str) -> Option<Strike> {
        self.strike(|point| matches!(point, Point::Operation(name) if name == "*" || name == operation))
    }

    /// What strikes at another system now, if anything; it counts as one time.
    pub fn at_upstream(&self, upstream: &str) -> Option<Strike> {
        self.strike(|point| matches!(point, Point::Upstream(name) if name == upstream))
    }

    fn asking<T>(&self, work: impl FnOnce(&mut (BTreeSet<&'static str>, BTreeSet<&'static str>)) -> T) -> T {
        work(&mut self.inner.asking.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn strike(&self, hits: impl Fn(&Point) -> bool) -> Option<Strike> {
        if self.inner.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.change(|_, list| {
            let fault = list.iter_mut().find(|fault| hits(&fault.point) && fault.times > 0)?;
            fault.times -= 1;
            Some(fault.strike.clone())
        })
    }

    fn change<T>(&self, work: impl FnOnce(&mut u64, &mut Vec<Fault>) -> T) -> T {
        let now = self.inner.clock.now();
        let mut guard = self.inner.list.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, list) = &mut *guard;
        list.retain(|fault| fault.times > 0 && fault.until > now);
        let result = work(next, list);
        list.retain(|fault| fault.times > 0);
        self.inner.count.store(list.len(), Ordering::Relaxed);
        result
    }
}

impl Strike {
    /// The error that the strike comes to; `None` when it only takes longer.
    pub fn error(&self, what: &str) -> Option<Error> {
        match self {
            Self::Error { code, kind } => {
                // A code is a word of the program's; the few that are made up here live as long as it does.
                let code: &'static str = known(code);
                let message = format!("This is the rehearsal of the error '{code}'.");
                Some(Error::new(*kind, code, message).with(REHEARSED, code))
            }
            Self::Outage => Some(
                Error::new(Kind::Upstream, "upstream_down", format!("{what} does not answer."))
                    .remedy("Try again in a minute.")
                    .with("upstream", what),
            ),
            Self::RateLimit { retry_millis } => Some(
                Error::new(Kind::Upstream, "upstream_busy", format!("{what} was asked too often."))
                    .remedy("Try again in a moment.")
                    .with("upstream", what)
                    .retry_after(Duration::from_millis(*retry_millis)),
            ),
            Self::Slow { .. } => None,
        }
    }
}

/// Words for rehearsals, each kept once. At most 256 of them; later ones are all called `rehearsed`.
fn known(code: &str) -> &'static str {
    static WORDS: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(word) = words.iter().find(|word| **word == code) {
        return word;
    }
    if words.len() >= 256 {
        return "rehearsed";
    }
    let word: &'static str = Box::leak(code.chars().take(64).collect::<String>().into_boxed_str());
    words.push(word);
    word
}

#[cfg(test)]
mod tests;
