//! Grouping, counting, states, and who sees what.

use guildhall_core::{Kind, Rank};
use guildhall_incidents::migrations;
use serde_json::json;

use crate::house::{Plan, actor, build, house, houses, text};

#[tokio::test]
async fn errors_of_one_shape_are_one_group_with_every_count() {
    for house in houses(Plan::default).await {
        let operator = actor("a", Rank::OPERATOR);
        for number in 0..7 {
            house
                .fail(&actor("a", Rank::MEMBER), Kind::Bug, &format!("row {number} of 'x{number}' is broken"))
                .await;
        }
        house.fail(&actor("a", Rank::MEMBER), Kind::Bug, "something else is broken").await;
        assert_eq!(house.incidents.flush().await.unwrap(), 2, "{}", house.name);
        house.minutes(60);
        house.fail(&actor("b", Rank::MEMBER), Kind::Bug, "row 99 of 'y' is broken").await;
        house.incidents.flush().await.unwrap();

        let list = house.data(&operator, "errors list", json!({})).await;
        assert_eq!(list["total"], 2, "{}: {list}", house.name);
        let group = &list["errors"][0];
        assert_eq!(
            (&group["total"], &group["communities"], &group["state"]),
            (&json!(8), &json!(2), &json!("open"))
        );
        assert!(group["cause"].as_str().unwrap().ends_with("row # of … is broken"), "{group}");
        let trend = group["trend"].as_array().unwrap();
        assert_eq!((&trend[22], &trend[23]), (&json!(7), &json!(1)), "{}", house.name);
    }
}

#[tokio::test]
async fn staff_see_their_own_community_and_no_internals() {
    for house in houses(Plan::default).await {
        let error = house.fail(&actor("a", Rank::MEMBER), Kind::Bug, "the inside is out").await;
        house.fail(&actor("b", Rank::MEMBER), Kind::Bug, "the inside is out").await;
        house.incidents.flush().await.unwrap();
        let reference = error.call.unwrap().reference();
        let staff = actor("a", Rank::ADMIN);

        let list = house.data(&staff, "errors list", json!({})).await;
        assert_eq!((&list["errors"][0]["total"], &list["errors"][0]["communities"]), (&json!(1), &json!(1)));
        let reply = house.call(&staff, "errors show", json!({ "error": reference })).await.unwrap();
        assert!(text(reply.document()).contains(&reference));
        assert!(
            !text(reply.document()).contains("inside"),
            "{}: staff read {}",
            house.name,
            text(reply.document())
        );
        let shown = house.data(&staff, "errors show", json!({ "error": reference.to_lowercase() })).await;
        assert!(!shown.to_string().contains("inside"), "{}: staff read {shown}", house.name);

        let other = actor("b", Rank::ADMIN);
        let refused = house.call(&other, "errors show", json!({ "error": reference })).await.unwrap_err();
        assert_eq!(refused.code, "incident_not_found", "{}: it is another community's", house.name);

        let all = house.data(&actor("c", Rank::OPERATOR), "errors show", json!({ "error": reference })).await;
        assert_eq!(all["group"]["communities"], 2);
        assert!(all["samples"][0]["detail"].as_str().unwrap().contains("the inside is out"));
        assert!(
            house.call(&actor("a", Rank::MEMBER), "errors list", json!({})).await.is_err(),
            "members do not"
        );
    }
}

#[tokio::test]
async fn a_resolved_error_opens_again_when_it_comes_back() {
    for house in houses(Plan::default).await {
        let (a, b) = (actor("a", Rank::ADMIN), actor("b", Rank::ADMIN));
        house.fail(&a, Kind::Upstream, "no answer").await;
        house.fail(&b, Kind::Upstream, "no answer").await;
        house.incidents.flush().await.unwrap();
        let fingerprint = house.data(&a, "errors list", json!({})).await["errors"][0]["fingerprint"].clone();
        let input = json!({ "error": fingerprint, "note": "rang them up" });
        house.data(&a, "errors resolve", input.clone()).await;
        house.minutes(135);
        let again = house.call(&a, "errors resolve", input).await.unwrap_err();
        assert_eq!(again.code, "incident_resolved", "{}", house.name);
        assert_eq!(again.message, "This error has been resolved for 2h already.", "{}", house.name);
        let open = house.data(&b, "errors list", json!({})).await;
        assert_eq!(open["total"], 1, "{}: another community's stays open", house.name);
        assert_eq!(house.data(&a, "errors list", json!({ "which": "resolved" })).await["total"], 1);

        house.minutes(5);
        house.fail(&a, Kind::Upstream, "no answer").await;
        house.incidents.flush().await.unwrap();
        let list = house.data(&a, "errors list", json!({})).await;
        assert_eq!(list["errors"][0]["state"], "reopened", "{}: {list}", house.name);
    }
}

#[tokio::test]
async fn that_nothing_went_wrong_is_said_only_when_nothing_did() {
    let house = house(Plan::default()).await;
    let staff = actor("a", Rank::ADMIN);
    let said = async |input: serde_json::Value| {
        let reply = house.call(&staff, "errors list", input).await.unwrap();
        text(reply.document())
    };
    assert!(said(json!({ "which": "all" })).await.contains("Nothing went wrong in the last 90 days."));
    house.fail(&staff, Kind::NotFound, "bread").await;
    house.incidents.flush().await.unwrap();
    for input in [json!({ "which": "all", "code": "x" }), json!({ "which": "all", "kind": "bug" })] {
        let text = said(input).await;
        assert!(text.contains("Nothing like that went wrong"), "{text}");
    }
    assert!(said(json!({ "code": "x" })).await.contains("Nothing like that is open."));
}

#[tokio::test]
async fn statistics_add_up_by_each_of_their_sides() {
    for house in houses(Plan::default).await {
        let operator = actor("a", Rank::OPERATOR);
        let member = actor("a", Rank::MEMBER);
        house.fail(&member, Kind::Bug, "x").await;
        house.minutes(2 * 24 * 60);
        house.fail(&member, Kind::Bug, "x").await;
        house.fail(&member, Kind::NotFound, "bread").await;
        house.fail(&member, Kind::NotFound, "milk").await;
        house.incidents.flush().await.unwrap();
        for (by, expected) in [
            ("kind", vec![("bug", 2), ("not_found", 2)]),
            ("code", vec![("internal", 2), ("out_of_stock", 2)]),
            ("operation", vec![("shop break", 4)]),
            ("day", vec![("2026-01-01", 1), ("2026-01-03", 3)]),
        ] {
            let stats = house.data(&operator, "errors stats", json!({ "by": by })).await;
            let rows: Vec<_> = stats["rows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| (row["name"].as_str().unwrap(), row["total"].as_i64().unwrap()))
                .collect();
            assert_eq!(rows, expected, "{}: by {by}", house.name);
            assert_eq!(stats["total"], 4);
        }
        let today = house.data(&operator, "errors stats", json!({ "days": 1 })).await;
        assert_eq!(today["total"], 3, "{}", house.name);
    }
}

#[tokio::test]
async fn statistics_count_every_error_of_every_group_on_every_day() {
    let house = house(Plan::default()).await;
    // More than 20,000 groups and days.
    let (tenants, groups, days) = (4, 450, 12);
    for _ in 0..days {
        for tenant in 0..tenants {
            for group in 0..groups {
                let operation = format!("do {tenant} {group}");
                house.notice(&format!("t{tenant}"), "internal", Kind::Bug, &operation, "broken");
            }
            if tenant % 2 == 1 {
                house.incidents.flush().await.unwrap();
            }
        }
        house.minutes(24 * 60);
    }
    for by in ["kind", "code", "operation", "day"] {
        let input = json!({ "by": by, "days": 30 });
        let stats = house.data(&actor("a", Rank::OPERATOR), "errors stats", input).await;
        assert_eq!(stats["total"], tenants * groups * days, "by {by}");
        let own =
            house.data(&actor("t1", Rank::ADMIN), "errors stats", json!({ "by": by, "days": 30 })).await;
        assert_eq!(own["total"], groups * days, "by {by}, of one community");
    }
}

#[tokio::test]
async fn counts_outlive_a_store_that_is_away() {
    for store in guildhall_store::testkit::stores(Vec::new).await {
        // Without its tables the store refuses everything, as one that is away would.
        let house = build(store.name, store.store(), Plan::default());
        for _ in 0..30 {
            house.notice("a", "internal", Kind::Bug, "x", "broken");
        }
        assert!(house.incidents.flush().await.is_err(), "{}", store.name);
        house.notice("a", "internal", Kind::Bug, "x", "broken");
        assert!(house.incidents.flush().await.is_err());
        store.again(migrations()).await;
        house.incidents.flush().await.unwrap();
        let list = house.data(&actor("a", Rank::OPERATOR), "errors list", json!({})).await;
        assert_eq!(list["errors"][0]["total"], 31, "{}", store.name);
    }
}

#[tokio::test]
async fn two_processes_that_write_at_once_lose_nothing_and_tell_once() {
    for store in guildhall_store::testkit::stores(migrations).await {
        let one = build(store.name, store.store(), Plan::default());
        let other = build(store.name, store.again(migrations()).await, Plan::default());
        for round in 0..10 {
            for house in [&one, &other] {
                for tenant in ["a", "b", "c"] {
                    house.notice(tenant, "internal", Kind::Bug, "x", "broken");
                }
            }
            let (first, second) = tokio::join!(one.incidents.flush(), other.incidents.flush());
            // PostgreSQL may end one of two that wait for each other; its counts stay for the next time.
            assert!(first.is_ok() || second.is_ok(), "{}: round {round}", store.name);
        }
        for house in [&one, &other] {
            house.incidents.flush().await.unwrap();
            house.incidents.tell().await;
        }
        let list = one.data(&actor("a", Rank::OPERATOR), "errors list", json!({})).await;
        assert_eq!((&list["total"], &list["errors"][0]["total"]), (&json!(1), &json!(60)), "{}", store.name);
        assert_eq!(one.post.all().len() + other.post.all().len(), 1, "{}", store.name);
    }
}

#[tokio::test]
async fn who_gives_up_waiting_takes_no_count_along() {
    for house in houses(Plan::default).await {
        for _ in 0..5 {
            house.notice("a", "internal", Kind::Bug, "x", "broken");
        }
        // Whoever has the only place to write keeps the flush waiting; then its caller hangs up.
        let held = house.store.begin().await.unwrap();
        {
            let flush = house.incidents.flush();
            tokio::pin!(flush);
            let waited = is_pending(flush.as_mut()).await;
            assert!(waited, "{}", house.name);
        }
        drop(held);
        house.incidents.flush().await.unwrap();
        let list = house.data(&actor("a", Rank::OPERATOR), "errors list", json!({})).await;
        assert_eq!(list["errors"][0]["total"], 5, "{}", house.name);
    }
}

/// Polls once; true when it is not done yet.
async fn is_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await
}
