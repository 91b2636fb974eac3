//! What leaves the catalogue leaves without secrets: errors to faces, and everything to the audit record.

use std::borrow::Cow;

use serde_json::Value;

use super::Catalogue;
use crate::{Action, Error, Spec, error::Variable, incident, input};

/// Characters of a name that is no operation's which are looked at, and which are kept.
const LOOKED_AT: usize = 1024;
const KEPT: usize = 64;

impl Catalogue {
    /// An error as it may be told. Errors of calls have been through this; a face needs it for those of its own.
    #[must_use]
    pub fn cleaned(&self, mut error: Error) -> Error {
        self.clean(&mut error.message);
        if let Some(remedy) = &mut error.remedy {
            self.clean(remedy);
        }
        for (_, variable) in &mut error.vars {
            self.clean_variable(variable);
        }
        for field in &mut error.fields {
            self.clean(&mut field.field);
            self.clean(&mut field.message);
            field.vars.iter_mut().for_each(|(_, variable)| self.clean_variable(variable));
        }
        // A button would do something else with a blank in place of what it repeats.
        error.actions.retain(|action| self.is_clean(action));
        error
    }

    /// An operation's name for records and traces. One that does not exist is whatever somebody typed: it comes back
    /// without secrets and at most 64 characters long.
    #[must_use]
    pub fn clean_name(&self, name: &str) -> String {
        if self.entries.contains_key(name) {
            return name.to_owned();
        }
        let typed: String = name.chars().take(LOOKED_AT).collect();
        self.presenter.without_secrets(&typed).chars().take(KEPT).collect()
    }

    /// Text for the record.
    pub(super) fn clean_text(&self, mut text: String) -> String {
        self.clean(&mut text);
        text
    }

    /// Input for the record. It is cleaned before it is cut, or half a secret would be left at a cut.
    pub(super) fn input_for_records(&self, spec: &Spec, mut input: Value) -> Value {
        incident::clean_texts(&mut input, &|text| self.presenter.without_secrets(text));
        input::for_records(&spec.fields, &input)
    }

    fn clean(&self, text: &mut String) {
        if let Cow::Owned(clean) = self.presenter.without_secrets(text) {
            *text = clean;
        }
    }

    fn clean_variable(&self, variable: &mut Variable) {
        if let Variable::Text(text) = variable {
            self.clean(text);
        }
    }

    fn is_clean(&self, action: &Action) -> bool {
        let text = format!("{} {}", action.label, action.input);
        self.presenter.without_secrets(&text) == text
    }
}
