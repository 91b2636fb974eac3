//! One event as Sentry reads it, in an envelope:
//! <https://develop.sentry.dev/sdk/data-model/envelopes/>.

use std::collections::BTreeMap;

use guildhall_core::{CallId, Face, Kind};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::Sentry;
use crate::{
    Fingerprint,
    book::is_trace,
    fingerprint::shape,
    intake::{Key, Taken, may_be_cut},
};

/// Bytes of the causes that are sent.
const VALUE: usize = 1_024;

/// What Sentry is told: nothing that is a secret, and nobody's name, id or address.
pub(crate) struct Event {
    id: Uuid,
    at: OffsetDateTime,
    code: &'static str,
    kind: Kind,
    operation: String,
    /// The causes without all that differs from one time to the next, names in quotation marks among it.
    value: String,
    pub(crate) fingerprint: String,
    face: Face,
    /// Hashes.
    tenant: String,
    actor: Option<String>,
    call: Option<CallId>,
    trace: Option<String>,
}

impl Event {
    pub(crate) fn new(sentry: &Sentry, key: &Key, taken: &Taken) -> Self {
        let scrub = &sentry.scrub;
        let clean = match may_be_cut(&taken.detail) {
            true => scrub.all_of_cut(&taken.detail),
            false => scrub.all(&taken.detail).into_owned(),
        };
        let operation = scrub.all(&key.operation).into_owned();
        let value = shape(&clean, VALUE);
        let grouped = Fingerprint::of(key.code, key.kind, &operation, &shape(&clean, 240));
        Self {
            id: sentry.clock.uuid(),
            at: taken.at,
            code: key.code,
            kind: key.kind,
            operation,
            value,
            fingerprint: grouped.as_str().to_owned(),
            face: taken.face,
            tenant: scrub.hash(key.tenant.as_str()),
            actor: taken.actor.as_deref().map(|actor| scrub.hash(actor)),
            call: taken.call,
            trace: taken.trace.clone().filter(|trace| is_trace(trace)),
        }
    }

    fn tags(&self) -> BTreeMap<&'static str, String> {
        let mut tags = BTreeMap::from([
            ("code", self.code.to_owned()),
            ("kind", self.kind.as_str().to_owned()),
            ("operation", self.operation.clone()),
            ("face", self.face.as_str().to_owned()),
            ("tenant", self.tenant.clone()),
            ("fingerprint", self.fingerprint.clone()),
        ]);
        tags.extend(self.call.map(|call| ("reference", call.reference())));
        tags.extend(self.trace.clone().map(|trace| ("trace_id", trace)));
        tags
    }

    /// Three lines of JSON.
    pub(crate) fn envelope(&self, sentry: &Sentry) -> String {
        let id = self.id.simple().to_string();
        let event = json!({
            "event_id": id,
            "timestamp": self.at.format(&Rfc3339).unwrap_or_default(),
            "platform": "native",
            "level": if self.kind == Kind::Bug { "error" } else { "warning" },
            "logger": "guildhall",
            "release": sentry.release,
            "environment": sentry.environment,
            "transaction": self.operation,
            "fingerprint": [self.fingerprint],
            "exception": { "values": [{ "type": self.code, "value": self.value }] },
            "user": self.actor.as_ref().map(|actor| json!({ "id": actor })),
            "tags": self.tags(),
        });
        let event = event.to_string();
        let sent = sentry.clock.now().format(&Rfc3339).unwrap_or_default();
        let header = json!({ "event_id": id, "sent_at": sent });
        let item = json!({ "type": "event", "content_type": "application/json", "length": event.len() });
        format!("{header}\n{item}\n{event}\n")
    }
}
