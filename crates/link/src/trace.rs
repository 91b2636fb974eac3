//! A trace goes on at the agent: a request carries the caller's `traceparent`
//! (<https://www.w3.org/TR/trace-context/#traceparent-header>) as a property of the MQTT message.
//!
//! Who does not know the property does not look at it, so agents and control planes of earlier versions understand
//! each other as before. It is untrusted as everything is: what does not read as one is left alone.

use guildhall_core::incident;
use tracing::Span;

/// The property's name.
const NAME: &str = "traceparent";

/// What a request says of the trace that it is part of.
pub(crate) fn properties() -> Vec<(String, String)> {
    incident::trace_parent().map(|parent| (NAME.to_owned(), parent)).into_iter().collect()
}

/// The span of the work on a request: a child of the caller's. None when the request is part of no trace.
pub(crate) fn span(properties: &[(String, String)]) -> Span {
    let said = properties.iter().find(|(name, _)| name == NAME).map(|(_, value)| value.as_str());
    let Some((parent, trace)) = said.and_then(|said| Some((said, trace_of(said)?))) else {
        return Span::none();
    };
    let span = tracing::info_span!("agent", trace);
    incident::adopt_trace(&span, parent);
    span
}

/// The trace's id, 32 hex digits, of a `traceparent` that reads as one.
fn trace_of(parent: &str) -> Option<&str> {
    let mut parts = parent.split('-');
    let mut part = |length: usize| {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        parts.next().filter(|part| part.len() == length && part.bytes().all(hex))
    };
    let (_version, trace, span, _flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let is_set = |id: &str| id.bytes().any(|b| b != b'0');
    (parts.next().is_none() && is_set(trace) && is_set(span)).then_some(trace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_reads_as_a_trace_is_one() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_of(&format!("00-{trace}-00f067aa0ba902b7-01")), Some(trace));
        for other in [
            String::new(),
            trace.to_owned(),
            format!("00-{trace}-00f067aa0ba902b7"),
            format!("00-{trace}-00f067aa0ba902b7-01-more"),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
        ] {
            assert_eq!(trace_of(&other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_property_is_read_without_a_panic(name in "(traceparent|\\PC{0,20})", value in "\\PC{0,80}") {
            let _ = span(&[(name, value.clone())]);
            let _ = trace_of(&value);
        }
    }
}
