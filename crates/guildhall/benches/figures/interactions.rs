//! Interaction → acknowledged: the real route with its catalogue, store and audit record, beside a bare axum
//! handler that only verifies the signature, in the same process and on the same cores.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use guildhall_core::{
    Answer, Call, Catalogue, Clock, Document, Effect, Error, Operation, Operations, Rank, SystemClock,
    operation::Limit,
    permission::{DefaultRanks, Member, Ranking},
    setting::Defaults,
};
use guildhall_discord::{Community, Discord, DiscordConfig, Parts, Post};
use guildhall_store::{AuditStore, EventStore, NotebookStore, Store};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use crate::load::{self, Run};

const CLIENTS: usize = 200;
const REQUESTS: usize = 20_000;
const GUILD: u64 = 1_100_000_000_000_000_001;

/// Answers at once.
#[derive(Deserialize, JsonSchema)]
struct Echo {
    /// What to say.
    text: String,
}

struct Nothing;

impl Operation for Echo {
    type Domain = Nothing;
    type Output = ();
    const NAME: &'static str = "echo";
    const SUMMARY: &'static str = "Say it back.";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;
    const LIMIT: Limit = Limit { per_minute: 1_000_000, burst: 1_000_000 };

    async fn run(self, _: &Nothing, _: &Call) -> Result<Answer<()>, Error> {
        Ok(Answer::new((), Document::default().text(self.text)))
    }
}

struct Everybody;

#[async_trait::async_trait]
impl Ranking for Everybody {
    async fn rank(&self, _: &Member) -> Result<Rank, Error> {
        Ok(Rank::MEMBER)
    }
}

/// Measures both and prints them.
pub async fn measure() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let folder = tempfile::tempdir().expect("a folder");
    let guildhall = serve(guildhall(&key, folder.path()).await).await;
    let bare = serve(bare(key.verifying_key())).await;
    println!("interaction → acknowledged, {REQUESTS} requests, {CLIENTS} at once");
    // Once for warmth, then in turns, so that neither has the quieter machine.
    run(bare, &key, 0).await;
    run(guildhall, &key, 1).await;
    let mut best: [Option<Run>; 2] = [None, None];
    for round in 0..3 {
        for (at, address) in [bare, guildhall].into_iter().enumerate() {
            let this = run(address, &key, 2 + round * 2 + at).await;
            assert_eq!(this.bad, 0, "every request is answered with 200");
            if best[at].as_ref().is_none_or(|best| this.per_second > best.per_second) {
                best[at] = Some(this);
            }
        }
    }
    let [Some(bare), Some(guildhall)] = best else { return };
    print("bare axum + ed25519", &bare);
    print("guildhall", &guildhall);
    println!("  ratio: {:.2}", guildhall.per_second / bare.per_second);
}

fn print(name: &str, run: &Run) {
    println!("  {name:<22} {:>8.0} /s   p50 {:>7.2?}   p99 {:>7.2?}", run.per_second, run.p50, run.p99);
}

async fn run(address: SocketAddr, key: &SigningKey, round: usize) -> Run {
    load::send(address, requests(key, round), CLIENTS).await
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn guildhall(key: &SigningKey, folder: &std::path::Path) -> Router {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let address = format!("sqlite://{}", folder.join("bench.db").display());
    let store = Store::open(address, Vec::new()).await.expect("a store");
    let catalogue =
        Catalogue::builder(Arc::new(AuditStore::new(store.clone())), clock.clone(), Arc::new(DefaultRanks))
            .add(Operations::new().with::<Echo>(), Arc::new(Nothing))
            .build();
    let public = hex::encode(key.verifying_key().as_bytes());
    let mut config = DiscordConfig::new(1_100_000_000_000_000_000, public, "token".to_owned().into());
    config.gateway = None;
    config.communities.push(Community {
        tenant: "bench".parse().expect("a tenant"),
        guild_id: GUILD,
        announce_channel: GUILD + 1,
    });
    let notebook = Arc::new(NotebookStore::new(store.clone()));
    let parts = Parts {
        catalogue: Arc::new(catalogue),
        events: Arc::new(EventStore::new(store, clock.clone())),
        notebook: notebook.clone(),
        ranking: Arc::new(Everybody),
        settings: Arc::new(Defaults),
        guilds: None,
        post: Post::new(&config, notebook, clock.clone()).expect("a way out"),
        clock,
    };
    Discord::new(config, parts).expect("a face").routes()
}

fn bare(key: VerifyingKey) -> Router {
    let handler = move |headers: HeaderMap, body: Bytes| async move {
        let header =
            |name: &str| headers.get(name).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
        let mut signed = header("x-signature-timestamp");
        signed.extend_from_slice(&body);
        let mut signature = [0; 64];
        let fits = hex::decode_to_slice(header("x-signature-ed25519"), &mut signature).is_ok();
        if fits && key.verify_strict(&signed, &Signature::from_bytes(&signature)).is_ok() {
            (StatusCode::OK, r#"{"type":1}"#)
        } else {
            (StatusCode::UNAUTHORIZED, "")
        }
    };
    Router::new().route("/interactions", post(handler))
}

/// Signed slash commands; no two alike, because a repeated one is turned away.
fn requests(key: &SigningKey, round: usize) -> Vec<Vec<u8>> {
    let timestamp = time::OffsetDateTime::now_utc().unix_timestamp().to_string();
    let request = |at: usize| {
        let id = 1_200_000_000_000_000_000 + (round * REQUESTS + at) as u64;
        let body = json!({
            "id": id.to_string(), "application_id": "1100000000000000000", "type": 2, "version": 1,
            "token": format!("token-{id}"), "guild_id": GUILD.to_string(), "locale": "en-US",
            "channel_id": (GUILD + 1).to_string(), "app_permissions": "0", "entitlements": [],
            "authorizing_integration_owners": {}, "attachment_size_limit": 10485760,
            "channel": {"id": (GUILD + 1).to_string(), "type": 0, "name": "games"},
            "guild": {"id": GUILD.to_string(), "features": [], "locale": "en-US"},
            "data": {"id": "1100000000000000002", "name": "echo", "type": 1,
                     "options": [{"name": "text", "type": 3, "value": "hello"}]},
            "member": {
                "user": {"id": "1100000000000000003", "username": "ada", "discriminator": "0", "avatar": null,
                         "global_name": "Ada", "public_flags": 0},
                "roles": [], "joined_at": "2024-01-01T00:00:00.000000+00:00", "deaf": false, "mute": false,
                "flags": 0, "permissions": "0", "pending": false
            }
        })
        .to_string();
        let signature = hex::encode(key.sign(format!("{timestamp}{body}").as_bytes()).to_bytes());
        format!(
            "POST /interactions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
             x-signature-ed25519: {signature}\r\nx-signature-timestamp: {timestamp}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    (0..REQUESTS).map(request).collect()
}
