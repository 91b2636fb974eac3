//! Which address an operation has. This page is the whole rule; nothing is listed by hand.
//!
//! Every operation is called with `POST /api/v1/operations/{name}`, blanks of the name written as `.`:
//! `/api/v1/operations/server.start`. `-` and a blank are understood there too.
//!
//! Beside that it has a place among the resources, when its name is a noun and a verb (`server start`), or when
//! it says itself what it is [about](guildhall_core::operation::About) (`config set` sets a `setting`):
//!
//! 1. The noun's plural is the **collection**: `/api/v1/servers`. A noun that is a plural already (`errors`) stays
//!    as it is.
//! 2. When the operation has a required text or number as input that is called like the noun in the singular, or
//!    `number` or `id`, that input is the path's **parameter**, and the operation is about one **item**:
//!    `/api/v1/servers/{server}`, `/api/v1/cases/{number}`. What an operation is about may name the input.
//! 3. Five verbs are HTTP's own:
//!    `list` → `GET` collection, `create` → `POST` collection, `show` or `status` → `GET` item,
//!    `set` → `PUT` item, `delete` → `DELETE` item. `list`, `show` and `status` have to be reads for that, the
//!    others must not be. `list` and `create` are about no item, the others are.
//! 4. Every other verb is a path of its own: below the item (`/api/v1/servers/{server}/start`), or behind a
//!    colon at the collection (`/api/v1/servers:import`), where no item's name can ever clash with it. A read
//!    is a `GET`, everything else a `POST`. So is the second of two operations that ask for one place, as
//!    `server status` does beside `server show`.
//! 5. `GET` and `DELETE` take inputs as query parameters, `POST` and `PUT` as the members of a JSON body. An
//!    operation with a secret input has a body whatever it does, because addresses end up in logs.
//!
//! An operation has no resource, and only the first address, when its name is a single word, when two nouns
//! have one plural (the first in the alphabet gets it), when the plural is one of [`RESERVED`], or when every
//! place that it could have is another's.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use guildhall_core::{
    Effect, Spec,
    input::{Field, FieldKind},
    operation::About,
};
use serde::Serialize;

/// What every address of the interface begins with.
pub const BASE: &str = "/api/v1";
/// Collections that are the interface's own.
pub const RESERVED: [&str; 2] = ["events", "operations"];

/// An operation's place among the resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// The operation's name.
    pub operation: &'static str,
    /// Its method.
    pub verb: Verb,
    /// Its path, with the parameter in braces.
    pub path: String,
    /// The input that is the path's parameter.
    pub parameter: Option<String>,
}

/// The methods that resources know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Looks; inputs are query parameters.
    Get,
    /// Does; inputs are a JSON body.
    Post,
    /// Makes it so; inputs are a JSON body.
    Put,
    /// Takes away; inputs are query parameters.
    Delete,
}

impl Verb {
    /// The word in a request's first line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Whether inputs come in the body, and not in the query.
    pub fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put)
    }
}

impl From<Verb> for Method {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Get => Self::GET,
            Verb::Post => Self::POST,
            Verb::Put => Self::PUT,
            Verb::Delete => Self::DELETE,
        }
    }
}

/// The name of an operation as a path segment.
pub fn segment(operation: &str) -> String {
    operation.replace(' ', ".")
}

/// The address under which an operation is called.
pub fn operation_path(operation: &str) -> String {
    format!("{BASE}/operations/{}", segment(operation))
}

/// The resources of all operations, in the order of their operations' names. No two have the same method and
/// path, and no two paths differ only in the name of a parameter.
pub fn resources<'a>(specs: impl IntoIterator<Item = &'a Spec>) -> Vec<Resource> {
    let mut specs: Vec<&Spec> = specs.into_iter().collect();
    specs.sort_by_key(|spec| spec.name);
    let mut nouns: BTreeMap<String, &str> = BTreeMap::new();
    let mut taken = Taken::default();
    let mut resources = Vec::new();
    for spec in specs {
        let Some(subject) = Subject::of(spec) else { continue };
        let collection = plural(subject.noun);
        if RESERVED.contains(&collection.as_str()) {
            continue;
        }
        if *nouns.entry(collection.clone()).or_insert(subject.noun) != subject.noun {
            continue;
        }
        let wanted = places(spec, &subject, &collection);
        let Some((verb, path)) = wanted.into_iter().find(|place| taken.take(place)) else { continue };
        let parameter = subject.item.map(str::to_owned);
        resources.push(Resource { operation: spec.name, verb, path, parameter });
    }
    resources
}

/// The places that are somebody's.
#[derive(Default)]
struct Taken {
    places: BTreeSet<(Verb, String)>,
    /// The path by its form. Two that differ only in the name of a parameter would be the same to a router.
    forms: BTreeMap<String, String>,
}

impl Taken {
    /// Takes a place, if it is free.
    fn take(&mut self, (verb, path): &(Verb, String)) -> bool {
        let form = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        let form = form.collect::<Vec<_>>().join("/");
        let same = self.forms.entry(form).or_insert_with(|| path.clone()) == path;
        same && self.places.insert((*verb, path.clone()))
    }
}

/// What an operation is about.
struct Subject<'a> {
    noun: &'a str,
    verb: &'a str,
    /// The input that names one of them.
    item: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// As the operation says itself, or as its name does.
    fn of(spec: &'a Spec) -> Option<Self> {
        if let Some(About { noun, verb, item }) = spec.about {
            let item =
                item.filter(|item| spec.fields.iter().any(|field| field.name == *item && !field.secret));
            return is_plain(noun).then_some(Self { noun, verb, item });
        }
        let (noun, verb) = noun_and_verb(spec.name)?;
        let named = singular(noun).replace('-', "_");
        let names = [named.as_str(), "number", "id"];
        let item = names.iter().find_map(|name| spec.fields.iter().find(|field| is_item(field, name)));
        // What is listed or made has no name yet.
        let item = item.filter(|_| !matches!(verb, "list" | "create")).map(|field| field.name.as_str());
        Some(Self { noun, verb, item })
    }
}

fn is_item(field: &Field, name: &str) -> bool {
    let fits = matches!(field.kind, FieldKind::Text { .. } | FieldKind::Integer { .. });
    field.name == name && field.required && !field.secret && fits
}

/// `server start` → `server`, `start`; `None` for a single word, or for a word outside of `a-z`, `0-9`, `-`.
fn noun_and_verb(name: &str) -> Option<(&str, &str)> {
    name.split(' ').all(is_plain).then(|| name.split_once(' '))?
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The places an operation would like, best first.
fn places(spec: &Spec, subject: &Subject<'_>, collection: &str) -> Vec<(Verb, String)> {
    let verb = subject.verb;
    let place = match subject.item {
        Some(item) => format!("{BASE}/{collection}/{{{item}}}"),
        None => format!("{BASE}/{collection}"),
    };
    let own = match subject.item {
        Some(_) => format!("{place}/{}", verb.replace(' ', "/")),
        None => format!("{place}:{}", verb.replace(' ', ".")),
    };
    let reads = spec.effect == Effect::Read;
    let secret = spec.fields.iter().any(|field| field.secret);
    let rest = match (verb, subject.item.is_some()) {
        ("list", false) | ("show" | "status", true) if reads && !secret => Some(Verb::Get),
        ("create", false) if !reads => Some(Verb::Post),
        ("set", true) if !reads => Some(Verb::Put),
        ("delete", true) if !reads && !secret => Some(Verb::Delete),
        _ => None,
    };
    let mut wanted: Vec<(Verb, String)> = rest.map(|verb| (verb, place)).into_iter().collect();
    wanted.push((if reads && !secret { Verb::Get } else { Verb::Post }, own));
    wanted
}

/// Whether a noun is a plural already, as far as spelling knows: `errors` is, `boss`, `status` and `axis` are not.
fn is_plural(noun: &str) -> bool {
    noun.len() > 2 && noun.ends_with('s') && !["ss", "us", "is"].iter().any(|end| noun.ends_with(end))
}

/// One of what a noun names.
fn singular(noun: &str) -> &str {
    if is_plural(noun) { noun.strip_suffix('s').unwrap_or(noun) } else { noun }
}

/// The plural of an English noun, as far as spelling knows it.
fn plural(noun: &str) -> String {
    if is_plural(noun) {
        return noun.to_owned();
    }
    let before_y = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match before_y {
        Some(stem) if !stem.is_empty() => format!("{stem}ies"),
        _ if ["s", "x", "z", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

/// Finds the operation that a path segment names: its name with blanks as `.`, `-`, `_` or `%20`. `None`
/// when there is none, or when two would fit and neither is written exactly.
pub(crate) fn named<'a>(
    specs: impl Iterator<Item = &'a Spec> + Clone,
    segment: &str,
) -> Option<&'static str> {
    let names = specs.map(|spec| spec.name);
    let exact = segment.replace('.', " ");
    if let Some(name) = names.clone().find(|name| *name == segment || *name == exact) {
        return Some(name);
    }
    let loose = |text: &str| text.replace(['.', '-', '_'], " ");
    let wanted = loose(segment);
    let mut fitting = names.filter(|name| loose(name) == wanted);
    fitting.next().filter(|_| fitting.next().is_none())
}

#[cfg(test)]
mod tests {
    use guildhall_core::{Rank, operation::Limit};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn spec(name: &'static str, effect: Effect, fields: &[&str]) -> Spec {
        let field = |name: &&str| Field {
            name: (*name).to_owned(),
            description: String::new(),
            kind: match *name {
                "number" => FieldKind::Integer { min: Some(1), max: None },
                "role" => FieldKind::Role,
                _ => FieldKind::Text { min: None, max: None, pattern: None },
            },
            required: !name.ends_with('?'),
            default: None,
            complete: None,
            secret: *name == "password",
            banned: false,
            line: None,
            longest: None,
        };
        Spec {
            name,
            summary: "",
            rank: Rank::MEMBER,
            effect,
            limit: Limit { per_minute: 60, burst: 20 },
            private: true,
            in_place: false,
            aliases: &[],
            examples: &[],
            menu: None,
            native: None,
            feature: None,
            about: None,
            fields: fields.iter().map(field).collect(),
            input: Value::Null,
            output: Value::Null,
        }
    }

    fn about(mut spec: Spec, verb: &'static str, item: Option<&'static str>) -> Spec {
        spec.about = Some(About { noun: "setting", verb, item });
        spec
    }

    fn table(specs: &[Spec]) -> Vec<String> {
        let line = |r: Resource| format!("{}: {} {}", r.operation, r.verb.as_str(), r.path);
        resources(specs).into_iter().map(line).collect()
    }

    #[test]
    fn nouns_and_verbs_become_resources() {
        use Effect::{Change, Destroy, Read};
        let specs = [
            spec("server create", Change, &["name"]),
            spec("server list", Read, &[]),
            spec("server status", Read, &["server"]),
            spec("server start", Change, &["server"]),
            spec("server console", Read, &["server", "lines"]),
            spec("server config set", Change, &["server", "key"]),
            spec("server delete", Destroy, &["server"]),
            spec("server import", Change, &["file"]),
            spec("policy list", Read, &[]),
            spec("box show", Read, &["box"]),
            spec("box status", Read, &["box"]),
            spec("key show", Read, &["key", "password"]),
            spec("game-server start", Change, &["game_server"]),
            spec("event list", Read, &[]),
            spec("ping", Read, &[]),
            spec("errors list", Read, &[]),
            spec("errors show", Read, &["error"]),
            spec("errors resolve", Change, &["error"]),
            spec("logs check", Change, &[]),
            spec("status show", Read, &["status"]),
            spec("boss create", Change, &["boss"]),
            spec("case show", Read, &["number"]),
            spec("case edit", Change, &["number", "reason"]),
            spec("role add", Change, &["role"]),
            spec("reason set", Change, &["id", "text"]),
            about(spec("config list", Read, &[]), "list", None),
            about(spec("config get", Read, &["key"]), "show", Some("key")),
            about(spec("config set", Change, &["key", "value"]), "set", Some("key")),
            about(spec("config reset", Destroy, &["key"]), "delete", Some("key")),
            about(spec("config wipe", Destroy, &["password"]), "wipe", Some("password")),
            about(spec("config drop", Destroy, &["key"]), "delete", Some("key")),
        ];
        assert_eq!(
            table(&specs),
            [
                "boss create: POST /api/v1/bosses",
                "box show: GET /api/v1/boxes/{box}",
                "box status: GET /api/v1/boxes/{box}/status",
                "case edit: POST /api/v1/cases/{number}/edit",
                "case show: GET /api/v1/cases/{number}",
                "config drop: DELETE /api/v1/settings/{key}",
                "config get: GET /api/v1/settings/{key}",
                "config list: GET /api/v1/settings",
                "config reset: POST /api/v1/settings/{key}/delete",
                "config set: PUT /api/v1/settings/{key}",
                "config wipe: POST /api/v1/settings:wipe",
                "errors list: GET /api/v1/errors",
                "errors resolve: POST /api/v1/errors/{error}/resolve",
                "errors show: GET /api/v1/errors/{error}",
                "game-server start: POST /api/v1/game-servers/{game_server}/start",
                "key show: POST /api/v1/keys/{key}/show",
                "logs check: POST /api/v1/logs:check",
                "policy list: GET /api/v1/policies",
                "reason set: PUT /api/v1/reasons/{id}",
                "role add: POST /api/v1/roles:add",
                "server config set: POST /api/v1/servers/{server}/config/set",
                "server console: GET /api/v1/servers/{server}/console",
                "server create: POST /api/v1/servers",
                "server delete: DELETE /api/v1/servers/{server}",
                "server import: POST /api/v1/servers:import",
                "server list: GET /api/v1/servers",
                "server start: POST /api/v1/servers/{server}/start",
                "server status: GET /api/v1/servers/{server}",
                "status show: GET /api/v1/statuses/{status}",
            ]
        );
    }

    #[test]
    fn an_operation_is_found_however_its_blanks_are_written() {
        let specs = [
            spec("server start", Effect::Change, &[]),
            spec("a-b c", Effect::Read, &[]),
            spec("a b-c", Effect::Read, &[]),
        ];
        for written in ["server.start", "server-start", "server_start", "server start"] {
            assert_eq!(named(specs.iter(), written), Some("server start"), "{written}");
        }
        assert_eq!(named(specs.iter(), "a-b.c"), Some("a-b c"));
        assert_eq!(named(specs.iter(), "a.b-c"), Some("a b-c"));
        assert_eq!(named(specs.iter(), "a-b-c"), None, "two would fit");
        assert_eq!(named(specs.iter(), "server"), None);
    }

    fn any_spec() -> impl Strategy<Value = Spec> {
        let noun = prop_oneof![
            4 => prop::sample::select(vec!["box", "boxe", "case", "cases", "cas", "policy", "policie", "server", "event", "game-server"])
                .prop_map(str::to_owned),
            1 => "[a-z][a-z0-9-]{0,6}",
        ];
        let verb = prop_oneof![
            4 => prop::sample::select(vec!["list", "create", "show", "status", "set", "delete", "start", "config set", "config"])
                .prop_map(str::to_owned),
            1 => "[a-z0-9-]{1,5}( [a-z0-9-]{1,5}){0,2}",
            1 => Just(String::new()),
        ];
        let effect = prop::sample::select(vec![Effect::Read, Effect::Change, Effect::Destroy]);
        let item = prop::option::of(prop::sample::select(vec!["", "number", "id"]));
        let about = prop::option::of(prop::sample::select(vec!["list", "show", "set", "delete", "start"]));
        (noun, verb, effect, item, any::<bool>(), about).prop_map(
            |(noun, verb, effect, item, secret, about)| {
                let name: &'static str = format!("{noun} {verb}").trim_end().to_owned().leak();
                let mut fields = Vec::new();
                let parameter = singular(&noun).replace('-', "_");
                fields.extend(item.map(|item| if item.is_empty() { parameter.as_str() } else { item }));
                fields.extend(secret.then_some("password"));
                let mut spec = spec(name, effect, &fields);
                spec.about = about.map(|verb| About {
                    noun: "case",
                    verb,
                    item: item.filter(|item| !item.is_empty()),
                });
                spec
            },
        )
    }

    proptest! {
        /// Whatever the operations are called, each has one address, and no two the same.
        #[test]
        fn no_two_operations_share_a_route(specs in prop::collection::vec(any_spec(), 0..40)) {
            let mut specs = specs;
            specs.sort_by_key(|spec| spec.name);
            specs.dedup_by_key(|spec| spec.name);
            let resources = resources(&specs);
            let shape = |path: &str| {
                path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
            };
            let places: BTreeSet<_> = resources.iter().map(|r| (r.verb, shape(&r.path))).collect();
            prop_assert_eq!(places.len(), resources.len());
            let operations: BTreeSet<_> = resources.iter().map(|r| r.operation).collect();
            prop_assert_eq!(operations.len(), resources.len());
            let mut router = axum::Router::<()>::new();
            for resource in &resources {
                let filter = axum::routing::MethodFilter::try_from(Method::from(resource.verb)).unwrap();
                router = router.route(&resource.path, axum::routing::on(filter, || async {}));
            }
            for spec in &specs {
                prop_assert_eq!(named(specs.iter(), &segment(spec.name)), Some(spec.name));
            }
        }
    }
}
