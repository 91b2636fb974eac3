//! What can go wrong with `errors …`, and what to do about it.

use guildhall_core::{Error, Kind};
use guildhall_store::StoreError;

/// Why an operation on errors did not happen.
#[derive(Debug, thiserror::Error)]
pub enum IncidentsError {
    /// Neither a fingerprint nor a reference that is known here.
    #[error("There is no error '{0}' in the last 90 days.")]
    NotFound(String),
    /// Nothing to resolve.
    #[error("This error has been resolved for {0} already.")]
    Resolved(String),
    /// Neither an operation nor an upstream, or both.
    #[error("A rehearsal strikes at an operation or at an upstream: name one of them, not both.")]
    Target,
    /// No such operation.
    #[error("There is no operation '{name}' to rehearse in.")]
    Operation {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        near: String,
    },
    /// No other system of this name is spoken to.
    #[error("Guildhall speaks to no system called '{name}' here.")]
    Upstream {
        /// What was asked for.
        name: String,
        /// All of them.
        known: String,
    },
    /// Not a word that a code can be.
    #[error("'{0}' is no error code.")]
    Code(String),
    /// Too many strikes for a fault in every operation.
    #[error("A rehearsal in every operation strikes at most {0} times.")]
    Everywhere(u32),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IncidentsError {
    /// The codes of its own.
    pub const CODES: &'static [&'static str] = &[
        "incident_not_found",
        "incident_resolved",
        "incident_target",
        "incident_operation",
        "incident_no_upstream",
        "incident_code",
        "incident_everywhere",
    ];
}

impl From<IncidentsError> for Error {
    fn from(error: IncidentsError) -> Self {
        let message = error.to_string();
        match error {
            IncidentsError::NotFound(name) => Error::new(Kind::NotFound, "incident_not_found", message)
                .remedy(
                    "Give the fingerprint from /errors list, or a reference such as E-1A2B3C4D. The audit record \
                     keeps every reference.",
                )
                .with("name", name),
            IncidentsError::Resolved(span) => Error::new(Kind::Conflict, "incident_resolved", message)
                .remedy("If it happens again, it opens by itself.")
                .with("span", span),
            IncidentsError::Target => Error::new(Kind::User, "incident_target", message)
                .remedy("For example operation:\"server start\", or upstream:discord."),
            IncidentsError::Operation { name, near } => Error::new(Kind::NotFound, "incident_operation", message)
                .remedy(format!("Did you mean: {near}? A star, *, is every one."))
                .with("name", name)
                .with("near", near),
            IncidentsError::Upstream { name, known } => {
                Error::new(Kind::NotFound, "incident_no_upstream", message)
                    .remedy(format!("There are: {known}."))
                    .with("name", name)
                    .with("known", known)
            }
            IncidentsError::Code(code) => Error::new(Kind::User, "incident_code", message)
                .remedy("A code is made of a to z, 0 to 9 and _, such as server_not_found.")
                .with("code", code),
            IncidentsError::Everywhere(most) => Error::new(Kind::Limit, "incident_everywhere", message)
                .remedy("Ask for fewer times, or name one operation.")
                .with("most", most),
            IncidentsError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use guildhall_core::language::{Language, Texts};

    use super::*;

    #[test]
    fn each_is_said_in_each_language_with_all_that_it_speaks_of() {
        let texts = Texts::new(&[guildhall_core::language::LOCALES, crate::LOCALES]).unwrap();
        let errors = [
            IncidentsError::NotFound("x".to_owned()),
            IncidentsError::Resolved("3d".to_owned()),
            IncidentsError::Target,
            IncidentsError::Operation { name: "x".to_owned(), near: "y".to_owned() },
            IncidentsError::Upstream { name: "x".to_owned(), known: "y".to_owned() },
            IncidentsError::Code("X".to_owned()),
            IncidentsError::Everywhere(20),
        ];
        assert_eq!(errors.len(), IncidentsError::CODES.len());
        for error in errors {
            let error = Error::from(error);
            assert!(IncidentsError::CODES.contains(&error.code), "{}", error.code);
            let german = texts.translate(&error, Language::German);
            assert_ne!(german.message(), error.message, "{}", error.code);
            assert_ne!(german.remedy(), error.remedy.as_deref(), "{}", error.code);
        }
    }
}
