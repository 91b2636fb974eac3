//! Compares what is wanted with what is seen, and repairs the difference. A pass needs no input and can be
//! repeated; it is woken by signals and by a timer.
//!
//! Its cases: a host that is lost, a host that is back, a passing state that has lasted too long, a wish that
//! its host never confirmed, a game that runs or has ended unseen, a server that nobody plays on, and a game that
//! was not told who is kept out.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use guildhall_core::{Actor, HostId, ServerId, TenantId};
use guildhall_link::message::{Observed, Phase, Presence, Reply, Request};
use guildhall_store::operator;
use metrics::{counter, gauge};
use sea_orm::{QueryOrder, QuerySelect};
use time::OffsetDateTime;

use crate::{
    Servers,
    change::Change,
    entity::server,
    error::{ServersError, spoken},
    failure::{Code, Trouble},
    life::Job,
    session::{Ending, How},
    state::{Goal, State},
    told,
};

/// Servers that one pass looks at, of every community.
const MOST: u64 = 10_000;
/// Hosts that are asked at once.
const AT_ONCE: usize = 16;
/// Players are told of an idle stop this long before it, or at half time where that is later.
const IDLE_NOTICE_SECONDS: i64 = 300;

/// What is known of a host in one pass.
enum Host {
    /// Connected, with what it sees.
    Seen(BTreeMap<ServerId, Observed>),
    /// Connected, and could not be asked.
    Silent,
    /// Not connected since then.
    Away(OffsetDateTime),
}

/// What a pass decided for one server, done after its transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Repair {
    /// The host is told again what is wanted.
    apply: bool,
    /// Nobody plays, and it is stopped.
    idle_stop: bool,
}

impl Servers {
    /// Keeps desired and observed together until `shutdown` ends.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut hosts = self.shop.agents.hosts();
        loop {
            hosts.mark_unchanged();
            let pass = async {
                if let Err(error) = self.reconcile().await {
                    tracing::warn!(
                        error = guildhall_core::Error::from(error).causes(),
                        "the reconciler's pass failed"
                    );
                }
            };
            tokio::select! {
                () = &mut shutdown => return,
                () = pass => {}
            }
            tokio::select! {
                () = &mut shutdown => return,
                () = self.shop.wake.notified() => {}
                Ok(()) = hosts.changed() => {}
                () = self.shop.clock.sleep(self.shop.config.deadlines.every) => {}
            }
        }
    }

    /// One pass over every server.
    pub async fn reconcile(&self) -> Result<(), ServersError> {
        let rows = operator::find::<server::Entity>()
            .order_by_asc(server::Column::Id)
            .limit(MOST)
            .all(self.shop.store.reader())
            .await?;
        let hosts = self.look_at_hosts(&rows).await;
        for row in &rows {
            let host = row.host.as_deref().and_then(|host| hosts.get(host));
            if let Err(error) = self.repair(row, host).await {
                let error = guildhall_core::Error::from(error);
                tracing::warn!(
                    server = row.name,
                    error = error.causes(),
                    "a server could not be looked after"
                );
            }
        }
        count_orphans(&rows, &hosts);
        self.keep_all_out(&rows).await?;
        Ok(())
    }

    async fn look_at_hosts(&self, rows: &[server::Model]) -> BTreeMap<String, Host> {
        let names: BTreeSet<String> = rows.iter().filter_map(|row| row.host.clone()).collect();
        let presence: BTreeMap<String, Presence> = {
            let hosts = self.shop.agents.hosts();
            let hosts = hosts.borrow();
            hosts.iter().map(|(host, presence)| (host.to_string(), presence.clone())).collect()
        };
        let looks = names.into_iter().map(|name| {
            let presence = presence.get(&name).cloned();
            async move {
                let host = match presence {
                    Some(presence) if presence.online => self.look_at(&presence.host).await,
                    // An agent's own clock may be ahead; nobody is away since the future.
                    Some(presence) => Host::Away(presence.since.min(self.shop.clock.now())),
                    None => Host::Away(self.began),
                };
                (name, host)
            }
        });
        futures::stream::iter(looks.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect().await
    }

    async fn look_at(&self, host: &HostId) -> Host {
        match self.shop.agents.request(host, Request::ObserveAll).await {
            Ok(Reply::AllObserved { servers }) => {
                Host::Seen(servers.into_iter().map(|seen| (seen.server, seen)).collect())
            }
            Ok(other) => {
                counter!("guildhall_servers_refused_total", "reason" => "wrong_answer").increment(1);
                tracing::warn!(%host, answer = crate::workshop::kind_of(&other), "a host did not say what it sees");
                Host::Silent
            }
            Err(error) => {
                tracing::debug!(%host, %error, "a host could not be asked");
                Host::Silent
            }
        }
    }

    async fn repair(&self, row: &server::Model, host: Option<&Host>) -> Result<(), ServersError> {
        if !needs_a_look(row, host) {
            return Ok(());
        }
        let tenant: TenantId = row.tenant.parse().map_err(guildhall_core::Error::bug)?;
        let server = ServerId(row.id);
        let host_lost = self.shop.config.deadlines.host_lost;
        let decided = self
            .shop
            .change(&tenant, server, |change| {
                let mut repair = Repair::default();
                match host {
                    Some(Host::Away(since)) if change.at.time() - *since >= host_lost => change.miss_host(),
                    Some(Host::Seen(servers)) => {
                        let seen = servers.get(&server).filter(|seen| seen.tenant == change.tenant);
                        repair.apply = change.compare(seen);
                    }
                    _ => {}
                }
                repair.apply |= change.expire();
                repair.idle_stop = change.idle();
                Ok(repair)
            })
            .await?
            .unwrap_or_default();
        if decided.apply
            && let Err(error) = self.shop.apply(&tenant, server).await
        {
            tracing::debug!(server = row.name, %error, "the host was not told again what is wanted");
        }
        if decided.idle_stop {
            let actor = Actor::system(tenant, "idle-stop");
            match self.begin(&actor, row, Job::Stop, false).await {
                Ok(_) | Err(ServersError::Busy { .. } | ServersError::NotRunning { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether a server may need anything at all; most do not, and are left alone without a transaction.
fn needs_a_look(row: &server::Model, host: Option<&Host>) -> bool {
    match (row.state, host) {
        (State::Stopped | State::Failed, Some(Host::Seen(seen))) => {
            row.session.is_some()
                || row.goal == Goal::Running
                || seen.get(&ServerId(row.id)).is_some_and(is_running)
        }
        (State::Stopped | State::Failed, _) => false,
        _ => true,
    }
}

fn is_running(seen: &Observed) -> bool {
    !matches!(seen.phase, Phase::Stopped | Phase::Failed)
}

/// Servers that a host has and nobody knows: what a forgotten server left behind.
fn count_orphans(rows: &[server::Model], hosts: &BTreeMap<String, Host>) {
    for (host, seen) in hosts {
        let Host::Seen(seen) = seen else { continue };
        let here = |id: &ServerId| rows.iter().any(|row| row.id == id.0 && row.host.as_deref() == Some(host));
        let orphans = u32::try_from(seen.keys().filter(|id| !here(id)).count()).unwrap_or(u32::MAX);
        gauge!("guildhall_servers_orphans", "host" => host.clone()).set(f64::from(orphans));
    }
}

impl Change<'_> {
    /// Its host has been away for too long.
    fn miss_host(&mut self) {
        if self.row.state.may_run() {
            let host = self.row.host.clone().unwrap_or_default();
            self.lose_host(&host);
        }
    }

    /// Compares with what its host sees. True when the host has to be told again what is wanted.
    fn compare(&mut self, seen: Option<&Observed>) -> bool {
        let current =
            seen.filter(|seen| i64::try_from(seen.generation).is_ok_and(|g| g == self.row.generation));
        if let Some(seen) = current {
            self.row.confirmed = self.row.confirmed.max(self.row.generation);
            let lost = self.row.state == State::Failed && self.row.goal == Goal::Running;
            match seen.phase {
                Phase::Ready if lost => {
                    self.find_again();
                    self.see(seen);
                }
                Phase::Stopped if self.job().is_none() && self.row.goal == Goal::Running => {
                    let trouble = Trouble::new(Code::Gone, "its host says that it is stopped");
                    self.settle_failed(&trouble);
                }
                _ => self.see(seen),
            }
            return false;
        }
        // A job tells the host itself, and repeats that; it is over soon enough.
        if self.job().is_some() {
            return false;
        }
        // The host knows a newer wish than the store does: the store was put back to an earlier day.
        let newer = seen.and_then(|seen| i64::try_from(seen.generation).ok());
        if let Some(newer) = newer.filter(|newer| (self.row.generation..i64::MAX / 2).contains(newer)) {
            self.row.generation = newer;
            self.want(self.row.goal);
            return true;
        }
        match (self.row.goal, seen) {
            // It was never told, because it was away.
            (Goal::Running, None) if self.row.confirmed < self.row.generation => true,
            (Goal::Running, None) => {
                self.settle_failed(&Trouble::new(Code::Gone, ""));
                false
            }
            (Goal::Running, Some(_)) => true,
            (Goal::Stopped | Goal::Absent, Some(seen)) if is_running(seen) => true,
            (Goal::Stopped | Goal::Absent, _) => {
                if self.session.is_some() {
                    self.settle_stopped(Ending::new(How::Unseen));
                }
                false
            }
        }
    }

    /// A passing state that has lasted too long becomes the state that the table names. True when the host has
    /// to be told what is wanted now.
    fn expire(&mut self) -> bool {
        let Some(deadline) = self.row.deadline.filter(|deadline| *deadline <= self.at) else { return false };
        let Some(expiry) = self.row.state.deadline(self.deadlines, Some(&self.launch.recipe)) else {
            return false;
        };
        let lasted = spoken((deadline.time() - self.row.since.time()).whole_seconds());
        let particulars = format!("it was {} for {lasted}", self.row.state);
        let trouble = self.trouble().unwrap_or_else(|| Trouble::new(expiry.code, particulars));
        self.overtake();
        match (self.job(), self.row.state) {
            (Some(Job::Stop | Job::Delete), _) | (None, State::Stopping | State::Deleting) => {
                if self.row.goal == Goal::Absent {
                    self.want(Goal::Stopped);
                }
                self.settle_unstopped(&Trouble { code: Code::StopFailed, ..trouble });
            }
            _ => self.settle_failed(&trouble),
        }
        true
    }

    /// Whether it is to be stopped because nobody plays. Where nobody can know who plays, it never is.
    fn idle(&mut self) -> bool {
        let (Some(after), Some(empty), State::Ready, None) =
            (self.launch.idle_stop, self.row.empty_since, self.row.state, self.job())
        else {
            return false;
        };
        let due = empty.time() + time::Duration::seconds(after);
        let due = self.row.keep_until.map_or(due, |until| until.time().max(due));
        let left = (due - self.at.time()).whole_seconds();
        if left <= 0 {
            return true;
        }
        if left <= IDLE_NOTICE_SECONDS.min(after / 2) && !self.row.idle_told {
            self.row.idle_told = true;
            told::idle_soon(self, left);
        }
        false
    }
}
