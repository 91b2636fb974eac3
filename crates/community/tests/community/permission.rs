//! Who may call what: a table that changes only on purpose.

use guildhall_community::operations;
use guildhall_core::{Rank, Reply, Request};
use serde_json::json;

use crate::world::{MEMBER, world};

#[tokio::test]
async fn the_matrix_of_operations_and_ranks() {
    let world = world().await;
    let mut table = String::from("operation            effect   0 1 3 5 7 10\n");
    let operations = operations();
    for spec in operations.specs() {
        let effect = format!("{:?}", spec.effect).to_lowercase();
        let mut cells = Vec::new();
        for rank in [0, 1, 3, 5, 7, 10] {
            let mut actor = world.actor(MEMBER).await;
            actor.id = guildhall_core::ActorId::discord(5_000 + rank);
            actor.rank = Rank::new(u8::try_from(rank).unwrap()).unwrap();
            // Wrong on purpose: what is asked for must not happen, only whether it is permitted.
            let input = json!({"nothing": "like it"});
            let allowed = match world.catalogue.call(Request::json(actor, spec.name, input)).await {
                Err(error) => error.code != "rank_too_low",
                Ok(Reply::Done { .. } | Reply::Confirm { .. }) => true,
            };
            cells.push(if allowed { "x" } else { "." });
        }
        table.push_str(&format!("{:<20} {effect:<8} {}\n", spec.name, cells.join(" ")));
    }
    insta::assert_snapshot!("matrix", table);
}

#[test]
fn every_operation_is_described_with_examples() {
    for spec in operations().specs() {
        assert!((10..=100).contains(&spec.summary.len()), "{}", spec.name);
        assert!(!spec.summary.ends_with('.'), "{}", spec.name);
        assert!(!spec.examples.is_empty(), "{}", spec.name);
        for field in &spec.fields {
            assert!(!field.description.is_empty(), "{} {} is not described", spec.name, field.name);
        }
        assert!(spec.examples.iter().all(|example| example.starts_with(spec.name)), "{}", spec.name);
    }
    for setting in guildhall_community::SETTINGS {
        assert!(serde_json::from_str::<serde_json::Value>(setting.default).is_ok(), "{}", setting.key);
        assert!(setting.summary.len() <= 100, "{}", setting.key);
    }
}
