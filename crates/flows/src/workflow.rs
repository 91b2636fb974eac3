//! What a workflow is written with: [`Workflow`], [`Flow`], [`Step`] and [`Undo`].

use std::{
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use guildhall_core::{TenantId, typed_id};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Failure, StepError,
    journal::{Effect, Journal, StepCall, UndoFn},
};

typed_id!(
    /// One run of a workflow, from its start until it is settled.
    FlowId
);

/// How often a transient error of a step is tried again, unless the step says otherwise.
pub const RETRIES: u32 = 5;
/// How long one try of a step may take, unless the step says otherwise.
pub const STEP_WITHIN: Duration = Duration::from_secs(600);

/// The longest that one try of a step may take.
const LONGEST_TRY: Duration = Duration::from_secs(24 * 3600);

/// A job of several steps that survives the program.
///
/// `run` is called again from the top after every wait, retry and restart; steps that are in the journal give
/// what they gave, at once. So between the steps it must decide by its input and by what steps gave, and by
/// nothing else: no clock, no chance, no reading of a store. Steps come one after the other.
pub trait Workflow: Send + Sync + 'static {
    /// The name in the store. It and the steps' names may not change while flows of it are under way.
    const KIND: &'static str;
    /// How long a flow may take before it fails with the code `deadline`, counted from its start.
    const WITHIN: Duration = Duration::from_secs(3600);
    /// What it is started with; at most 64 KiB as JSON.
    type Input: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What it ends with; at most 64 KiB as JSON.
    type Output: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Does it. An error undoes the steps that were done, last first, each by its own undo.
    fn run(
        &self,
        flow: &Flow,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;
}

/// What a workflow does its steps with.
pub struct Flow {
    id: FlowId,
    tenant: TenantId,
    journal: Arc<dyn Journal>,
}

impl Flow {
    /// A flow on any engine's journal.
    pub fn new(id: FlowId, tenant: TenantId, journal: Arc<dyn Journal>) -> Self {
        Self { id, tenant, journal }
    }

    /// The flow's id: the same after every restart, so it makes good keys for idempotent requests.
    pub fn id(&self) -> FlowId {
        self.id
    }

    /// For which community.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// A step: `flow.step("install", || async { … }).undo(…).await?`. The name is unique within the flow.
    ///
    /// The effect must be idempotent: after a crash between the effect and the journal it is done again.
    pub fn step<'f, T, F, Fut>(&'f self, name: &'f str, effect: F) -> Step<'f, T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnOnce() -> Fut + Send + 'f,
        Fut: Future<Output = Result<T, StepError>> + Send + 'f,
    {
        let effect: Effect<'f> = Box::new(move || {
            Box::pin(async move {
                let output = effect().await?;
                serde_json::to_value(output).map_err(|error| {
                    StepError::permanent("unreadable", "A step's output cannot be kept.").because(error)
                })
            })
        });
        let call = StepCall { name, effect, undo: None, retries: RETRIES, within: STEP_WITHIN };
        Step { journal: self.journal.as_ref(), call, output: PhantomData }
    }

    /// Waits. The time at which the wait ends is kept, so restarts do not prolong it. Nothing is held in
    /// memory meanwhile.
    pub async fn sleep(&self, name: &str, duration: Duration) -> Result<(), Failure> {
        self.journal.sleep(name, duration).await
    }

    /// Waits for the signal of this name, which may have been sent before; `None` when `within` has passed.
    /// The name is unique among the flow's steps.
    pub async fn signal<T: DeserializeOwned>(
        &self,
        name: &str,
        within: Duration,
    ) -> Result<Option<T>, Failure> {
        let Some(payload) = self.journal.signal(name, within).await? else { return Ok(None) };
        let unreadable = |error: serde_json::Error| Failure {
            step: Some(name.to_owned()),
            detail: Some(error.to_string()),
            ..Failure::new("unreadable", format!("The signal {name} is not what this workflow expects."))
        };
        serde_json::from_value(payload).map(Some).map_err(unreadable)
    }
}

/// What an undo knows.
#[derive(Clone, Debug)]
pub struct Undo<T> {
    /// What the step gave. `None` when the step failed, was cut off or gave nothing that could be kept: then
    /// its effect may or may not have happened, and the undo must see to both.
    pub output: Option<T>,
    /// Why the flow is being undone.
    pub cause: Failure,
}

/// A step about to be done; `.await` does it.
#[must_use = "a step is done when it is awaited"]
pub struct Step<'f, T> {
    journal: &'f dyn Journal,
    call: StepCall<'f>,
    output: PhantomData<fn() -> T>,
}

impl<'f, T: DeserializeOwned + Send + 'static> Step<'f, T> {
    /// How the effect is taken back when the flow fails later on, or in this very step. It must be
    /// idempotent, is retried with a growing back-off, and owns what it needs, because it outlives `run`.
    pub fn undo<F, Fut>(mut self, undo: F) -> Self
    where
        F: FnOnce(Undo<T>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), StepError>> + Send + 'static,
    {
        let undo: UndoFn = Box::new(move |output, cause| {
            Box::pin(async move {
                // An output of an older program's shape is as good as none: the undo sees to both.
                let output = output.and_then(|output| serde_json::from_value(output).ok());
                undo(Undo { output, cause }).await
            })
        });
        self.call.undo = Some(undo);
        self
    }

    /// How often a transient error is tried again, with a growing back-off of half a second to a minute;
    /// 5 unless said otherwise.
    pub fn retries(mut self, retries: u32) -> Self {
        self.call.retries = retries;
        self
    }

    /// How long one try may take, undoing included; 10 minutes unless said otherwise. A try that takes longer
    /// is cut off and counts as a transient error. At most a day.
    pub fn within(mut self, within: Duration) -> Self {
        self.call.within = within.min(LONGEST_TRY);
        self
    }
}

impl<'f, T: DeserializeOwned + Send + 'static> IntoFuture for Step<'f, T> {
    type Output = Result<T, Failure>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'f>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let name = self.call.name;
            let output = self.journal.step(self.call).await?;
            serde_json::from_value(output).map_err(|error| Failure {
                step: Some(name.to_owned()),
                detail: Some(error.to_string()),
                ..Failure::new(
                    "unreadable",
                    format!("What the step {name} gave is not what this workflow expects."),
                )
            })
        })
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<String, Failure>> + Send + 'a>>;

/// A workflow whose input and output are text, so that an engine can hold any.
pub(crate) trait AnyWorkflow: Send + Sync {
    fn run<'a>(&'a self, flow: &'a Flow, input: &'a str) -> Running<'a>;
}

impl<W: Workflow> AnyWorkflow for W {
    fn run<'a>(&'a self, flow: &'a Flow, input: &'a str) -> Running<'a> {
        Box::pin(async move {
            let unreadable = |what, error: serde_json::Error| Failure {
                detail: Some(error.to_string()),
                ..Failure::new(
                    "unreadable",
                    format!("The {what} of the workflow {} does not fit it.", W::KIND),
                )
            };
            let input = serde_json::from_str(input).map_err(|error| unreadable("input", error))?;
            let output = Workflow::run(self, flow, input).await?;
            serde_json::to_string(&output).map_err(|error| unreadable("output", error))
        })
    }
}
