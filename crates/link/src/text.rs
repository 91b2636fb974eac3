//! Text from games, players and agents, made fit to be shown: one line, bounded, nothing that steers a
//! terminal.

/// One line of at most `most` characters: escape sequences and control characters gone, line ends become
/// blanks, a cut is marked with `…`.
pub fn line(text: &str, most: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(most * 4));
    let mut count = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let shown = match character {
            '\u{1b}' => {
                skip_escape(&mut characters);
                continue;
            }
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            c if c.is_control() || steers_direction(c) => continue,
            c => c,
        };
        if shown == ' ' && clean.ends_with(' ') {
            continue;
        }
        if count == most {
            clean.pop();
            clean.push('…');
            return clean;
        }
        clean.push(shown);
        count += 1;
    }
    clean.trim_end().to_owned()
}

/// One console line: as [`line`], but blanks stay, because games print tables.
pub fn console(text: &str, most: usize) -> String {
    let mut clean = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_escape(&mut characters),
            '\t' => clean.push_str("    "),
            '\n' | '\u{2028}' | '\u{2029}' => clean.push(' '),
            c if c.is_control() || steers_direction(c) => {}
            c => clean.push(c),
        }
    }
    match clean.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &clean[..at]),
        None => clean,
    }
}

/// Bidirectional overrides and isolates reorder what stands around them.
fn steers_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Skips the rest of an escape sequence (ECMA-48): CSI up to its final byte, OSC and its kin up to BEL or ST,
/// anything else one character.
fn skip_escape(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => {
            for c in characters.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    return;
                }
            }
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = characters.next() {
                if c == '\u{7}' {
                    return;
                }
                if c == '\u{1b}' {
                    if characters.peek() == Some(&'\\') {
                        characters.next();
                    }
                    return;
                }
            }
        }
        Some('(' | ')' | '*' | '+' | '#' | ' ') => {
            characters.next();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_titles_and_bells_are_gone() {
        assert_eq!(line("\u{1b}[1;32mSteve\u{1b}[0m joined\u{7}", 100), "Steve joined");
        assert_eq!(line("\u{1b}]0;title\u{7}hello", 100), "hello");
        assert_eq!(console("a\u{1b}]0;t\u{1b}\\  b\tc", 100), "a  b    c");
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_bounded_line_without_control_characters(text in any::<String>(), most in 1usize..64) {
            for shown in [line(&text, most), console(&text, most)] {
                prop_assert!(shown.chars().count() <= most + 1);
                prop_assert!(!shown.chars().any(|c| c.is_control()));
            }
        }
    }
}
