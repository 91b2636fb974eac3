//! Whatever leaves the catalogue with an error, or is kept of a call, has been through the presenter first.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(dead_code, reason = "some inputs are there to be kept")]

mod kept;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use guildhall_core::{
    Action, Actor, ActorId, Answer, Call, Catalogue, Document, Effect, Error, Face, FieldError, Kind,
    ManualClock, Operation, Operations, Rank, Request,
    error::{Variable, Wire},
    incident::{Presenter, Reader},
    operation::Choice,
    permission::DefaultRanks,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::kept::Kept;

/// Knows one secret.
struct Hush;

#[async_trait]
impl Presenter for Hush {
    async fn present(&self, _: &Reader, error: &Error) -> Document {
        error.document()
    }

    fn without_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if text.contains("hush") { Cow::Owned(text.replace("hush", "[secret]")) } else { Cow::Borrowed(text) }
    }
}

struct Cellar;

/// Fails with what it is told.
#[derive(Deserialize, JsonSchema)]
struct Tell {
    kind: Kind,
    text: String,
    #[serde(default)]
    more: BTreeMap<String, String>,
    #[serde(default)]
    list: Vec<String>,
    #[serde(default)]
    #[schemars(extend("x-complete" = "word"))]
    word: Option<String>,
}

impl Operation for Tell {
    type Domain = Cellar;
    type Output = ();
    const NAME: &'static str = "cellar tell";
    const SUMMARY: &'static str = "Tell.";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, _: &Cellar, _: &Call) -> Result<Answer<()>, Error> {
        if self.text.is_empty() {
            return Ok(Answer::new((), Document::default()));
        }
        Err(leaky(self.kind, &self.text))
    }
}

fn leaky(kind: Kind, text: &str) -> Error {
    let mut error = Error::new(kind, "told", text).remedy(text).with("text", text).because(text);
    let mut field = FieldError::new(text, text);
    field.vars.push(("text", Variable::from(text)));
    error.fields.push(field);
    error.action(Action::new("Again", "cellar tell", json!({ "text": text }))).action(Action::new(
        "Elsewhere",
        "cellar tell",
        json!({}),
    ))
}

async fn words(_: &Cellar, _: &Actor, partial: &str) -> Result<Vec<Choice>, Error> {
    Err(leaky(Kind::NotFound, partial))
}

fn cellar() -> (Catalogue, Arc<Kept>, Actor) {
    let kept = Arc::<Kept>::default();
    let operations = Operations::new()
        .with::<Tell>()
        .completer("word", |cellar, actor, partial| Box::pin(words(cellar, actor, partial)));
    let catalogue = Catalogue::builder(kept.clone(), Arc::<ManualClock>::default(), Arc::new(DefaultRanks))
        .add(operations, Arc::new(Cellar))
        .presenter(Arc::new(Hush))
        .build();
    let actor = Actor {
        tenant: "guild".parse().unwrap(),
        id: ActorId::discord(1),
        name: "Ann".to_owned(),
        face: Face::Rest,
        rank: Rank::MEMBER,
        scope: None,
    };
    (catalogue, kept, actor)
}

fn told(error: &Error) -> String {
    let wire = serde_json::to_string(&Wire::from(error)).unwrap();
    let document = serde_json::to_string(&error.document()).unwrap();
    format!("{wire} {document} {:?} {:?}", error.vars, error.fields)
}

#[tokio::test]
async fn errors_and_records_have_no_secrets() {
    let (catalogue, kept, actor) = cellar();
    let text = "it is hush, she said";
    for kind in [Kind::Upstream, Kind::NotFound, Kind::Bug] {
        let input = json!({ "kind": kind, "text": text, "more": { "hush": "hush" }, "list": ["hush"] });
        let error = catalogue.call(Request::json(actor.clone(), "cellar tell", input)).await.unwrap_err();
        let told = told(&error);
        assert!(!told.contains("hush"), "{kind:?}: {told}");
        assert_eq!(error.message, "it is [secret], she said");
        // What repeats no secret can be pressed still.
        let left: Vec<&str> = error.actions.iter().map(|action| action.label.as_str()).collect();
        assert_eq!(left, ["Elsewhere"]);
    }
    // What works is kept without them as well, and so is what never becomes a call.
    let input = json!({ "kind": "user", "text": "", "word": "hush" });
    catalogue.call(Request::json(actor.clone(), "cellar tell", input)).await.unwrap();
    let unknown = catalogue.call(Request::json(actor.clone(), "cellar hush", json!({}))).await.unwrap_err();
    assert!(!told(&unknown).contains("hush"), "{}", told(&unknown));
    let refused = catalogue.refuse(actor.clone(), "GET /hush", leaky(Kind::User, text)).await;
    assert!(!told(&refused).contains("hush"), "{}", told(&refused));
    let offered = catalogue.complete(&actor, "cellar tell", "word", "hush").await.unwrap_err();
    assert!(!told(&offered).contains("hush"), "{}", told(&offered));

    let kept = kept.records.lock().unwrap();
    assert_eq!(kept.len(), 6);
    for record in kept.iter() {
        let record = format!("{record:?}");
        assert!(!record.contains("hush"), "{record}");
        assert!(record.contains("[secret]"), "{record}");
    }
    assert_eq!(
        kept[0].detail.as_deref(),
        Some("it is [secret], she said it is [secret], she said: it is [secret], she said")
    );
}

#[tokio::test]
async fn a_secret_at_the_place_where_a_text_is_cut_leaves_nothing() {
    let (catalogue, kept, actor) = cellar();
    let text = format!("{}hush", "x".repeat(510));
    let input = json!({ "kind": "user", "text": text });
    catalogue.call(Request::json(actor.clone(), "cellar tell", input)).await.unwrap_err();
    let name = format!("{}hush", "y".repeat(62));
    catalogue.call(Request::json(actor, name, json!({}))).await.unwrap_err();
    let kept = kept.records.lock().unwrap();
    assert!(!kept[0].input.to_string().contains("xhu"), "{}", kept[0].input);
    assert!(!kept[1].operation.contains("yhu"), "{}", kept[1].operation);
}

#[test]
fn of_a_fault_programs_read_that_there_was_one_and_nothing_else() {
    let wire = serde_json::to_value(Wire::from(&leaky(Kind::Bug, "the inside"))).unwrap();
    assert_eq!(
        wire,
        json!({ "code": "told", "kind": "bug", "message": "Something went wrong inside Guildhall." })
    );
}
