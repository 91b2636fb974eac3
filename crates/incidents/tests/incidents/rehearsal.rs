//! Faults put in on purpose.

use std::{sync::atomic::Ordering, time::Duration};

use guildhall_core::{Kind, Rank, Request, upstream::Health};
use guildhall_store::{
    AuditStore,
    audit::{Filter, Page},
};
use serde_json::json;

use crate::house::{House, Plan, actor, house};

#[tokio::test]
async fn operators_put_faults_in_and_take_them_away() {
    let house = house(Plan::default()).await;
    let operator = actor("a", Rank::OPERATOR);
    let input = json!({ "what": "error", "code": "rank_too_low", "kind": "permission", "operation": "errors list", "times": 2 });
    house.data(&operator, "errors simulate", input).await;
    for _ in 0..2 {
        let error = house.call(&operator, "errors list", json!({})).await.unwrap_err();
        assert_eq!((error.code, error.kind), ("rank_too_low", Kind::Permission));
    }
    house.data(&operator, "errors list", json!({})).await;

    let input = json!({ "what": "outage", "upstream": "supplier", "within": "1m" });
    house.data(&operator, "errors simulate", input).await;
    assert_eq!(house.data(&operator, "errors faults", json!({})).await["faults"][0]["times"], 1);
    house.minutes(2);
    assert_eq!(house.data(&operator, "errors faults", json!({})).await["faults"], json!([]));

    let input = json!({ "what": "rate_limit", "operation": "errors stats", "times": 1000, "millis": 500 });
    house.data(&operator, "errors simulate", input).await;
    let busy = house.call(&operator, "errors stats", json!({})).await.unwrap_err();
    assert_eq!(busy.code, "upstream_busy");
    assert_eq!(house.data(&operator, "errors clear", json!({})).await["cleared"], 1);
    house.data(&operator, "errors stats", json!({})).await;
}

/// Calls, and lets time pass until there is an answer. What it says, and how long it took in milliseconds.
async fn while_time_passes(house: &House, operation: &'static str) -> (Result<(), &'static str>, i64) {
    let (catalogue, member) = (house.catalogue.clone(), actor("a", Rank::MEMBER));
    let calling =
        tokio::spawn(async move { catalogue.call(Request::json(member, operation, json!({}))).await });
    while !calling.is_finished() {
        // The store takes its own time, which is not the house's.
        if house.clock.waiting() > 0 {
            house.clock.advance(Duration::from_millis(100));
        }
        tokio::task::yield_now().await;
    }
    let answer = calling.await.unwrap().map(|_| ()).map_err(|error| error.code);
    let newest = Page { before: None, limit: 1 };
    let wanted = Filter { operation: Some(operation.to_owned()), ..Filter::default() };
    let kept = AuditStore::new(house.store.clone()).list_all(&wanted, newest).await.unwrap();
    (answer, kept[0].took_us / 1_000)
}

#[tokio::test]
async fn an_operation_that_is_made_slow_takes_longer_and_works() {
    let house = house(Plan::default()).await;
    let operator = actor("a", Rank::OPERATOR);
    let input = json!({ "what": "slow", "operation": "shop order", "millis": 30_000 });
    house.data(&operator, "errors simulate", input).await;
    let (answer, took) = while_time_passes(&house, "shop order").await;
    assert_eq!((answer, house.shop.asked.load(Ordering::Relaxed)), (Ok(()), 1));
    assert!((30_000..31_000).contains(&took), "{took} ms");
    // Once was asked for. This one would wait for ever, since the clock stands still.
    let done = house.call(&actor("a", Rank::MEMBER), "shop order", json!({})).await;
    assert!(done.is_ok(), "{done:?}");
}

#[tokio::test]
async fn another_system_is_made_slow_busy_and_away() {
    let house = house(Plan::default()).await;
    let operator = actor("a", Rank::OPERATOR);
    let asked = || house.shop.asked.swap(0, Ordering::Relaxed);
    let simulate = async |what: &str, millis: u32, times: u32| {
        let input =
            json!({ "what": what, "upstream": "supplier", "millis": millis, "times": times, "within": "1h" });
        house.data(&operator, "errors simulate", input).await;
    };

    simulate("slow", 20_000, 1).await;
    let (answer, took) = while_time_passes(&house, "shop order").await;
    assert_eq!((answer, asked()), (Ok(()), 1));
    assert!((20_000..21_000).contains(&took), "{took} ms");

    // Who is told to wait waits, and asks again.
    simulate("rate_limit", 4_000, 2).await;
    let (answer, took) = while_time_passes(&house, "shop order").await;
    assert_eq!((answer, asked()), (Ok(()), 1));
    assert!((8_000..9_000).contains(&took), "{took} ms");
    // But not for longer than people do.
    simulate("rate_limit", 60_000, 1).await;
    assert_eq!(while_time_passes(&house, "shop order").await.0, Err("upstream_busy"));
    assert_eq!(asked(), 0);

    // An outage shorter than the patience is not noticed; a longer one is, and then it is left alone.
    simulate("outage", 1, 3).await;
    assert_eq!((while_time_passes(&house, "shop order").await.0, asked()), (Ok(()), 1));
    simulate("outage", 1, 1_000).await;
    for _ in 0..2 {
        assert_eq!(while_time_passes(&house, "shop order").await.0, Err("upstream_down"));
    }
    assert_eq!((asked(), house.shop.supplier.health()), (0, Health::Open));
    // People read that it does not answer, and what to do.
    let error = house.call(&actor("a", Rank::MEMBER), "shop order", json!({})).await.unwrap_err();
    assert_eq!((error.code, error.kind), ("upstream_down", Kind::Upstream));

    // The rehearsal ends, and after its rest the supplier is asked again.
    house.data(&operator, "errors clear", json!({})).await;
    house.minutes(1);
    assert_eq!((while_time_passes(&house, "shop order").await.0, asked()), (Ok(()), 1));
    assert_eq!(house.shop.supplier.health(), Health::Closed);
}

#[tokio::test]
async fn a_rehearsed_error_is_of_the_kind_that_the_real_one_had() {
    let house = house(Plan::default()).await;
    let operator = actor("a", Rank::OPERATOR);
    house.fail(&operator, Kind::Conflict, "bread").await;
    house.incidents.flush().await.unwrap();
    for (code, kind) in [("out_of_stock", Kind::Conflict), ("never_seen", Kind::Bug)] {
        let input = json!({ "what": "error", "code": code, "operation": "errors list" });
        house.data(&operator, "errors simulate", input).await;
        assert_eq!(house.call(&operator, "errors list", json!({})).await.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn what_cannot_be_rehearsed_is_refused_with_a_reason() {
    let house = house(Plan::default()).await;
    let operator = actor("a", Rank::OPERATOR);
    for (input, code) in [
        (json!({ "what": "outage" }), "incident_target"),
        (json!({ "what": "outage", "operation": "x", "upstream": "y" }), "incident_target"),
        (json!({ "what": "error", "operation": "shop order", "code": "Not A Code" }), "incident_code"),
        (json!({ "what": "outage", "operation": "foo bar" }), "incident_operation"),
        (json!({ "what": "outage", "upstream": "foo" }), "incident_no_upstream"),
        (json!({ "what": "outage", "upstream": "supplier", "within": "61m" }), "invalid_input"),
        (json!({ "what": "outage", "operation": "*", "times": 21 }), "incident_everywhere"),
    ] {
        let error = house.call(&operator, "errors simulate", input).await.unwrap_err();
        assert_eq!(error.code, code);
    }
    let staff = actor("a", Rank::OWNER);
    for operation in ["errors simulate", "errors faults", "errors clear"] {
        let error =
            house.call(&staff, operation, json!({ "what": "outage", "operation": "x" })).await.unwrap_err();
        assert_eq!(error.code, "rank_too_low", "{operation}");
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_with_those_that_do() {
    let house = house(Plan::default()).await;
    let operator = actor("a", Rank::OPERATOR);
    let refused = async |input| house.call(&operator, "errors simulate", input).await.unwrap_err();
    let error = refused(json!({ "what": "outage", "operation": "shop oder" })).await;
    assert!(error.remedy.unwrap().starts_with("Did you mean: shop order, "), "the nearest comes first");
    let error = refused(json!({ "what": "outage", "upstream": "suplier" })).await;
    assert_eq!(error.remedy.as_deref(), Some("There are: supplier."));
    let error = refused(json!({ "what": "outage", "upstream": "supplier", "within": "3h" })).await;
    assert_eq!(error.fields[0].message, "is at most 1h, and '3h' is longer.");
    assert_eq!(
        house.data(&operator, "errors faults", json!({})).await["faults"],
        json!([]),
        "none was put in"
    );
    // As people write them.
    for input in [
        json!({ "what": "outage", "operation": "/shop order" }),
        json!({ "what": "outage", "upstream": "Supplier", "within": "1h" }),
    ] {
        house.data(&operator, "errors simulate", input).await;
    }
}

#[tokio::test]
async fn codes_and_groups_are_offered_while_somebody_types() {
    let house = house(Plan::default()).await;
    let operator = actor("a", Rank::OPERATOR);
    let codes = house.catalogue.complete(&operator, "errors simulate", "code", "rank_too").await.unwrap();
    assert_eq!(codes.iter().map(|choice| choice.value.as_str()).collect::<Vec<_>>(), ["rank_too_low"]);
    house.fail(&actor("b", Rank::MEMBER), Kind::Bug, "x").await;
    house.incidents.flush().await.unwrap();
    assert_eq!(house.catalogue.complete(&operator, "errors show", "error", "inter").await.unwrap().len(), 1);
    let staff = actor("a", Rank::ADMIN);
    assert_eq!(house.catalogue.complete(&staff, "errors show", "error", "").await.unwrap().len(), 0);
}
