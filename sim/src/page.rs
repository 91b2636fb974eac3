//! The page.
use std::collections::BTreeMap;
use axum::response::{Html, IntoResponse, Response};
use crate::shared::Shared;
pub(crate) fn show(_shared: &Shared, _query: &BTreeMap<String, String>) -> Response { Html("").into_response() }
