//! The catalogue as a face sees it: every rule that holds for every operation, tried on small ones.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(dead_code, reason = "some inputs are there to be refused")]

mod kept;

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use guildhall_core::{
    Actor, ActorId, Answer, Call, Catalogue, Clock, Document, Effect, Error, Face, Kind, ManualClock,
    Operation, Operations, Rank, Reply, Request,
    audit::{Record, Verdict},
    input::Raw,
    language::Language,
    operation::{Choice, Limit},
    permission::DefaultRanks,
};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kept::Kept;

#[derive(Default)]
struct Garden {
    cut: Mutex<Vec<String>>,
}

/// What kind of plant.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Plant {
    Tree,
    Flower,
}

/// Waters a bed.
#[derive(Deserialize, JsonSchema)]
struct Water {
    /// Which bed.
    #[schemars(length(min = 1, max = 8), extend("x-complete" = "bed"))]
    bed: String,
    /// How many litres.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50))]
    litres: Option<u32>,
    /// Only these.
    #[serde(default)]
    kind: Option<Plant>,
    /// The gate's code.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    code: Option<String>,
    /// More settings.
    #[serde(default)]
    set: BTreeMap<String, String>,
}

impl Operation for Water {
    type Domain = Garden;
    type Output = u32;
    const NAME: &'static str = "bed water";
    const SUMMARY: &'static str = "Water a bed.";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;
    const LIMIT: Limit = Limit { per_minute: 6, burst: 3 };

    async fn run(self, _: &Garden, _: &Call) -> Result<Answer<u32>, Error> {
        let litres = self.litres.unwrap_or(10);
        Ok(Answer::new(litres, Document::default().text(format!("{litres} l on {}.", self.bed))))
    }
}

/// Cuts a bed down.
#[derive(Deserialize, JsonSchema)]
struct Cut {
    /// Which bed.
    bed: String,
}

impl Operation for Cut {
    type Domain = Garden;
    type Output = ();
    const NAME: &'static str = "bed cut";
    const SUMMARY: &'static str = "Cut a bed down.";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Destroy;

    async fn ask(&self, garden: &Garden, _: &Call) -> Result<String, Error> {
        if garden.cut.lock().unwrap().contains(&self.bed) {
            return Err(Error::new(Kind::Conflict, "bed_bare", "There is nothing left there."));
        }
        assert_ne!(self.bed, "quicksand");
        Ok(format!("Cut down {}?", self.bed))
    }

    async fn run(self, garden: &Garden, _: &Call) -> Result<Answer<()>, Error> {
        garden.cut.lock().unwrap().push(self.bed);
        Ok(Answer::new((), Document::default()))
    }
}

/// Breaks.
#[derive(Deserialize, JsonSchema)]
struct Break {}

impl Operation for Break {
    type Domain = Garden;
    type Output = ();
    const NAME: &'static str = "break";
    const SUMMARY: &'static str = "Break.";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;

    async fn run(self, _: &Garden, _: &Call) -> Result<Answer<()>, Error> {
        panic!("the secret inside")
    }
}

struct World {
    catalogue: Catalogue,
    kept: Arc<Kept>,
    garden: Arc<Garden>,
    clock: Arc<ManualClock>,
}

fn world() -> World {
    let (kept, garden, clock) =
        (Arc::<Kept>::default(), Arc::<Garden>::default(), Arc::<ManualClock>::default());
    let operations = Operations::new().with::<Water>().with::<Cut>().with::<Break>().completer(
        "bed",
        |_: &Garden, _: &Actor, partial: &str| {
            let value = format!("{partial}-bed");
            Box::pin(async move { Ok(vec![Choice { label: value.clone(), value }]) })
        },
    );
    let catalogue = Catalogue::builder(kept.clone(), clock.clone(), Arc::new(DefaultRanks))
        .add(operations, garden.clone())
        .build();
    World { catalogue, kept, garden, clock }
}

fn actor(rank: Rank) -> Actor {
    Actor {
        tenant: "roses".parse().unwrap(),
        id: ActorId::discord(7),
        name: "Ada".into(),
        face: Face::Discord,
        rank,
        scope: None,
    }
}

impl World {
    async fn call(&self, rank: Rank, operation: &str, input: Value) -> Result<Reply, Error> {
        self.catalogue.call(Request::json(actor(rank), operation, input)).await
    }

    fn last(&self) -> Record {
        self.kept.records.lock().unwrap().last().cloned().expect("a record")
    }
}

#[tokio::test]
async fn a_call_answers_with_data_and_a_document_and_is_kept() {
    let world = world();
    let reply = world.call(Rank::MEMBER, "bed water", json!({"bed": "south", "code": "1234"})).await.unwrap();
    let Reply::Done { data, .. } = &reply else { panic!("{reply:?}") };
    assert_eq!(*data, json!(10));
    let record = world.last();
    assert_eq!((record.verdict, record.operation.as_str()), (Verdict::Done, "bed water"));
    assert_eq!(record.input, json!({"bed": "south", "code": "[secret]"}), "a secret must not be kept");
}

#[tokio::test]
async fn every_wrong_input_is_named_and_nothing_runs() {
    let world = world();
    let wrong = json!({"bed": "much too long", "litres": 99, "kind": "stone", "lites": 1, "set": {"a": []}});
    let error = world.call(Rank::MEMBER, "bed water", wrong).await.unwrap_err();
    let fields: Vec<_> = error.fields.iter().map(|field| field.field.as_str()).collect();
    assert_eq!(fields, ["bed", "litres", "kind", "lites", "set"]);
    assert_eq!(error.fields[3].message, "is not an input of this operation. Did you mean 'litres'?");
    let missing = world.call(Rank::MEMBER, "bed water", json!({})).await.unwrap_err();
    assert_eq!(missing.message, "bed is missing. Which bed.");
    assert_eq!(world.last().verdict, Verdict::Refused);
}

#[tokio::test]
async fn words_become_what_the_schema_says() {
    let world = world();
    let words = [("bed", "south"), ("litres", "3"), ("set", "hose=long note=\"by hand\"")];
    let words = words.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).into();
    let request = Request {
        actor: actor(Rank::MEMBER),
        operation: "bed water".into(),
        input: Raw::Words(words),
        confirmed: false,
        channel: None,
        message: None,
        language: Language::English,
    };
    world.catalogue.call(request).await.unwrap();
    let input = json!({"bed": "south", "litres": 3, "set": {"hose": "long", "note": "by hand"}});
    assert_eq!(world.last().input, input);
}

#[tokio::test]
async fn a_rank_that_is_too_low_is_refused_before_anything_is_read() {
    let world = world();
    let error = world.call(Rank::MODERATOR, "bed cut", json!({"nonsense": true})).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Permission, "rank_too_low"));
    assert_eq!(world.last().code.as_deref(), Some("rank_too_low"));
}

#[tokio::test]
async fn a_token_reaches_no_further_than_its_scope() {
    let world = world();
    let mut holder = actor(Rank::OPERATOR);
    holder.scope = Some(vec!["bed water".into(), "bre".into()]);
    for (operation, allowed) in [("bed water", true), ("bed cut", false), ("break", false)] {
        let request = Request::json(holder.clone(), operation, json!({"bed": "south"}));
        let code = world.catalogue.call(request).await.err().map(|error| error.code);
        assert_eq!(code != Some("out_of_scope"), allowed, "{operation}");
    }
}

#[tokio::test]
async fn a_destroying_operation_asks_first() {
    let world = world();
    let reply = world.call(Rank::ADMIN, "bed cut", json!({"bed": "south"})).await.unwrap();
    let Reply::Confirm { question, document, .. } = reply else { panic!("it ran without a question") };
    assert_eq!(question, "Cut down south?");
    assert!(world.garden.cut.lock().unwrap().is_empty());
    assert_eq!(world.last().verdict, Verdict::Asked);

    let yes = document.actions().next().expect("a button").clone();
    assert!(yes.confirmed);
    let request = Request {
        actor: actor(Rank::ADMIN),
        operation: yes.operation,
        input: Raw::Json(yes.input),
        confirmed: true,
        channel: None,
        message: None,
        language: Language::English,
    };
    world.catalogue.call(request).await.unwrap();
    assert_eq!(*world.garden.cut.lock().unwrap(), ["south"]);
}

#[tokio::test]
async fn what_would_be_refused_is_not_asked_first() {
    let world = world();
    world.garden.cut.lock().unwrap().push("south".to_owned());
    let error = world.call(Rank::ADMIN, "bed cut", json!({"bed": "south"})).await.unwrap_err();
    assert_eq!(error.code, "bed_bare");
    assert_eq!((world.last().verdict, world.last().code.as_deref()), (Verdict::Refused, Some("bed_bare")));
    let error = world.call(Rank::ADMIN, "bed cut", json!({"bed": "quicksand"})).await.unwrap_err();
    assert_eq!(error.kind, Kind::Bug, "a panic of the look is no more than one of the work");
}

#[tokio::test]
async fn too_many_calls_wait_and_then_go_on() {
    let world = world();
    for _ in 0..3 {
        world.call(Rank::MEMBER, "bed water", json!({"bed": "south"})).await.unwrap();
    }
    let error = world.call(Rank::MEMBER, "bed water", json!({"bed": "south"})).await.unwrap_err();
    assert_eq!(error.to_string(), "That is more `bed water` than 6 a minute. Try again in 10 seconds.");
    // Whoever else calls it, and whatever else they call, does not wait for them.
    let other = Actor { id: ActorId::discord(8), ..actor(Rank::MEMBER) };
    let elsewhere = Actor { tenant: "lilies".parse().unwrap(), ..actor(Rank::MEMBER) };
    for one in [other, elsewhere] {
        for _ in 0..3 {
            let request = Request::json(one.clone(), "bed water", json!({"bed": "south"}));
            world.catalogue.call(request).await.unwrap();
        }
    }
    world.call(Rank::ADMIN, "bed cut", json!({"bed": "south"})).await.unwrap();
    let again = world.call(Rank::MEMBER, "bed water", json!({"bed": "south"})).await.unwrap_err();
    assert_eq!(again.code, "too_often");
    world.clock.advance(Duration::from_secs(10));
    world.call(Rank::MEMBER, "bed water", json!({"bed": "south"})).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_refusals_does_not_fill_the_record() {
    let world = world();
    for _ in 0..100 {
        world.call(Rank::MEMBER, "bed cut", json!({})).await.unwrap_err();
    }
    assert_eq!((world.kept.records.lock().unwrap().len(), world.catalogue.unrecorded()), (60, 40));
    world.clock.advance(Duration::from_secs(1));
    world.call(Rank::MEMBER, "bed cut", json!({})).await.unwrap_err();
    assert_eq!(world.kept.records.lock().unwrap().len(), 61);
}

#[tokio::test]
async fn a_panic_is_a_bug_with_a_reference_and_no_inner_words() {
    let world = world();
    let error = world.call(Rank::MEMBER, "break", json!({})).await.unwrap_err();
    assert_eq!(error.kind, Kind::Bug);
    let shown = serde_json::to_string(&error.document()).unwrap();
    assert!(!shown.contains("secret inside"), "{shown}");
    assert!(shown.contains(&error.call.unwrap().reference()));
    assert!(world.last().detail.unwrap().contains("the secret inside"));
}

#[tokio::test]
async fn an_unknown_operation_names_the_nearest() {
    let world = world();
    let error = world.call(Rank::MEMBER, "bed watr", json!({})).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.remedy.unwrap().starts_with("Did you mean: bed water"));
    assert_eq!(world.last().operation, "bed watr");
}

#[tokio::test]
async fn completion_offers_only_what_the_actor_may_use() {
    let world = world();
    let offered = world.catalogue.complete(&actor(Rank::MEMBER), "bed water", "bed", "so").await.unwrap();
    assert_eq!(offered[0].value, "so-bed");
    let none = world.catalogue.complete(&actor(Rank::MEMBER), "bed cut", "bed", "so").await.unwrap();
    assert!(none.is_empty());
    let holder = Actor { scope: Some(vec!["break".into()]), ..actor(Rank::OPERATOR) };
    let none = world.catalogue.complete(&holder, "bed water", "bed", "so").await.unwrap();
    assert!(none.is_empty(), "outside of a token's scope nothing is offered");
}

#[test]
fn the_clock_stands_still_until_it_is_moved() {
    let clock = ManualClock::default();
    let before = clock.now();
    clock.advance(Duration::from_millis(1_500));
    assert_eq!(clock.now() - before, Duration::from_millis(1_500));
    assert_ne!(clock.uuid(), clock.uuid());
}

proptest! {
    #[test]
    fn no_input_makes_the_catalogue_panic(text in ".{0,200}", number in any::<i64>()) {
        let world = world();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let inputs = [
            serde_json::from_str(&text).unwrap_or(Value::Null),
            json!({"bed": text, "litres": number}),
            json!({text.clone(): text, "set": text}),
        ];
        for input in inputs {
            let result = runtime.block_on(world.call(Rank::MEMBER, "bed water", input));
            if let Err(error) = result {
                prop_assert!(error.kind.is_refusal(), "{error:?}");
            }
            world.clock.advance(Duration::from_secs(60));
        }
    }

    #[test]
    fn name_value_pairs_never_panic(text in ".{0,100}") {
        if let Ok(pairs) = guildhall_core::input::pairs(&text) {
            prop_assert!(pairs.keys().all(|name| !name.contains(char::is_whitespace)));
        }
    }
}

/// Burns a bed.
#[derive(Deserialize, JsonSchema)]
struct Burn {
    /// The gate's code.
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    code: Option<String>,
}

impl Operation for Burn {
    type Domain = Garden;
    type Output = ();
    const NAME: &'static str = "bed burn";
    const SUMMARY: &'static str = "Burn a bed.";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Destroy;

    async fn run(self, _: &Garden, _: &Call) -> Result<Answer<()>, Error> {
        Ok(Answer::new((), Document::default()))
    }
}

#[test]
#[should_panic(expected = "the operation 'bed burn' destroys, so its input 'code' cannot be secret")]
fn what_asks_first_takes_no_secrets() {
    let _ = Operations::<Garden>::new().with::<Burn>();
}

/// Prunes a bed.
#[derive(Deserialize, JsonSchema)]
struct Prune {
    /// Which bed.
    #[schemars(extend("x-complete" = "bad"))]
    bed: String,
}

impl Operation for Prune {
    type Domain = Garden;
    type Output = ();
    const NAME: &'static str = "bed prune";
    const SUMMARY: &'static str = "Prune a bed.";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Change;

    async fn run(self, _: &Garden, _: &Call) -> Result<Answer<()>, Error> {
        Ok(Answer::new((), Document::default()))
    }
}

fn none<'a>(
    _: &'a Garden,
    _: &'a Actor,
    _: &'a str,
) -> Pin<Box<dyn Future<Output = Result<Vec<Choice>, Error>> + Send + 'a>> {
    Box::pin(async { Ok(Vec::new()) })
}

fn catalogue_of(parts: Vec<Operations<Garden>>) -> Catalogue {
    let builder =
        Catalogue::builder(Arc::<Kept>::default(), Arc::<ManualClock>::default(), Arc::new(DefaultRanks));
    parts.into_iter().fold(builder, |builder, part| builder.add(part, Arc::<Garden>::default())).build()
}

#[test]
#[should_panic(expected = "the input 'bed' of 'bed prune' names the completer 'bad', which no domain has")]
fn an_input_that_names_no_completer_there_is_stops_the_program() {
    catalogue_of(vec![Operations::new().with::<Prune>().completer("bed", none)]);
}

#[test]
fn a_completer_of_another_domain_will_do() {
    catalogue_of(vec![Operations::new().with::<Prune>(), Operations::new().completer("bad", none)]);
}

#[test]
#[should_panic(expected = "two completers are called bed")]
fn two_completers_of_one_name_stop_the_program() {
    catalogue_of(vec![Operations::new().completer("bed", none), Operations::new().completer("bed", none)]);
}
