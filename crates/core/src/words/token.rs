//! The words of a line: what stands between blanks or in quotation marks.

/// A word of a line, and where it is.
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) quoted: bool,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The next word at or after `at`.
pub(super) fn token(line: &str, at: usize) -> Option<Token<'_>> {
    let rest = line.get(at..)?;
    let start = at + (rest.len() - rest.trim_start().len());
    let rest = &line[start..];
    let open = rest.chars().next()?;
    if let Some(closers) = closers(open) {
        let inner = &rest[open.len_utf8()..];
        if let Some((length, closer)) = inner.char_indices().find(|(_, c)| closers.contains(c)) {
            let begin = start + open.len_utf8();
            let end = begin + length;
            let text = &line[begin..end];
            return Some(Token { text, quoted: true, start, end: end + closer.len_utf8() });
        }
    }
    let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
    Some(Token { text: &rest[..length], quoted: false, start, end: start + length })
}

/// What ends a text that begins with this quotation mark.
fn closers(open: char) -> Option<&'static [char]> {
    match open {
        '"' => Some(&['"']),
        '“' => Some(&['”', '“']),
        '”' => Some(&['”']),
        '„' => Some(&['“', '”', '‟']),
        '«' => Some(&['»']),
        '»' => Some(&['«']),
        _ => None,
    }
}

/// What follows one or two dashes, or the long dash that telephones make of two; and whether it were two.
pub(super) fn dashed(text: &str) -> Option<(&str, bool)> {
    let double = text.strip_prefix("--").or_else(|| text.strip_prefix(['—', '–'])).map(|name| (name, true));
    let found = double.or_else(|| text.strip_prefix('-').map(|name| (name, false)));
    found.filter(|(name, _)| name.starts_with(char::is_alphabetic))
}
