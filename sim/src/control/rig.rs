//! Time, the gateway, faults and the record of requests, over HTTP.

use std::sync::PoisonError;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Body, Context, Result};
use crate::rest::fault::FaultOrder;

/// How long `GET /sim/changes` waits at most.
const LONGEST_POLL: Duration = Duration::from_secs(25);

#[derive(Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    since: u64,
}

pub(super) async fn changes(State(shared): Context, asked: Asked<Since>) -> Result<Json<Value>> {
    let Query(asked) = asked?;
    let mut changes = shared.changes();
    let news = async {
        tokio::select! {
            _ = changes.wait_for(|version| *version > asked.since) => {}
            () = shared.stopped() => {}
        }
    };
    // No change for a while is an answer too.
    let _ = tokio::time::timeout(LONGEST_POLL, news).await;
    Ok(Json(json!({"version": shared.version()})))
}

pub(super) async fn log(State(shared): Context) -> Json<Value> {
    let log = shared.log.lock().unwrap_or_else(PoisonError::into_inner);
    Json(json!({"exchanges": log.all(), "dropped": log.dropped()}))
}

#[derive(Deserialize)]
pub(super) struct Skip {
    skip_seconds: u32,
}

pub(super) async fn skip_time(State(shared): Context, body: Body<Skip>) -> Result<Json<Value>> {
    let Json(body) = body?;
    shared.clock.skip(Duration::from_secs(body.skip_seconds.into()));
    shared.write(|_| ());
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(super) enum GatewayAction {
    Drop,
    Sever,
    Forget,
}

pub(super) async fn gateway(State(shared): Context, body: Body<GatewayAction>) -> Result<Json<Value>> {
    let Json(action) = body?;
    shared.write(|world| match action {
        GatewayAction::Drop => world.sessions.ask_to_reconnect(),
        GatewayAction::Sever => world.sessions.sever(),
        GatewayAction::Forget => world.sessions.forget(),
    });
    Ok(Json(json!({})))
}

pub(super) async fn order_fault(State(shared): Context, body: Body<FaultOrder>) -> Result<Json<Value>> {
    let Json(order) = body?;
    shared.write(|world| world.faults.order(order));
    Ok(Json(json!({})))
}

pub(super) async fn heal(State(shared): Context) -> Json<Value> {
    Json(shared.write(|world| {
        world.faults.heal();
        json!({"struck": world.faults.struck()})
    }))
}
