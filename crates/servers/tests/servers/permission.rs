//! Who may call what: a table that changes only on purpose.

use guildhall_core::{Rank, Reply, Request};
use guildhall_servers::operations;
use serde_json::json;

use crate::world::world;

#[tokio::test]
async fn the_matrix_of_operations_and_ranks() {
    let world = world().await;
    let mut table = String::from("operation            effect   0 1 3 5 7 10\n");
    let operations = operations();
    for spec in operations.specs() {
        let effect = format!("{:?}", spec.effect).to_lowercase();
        let mut cells = Vec::new();
        for rank in [0, 1, 3, 5, 7, 10] {
            let actor = world.actor(1000 + rank, "Somebody", Rank::new(rank as u8).unwrap());
            // Wrong on purpose: what is asked for must not happen, only whether it is permitted.
            let input = json!({"server": "nothing-like-it", "name": "!", "recipe": "!"});
            let answer = world.catalogue.call(Request::json(actor, spec.name, input)).await;
            let allowed = match answer {
                Err(error) => error.code != "rank_too_low",
                Ok(Reply::Done { .. } | Reply::Confirm { .. }) => true,
            };
            cells.push(if allowed { "x" } else { "." });
        }
        table.push_str(&format!("{:<20} {effect:<8} {}\n", spec.name, cells.join(" ")));
    }
    insta::assert_snapshot!("matrix", table);
}

#[tokio::test]
async fn every_operation_is_described_and_destroying_ones_ask() {
    for spec in operations().specs() {
        assert!((10..=100).contains(&spec.summary.len()), "{}", spec.name);
        assert!(!spec.summary.ends_with('.'), "{}", spec.name);
        for field in &spec.fields {
            assert!(!field.description.is_empty(), "{} {} is not described", spec.name, field.name);
        }
        let server = spec.fields.iter().find(|field| field.name == "server");
        assert!(server.is_none_or(|field| field.complete.as_deref() == Some("server")), "{}", spec.name);
    }
    let world = world().await;
    world.create("survival").await;
    let reply = world.call(world.admin(), "server delete", json!({"server": "survival"})).await.unwrap();
    let Reply::Confirm { question, document, .. } = reply else { panic!("it asks first") };
    assert!(question.starts_with("survival is stopped if it runs, and deleted with its world"));
    assert!(document.actions().next().unwrap().confirmed);
    assert_eq!(world.state("survival").await, "stopped");
}
