//! What all servers of a host share.

use std::sync::{Arc, PoisonError, RwLock};

use guildhall_link::message::ConsolePush;

use crate::{config::Settings, disk::Layout, events::Journal};

/// Where console lines go while somebody watches. It never waits: what it cannot take, it drops and tells as
/// a gap.
pub trait ConsoleOut: Send + Sync {
    /// Takes lines in.
    fn push(&self, push: ConsolePush);
}

pub(crate) struct Host {
    pub(crate) layout: Layout,
    pub(crate) settings: Settings,
    pub(crate) journal: Arc<Journal>,
    out: RwLock<Option<Arc<dyn ConsoleOut>>>,
}

impl Host {
    pub(crate) fn new(layout: Layout, settings: Settings, journal: Arc<Journal>) -> Self {
        Self { layout, settings, journal, out: RwLock::new(None) }
    }

    pub(crate) fn set_console_out(&self, out: Arc<dyn ConsoleOut>) {
        *self.out.write().unwrap_or_else(PoisonError::into_inner) = Some(out);
    }

    pub(crate) fn console_out(&self) -> Option<Arc<dyn ConsoleOut>> {
        self.out.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether each server has a Unix user of its own.
    pub(crate) fn own_users(&self) -> bool {
        self.settings.own_users && rustix::process::geteuid().is_root()
    }
}
