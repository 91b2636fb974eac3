//! A request becomes a call of an operation, and its reply an answer.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{OriginalUri, Path, Request, State, rejection::PathRejection},
    http::HeaderMap,
    response::Response,
};
use guildhall_core::{
    Actor, Error, Kind, Spec,
    error::panic_text,
    error::typed,
    incident::Reader,
    input::{Field, FieldKind, Raw},
    language::Language,
};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::{
    answer::{self, code},
    body,
    face::{Shared, asked_for},
    language::language,
    route::{self, Resource, Verb},
};

/// The query parameter, and header, with which a caller answers the question of a destroying operation.
pub(crate) const CONFIRM: &str = "confirm";
pub(crate) const CONFIRM_HEADER: &str = "guildhall-confirm";

/// The path parameters of a request.
pub(crate) type Parameters = Result<Path<BTreeMap<String, String>>, PathRejection>;

/// `GET /api/v1/operations`: what is known of each operation, and where it is.
pub(crate) async fn catalogue(State(shared): State<Arc<Shared>>) -> Json<Value> {
    #[derive(Serialize)]
    struct Listed<'a> {
        #[serde(flatten)]
        spec: &'a Spec,
        path: String,
        resource: Option<Resource>,
    }
    let mut resources: BTreeMap<&str, Resource> =
        route::resources(shared.catalogue.specs()).into_iter().map(|r| (r.operation, r)).collect();
    let listed: Vec<Listed<'_>> = shared
        .catalogue
        .specs()
        .map(|spec| Listed {
            spec,
            path: route::operation_path(spec.name),
            resource: resources.remove(spec.name),
        })
        .collect();
    Json(serde_json::json!({ "operations": listed }))
}

/// `POST /api/v1/operations/{name}`.
pub(crate) async fn operation(
    State(shared): State<Arc<Shared>>,
    Extension(actor): Extension<Actor>,
    parameters: Parameters,
    request: Request,
) -> Response {
    let (asked_for, language) = (asked(&request), language(request.headers()));
    let attempt = async {
        let Path(parameters) = parameters.map_err(malformed_path)?;
        let segment = parameters.get("name").map(String::as_str).unwrap_or_default();
        let named = route::named(shared.catalogue.specs().collect::<Vec<_>>().into_iter(), segment);
        // An unknown name goes to the catalogue too, which knows the nearest ones and keeps a record. It is cleaned
        // as it was typed: a secret with blanks in the place of its dashes would no longer be known for one.
        let typed = || shared.catalogue.clean_name(segment).replace(['.', '-'], " ");
        let operation = named.map_or_else(typed, str::to_owned);
        let asking = Asking { operation, verb: Verb::Post, parameter: None };
        asking.read(&shared, request).await
    };
    let attempt = attempt.await;
    finish(&shared, actor, language, &asked_for, attempt).await
}

/// A resource's method.
pub(crate) async fn resource(
    resource: Arc<Resource>,
    State(shared): State<Arc<Shared>>,
    Extension(actor): Extension<Actor>,
    parameters: Parameters,
    request: Request,
) -> Response {
    let (asked_for, language) = (asked(&request), language(request.headers()));
    let attempt = async {
        let Path(mut given) = parameters.map_err(malformed_path)?;
        let parameter = resource.parameter.as_ref().and_then(|name| given.remove_entry(name));
        let operation = resource.operation.to_owned();
        Asking { operation, verb: resource.verb, parameter }.read(&shared, request).await
    };
    let attempt = attempt.await;
    finish(&shared, actor, language, &asked_for, attempt).await
}

fn asked(request: &Request) -> String {
    let original = request.extensions().get::<OriginalUri>();
    asked_for(request.method(), original.map_or(request.uri(), |original| &original.0))
}

fn malformed_path(rejection: PathRejection) -> Error {
    Error::new(Kind::User, code::MALFORMED_ADDRESS, "The address is not text in UTF-8.").because(rejection)
}

/// A request on its way to become a call.
struct Asking {
    operation: String,
    verb: Verb,
    /// The path's parameter and its value.
    parameter: Option<(String, String)>,
}

/// A request that has been read.
struct Asked {
    operation: String,
    input: Raw,
    confirmed: bool,
    until: Instant,
}

impl Asking {
    async fn read(self, shared: &Shared, request: Request) -> Result<Asked, Error> {
        let until = Instant::now() + shared.config.request_timeout;
        let Self { operation, verb, parameter } = self;
        let (head, body) = request.into_parts();
        let mut words = body::words(head.uri.query().unwrap_or_default().as_bytes());
        let takes_confirm = !verb.has_body() && field(shared, &operation, CONFIRM).is_some();
        let confirmed = confirmation(&mut words, &head.headers, takes_confirm)?;
        let is_number = parameter.as_ref().is_some_and(|(name, _)| {
            let kind = field(shared, &operation, name).map(|field| &field.kind);
            matches!(kind, Some(FieldKind::Integer { .. }))
        });
        let input = if verb.has_body() {
            if let Some(name) = words.keys().next() {
                let name = typed(name, 64);
                let message = format!("'{name}' is not a query parameter of this address.");
                return Err(Error::new(Kind::User, code::UNKNOWN_PARAMETER, message)
                    .remedy("Send inputs as members of a JSON object in the body.")
                    .with("name", name));
            }
            let reading = body::input(&head.headers, body, shared.config.max_body);
            let input = timeout_at(until, reading).await.map_err(|_| {
                Error::new(Kind::Limit, code::TOO_SLOW, "The body did not arrive in time.")
                    .remedy("Send it faster, or send less.")
            })??;
            with_parameter(input, parameter, is_number)?
        } else {
            with_parameter(Raw::Words(words), parameter, is_number)?
        };
        Ok(Asked { operation, input, confirmed, until })
    }
}

fn field<'a>(shared: &'a Shared, operation: &str, name: &str) -> Option<&'a Field> {
    shared.catalogue.spec(operation)?.fields.iter().find(|field| field.name == name)
}

/// Takes the yes out of the query. Where an input of the operation has that name, only the header says yes.
fn confirmation(
    words: &mut BTreeMap<String, Vec<String>>,
    headers: &HeaderMap,
    is_input: bool,
) -> Result<bool, Error> {
    let said = if is_input { None } else { words.remove(CONFIRM).map(|values| values.concat()) };
    let header =
        headers.get(CONFIRM_HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    for word in [said, header].into_iter().flatten() {
        match word.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "" => return Ok(true),
            "false" | "no" | "0" => {}
            _ => return Err(answer::unfit(CONFIRM, "input_not_a_switch", "is neither true nor false.")),
        }
    }
    Ok(false)
}

/// Adds what is in the path to the other inputs.
fn with_parameter(input: Raw, parameter: Option<(String, String)>, is_number: bool) -> Result<Raw, Error> {
    let Some((name, text)) = parameter else { return Ok(input) };
    // JSON tells numbers from texts; of what is no number the catalogue says so.
    let number = text.parse::<i64>().ok().filter(|_| is_number);
    let value = number.map_or_else(|| Value::from(text.as_str()), Value::from);
    match input {
        Raw::Words(mut words) => match words.insert(name.clone(), vec![text.clone()]) {
            Some(given) if given != [text] => Err(twice(name)),
            _ => Ok(Raw::Words(words)),
        },
        Raw::Json(Value::Null) => Ok(Raw::Json(serde_json::json!({ name: value }))),
        Raw::Json(Value::Object(mut object)) => {
            if object.get(&name).is_some_and(|given| *given != value) {
                return Err(twice(name));
            }
            object.insert(name, value);
            Ok(Raw::Json(Value::Object(object)))
        }
        // The catalogue says what is wrong with anything else.
        other @ Raw::Json(_) => Ok(other),
    }
}

fn twice(field: String) -> Error {
    answer::unfit(field, "http_given_twice", "is in the address already, with another value.")
}

/// Calls and answers.
async fn finish(
    shared: &Arc<Shared>,
    actor: Actor,
    language: Language,
    asked_for: &str,
    attempt: Result<Asked, Error>,
) -> Response {
    let asked = match attempt {
        Ok(asked) => asked,
        Err(error) => return shared.refuse(actor, language, asked_for, error).await,
    };
    let Ok(permit) = shared.call_permits.clone().try_acquire_owned() else {
        let error = Error::new(Kind::Limit, code::BUSY, "Guildhall is busy with other requests.")
            .remedy("Try again in a moment.")
            .retry_after(Duration::from_secs(1));
        return shared.refuse(actor, language, asked_for, error).await;
    };
    let Asked { operation, input, confirmed, until } = asked;
    let request = guildhall_core::Request {
        actor: actor.clone(),
        operation,
        input,
        confirmed,
        channel: None,
        message: None,
        language,
    };
    let reader = Reader { tenant: actor.tenant.clone(), actor: actor.id.clone(), language };
    let catalogue = shared.catalogue.clone();
    // In a task of its own: a caller that hangs up does not stop an operation half way, and does not keep
    // its record from being written.
    let call = async move {
        let _permit = permit;
        catalogue.call(request).await
    };
    let running = shared.calls.spawn(call.in_current_span());
    match timeout_at(until, running).await {
        Ok(Ok(Ok(reply))) => tracing::info_span!("answer").in_scope(|| answer::reply(reply)),
        Ok(Ok(Err(error))) => shared.problem(&reader, error).await,
        Ok(Err(broken)) => {
            let text = match broken.try_into_panic() {
                Ok(panic) => panic_text(panic.as_ref()),
                Err(cancelled) => cancelled.to_string(),
            };
            shared.refuse(actor, language, asked_for, Error::bug(text)).await
        }
        Err(_) => {
            let seconds = shared.config.request_timeout.as_secs();
            let message = format!("The operation takes longer than {seconds} seconds. It goes on.");
            let error = Error::new(Kind::Upstream, code::GOES_ON, message)
                .remedy("Look at its result before you repeat it.")
                .with("seconds", seconds);
            shared.problem(&reader, error).await
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_yes_is_taken_out_of_the_query_or_the_header() {
        let none = HeaderMap::new();
        let words = |query: &str| body::words(query.as_bytes());
        let mut query = words("confirm=true&server=a");
        assert!(confirmation(&mut query, &none, false).unwrap());
        assert_eq!(query.keys().collect::<Vec<_>>(), ["server"]);
        assert!(!confirmation(&mut words("confirm=false"), &none, false).unwrap());
        assert!(confirmation(&mut words("confirm=perhaps"), &none, false).is_err());
        let mut input = words("confirm=true");
        assert!(!confirmation(&mut input, &none, true).unwrap(), "it is an input of the operation");
        assert_eq!(input.len(), 1);
        let mut headers = HeaderMap::new();
        headers.insert(CONFIRM_HEADER, "true".parse().unwrap());
        assert!(confirmation(&mut words(""), &headers, true).unwrap());
    }

    #[test]
    fn the_path_and_the_body_may_not_disagree() {
        let parameter = || Some(("server".to_owned(), "a".to_owned()));
        let json = |value| match with_parameter(Raw::Json(value), parameter(), false) {
            Ok(Raw::Json(value)) => Ok(value),
            Ok(Raw::Words(_)) => unreachable!("JSON stays JSON"),
            Err(error) => Err(error.fields[0].field.clone()),
        };
        assert_eq!(json(Value::Null), Ok(json!({"server": "a"})));
        assert_eq!(json(json!({"server": "a"})), Ok(json!({"server": "a"})));
        assert_eq!(json(json!({"server": "b"})), Err("server".to_owned()));
        assert_eq!(json(json!([1])), Ok(json!([1])));
        let words =
            |query: &str| with_parameter(Raw::Words(body::words(query.as_bytes())), parameter(), false);
        assert!(words("lines=3").is_ok());
        assert!(words("server=a").is_ok());
        assert!(words("server=b").is_err());
        let number = |text: &str, body| {
            let parameter = Some(("number".to_owned(), text.to_owned()));
            match with_parameter(Raw::Json(body), parameter, true) {
                Ok(Raw::Json(value)) => value["number"].clone(),
                _ => json!("refused"),
            }
        };
        assert_eq!(number("12", Value::Null), json!(12));
        assert_eq!(number("12", json!({"number": 12})), json!(12));
        assert_eq!(number("12", json!({"number": 13})), json!("refused"));
        assert_eq!(
            number("twelve", Value::Null),
            json!("twelve"),
            "the catalogue says what is wrong with it"
        );
    }

    proptest! {
        #[test]
        fn any_query_is_read_without_a_panic(query in "\\PC{0,200}") {
            let mut words = body::words(query.as_bytes());
            let _ = confirmation(&mut words, &HeaderMap::new(), false);
        }
    }
}
