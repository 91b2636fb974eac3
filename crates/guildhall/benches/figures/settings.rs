//! Looking a setting up: in memory, and when it has to be read from the database again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use guildhall_community::{Community, CommunityConfig};
use guildhall_core::{
    Actor, ActorId, Catalogue, Clock, Face, Rank, Request, SystemClock, TenantId, fault::Faults,
    guild::NoGuilds, setting::Setting,
};
use guildhall_store::{AuditStore, EventStore, testkit};
use serde_json::json;

const CACHED: u32 = 200_000;
const READ: u32 = 5_000;

/// Measures every database and prints it.
pub async fn measure() {
    println!(
        "setting looked up, one at a time: from the cache ({CACHED} times), after it was forgotten ({READ})"
    );
    for store in testkit::stores(guildhall_community::migrations).await {
        let tenant: TenantId = "bench".parse().expect("a tenant");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let all: Vec<&'static Setting> =
            [guildhall_discord::SETTINGS, guildhall_community::SETTINGS, guildhall_moderation::SETTINGS]
                .concat();
        let community = Community::new(
            CommunityConfig::default(),
            store.store(),
            Arc::new(EventStore::new(store.store(), clock.clone())),
            Arc::new(NoGuilds),
            all,
            Faults::new(clock.clone()),
            clock.clone(),
        );
        let audit = Arc::new(AuditStore::new(store.store()));
        let catalogue = Catalogue::builder(audit, clock, community.permissions())
            .add(guildhall_community::operations(), community.clone())
            .build();
        let catalogue = Arc::new(catalogue);
        community.attach(&catalogue);
        for (key, value) in [("general.prefix", "!"), ("moderation.dm", "off"), ("general.language", "de")] {
            let actor = Actor {
                tenant: tenant.clone(),
                id: ActorId::token("bench"),
                name: "bench".to_owned(),
                face: Face::Rest,
                rank: Rank::OPERATOR,
                scope: None,
            };
            let input = json!({"key": key, "value": value});
            catalogue.call(Request::json(actor, "config set", input)).await.expect("a setting");
        }
        let settings = community.settings();
        let look = async || {
            let value = settings.value(&tenant, &guildhall_discord::PREFIX).await.expect("a value");
            assert_eq!(value, "!");
        };
        look().await;
        let cached = timed(CACHED, async || look().await).await;
        let read = timed(READ, async || {
            community.forget(&tenant);
            look().await;
        })
        .await;
        println!(
            "  {:<12} cached {:>6} ns   read {:>8.1} µs   ratio: {:.0}",
            store.name,
            cached.as_nanos(),
            read.as_secs_f64() * 1e6,
            read.as_secs_f64() / cached.as_secs_f64()
        );
    }
}

async fn timed(times: u32, each: impl AsyncFn()) -> Duration {
    let began = Instant::now();
    for _ in 0..times {
        each().await;
    }
    began.elapsed() / times
}
