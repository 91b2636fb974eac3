//! What every part of a running stand-in holds: the world behind its lock, the clock, the log, and the signal
//! that something changed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::SimConfig;
use crate::clock::SimClock;
use crate::log::Log;
use crate::world::World;

pub(crate) struct Shared {
    world: Mutex<World>,
    changed: watch::Sender<u64>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) config: SimConfig,
    pub(crate) address: SocketAddr,
    pub(crate) log: Mutex<Log>,
    /// Posts interactions to applications that have an endpoint.
    pub(crate) http: reqwest::Client,
    pub(crate) stop: watch::Sender<bool>,
    /// Where delivery and deadlines run, also when a person acts from outside a runtime.
    pub(crate) runtime: tokio::runtime::Handle,
}

impl Shared {
    pub(crate) fn new(world: World, config: SimConfig, address: SocketAddr, http: reqwest::Client) -> Self {
        Self {
            clock: Arc::clone(&world.clock),
            world: Mutex::new(world),
            changed: watch::Sender::new(0),
            log: Mutex::new(Log::new(config.log_capacity)),
            config,
            address,
            http,
            stop: watch::Sender::new(false),
            runtime: tokio::runtime::Handle::current(),
        }
    }

    // A panic while the lock was held is a bug of one request; the world stays usable for the others.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the world and wakes everybody who waits for a change.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// Changes what nobody waits for: counters and orders.
    pub(crate) fn write_quietly<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// How many changes there were.
    pub(crate) fn version(&self) -> u64 {
        *self.changed.borrow()
    }

    /// Returns once the stand-in is asked to stop.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        // An error means that the stand-in is gone, which is a stop as well.
        let _ = stop.wait_for(|stopped| *stopped).await;
    }

    pub(crate) fn rest_base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn gateway_url(&self) -> String {
        format!("ws://{}", self.address)
    }
}
