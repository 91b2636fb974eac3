//! One call, from the request to the audit record.

use std::{panic::AssertUnwindSafe, sync::atomic::Ordering, time::Duration};

use futures::FutureExt;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use tracing::Instrument;

use super::Catalogue;
use crate::{
    Action, Actor, Call, CallId, Document, Effect, Error, Follow, Spec, Tone,
    audit::{Record, Verdict},
    document::Style,
    error::panic_text,
    fault::Strike,
    guild::{ChannelId, MessageId},
    id::fresh,
    incident::{self, Occurrence},
    input::{self, Raw},
    language::Language,
    permission::{self, Bypass},
};

/// A call as a face hands it in.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who.
    pub actor: Actor,
    /// Which operation, by name.
    pub operation: String,
    /// With what.
    pub input: Raw,
    /// The person has answered the question of a destroying operation with yes.
    pub confirmed: bool,
    /// The channel it is called from, where there is one.
    pub channel: Option<ChannelId>,
    /// The message it began with, as in [`Call::message`].
    pub message: Option<MessageId>,
    /// The language the caller reads.
    pub language: Language,
}

impl Request {
    /// A call with typed input.
    pub fn json(actor: Actor, operation: impl Into<String>, input: Value) -> Self {
        Self {
            actor,
            operation: operation.into(),
            input: Raw::Json(input),
            confirmed: false,
            channel: None,
            message: None,
            language: Language::English,
        }
    }
}

/// What a face renders.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "reply")]
pub enum Reply {
    /// It ran.
    Done {
        /// The call.
        call: CallId,
        /// For programs.
        data: Value,
        /// For people.
        document: Document,
        /// The job that goes on, if any.
        follow: Option<Follow>,
        /// Whether only the actor may see it.
        private: bool,
        /// Whether it takes the place of the private message whose button led to it.
        in_place: bool,
    },
    /// It did not run yet: the person has to say yes first.
    Confirm {
        /// The call.
        call: CallId,
        /// The question.
        question: String,
        /// The question with the button that means yes.
        document: Document,
    },
}

impl Reply {
    /// The document, whichever it is.
    pub fn document(&self) -> &Document {
        match self {
            Self::Done { document, .. } | Self::Confirm { document, .. } => document,
        }
    }
}

impl Catalogue {
    /// Calls an operation. This is the only way in, for every face.
    pub async fn call(&self, request: Request) -> Result<Reply, Error> {
        let call_id: CallId = fresh(self.clock.as_ref());
        let began = self.clock.now();
        let operation = self.clean_name(&request.operation);
        let span = tracing::info_span!(
            "call",
            operation,
            call = %call_id,
            tenant = %request.actor.tenant,
            actor = %request.actor.id,
            face = request.actor.face.as_str(),
        );
        let actor = request.actor.clone();
        let mut kept = Kept::default();
        let result = self.attempt(request, call_id, &mut kept).instrument(span.clone()).await;
        let result = result.map_err(|mut error| {
            error.call = Some(call_id);
            error
        });
        span.in_scope(|| {
            if let Err(error) = &result
                && !error.kind.is_refusal()
            {
                let causes = self.clean_text(error.causes());
                tracing::error!(code = error.code, reference = call_id.reference(), "{causes}");
            }
            self.report(call_id, &actor, &operation, &result);
        });
        let record = self.describe(call_id, began, actor, &operation, kept, &result);
        let audit = tracing::info_span!(parent: &span, "audit");
        self.keep(record).instrument(audit).await;
        result.map_err(|error| self.cleaned(error))
    }

    /// Keeps the record of something that never became a call: a malformed body, a bad signature.
    pub async fn refuse(&self, actor: Actor, asked_for: &str, mut error: Error) -> Error {
        let call_id: CallId = fresh(self.clock.as_ref());
        error.call = Some(call_id);
        let asked_for = self.clean_name(asked_for);
        let result = Err(error);
        self.report(call_id, &actor, &asked_for, &result);
        let kept = Kept::default();
        let record = self.describe(call_id, self.clock.now(), actor, &asked_for, kept, &result);
        self.keep(record).await;
        match result {
            Err(error) => self.cleaned(error),
            Ok(_) => unreachable!("built as an error above"),
        }
    }

    async fn attempt<'a>(
        &'a self,
        request: Request,
        id: CallId,
        kept: &mut Kept<'a>,
    ) -> Result<Reply, Error> {
        let Request { actor, operation, input: raw, confirmed, channel, message, language } = request;
        let entry = self.entries.get(operation.as_str()).ok_or_else(|| self.unknown(&operation))?;
        let spec = entry.spec();
        kept.spec = Some(spec);
        if let Raw::Json(input) = &raw {
            kept.input = input.clone();
        }
        let required = self.permissions.required(&actor, spec);
        let required = required.instrument(tracing::info_span!("rank")).await?;
        kept.bypass.note(permission::check(&actor, &required, spec.name)?);
        self.limiter.check(&actor, spec)?;
        let raw = self.name_people(&actor.tenant, &spec.fields, raw).await?;
        let input = input::read(&spec.fields, raw)?;
        kept.input = input.clone();
        let asking = (spec.effect == Effect::Destroy && !confirmed).then(|| input.clone());
        let prepared = entry.prepare(input)?;
        let (clock, bypass) = (self.clock.clone(), kept.bypass.clone());
        let call = Call { id, actor, channel, message, language, operation: spec.name, clock, bypass };
        if let Some(input) = asking {
            let question = caught(prepared.ask(&call)).await?;
            let document = question_document(spec, &question, input);
            return Ok(Reply::Confirm { call: id, question, document });
        }
        self.rehearse(spec.name).instrument(tracing::info_span!("run")).await?;
        let answer = caught(prepared.run(&call)).await?;
        let (data, document, follow) = (answer.data, answer.document, answer.follow);
        let (private, in_place) = (spec.private, spec.in_place);
        Ok(Reply::Done { call: id, data, document, follow, private, in_place })
    }

    /// Lets a fault strike that somebody put in on purpose.
    async fn rehearse(&self, operation: &str) -> Result<(), Error> {
        let Some(strike) = self.faults.at_operation(operation) else { return Ok(()) };
        if let Strike::Slow { millis } = strike {
            self.clock.sleep(Duration::from_millis(millis.min(60_000))).await;
        }
        strike.error(operation).map_or(Ok(()), Err)
    }

    /// Tells the observer of an error.
    fn report(&self, call: CallId, actor: &Actor, operation: &str, result: &Result<Reply, Error>) {
        let Err(error) = result else { return };
        self.observer.notice(Occurrence {
            at: self.clock.now(),
            code: error.code,
            kind: error.kind,
            operation: operation.to_owned(),
            detail: error.causes(),
            tenant: actor.tenant.clone(),
            actor: Some(actor.id.clone()),
            face: actor.face,
            call: Some(call),
            trace: incident::current_trace(),
        });
    }

    fn describe(
        &self,
        call: CallId,
        at: OffsetDateTime,
        actor: Actor,
        operation: &str,
        kept: Kept<'_>,
        result: &Result<Reply, Error>,
    ) -> Record {
        let input = kept.spec.map(|spec| self.input_for_records(spec, kept.input)).unwrap_or_default();
        let error = result.as_ref().err();
        let verdict = match result {
            Ok(Reply::Done { .. }) => Verdict::Done,
            Ok(Reply::Confirm { .. }) => Verdict::Asked,
            Err(error) if error.kind.is_refusal() => Verdict::Refused,
            Err(_) => Verdict::Failed,
        };
        Record {
            call,
            at,
            took_us: i64::try_from((self.clock.now() - at).whole_microseconds()).unwrap_or(i64::MAX),
            tenant: actor.tenant,
            actor: actor.id,
            actor_name: actor.name,
            face: actor.face,
            rank: actor.rank,
            bypass: kept.bypass.noted().map(str::to_owned),
            operation: operation.to_owned(),
            input,
            verdict,
            code: error.map(|error| error.code.to_owned()),
            detail: error.map(|error| self.clean_text(error.causes())),
        }
    }

    /// An answer is not withheld because its record could not be kept; the log says so instead.
    async fn keep(&self, record: Record) {
        let refused = record.verdict == Verdict::Refused;
        if refused && !self.limiter.records_refusal(&record.actor, &record.tenant) {
            self.unrecorded.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let operation = record.operation.clone();
        if let Err(error) = self.audit.record(record).await {
            tracing::error!(operation, "the audit record could not be kept: {}", error.causes());
        }
    }
}

/// What is known of a call for its record, as far as it came.
#[derive(Default)]
struct Kept<'a> {
    /// The operation, once it is known that there is one.
    spec: Option<&'a Spec>,
    /// The input as it came; nothing of it is kept before it is cleaned.
    input: Value,
    bypass: Bypass,
}

/// What an operation does, with a panic of it as an error.
async fn caught<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let outcome = AssertUnwindSafe(work).catch_unwind().instrument(tracing::info_span!("run")).await;
    outcome.unwrap_or_else(|panic| Err(Error::bug(panic_text(panic.as_ref()))))
}

fn question_document(spec: &Spec, question: &str, input: Value) -> Document {
    let mut yes = Action::new("Yes, do it", spec.name, input).style(Style::Danger);
    yes.confirmed = true;
    Document::titled("Are you sure?").tone(Tone::Warning).text(question).action(yes)
}
