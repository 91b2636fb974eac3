//! Text that Discord shows as it is: escaping, code, and the spans of a line.
//!
//! Discord's client reads a backslash before any ASCII punctuation as "the next character is itself", so
//! that is what stands before everything it would take for markup.

use guildhall_core::{
    ActorId,
    document::{Rich, Span},
};

/// The most characters of one piece of a line that cannot be split any further.
pub(super) const ATOM: usize = 160;

/// `text` with everything that Discord would read as markup, mention or link made plain. The start counts
/// as the start of a line, because a page may be split there.
pub(crate) fn escape(text: &str) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len() + 8);
    let mut line_start = true;
    let mut digits = false;
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        match c {
            '\\' | '*' | '_' | '~' | '|' | '`' | '<' | '>' | '[' | ']' | '#' => out.extend(['\\', c]),
            // Lists and small print begin a line.
            '-' | '+' if line_start => out.extend(['\\', c]),
            '.' | ')' if digits => out.extend(['\\', c]),
            // An address with a scheme would become a link.
            ':' if begins(rest, "://") => out.push_str("\\:"),
            // A backslash does not keep these two from standing out, a break in the word does.
            '@' if begins(rest, "@everyone") || begins(rest, "@here") => out.push_str("@\u{200b}"),
            other => out.push(other),
        }
        digits = c.is_ascii_digit() && (line_start || digits);
        line_start = c == '\n' || (line_start && c.is_whitespace());
    }
    out
}

/// Whether `rest` begins with `word`, in any case, or might once what follows the piece is added.
fn begins(rest: &str, word: &str) -> bool {
    let same = |(a, b): (u8, u8)| a.eq_ignore_ascii_case(&b);
    rest.bytes().zip(word.bytes()).all(same)
}

/// `text` in a fixed-width face, on one line. A backtick cannot be escaped there; its look-alike stands in.
pub(crate) fn code(text: &str) -> String {
    let text = visible(text).replace('`', "\u{2cb}").replace('\n', " ");
    if text.trim().is_empty() { String::new() } else { format!("`{text}`") }
}

/// `text` in a block of its own. Backticks inside are kept apart so that they cannot end the block.
pub(super) fn code_block(text: &str) -> String {
    format!("```\n{text}\n```")
}

/// Program output made fit for [`code_block`]: no control characters, no fence.
pub(super) fn fence_safe(text: &str) -> String {
    visible(text).replace("``", "`\u{200b}`")
}

/// The pieces of a line, each complete in itself, none longer than a few times [`ATOM`].
pub(super) fn atoms(rich: &Rich) -> Vec<String> {
    let (mut out, mut before): (Vec<String>, Option<&Span>) = (Vec::new(), None);
    for span in &rich.0 {
        let begin = out.len();
        match span {
            Span::Plain(text) => out.extend(chunks(text).map(escape)),
            Span::Strong(text) => out.extend(chunks(text).filter_map(strong)),
            Span::Code(text) => out.extend(chunks(text).map(code).filter(|code| !code.is_empty())),
            Span::Time(at) => out.push(format!("<t:{}:f>", at.unix_timestamp())),
            Span::Ago(at) => out.push(format!("<t:{}:R>", at.unix_timestamp())),
            Span::Person { id, name } => match ActorId::from(id.clone()).discord_user() {
                Some(user) => out.push(format!("<@{user}>")),
                None => out.extend(chunks(name).map(escape)),
            },
            // In angle brackets an address ends where it ends, and Discord shows no preview of it.
            Span::Link(address) => out.push(match address.is_place() {
                true => address.to_string(),
                false => format!("<{address}>"),
            }),
            Span::Channel { id, .. } => out.push(format!("<#{id}>")),
        }
        for at in begin.max(1)..out.len() {
            keep_apart(&mut out, at);
        }
        if let (Some(Span::Link(_)), [.., link, next]) = (before, &out[..out.len().min(begin + 1)])
            && out.len() > begin
            && runs_on(link, next)
        {
            out[begin - 1].push(' ');
        }
        before = Some(span).filter(|_| out.len() > begin).or(before);
    }
    out
}

/// Whether Discord would read the beginning of `next` as a part of the address before it.
fn runs_on(link: &str, next: &str) -> bool {
    let behind = next.trim_start_matches(['.', ',', ':', ';']);
    !link.ends_with('>') && !behind.is_empty() && !behind.starts_with(char::is_whitespace)
}

/// Two bold pieces, or two of code, would join their marks into something else.
fn keep_apart(atoms: &mut [String], at: usize) {
    for mark in ["**", "`"] {
        if atoms[at].starts_with(mark) && atoms[at - 1].ends_with(mark) && !atoms[at - 1].ends_with("\\`") {
            atoms[at].insert(0, '\u{200b}');
        }
    }
}

/// What the spans say, without any markup.
pub(super) fn plain(rich: &Rich) -> String {
    let text: String = rich
        .0
        .iter()
        .map(|span| match span {
            Span::Plain(text) | Span::Strong(text) | Span::Code(text) => text.clone(),
            Span::Time(at) | Span::Ago(at) => at.to_string(),
            Span::Person { name, .. } | Span::Channel { name, .. } => name.clone(),
            Span::Link(address) => address.to_string(),
        })
        .collect();
    visible(&text)
}

/// `text` set in bold; blanks at its ends stay outside, where Discord wants them.
pub(super) fn strong(text: &str) -> Option<String> {
    let inner = text.trim();
    if inner.is_empty() {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    let (before, after) = text.split_once(inner)?;
    // Bold text over several lines ends at the first of them.
    let inner: Vec<String> = inner
        .split('\n')
        .map(
            |line| {
                if line.trim().is_empty() { String::new() } else { format!("**{}**", escape(line.trim())) }
            },
        )
        .collect();
    Some(format!("{before}{}{after}", inner.join("\n")))
}

/// `text` without what cannot be seen but changes how the rest is read: control characters, marks that turn
/// the direction of writing, zero-width blanks, tags.
pub(super) fn visible(text: &str) -> String {
    let hidden = |c: char| {
        matches!(c,
            '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    // A terminal's colour codes would leave their digits behind.
    let text = without_colours(text);
    if text.contains(hidden) { text.chars().filter(|c| !hidden(*c)).collect() } else { text }
}

fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let code = &rest[at + 2..];
        let end = code.find(|c: char| !(c.is_ascii_digit() || matches!(c, ';' | '?'))).unwrap_or(code.len());
        // The letter that ends the code goes with it.
        let letter = code[end..].chars().next().filter(char::is_ascii_alphabetic).map_or(0, char::len_utf8);
        rest = &code[end + letter..];
    }
    out.push_str(rest);
    out
}

/// `text` in pieces of at most [`ATOM`] characters, split after blanks where there are any.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, left) = rest.split_at(split_point(rest, ATOM));
        rest = left;
        Some(piece)
    })
}

/// Where to split so that at most `most` characters come first: after the last line break, else after the
/// last blank, else hard.
pub(super) fn split_point(text: &str, most: usize) -> usize {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.len() };
    let head = &text[..end];
    let soft = head.rfind('\n').or_else(|| head.rfind(' ')).map_or(0, |at| at + 1);
    if soft == 0 { end } else { soft }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_plain_text() {
        let cases = [
            ("*b* _i_ ~~s~~ ||x|| `c`", r"\*b\* \_i\_ \~\~s\~\~ \|\|x\|\| \`c\`"),
            ("# big\n- item\n1. one\n> quote", "\\# big\n\\- item\n1\\. one\n\\> quote"),
            ("-# small", r"\-\# small"),
            ("[a](https://evil.example)", r"\[a\](https\://evil.example)"),
            ("<@123> <#1> <:a:1> <t:0:R> </x:1>", r"\<@123\> \<\#1\> \<:a:1\> \<t:0:R\> \</x:1\>"),
            ("@everyone @HERE me@example.com", "@\u{200b}everyone @\u{200b}HERE me@example.com"),
            ("my-server 1.21", "my-server 1.21"),
            ("a\u{202e}b\u{200b}c\u{7}d", "abcd"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("  12) twelve", "  12\\) twelve"),
        ];
        for (text, expected) in cases {
            assert_eq!(escape(text), expected, "{text}");
        }
    }

    #[test]
    fn a_fence_inside_of_program_output_cannot_end_the_block() {
        let shown = code_block(&fence_safe("a\n````\n@everyone"));
        assert_eq!(shown.matches("```").count(), 2, "{shown}");
    }
}
