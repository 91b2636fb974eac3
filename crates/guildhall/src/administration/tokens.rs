//! `token create|list|revoke`: who may use REST and the command line, and for what.

use std::{collections::BTreeSet, time::Duration};

use guildhall_core::{
    Actor, Answer, Call, Document, Effect, Error, Kind, Operation, Rank, Rich, Tone, suggest,
};
use guildhall_store::NewToken;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Administration;

/// Makes an API token. Its secret is shown once.
#[derive(Deserialize, JsonSchema)]
pub struct Create {
    /// What it is called in lists and records.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z][a-z0-9-]*$"))]
    name: String,
    /// The rank it acts with, 0 to 10, at most your own.
    #[schemars(range(min = 0, max = 10))]
    rank: u8,
    /// Only these operations, comma-separated: `server` for all of them, or `server start`.
    #[serde(default)]
    #[schemars(length(max = 500))]
    scope: Option<String>,
    /// How many days it is good for; for ever when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3650))]
    days: Option<u32>,
}

/// A token that was just made.
#[derive(Serialize, JsonSchema)]
pub struct Made {
    /// Its name.
    name: String,
    /// Its secret, which nobody can look up later.
    secret: String,
    /// The rank it acts with.
    rank: Rank,
    /// The operations it is limited to, if it is.
    scope: Option<Vec<String>>,
    /// Until when it is good, if not for ever.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    expires: Option<OffsetDateTime>,
}

impl Operation for Create {
    type Domain = Administration;
    type Output = Made;
    const NAME: &'static str = "token create";
    const SUMMARY: &'static str = "Make an API token; its secret is shown once";
    const RANK: Rank = Rank::OWNER;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &[
        "token create name:ci rank:5 days:90",
        "token create name:deploy rank:0 scope:server start, server stop",
    ];

    async fn run(self, domain: &Administration, call: &Call) -> Result<Answer<Made>, Error> {
        let rank = Rank::new(self.rank).filter(|rank| *rank <= call.actor.rank).ok_or_else(|| {
            let message = format!("You cannot give rank {}; yours is {}.", self.rank, call.actor.rank);
            Error::new(Kind::Permission, "rank_too_high", message)
                .remedy("Choose a rank up to your own.")
                .with("rank", self.rank)
                .with("yours", call.actor.rank.to_string())
        })?;
        let names: Vec<&str> = domain.specs.iter().map(|spec| spec.name).collect();
        let scope = narrowed(&call.actor, self.scope.as_deref(), &names)?;
        let expires =
            self.days.map(|days| call.clock.now() + Duration::from_secs(u64::from(days) * 24 * 3_600));
        let covers = covered(scope.as_deref());
        let new = NewToken { name: self.name.clone(), rank, scope: scope.clone(), expires };
        let secret = domain.tokens.create(call.tenant(), new).await?;
        let mut document = Document::titled(format!("Token {}", self.name))
            .tone(Tone::Good)
            .text("Keep the secret now; nobody can look it up later.")
            .code(secret.as_str())
            .field("Rank", rank.to_string())
            .field("Covers", covers);
        if let Some(expires) = expires {
            document = document.field("Good until", Rich::new().time(expires));
        }
        Ok(Answer::new(Made { name: self.name, secret, rank, scope, expires }, document))
    }
}

/// The scope of a new token: what was asked for, of what there is, and never more than its maker's own.
fn narrowed(maker: &Actor, asked: Option<&str>, operations: &[&str]) -> Result<Option<Vec<String>>, Error> {
    let Some(asked) = asked else { return Ok(maker.scope.clone()) };
    let entries = asked.split(',').map(|entry| entry.split_whitespace().collect::<Vec<_>>().join(" "));
    let asked: Vec<String> = entries.filter(|entry| !entry.is_empty()).collect();
    let groups = operations.iter().filter_map(|name| name.split_once(' ')).map(|(group, _)| group);
    let known: BTreeSet<&str> = operations.iter().copied().chain(groups).collect();
    if asked.is_empty() {
        return Err(unknown("", &known));
    }
    if let Some(entry) = asked.iter().find(|entry| !known.contains(entry.as_str())) {
        return Err(unknown(entry, &known));
    }
    let Some(wider) = asked.iter().find(|entry| !maker.covers(entry)) else { return Ok(Some(asked)) };
    let own = maker.scope.clone().unwrap_or_default().join(", ");
    let message = format!("Your own token does not cover '{wider}'; it covers: {own}.");
    Err(Error::new(Kind::Permission, "out_of_scope", message)
        .remedy("Leave it out of the new token's scope.")
        .with("operation", wider.as_str())
        .with("scope", own))
}

/// A scope that covers nothing would be found out when the token is used.
fn unknown(entry: &str, known: &BTreeSet<&str>) -> Error {
    let shown: String = entry.chars().take(64).collect();
    let near = suggest::nearest(&shown, known.iter().copied(), 3);
    let message = format!("There is no operation and no group of operations called '{shown}'.");
    let error = Error::new(Kind::User, "scope_unknown", message)
        .with("name", shown.as_str())
        .with("count", near.len())
        .with("near", near.join(", "));
    match near.is_empty() {
        true => error.remedy("“guildhall operations” lists them; “server” covers all that begin with it."),
        false => error.remedy(format!("Did you mean: {}?", near.join(", "))),
    }
}

/// What a scope covers, for people.
fn covered(scope: Option<&[String]>) -> String {
    scope.map_or_else(|| "everything".to_owned(), |scope| scope.join(", "))
}

/// Shows the API tokens, without their secrets.
#[derive(Deserialize, JsonSchema)]
pub struct List {}

/// A token, without its secret.
#[derive(Serialize, JsonSchema)]
pub struct TokenView {
    /// Its name.
    name: String,
    /// The rank it acts with.
    rank: Rank,
    /// The operations it is limited to, if it is.
    scope: Option<Vec<String>>,
    /// Whether it can be used.
    usable: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    created: OffsetDateTime,
}

impl Operation for List {
    type Domain = Administration;
    type Output = Vec<TokenView>;
    const NAME: &'static str = "token list";
    const SUMMARY: &'static str = "Show the API tokens, without their secrets";
    const RANK: Rank = Rank::OWNER;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["token list"];

    async fn run(self, domain: &Administration, call: &Call) -> Result<Answer<Vec<TokenView>>, Error> {
        let now = call.clock.now();
        let mut rows = Vec::new();
        let mut tokens = Vec::new();
        for token in domain.tokens.list(call.tenant()).await? {
            let expired = token.expires.is_some_and(|at| at <= now);
            let state = match (token.revoked, expired) {
                (Some(at), _) => Rich::new().text("revoked ").ago(at),
                (None, true) => "expired".into(),
                (None, false) => "usable".into(),
            };
            let scope = covered(token.scope.as_deref());
            rows.push(vec![
                Rich::new().code(&token.name),
                token.rank.to_string().into(),
                scope.into(),
                state,
            ]);
            tokens.push(TokenView {
                usable: token.revoked.is_none() && !expired,
                name: token.name,
                rank: token.rank,
                scope: token.scope,
                created: token.created,
            });
        }
        let document = Document::titled("API tokens").table(&["name", "rank", "covers", "state"], rows);
        Ok(Answer::new(tokens, document))
    }
}

/// Takes an API token away.
#[derive(Deserialize, JsonSchema)]
pub struct Revoke {
    /// Its name.
    name: String,
}

impl Operation for Revoke {
    type Domain = Administration;
    type Output = ();
    const NAME: &'static str = "token revoke";
    const SUMMARY: &'static str = "Take an API token away; it stops working at once";
    const RANK: Rank = Rank::OWNER;
    const EFFECT: Effect = Effect::Destroy;
    const EXAMPLES: &'static [&'static str] = &["token revoke name:ci"];

    fn question(&self) -> String {
        format!("Whoever uses the token {} is locked out at once. Take it away?", self.name)
    }

    async fn run(self, domain: &Administration, call: &Call) -> Result<Answer<()>, Error> {
        if domain.tokens.revoke(call.tenant(), &self.name).await? {
            let text = format!("The token {} is revoked.", self.name);
            return Ok(Answer::new((), Document::default().tone(Tone::Good).text(text)));
        }
        let tokens = domain.tokens.list(call.tenant()).await?;
        let names = tokens.iter().filter(|token| token.revoked.is_none()).map(|token| token.name.as_str());
        let near = suggest::nearest(&self.name, names, 3);
        let error = Error::new(
            Kind::NotFound,
            "token_not_found",
            format!("There is no token '{}' in use.", self.name),
        );
        let error =
            error.with("name", self.name.as_str()).with("count", near.len()).with("near", near.join(", "));
        Err(if near.is_empty() { error } else { error.remedy(format!("There is: {}.", near.join(", "))) })
    }
}

#[cfg(test)]
mod tests {
    use guildhall_core::Actor;

    use super::narrowed;

    const OPERATIONS: [&str; 4] = ["host list", "server list", "server start", "status"];

    fn maker(own: Option<&[String]>) -> Actor {
        let mut maker = Actor::system("roses".parse().unwrap(), "test");
        maker.scope = own.map(<[String]>::to_vec);
        maker
    }

    #[test]
    fn a_token_cannot_make_a_wider_one() {
        let own = ["server start".to_owned(), "host".to_owned()];
        let cases = [
            (None, None, Ok(None)),
            (None, Some("server, host  list"), Ok(Some(vec!["server", "host list"]))),
            (Some(&own[..]), None, Ok(Some(vec!["server start", "host"]))),
            (Some(&own), Some("host list"), Ok(Some(vec!["host list"]))),
            (Some(&own), Some("server"), Err("out_of_scope")),
            (Some(&own), Some("status"), Err("out_of_scope")),
        ];
        for (own, asked, expected) in cases {
            let given = narrowed(&maker(own), asked, &OPERATIONS).map_err(|error| error.code);
            let expected =
                expected.map(|scope| scope.map(|s| s.into_iter().map(str::to_owned).collect::<Vec<_>>()));
            assert_eq!(given, expected, "{own:?} asked for {asked:?}");
        }
    }

    #[test]
    fn a_scope_names_what_there_is() {
        for asked in
            ["case,server", "server starts", "serve", "server,", "list", "", " , ", "host list start"]
        {
            let refused = narrowed(&maker(None), Some(asked), &OPERATIONS);
            let fits = asked == "server,";
            assert_eq!(
                refused.map(drop).map_err(|error| error.code),
                if fits { Ok(()) } else { Err("scope_unknown") }
            );
        }
        let error = narrowed(&maker(None), Some("server strat"), &OPERATIONS).unwrap_err();
        assert!(error.remedy.as_deref().is_some_and(|remedy| remedy.contains("server start")), "{error:?}");
    }
}
