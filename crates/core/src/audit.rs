//! The record of who did what, through which face, and what came of it.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::{ActorId, CallId, Error, Face, Rank, TenantId};

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It ran.
    Done,
    /// It asked for a confirmation first.
    Asked,
    /// It was turned away: input, permission, limit, not found, conflict.
    Refused,
    /// It broke on the way.
    Failed,
}

impl Verdict {
    /// The word kept in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Asked => "asked",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One call, kept for good.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The call.
    pub call: CallId,
    /// When it began.
    pub at: OffsetDateTime,
    /// How long it took, in microseconds.
    pub took_us: i64,
    /// For which community.
    pub tenant: TenantId,
    /// Who.
    pub actor: ActorId,
    /// What they were called then.
    pub actor_name: String,
    /// Through which face.
    pub face: Face,
    /// With which rank.
    pub rank: Rank,
    /// Why the actor could do this with a rank too low for it: `owner of the guild`, `operator`.
    pub bypass: Option<String>,
    /// The operation's name; what was asked for when there is no such operation.
    pub operation: String,
    /// The input, secrets blanked, cut to 4 KiB.
    pub input: Value,
    /// What came of it.
    pub verdict: Verdict,
    /// The error's code, when there was one.
    pub code: Option<String>,
    /// The error with its causes, when there was one. Staff of the installation read it, nobody else.
    pub detail: Option<String>,
}

/// Keeps records.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Keeps one. Returns when it is safe on disk.
    async fn record(&self, record: Record) -> Result<(), Error>;
}
