//! What to look for on a game's console: ready, somebody joins, somebody leaves.

use regex::{Regex, RegexBuilder};

use crate::recipe::Recipe;

/// A pattern is at most this many characters.
pub const MAX_PATTERN: usize = 500;

/// Console lines are matched up to this many bytes; what a game writes beyond is not looked at.
pub const MAX_LINE: usize = 4 * 1024;

/// A player's name is at most this many characters; a longer match is no player.
pub const MAX_PLAYER: usize = 64;

/// Why a pattern is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Too long to write down.
    #[error("the pattern is longer than {MAX_PATTERN} characters")]
    TooLong,
    /// Not a regular expression, or one that needs too much memory.
    #[error("not a regular expression: {0}")]
    Syntax(String),
    /// A join or leave pattern that does not say who.
    #[error("the pattern has no group for the name; write (?P<player>…) around it")]
    NoPlayer,
}

/// A recipe's patterns, compiled. Matching takes time linear in the line's length, whatever the pattern.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    ready: Option<Regex>,
    join: Option<Regex>,
    leave: Option<Regex>,
}

impl Patterns {
    /// Compiles a recipe's patterns.
    pub fn compile(recipe: &Recipe) -> Result<Self, PatternError> {
        let names_player = |pattern: &String| naming(pattern);
        Ok(Self {
            ready: recipe.ready.log.as_deref().map(anywhere).transpose()?,
            join: recipe.players.join.as_ref().map(names_player).transpose()?,
            leave: recipe.players.leave.as_ref().map(names_player).transpose()?,
        })
    }

    /// Whether a line, as the game wrote it, says that the game is ready.
    pub fn ready(&self, line: &str) -> bool {
        self.ready.as_ref().is_some_and(|regex| regex.is_match(&readable(line)))
    }

    /// Who joins, by a line as the game wrote it.
    pub fn joined(&self, line: &str) -> Option<String> {
        self.join.as_ref().and_then(|regex| player(regex, line))
    }

    /// Who leaves, by a line as the game wrote it.
    pub fn left(&self, line: &str) -> Option<String> {
        self.leave.as_ref().and_then(|regex| player(regex, line))
    }
}

fn player(regex: &Regex, line: &str) -> Option<String> {
    let line = readable(line);
    let name = regex.captures(&line)?.name("player")?.as_str().trim();
    (!name.is_empty() && name.chars().count() <= MAX_PLAYER).then(|| name.to_owned())
}

fn readable(line: &str) -> String {
    let mut end = line.len().min(MAX_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    strip_ansi(&line[..end])
}

/// A pattern that may match anywhere in a line.
pub(crate) fn anywhere(pattern: &str) -> Result<Regex, PatternError> {
    compile(pattern, pattern)
}

/// A pattern that has to match a whole text.
pub(crate) fn whole(pattern: &str) -> Result<Regex, PatternError> {
    // Compiled by itself first, so that a pattern such as `a)|(b` cannot break out of the group.
    anywhere(pattern)?;
    compile(pattern, &format!("^(?:{pattern})$"))
}

/// A pattern with the group `player`.
pub(crate) fn naming(pattern: &str) -> Result<Regex, PatternError> {
    let regex = anywhere(pattern)?;
    let named = regex.capture_names().flatten().any(|name| name == "player");
    if named { Ok(regex) } else { Err(PatternError::NoPlayer) }
}

fn compile(written: &str, pattern: &str) -> Result<Regex, PatternError> {
    if written.chars().count() > MAX_PATTERN {
        return Err(PatternError::TooLong);
    }
    // Counted repetitions can ask for far more memory than their length shows; 1 MiB is plenty for a line.
    RegexBuilder::new(pattern).size_limit(1 << 20).dfa_size_limit(1 << 20).nest_limit(50).build().map_err(
        |error| {
            let text = error.to_string();
            PatternError::Syntax(
                text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
            )
        },
    )
}

/// A console line as a person sees it: without escape sequences and control characters. What a sequence or a
/// carriage return overwrites is not kept, and neither is the prompt `> ` that consoles redraw.
pub fn strip_ansi(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut characters = line.trim_end_matches(['\r', '\n']).chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                Some('[') => {
                    let mut parameters = String::new();
                    let last = characters.by_ref().find(|c| {
                        let is_last = ('\u{40}'..='\u{7e}').contains(c);
                        if !is_last {
                            parameters.push(*c);
                        }
                        is_last
                    });
                    // To the line's first column: what follows is written over what stands there.
                    if matches!(last, Some('G' | 'H' | 'f'))
                        && matches!(parameters.as_str(), "" | "1" | "0" | "1;1")
                    {
                        shown.clear();
                    }
                    // The whole line is erased.
                    if last == Some('K') && parameters == "2" {
                        shown.clear();
                    }
                }
                // An operating system command, such as a window title: up to BEL or ESC \.
                Some(']') => {
                    let mut escape = false;
                    for c in characters.by_ref() {
                        if c == '\u{7}' || (escape && c == '\\') {
                            break;
                        }
                        escape = c == '\u{1b}';
                    }
                }
                // A character set: one more character belongs to it.
                Some('(' | ')') => drop(characters.next()),
                _ => {}
            },
            '\r' => shown.clear(),
            '\u{8}' => drop(shown.pop()),
            '\t' => shown.push('\t'),
            c if c.is_control() => {}
            c => shown.push(c),
        }
    }
    while let Some(rest) = shown.strip_prefix("> ") {
        shown = rest.to_owned();
    }
    shown.truncate(shown.trim_end().len());
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_reads_as_a_person_sees_it() {
        let line = "> \u{1b}[1GNovember 20th 2026, 09:46:54 [\u{1b}[32mINFO\u{1b}[39m]: Alex disconnected\r";
        assert_eq!(strip_ansi(line), "November 20th 2026, 09:46:54 [INFO]: Alex disconnected");
        assert_eq!(strip_ansi("> > ready"), "ready");
        assert_eq!(strip_ansi("10%\r20%\rdone"), "done");
        assert_eq!(strip_ansi("old\u{1b}[2K\u{1b}[1Gnew"), "new");
        assert_eq!(strip_ansi("\u{1b}]0;title\u{7}text\u{8}\u{8}xt"), "text");
        assert_eq!(strip_ansi("<Alex> hi\r\n"), "<Alex> hi");
    }

    #[test]
    fn a_pattern_is_bounded() {
        assert_eq!(anywhere(&"a".repeat(501)).err(), Some(PatternError::TooLong));
        assert!(matches!(anywhere("(a{1000}){1000}"), Err(PatternError::Syntax(_))));
        assert!(matches!(anywhere("(?=x)"), Err(PatternError::Syntax(_))));
        assert!(whole("a)|(b").is_err(), "a pattern cannot close the group around it");
        assert_eq!(naming("x joined").err(), Some(PatternError::NoPlayer));
    }

    proptest! {
        #[test]
        fn what_is_stripped_holds_no_control_character(line in "\\PC*|[\\x00-\\x7f\u{1b}]{0,200}") {
            let stripped = strip_ansi(&line);
            prop_assert!(!stripped.chars().any(|c| c.is_control() && c != '\t'), "{stripped:?}");
        }

        #[test]
        fn no_pattern_panics(pattern in ".*") {
            let _ = naming(&pattern);
            let _ = whole(&pattern);
        }
    }
}
