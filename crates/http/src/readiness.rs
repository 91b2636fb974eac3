//! `/healthz` and `/readyz`: whether the process lives, and whether it can do its work.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::face::Shared;

/// Longest wait for the parts to say how they are. Load balancers ask every few seconds and give up sooner
/// than people do.
const WITHIN: Duration = Duration::from_secs(3);

/// Something the installation is made of, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Part {
    /// What it is: `store`, `broker`, `discord`.
    pub name: String,
    /// Whether it does its work.
    pub ok: bool,
    /// Whether the installation is of use without it.
    pub needed: bool,
    /// How it is, in a sentence that anybody may read: no address, no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Part {
    /// A part that does its work.
    pub fn ok(name: impl Into<String>) -> Self {
        Self { name: name.into(), ok: true, needed: true, why: None }
    }

    /// A part that does not, and why.
    pub fn down(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), ok: false, needed: true, why: Some(why.into()) }
    }

    /// Says that the installation is of use without it.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.needed = false;
        self
    }
}

/// Knows how the parts of the installation are.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// How each part is now. Asked by anybody, often: it must be cheap, and is given three seconds.
    async fn parts(&self) -> Vec<Part>;
}

/// The body of `/readyz`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Ready {
    /// Whether every needed part does its work.
    pub(crate) ready: bool,
    /// Each part.
    pub(crate) parts: Vec<Part>,
}

/// The body of `/healthz`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// Always `alive`: a process that is not does not answer.
    pub(crate) status: &'static str,
    /// Guildhall's version.
    pub(crate) version: &'static str,
}

pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "alive", version: env!("CARGO_PKG_VERSION") })
}

pub(crate) async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    let parts = tokio::time::timeout(WITHIN, shared.readiness.parts()).await.unwrap_or_else(|_| {
        vec![Part::down(
            "readiness",
            format!("The parts did not answer within {} seconds.", WITHIN.as_secs()),
        )]
    });
    let ready = parts.iter().all(|part| part.ok || !part.needed) && !shared.stop.is_cancelled();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready, parts })).into_response()
}
