//! Everything that is said to Discord, held against Discord's own document of its API where that is at hand.

use std::{path::Path, sync::OnceLock};

use guildhall_sim::{
    Direction, Exchange, Sim,
    conformance::{Checker, Violation},
};

fn checker() -> Option<&'static Checker> {
    static CHECKER: OnceLock<Option<Checker>> = OnceLock::new();
    let load = || {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/discord/openapi.json");
        if !path.exists() {
            println!("skipped, because there is no {}", path.display());
            return None;
        }
        Some(Checker::load(path).expect("Discord's document"))
    };
    CHECKER.get_or_init(load).as_ref()
}

/// Requests, whatever was answered.
pub fn wrong_requests(requests: &[Exchange]) -> Vec<Violation> {
    let checked = checker().map(|checker| requests.iter().flat_map(|one| checker.check_request(one)));
    checked.into_iter().flatten().collect()
}

/// Every exchange with the stand-in fits Discord's document, and Discord refused nothing but with `expected` codes
/// and where only its no can tell: whether somebody is a member, or has taken in an answer that is edited.
pub fn assert_conformance(sim: &Sim, expected: &[u64]) {
    let log = sim.log();
    assert!(!log.is_empty() && sim.log_dropped() == 0, "{} exchanges", log.len());
    let code = |exchange: &Exchange| exchange.response.as_ref().and_then(|answer| answer["code"].as_u64());
    let early = |exchange: &Exchange| {
        let same = |other: &&Exchange| (&other.method, &other.path) == (&exchange.method, &exchange.path);
        let original = exchange.status == 404 && exchange.path.ends_with("/messages/@original");
        original && log.iter().filter(same).any(|other| other.status < 300)
    };
    let asked = |exchange: &Exchange| exchange.method == "GET" && exchange.status == 404;
    let refused: Vec<String> = log
        .iter()
        .filter(|exchange| exchange.direction == Direction::ToDiscord && exchange.status >= 400)
        .filter(|exchange| !early(exchange) && !asked(exchange))
        .filter(|exchange| !code(exchange).is_some_and(|code| expected.contains(&code)))
        .map(|one| format!("{} {} {}: {:?}", one.method, one.path, one.status, one.response))
        .collect();
    assert!(refused.is_empty(), "Discord refuses nothing that Guildhall asks: {refused:#?}");
    let wrong = checker().map(|checker| log.iter().flat_map(|exchange| checker.check_exchange(exchange)));
    let wrong: Vec<String> = wrong.into_iter().flatten().map(|wrong| wrong.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
