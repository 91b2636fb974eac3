//! Which language a caller reads: the header `Accept-Language`
//! (<https://www.rfc-editor.org/rfc/rfc9110#name-accept-language>).

use axum::http::{HeaderMap, header::ACCEPT_LANGUAGE};
use guildhall_core::language::Language;

/// Languages that are looked at.
const MOST: usize = 16;

/// The language that the caller likes best of those that are spoken here; English when none is.
pub(crate) fn language(headers: &HeaderMap) -> Language {
    let lines = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let mut liked: Vec<(f32, &str)> =
        lines.flat_map(|line| line.split(',')).take(MOST).filter_map(weighed).collect();
    // Those that are liked alike stay in their order.
    liked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    Language::first(liked.into_iter().map(|(_, tag)| tag))
}

/// A language and how much it is liked; `None` when it is not wanted at all.
fn weighed(part: &str) -> Option<(f32, &str)> {
    let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
    let weight = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("q="));
    let weight = weight.map_or(Some(1.0), |text| text.trim().parse::<f32>().ok())?;
    (weight > 0.0 && weight <= 1.0).then_some((weight, tag.trim()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(text).unwrap());
        language(&headers)
    }

    #[test]
    fn the_language_that_is_liked_best_is_spoken() {
        assert_eq!(of("de-AT,de;q=0.9,en;q=0.8"), Language::German);
        assert_eq!(of("en;q=0.5, de;q=0.7"), Language::German);
        assert_eq!(of("fr, de;q=0.1"), Language::German);
        assert_eq!(of("de;q=0, en;q=0.1"), Language::English);
        assert_eq!(of("fr"), Language::English);
        assert_eq!(of("*"), Language::English);
        assert_eq!(language(&HeaderMap::new()), Language::English);
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(text in "[ -~]{0,60}") {
            let _ = of(&text);
        }
    }
}
