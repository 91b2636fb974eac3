//! Who sends a request: the token, the peer that shows it, and how many wrong ones a peer may try.
//!
//! A token is 256 random bits, so guessing one is hopeless; the limit keeps guessers from costing anything.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, OriginalUri, Request, State},
    http::{HeaderMap, header::AUTHORIZATION},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use guildhall_core::{
    Actor, ActorId, Allowance, Clock, Error, Face, Kind, Rank, TenantId, error::panic_text, incident::Reader,
    permission::Tokens,
};
use metrics::counter;
use sha2::{Digest, Sha256};
use tracing::Instrument as _;

use crate::{
    HttpConfig,
    answer::code,
    face::{Shared, asked_for},
    language::language,
    metrics::{BAD_TOKENS, UNRECORDED},
};

/// The header with which the command line says what it is. Only the record's label depends on it.
pub(crate) const FACE: &str = "guildhall-face";
/// Longer tokens are not looked up.
const LONGEST_TOKEN: usize = 256;
/// Peers remembered until their allowance is full again.
const PEERS: usize = 10_000;
/// Wrong tokens recorded in a minute, over all peers.
const RECORDED_A_MINUTE: u32 = 120;
/// Good tokens remembered, by digest.
const GOOD_TOKENS: usize = 4_096;

/// Lets in who shows a token that somebody holds.
pub(crate) struct Door {
    tokens: Arc<dyn Tokens>,
    tenant: TenantId,
    trusted: Vec<IpAddr>,
    wrong: Allowance<IpAddr>,
    recorded: Allowance<()>,
    /// Digests of tokens that were good when last seen. Whoever shares an address with a guesser (a proxy, a
    /// household) keeps getting in.
    good: Mutex<HashSet<[u8; 32]>>,
}

/// Why somebody was not let in.
enum Closed {
    /// Nothing that could be a token was shown.
    Nothing,
    /// A wrong token.
    Wrong,
    /// Too many wrong tokens from there.
    TooMany(Duration),
    /// Nobody could say whose token it is.
    Unknown(Error),
}

/// The token of a request, kept for the time of an event stream to see whether it still holds.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Door {
    pub(crate) fn new(config: &HttpConfig, tokens: Arc<dyn Tokens>, clock: Arc<dyn Clock>) -> Self {
        Self {
            tokens,
            tenant: config.tenant.clone(),
            trusted: config.trusted_proxies.clone(),
            wrong: Allowance::new(clock.clone(), config.failures_per_minute, PEERS),
            recorded: Allowance::new(clock, RECORDED_A_MINUTE, 1),
            good: Mutex::default(),
        }
    }

    /// Whether the token is still held by this actor, with this rank and scope. When that cannot be found
    /// out, it is.
    pub(crate) async fn still(&self, secret: &Secret, actor: &Actor) -> bool {
        match self.tokens.holder(&secret.0).await {
            Ok(Some(holder)) => {
                holder.id == actor.id
                    && holder.tenant == actor.tenant
                    && holder.rank == actor.rank
                    && holder.scope == actor.scope
            }
            Ok(None) => false,
            Err(error) => {
                tracing::warn!("a token could not be looked up again: {}", error.causes());
                true
            }
        }
    }

    async fn open(&self, headers: &HeaderMap, peer: IpAddr) -> Result<(Actor, Secret), Closed> {
        let Some(shown) = headers.get(AUTHORIZATION) else { return Err(Closed::Nothing) };
        let secret = shown.to_str().ok().and_then(bearer).unwrap_or_default();
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        if let Err(wait) = self.wrong.check(&peer)
            && !self.good().contains(&digest)
        {
            return Err(Closed::TooMany(wait));
        }
        let holder = match secret {
            "" => None,
            secret => self.tokens.holder(secret).await.map_err(Closed::Unknown)?,
        };
        match holder {
            Some(mut actor) => {
                let mut good = self.good();
                if good.len() >= GOOD_TOKENS {
                    good.clear();
                }
                good.insert(digest);
                actor.face = face(headers);
                Ok((actor, Secret(secret.to_owned())))
            }
            None => {
                self.good().remove(&digest);
                counter!(BAD_TOKENS).increment(1);
                match self.wrong.take(peer) {
                    Ok(()) => Err(Closed::Wrong),
                    Err(wait) => Err(Closed::TooMany(wait)),
                }
            }
        }
    }

    fn good(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.good.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who a wrong token is put down to in the audit log.
    fn nobody(&self, peer: IpAddr, headers: &HeaderMap) -> Actor {
        Actor {
            tenant: self.tenant.clone(),
            id: ActorId::from(format!("peer:{peer}")),
            name: "holder of an unknown token".to_owned(),
            face: face(headers),
            rank: Rank::MEMBER,
            scope: Some(Vec::new()),
        }
    }

    /// The address that wrong tokens are counted for.
    fn peer(&self, request: &Request) -> IpAddr {
        let direct = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let direct = direct.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
        by_network(forwarded(direct, request.headers(), &self.trusted))
    }
}

/// The token in `Bearer TOKEN`; nothing when it is not one.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    let fits = (1..=LONGEST_TOKEN).contains(&token.len()) && !token.contains(char::is_whitespace);
    (scheme.eq_ignore_ascii_case("bearer") && fits).then_some(token)
}

fn face(headers: &HeaderMap) -> Face {
    match headers.get(FACE) {
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"cli") => Face::Cli,
        _ => Face::Rest,
    }
}

/// The nearest address in `X-Forwarded-For` that is not one of our own proxies'. Whoever is further away may
/// have made the rest up.
fn forwarded(direct: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&direct) {
        return direct;
    }
    let mut nearest = direct;
    let said: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .collect();
    for hop in said.iter().rev() {
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        nearest = hop.to_canonical();
        if !trusted.contains(&nearest) {
            break;
        }
    }
    nearest
}

/// An IPv6 customer has a /64 at least, so its addresses count as one.
fn by_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Stands before everything under `/api/v1`: lets in who may, and turns a panic on the way into an answer.
pub(crate) async fn guard(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let uri =
        request.extensions().get::<OriginalUri>().map_or_else(|| request.uri().clone(), |uri| uri.0.clone());
    let asked_for = asked_for(request.method(), &uri);
    let (peer, language) = (shared.door.peer(&request), language(request.headers()));
    let within = shared.config.request_timeout;
    let opening = tokio::time::timeout(within, shared.door.open(request.headers(), peer));
    let opened = opening.instrument(tracing::info_span!("verify")).await;
    let opened = opened.unwrap_or_else(|_| {
        let error =
            Error::new(Kind::Upstream, "token_unchecked", "Nobody could say in time whose token this is.");
        Err(Closed::Unknown(error.remedy("Try again in a moment.")))
    });
    let (actor, secret) = match opened {
        Ok(opened) => opened,
        Err(closed) => return turn_away(&shared, closed, peer, request.headers(), &asked_for).await,
    };
    request.extensions_mut().insert(actor.clone());
    request.extensions_mut().insert(secret);
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            shared.refuse(actor, language, &asked_for, Error::bug(panic_text(panic.as_ref()))).await
        }
    }
}

async fn turn_away(
    shared: &Shared,
    closed: Closed,
    peer: IpAddr,
    headers: &HeaderMap,
    asked_for: &str,
) -> Response {
    let nobody = shared.door.nobody(peer, headers);
    let language = language(headers);
    let reader = Reader { tenant: nobody.tenant.clone(), actor: nobody.id.clone(), language };
    match closed {
        Closed::Nothing => {
            let error = Error::new(Kind::Permission, code::NO_TOKEN, "This needs a token.")
                .remedy("Send it as `Authorization: Bearer TOKEN`.");
            shared.problem(&reader, error).await
        }
        Closed::Wrong => {
            let error = Error::new(Kind::Permission, code::BAD_TOKEN, "Nobody holds this token.")
                .remedy("It may be mistyped, revoked or expired. Ask a member of the staff for a new one.");
            if shared.door.recorded.take(()).is_err() {
                counter!(UNRECORDED).increment(1);
                return shared.problem(&reader, error).await;
            }
            let error = shared.catalogue.refuse(nobody, asked_for, error).await;
            shared.problem(&reader, error).await
        }
        Closed::TooMany(wait) => {
            let error = Error::new(
                Kind::Limit,
                code::TOO_MANY_TOKENS,
                "Too many wrong tokens came from your address.",
            )
            .remedy(format!("Try again in {} seconds.", wait.as_secs() + 1))
            .retry_after(wait)
            .with("seconds", wait.as_secs() + 1);
            shared.problem(&reader, error).await
        }
        Closed::Unknown(error) => {
            tracing::error!(asked_for, "a token could not be looked up: {}", error.causes());
            shared.problem(&reader, error).await
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_bearer_token_is_a_token() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer"), None);
        assert_eq!(bearer("Bearer "), None);
        assert_eq!(bearer("Bearer a b"), None);
        assert_eq!(bearer(&format!("Bearer {}", "a".repeat(257))), None);
    }

    #[test]
    fn a_proxy_is_believed_only_when_it_is_ours() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6, 9.9.9.9, 10.0.0.2"));
        let ours = [address("10.0.0.1"), address("10.0.0.2")];
        assert_eq!(forwarded(address("10.0.0.1"), &headers, &ours), address("9.9.9.9"));
        assert_eq!(forwarded(address("8.8.8.8"), &headers, &ours), address("8.8.8.8"));
        assert_eq!(forwarded(address("10.0.0.1"), &HeaderMap::new(), &ours), address("10.0.0.1"));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one() {
        let address = |text: &str| by_network(text.parse::<IpAddr>().unwrap());
        assert_eq!(address("2001:db8:1:2:3::4"), address("2001:db8:1:2:ffff::"));
        assert_ne!(address("2001:db8:1:2::"), address("2001:db8:1:3::"));
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(authorization in "\\PC{0,300}", hops in "\\PC{0,80}") {
            let _ = bearer(&authorization);
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(hops.as_bytes()) {
                headers.insert("x-forwarded-for", value);
            }
            let proxy = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let _ = forwarded(proxy, &headers, &[proxy]);
        }
    }
}
