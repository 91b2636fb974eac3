//! Which topics a set of topic filters covers (MQTT 5, section 4.7).

/// Whether a text is a topic filter: `+` and `#` stand alone in their level, and `#` is the last.
pub(crate) fn is_filter(filter: &str) -> bool {
    let mut levels = filter.split('/').peekable();
    let mut fits = !filter.is_empty() && filter.len() <= 1024 && !filter.contains('\0');
    while let Some(level) = levels.next() {
        fits &= match level {
            "#" => levels.peek().is_none(),
            "+" => true,
            other => !other.contains(['+', '#']),
        };
    }
    fits
}

/// Whether `rule` covers everything that `wanted` can match; `wanted` is a topic or a filter.
pub(crate) fn covers(rule: &str, wanted: &str) -> bool {
    // Topics that begin with `$` belong to the broker; wildcards do not reach them.
    if wanted.starts_with('$') != rule.starts_with('$') {
        return false;
    }
    let (mut rule, mut wanted) = (rule.split('/'), wanted.split('/'));
    loop {
        match (rule.next(), wanted.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(allowed), Some(level)) if allowed == level => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_covers_what_it_matches_and_nothing_wider() {
        assert!(covers("a/b", "a/b"));
        assert!(covers("a/+/c", "a/b/c"));
        assert!(covers("a/+/c", "a/+/c"));
        assert!(covers("a/#", "a/b/c"));
        assert!(covers("a/#", "a"));
        assert!(covers("a/#", "a/+/#"));
        for (rule, wanted) in [
            ("a/b", "a/+"),
            ("a/b", "a/#"),
            ("a/+", "a/#"),
            ("a/+", "a/b/c"),
            ("a/+", "a"),
            ("a/b", "a/b/"),
            ("#", "$SYS/x"),
            ("+/x", "$SYS/x"),
            ("a/b", "$share/g/a/b"),
        ] {
            assert!(!covers(rule, wanted), "{rule} covers {wanted}");
        }
    }

    #[test]
    fn filters_are_told_from_other_texts() {
        assert!(["a", "a/+/b", "#", "a/#", "+", "/"].into_iter().all(is_filter));
        assert!(!["", "a/#/b", "a+", "a/b#", "a\0b"].into_iter().any(is_filter));
    }
}
