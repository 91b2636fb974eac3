//! Bounds that come up everywhere.

use std::time::Duration;

use super::{Lint, MAX_ITEMS, text};

impl Lint<'_> {
    pub(super) fn count(&mut self, key: &str, count: usize) {
        if count > MAX_ITEMS {
            self.wrong(key, format!("there are {count}; at most {MAX_ITEMS}"));
        }
    }

    pub(super) fn line(&mut self, key: &str, line: &str, most: usize) {
        if line.is_empty() || line.chars().count() > most || line.chars().any(char::is_control) {
            self.wrong(key, format!("it is one line of 1 to {most} characters"));
        }
    }

    pub(super) fn path(&mut self, key: &str, path: &str) {
        if !text::is_inside(path) {
            self.wrong(
                key,
                "it is a path inside the server's folder: relative, without '..', '~' or '\\', at most 200 characters",
            );
        }
    }

    pub(super) fn duration(&mut self, key: &str, duration: Duration, most: Duration) {
        if duration.is_zero() || duration > most {
            self.wrong(key, format!("it is more than 0 and at most {}", crate::duration::format(most)));
        }
    }
}
