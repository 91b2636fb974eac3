//! Faults put in on purpose.

use guildhall_core::{Kind, Rank};
use serde_json::json;

use crate::house::{Plan, actor, house};

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

    let input = json!({ "what": "outage", "upstream": "discord", "within": "1m" });
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
        (json!({ "what": "error", "operation": "x", "code": "Not A Code" }), "incident_code"),
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
