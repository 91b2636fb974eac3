//! People named by name, as somebody types them: in words and in JSON.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Actor, ActorId, Answer, Call, Catalogue, Document, Effect, Error, Face, ManualClock, Operation,
    Operations, Rank, Reply, Request,
    audit::{AuditLog, Record},
    guild::{
        GuildMember, UserId,
        tests::{Town, member, person},
    },
    input::Raw,
    language::{LOCALES, Language, Texts},
    permission::DefaultRanks,
};

/// Keeps no record.
struct Nowhere;

#[async_trait]
impl AuditLog for Nowhere {
    async fn record(&self, _: Record) -> Result<(), Error> {
        Ok(())
    }
}

/// Invites people.
#[derive(Deserialize, JsonSchema)]
struct Invite {
    /// Whom.
    #[serde(default)]
    who: Option<UserId>,
    /// Who comes along.
    #[serde(default)]
    others: Vec<UserId>,
    /// Who may come back.
    #[serde(default)]
    #[schemars(extend("x-banned" = true))]
    back: Option<UserId>,
    /// Written on the card.
    #[serde(default)]
    card: Option<String>,
}

impl Operation for Invite {
    type Domain = ();
    type Output = Vec<u64>;
    const NAME: &'static str = "invite";
    const SUMMARY: &'static str = "Invite people.";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;

    async fn run(self, (): &(), _: &Call) -> Result<Answer<Vec<u64>>, Error> {
        assert!(self.card.is_none_or(|card| card == "ann"), "only people are looked for");
        let named = self.who.into_iter().chain(self.others).chain(self.back);
        Ok(Answer::new(named.map(|user| user.0).collect(), Document::default()))
    }
}

const ANN: u64 = 11;
const LEE: u64 = 12;
const TWIN: u64 = 13;
const OTHER_TWIN: u64 = 14;
const BANNED: u64 = 15;

fn catalogue() -> Catalogue {
    let mut town = Town::new(100, UserId(1));
    let nicked = |member: GuildMember, nick: &str| GuildMember { nick: Some(nick.to_owned()), ..member };
    town.members = vec![
        member(UserId(ANN), "ann", &[]),
        // What Ann is really called, somebody else has made their nickname.
        nicked(member(UserId(LEE), "lee", &[]), "Ann"),
        nicked(member(UserId(TWIN), "kim.one", &[]), "Kim Lake"),
        nicked(member(UserId(OTHER_TWIN), "kim.two", &[]), "Kim Lake"),
    ];
    town.banned = vec![person(UserId(BANNED), "zoe")];
    Catalogue::builder(Arc::new(Nowhere), Arc::<ManualClock>::default(), Arc::new(DefaultRanks))
        .add(Operations::new().with::<Invite>(), Arc::new(()))
        .guilds(Arc::new(town))
        .build()
}

/// Calls with the same input in words and in JSON; both have to come to the same.
async fn invite(name: &str, typed: &str) -> Result<Value, Error> {
    let actor = Actor {
        tenant: "town".parse().unwrap(),
        id: ActorId::discord(1),
        name: "Ada".to_owned(),
        face: Face::Discord,
        rank: Rank::MEMBER,
        scope: None,
    };
    // Several people may come one by one; one person is one text, with the blanks that the name has.
    let words = match name {
        "others" => typed.split(' ').map(str::to_owned).collect(),
        _ => vec![typed.to_owned()],
    };
    let in_words = Raw::Words(BTreeMap::from([(name.to_owned(), words)]));
    let mut answers = Vec::new();
    for input in [in_words, Raw::Json(json!({ name: typed }))] {
        let request = Request { input, ..Request::json(actor.clone(), "invite", Value::Null) };
        answers.push(match catalogue().call(request).await {
            Ok(Reply::Done { data, .. }) => Ok(data),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        });
    }
    let [words, json] = <[_; 2]>::try_from(answers).unwrap();
    let plain = |answer: &Result<Value, Error>| match answer {
        Ok(data) => data.to_string(),
        Err(error) => format!("{error} {:?}", error.vars),
    };
    assert_eq!(plain(&words), plain(&json));
    words
}

#[tokio::test]
async fn people_are_found_by_each_of_their_names_in_words_and_in_json() {
    for (name, typed, expected) in [
        ("who", "ANN", json!([ANN])),
        ("who", "@lee", json!([LEE])),
        ("who", "<@13>", json!([TWIN])),
        ("who", "42", json!([42])),
        ("others", "ann, lee", json!([ANN, LEE])),
        ("others", "<@13> kim.two", json!([TWIN, OTHER_TWIN])),
        ("back", "Zoe", json!([BANNED])),
        ("card", "ann", json!([])),
    ] {
        assert_eq!(invite(name, typed).await.unwrap(), expected, "{name}: {typed}");
    }
}

#[tokio::test]
async fn who_is_not_found_or_is_one_of_several_is_named_with_who_may_be_meant_in_the_readers_language() {
    let texts = Texts::new(&[LOCALES]).unwrap();
    let several = invite("who", "kim lake").await.unwrap_err();
    let nobody = invite("back", "ann").await.unwrap_err();
    for (error, language, expected) in [
        (&several, Language::English, "Did you mean: kim.one, kim.two? Mention them, or use their id."),
        (&several, Language::German, "Meintest du: kim.one, kim.two? Erwähne die Person, oder nimm ihre ID."),
        (&nobody, Language::English, "Mention them, or use their id."),
        (&nobody, Language::German, "Erwähne die Person, oder nimm ihre ID."),
    ] {
        assert_eq!(error.code, "no_such_person");
        let said = texts.translate(error, language);
        assert_eq!(said.remedy(), Some(expected));
        assert_ne!(said.message(), error.message, "it is said in the language's own words");
    }
}
