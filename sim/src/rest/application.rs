//! The application about itself, and the check of a new interactions endpoint.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, Call, Caller, Outcome, Visit};
use crate::delivery;
use crate::shared::Shared;
use crate::validate::{Form, component, object_of};

pub(crate) fn me(visit: &mut Visit<'_>, call: &Call) -> Outcome {
    let id = visit.caller.application;
    match call.method.as_str() {
        "GET" => {}
        "PATCH" => {
            let form = call.form();
            let body = object_of(&form)?;
            let description = Form::check(|form| form.text(body, "description", 0..=400))?;
            let application =
                visit.world.applications.get_mut(&id).ok_or_else(ApiError::unknown_application)?;
            if let Some(description) = description {
                application.description = description;
            }
            match body.get("interactions_endpoint_url") {
                Some(Value::String(url)) if !url.is_empty() => application.endpoint = Some(url.clone()),
                Some(_) => application.endpoint = None,
                None => {}
            }
        }
        _ => return Err(ApiError::method_not_allowed()),
    }
    let application = visit.world.application(id)?;
    Ok(Answer::ok(visit.world.application_json(application)))
}

/// Before an endpoint is accepted, Discord calls it: a signed ping must be answered with a pong, and one with a
/// wrong signature refused with 401.
pub(crate) async fn check_endpoint(
    shared: &Arc<Shared>,
    call: &Call,
    caller: Option<Caller>,
) -> Option<ApiError> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    if call.method.as_str() != "PATCH" || path != ["applications", "@me"] {
        return None;
    }
    let caller = caller?;
    let url = call.body.as_ref()?["interactions_endpoint_url"].as_str().filter(|url| !url.is_empty())?;
    if !component::is_web_address(url) {
        let message = "Not a well formed URL.";
        return Some(ApiError::form(&["interactions_endpoint_url"], "URL_TYPE_INVALID_URL", message));
    }
    let why = delivery::verify_endpoint(shared, caller.application, url).await.err()?;
    tracing::info!(%why, "interactions endpoint refused");
    let leaf = json!({"_errors": [{
        "code": "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID",
        "message": format!("The specified interactions endpoint url could not be verified. ({why})"),
    }]});
    Some(ApiError::invalid_form(json!({"interactions_endpoint_url": leaf})))
}
