//! Errors on their way out of the catalogue: in the reader's language, to the observer, on purpose.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod kept;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use guildhall_core::{
    Actor, ActorId, Answer, Call, Catalogue, Document, Effect, Error, Face, Kind, ManualClock, Operation,
    Operations, Rank, Request,
    fault::{Faults, Point, Strike},
    guild::UserId,
    incident::{Plain, Presenter as _, Reader},
    language::{LOCALES, Language, Locales, Texts, gaps},
    operation::Limit,
    permission::{Permissions, Requirement},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::kept::Kept;

/// Asks for the highest rank and lets one actor pass without it.
struct OwnerOnly;

#[async_trait]
impl Permissions for OwnerOnly {
    async fn required(&self, actor: &Actor, _: &guildhall_core::Spec) -> Result<Requirement, Error> {
        let owner = actor.id == ActorId::discord(1);
        Ok(Requirement { rank: Rank::OWNER, bypass: owner.then_some("owner of the guild") })
    }
}

/// Greets somebody.
#[derive(Deserialize, JsonSchema)]
struct Greet {
    /// Whom.
    who: UserId,
    /// How often.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3))]
    times: Option<u8>,
}

impl Operation for Greet {
    type Domain = ();
    type Output = u8;
    const NAME: &'static str = "greet";
    const SUMMARY: &'static str = "Greet somebody.";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;
    const LIMIT: Limit = Limit { per_minute: 60, burst: 60 };

    async fn run(self, (): &(), _: &Call) -> Result<Answer<u8>, Error> {
        let times = self.times.unwrap_or(1);
        Ok(Answer::new(times, Document::default().text(format!("Hello {}!", self.who))))
    }
}

fn actor(user: u64) -> Actor {
    Actor {
        tenant: "roses".parse().unwrap(),
        id: ActorId::discord(user),
        name: "Ann".to_owned(),
        face: Face::Discord,
        rank: Rank::MEMBER,
        scope: None,
    }
}

fn catalogue(kept: &Arc<Kept>, faults: &Faults) -> Catalogue {
    Catalogue::builder(kept.clone(), Arc::<ManualClock>::default(), Arc::new(OwnerOnly))
        .add(Operations::new().with::<Greet>(), Arc::new(()))
        .observer(kept.clone())
        .faults(faults.clone())
        .build()
}

fn faults() -> Faults {
    Faults::new(Arc::<ManualClock>::default())
}

#[tokio::test]
async fn who_passes_without_the_rank_is_named_in_the_record() {
    let (kept, faults) = (Arc::<Kept>::default(), faults());
    let catalogue = catalogue(&kept, &faults);
    catalogue.call(Request::json(actor(1), "greet", json!({"who": "2"}))).await.unwrap();
    assert_eq!(kept.records.lock().unwrap()[0].bypass.as_deref(), Some("owner of the guild"));

    let refused = catalogue.call(Request::json(actor(2), "greet", json!({"who": "2"}))).await.unwrap_err();
    assert_eq!(refused.code, "rank_too_low");
    assert_eq!(kept.records.lock().unwrap()[1].bypass, None);

    // Somebody with the rank needs no bypass, and none is recorded.
    let mut ranked = actor(1);
    ranked.rank = Rank::OWNER;
    catalogue.call(Request::json(ranked, "greet", json!({"who": "2"}))).await.unwrap();
    assert_eq!(kept.records.lock().unwrap()[2].bypass, None);
}

#[tokio::test]
async fn the_observer_hears_of_every_error_with_its_call() {
    let (kept, faults) = (Arc::<Kept>::default(), faults());
    let catalogue = catalogue(&kept, &faults);
    let error = catalogue.call(Request::json(actor(1), "greet", json!({"who": "x"}))).await.unwrap_err();
    catalogue.call(Request::json(actor(1), "greet", json!({"who": "2"}))).await.unwrap();
    let noticed = kept.noticed.lock().unwrap();
    let [one] = noticed.as_slice() else { panic!("{noticed:?}") };
    assert_eq!((one.code, one.kind, one.call), ("invalid_input", Kind::User, error.call));
    assert_eq!((one.operation.as_str(), one.face), ("greet", Face::Discord));
    assert_eq!((one.tenant.as_str(), one.actor.as_ref()), ("roses", Some(&ActorId::discord(1))));
}

#[tokio::test]
async fn a_fault_strikes_before_the_operation_and_is_recorded_like_any_error() {
    let (kept, faults) = (Arc::<Kept>::default(), faults());
    let catalogue = catalogue(&kept, &faults);
    let strike = Strike::Error { code: "server_not_found".to_owned(), kind: Kind::NotFound };
    faults.put(Point::Operation("greet".to_owned()), strike, 1, Duration::from_secs(60)).unwrap();
    let call = || catalogue.call(Request::json(actor(1), "greet", json!({"who": "2"})));
    let error = call().await.unwrap_err();
    assert_eq!((error.code, error.kind), ("server_not_found", Kind::NotFound));
    assert_eq!(kept.records.lock().unwrap()[0].code.as_deref(), Some("server_not_found"));
    call().await.unwrap();
}

#[test]
fn both_languages_say_everything_and_speak_of_the_same_things() {
    assert_eq!(gaps(&[LOCALES]), Vec::<String>::new());
    let holes = Locales {
        en: "one = There is { $count }.\ntwo = Two.\n    .remedy = { $name }\n",
        de: "one = Es gibt { $number }.\nthree = Drei.\n",
    };
    assert_eq!(
        gaps(&[holes]),
        [
            "one: English speaks of {\"count\"}, German of {\"number\"}",
            "two: German lacks it",
            "two.remedy: German lacks it",
            "three: English lacks it",
        ]
    );
    let marked = Locales { en: "# `not said`\none = Use `ban`.\n", de: "one = Nimm „ban“.\n" };
    assert_eq!(gaps(&[marked]), ["one = Use `ban`.: quotation marks are wanted, not backticks"]);
}

#[tokio::test]
async fn people_read_an_error_in_their_language() {
    let (kept, faults) = (Arc::<Kept>::default(), faults());
    let catalogue = catalogue(&kept, &faults);
    let texts = Arc::new(Texts::new(&[LOCALES]).unwrap());
    let input = json!({"who": "2", "times": 9});
    let error = catalogue.call(Request::json(actor(1), "greet", input)).await.unwrap_err();
    let read = async |language| {
        let reader = Reader { tenant: "roses".parse().unwrap(), actor: ActorId::discord(1), language };
        serde_json::to_string(&Plain(texts.clone()).present(&reader, &error).await).unwrap()
    };
    let (english, german) = (read(Language::English).await, read(Language::German).await);
    assert!(english.contains("is 9, more than 3."), "{english}");
    assert!(german.contains("ist 9, mehr als 3."), "{german}");
}

#[test]
fn what_no_language_says_is_shown_as_it_was_raised() {
    let texts = Texts::new(&[LOCALES]).unwrap();
    let unknown = Error::new(Kind::Conflict, "nobody_translated_this", "The gate is shut.").remedy("Knock.");
    let shown = texts.translate(&unknown, Language::German);
    assert_eq!((shown.message(), shown.remedy()), ("The gate is shut.", Some("Knock.")));
    // A message with a hole where a name should be is worse than none.
    let holed = Error::new(Kind::Limit, "too_often", "Slow down.");
    assert_eq!(texts.translate(&holed, Language::German).message(), "Slow down.");
}

#[test]
fn a_language_is_found_in_what_discord_browsers_and_shells_send() {
    for tags in [["de", "en"], ["fr-FR", "de-AT;q=0.8"], ["C", "de_DE.UTF-8"]] {
        assert_eq!(Language::first(tags), Language::German, "{tags:?}");
    }
    assert_eq!(Language::first(["fr", "pt-BR"]), Language::English);
    assert_eq!(Language::first([]), Language::English);
}
