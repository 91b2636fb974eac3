//! A document as lines of text for a terminal.

use std::{fmt::Write as _, sync::OnceLock};

use guildhall_core::{
    Block, Document, Rich, Spec, Tone,
    document::{Action, Choices, Menu, Span, Table},
};
use time::{OffsetDateTime, UtcOffset, macros::format_description};

use super::commands::{is_file, is_positional};
use crate::installation;

/// Renders documents for a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Renderer {
    /// The reader's zone.
    pub zone: UtcOffset,
    /// Now, for distances.
    pub now: OffsetDateTime,
}

impl Renderer {
    /// In the machine's zone, or UTC where that is unknown.
    pub fn here() -> Self {
        let now = OffsetDateTime::now_utc();
        Self { zone: UtcOffset::local_offset_at(now).unwrap_or(UtcOffset::UTC), now }
    }

    /// The whole document, ending in a line end.
    pub fn document(&self, document: &Document) -> String {
        let mut text = String::new();
        if let Some(title) = &document.title {
            let _ = writeln!(text, "{}{}", symbol(document.tone), clean(title));
        }
        for block in &document.blocks {
            self.block(&mut text, block);
        }
        text
    }

    fn block(&self, text: &mut String, block: &Block) {
        let _ = match block {
            Block::Heading { text: heading } => writeln!(text, "\n{}", clean(heading)),
            Block::Text { text: lines } => writeln!(text, "{}", self.lines(lines).join("\n  ")),
            Block::Fields { fields } => {
                let widest = fields.iter().map(|field| clean(&field.name).chars().count()).max().unwrap_or(0);
                for field in fields {
                    let name = clean(&field.name);
                    let below = format!("\n{:width$}", "", width = widest + 2);
                    let _ = writeln!(text, "{name:<widest$}  {}", self.lines(&field.value).join(&below));
                }
                Ok(())
            }
            Block::Table(table) => {
                self.table(text, table);
                Ok(())
            }
            Block::Progress { label, done, total } => match total {
                0 => writeln!(text, "{} …", clean(label)),
                _ => writeln!(text, "{} ({done} of {total})", clean(label)),
            },
            Block::Code { text: code } => {
                for line in code.lines() {
                    let _ = writeln!(text, "  {}", clean(line));
                }
                Ok(())
            }
            Block::Image { url, alt } => writeln!(text, "[{}] {}", clean(alt), clean(url)),
            Block::Actions { actions } => {
                let hints: Vec<_> = actions.iter().map(hint).collect();
                writeln!(text, "\nNext: {}", hints.join("  ·  "))
            }
            Block::Menu(menu) => choices(text, menu),
            Block::Divider => writeln!(text),
        };
    }

    fn table(&self, text: &mut String, table: &Table) {
        let cells = |row: &Vec<Rich>| row.iter().map(|cell| self.lines(cell)).collect::<Vec<_>>();
        let rows: Vec<Vec<Vec<String>>> = table.rows.iter().map(cells).collect();
        let widths: Vec<usize> = table
            .columns
            .iter()
            .enumerate()
            .map(|(at, heading)| {
                let lines = rows.iter().filter_map(|row| row.get(at)).flatten();
                lines.chain([heading]).map(|line| line.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let mut line = |cells: &[&str]| {
            let padded: Vec<_> =
                cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
            let _ = writeln!(text, "{}", padded.join("  ").trim_end());
        };
        let headings: Vec<String> = table.columns.iter().map(|heading| heading.to_uppercase()).collect();
        line(&headings.iter().map(String::as_str).collect::<Vec<_>>());
        for row in &rows {
            // A cell of several lines makes its row as high.
            for at in 0..row.iter().map(Vec::len).max().unwrap_or(0) {
                let cells = row.iter().map(|lines| lines.get(at).map_or("", String::as_str));
                line(&cells.collect::<Vec<_>>());
            }
        }
    }

    /// The lines of a text, at least one.
    fn lines(&self, rich: &Rich) -> Vec<String> {
        let text: String = rich.0.iter().map(|span| self.span(span)).collect();
        text.split('\n').map(|line| clean(line).trim_end().to_owned()).collect()
    }

    fn span(&self, span: &Span) -> String {
        match span {
            Span::Plain(text) | Span::Strong(text) | Span::Code(text) => text.clone(),
            Span::Time(at) => {
                let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
                at.to_offset(self.zone).format(&format).unwrap_or_else(|_| at.to_string())
            }
            Span::Ago(at) => distance(self.now, *at),
            Span::Person { name, .. } | Span::Channel { name, .. } => clean(name),
            Span::Link(address) => address.to_string(),
        }
    }
}

/// One line. Control characters would let a player's name steer the terminal; the end of a line becomes a blank.
pub(super) fn clean(text: &str) -> String {
    let shown = text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n'));
    shown.map(|c| if c == '\n' { ' ' } else { c }).collect()
}

fn symbol(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "",
        Tone::Working => "… ",
        Tone::Good => "✓ ",
        Tone::Warning => "! ",
        Tone::Bad => "✗ ",
    }
}

/// What there is to choose, what is chosen marked, and how to choose it here.
fn choices(text: &mut String, menu: &Menu) -> std::fmt::Result {
    writeln!(text, "\n{}", clean(&menu.label))?;
    let mark = |value: &String| if menu.chosen.contains(value) { "*" } else { " " };
    match &menu.of {
        Choices::Options(options) => {
            for option in options {
                let hint =
                    option.hint.as_deref().map(|hint| format!("  {}", clean(hint))).unwrap_or_default();
                writeln!(text, "  {} {}{hint}", mark(&option.value), clean(&option.label))?;
            }
        }
        Choices::Channels | Choices::Categories | Choices::Roles | Choices::People => {
            for id in &menu.chosen {
                writeln!(text, "  * {}", clean(id))?;
            }
        }
    }
    let action = Action::new(menu.label.as_str(), menu.operation.as_str(), menu.input.clone());
    writeln!(text, "  {} --{} …", hint(&action), menu.field.replace('_', "-"))
}

/// The command that does what a button would.
fn hint(action: &Action) -> String {
    static SPECS: OnceLock<Vec<Spec>> = OnceLock::new();
    let specs = SPECS.get_or_init(installation::specs);
    let mut command = format!("guildhall {}", action.operation);
    let fields = specs.iter().find(|spec| spec.name == action.operation).map(|spec| spec.fields.as_slice());
    let given = |name: &str| {
        let value = action.input.get(name).filter(|value| !value.is_null())?;
        Some(shell_word(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    };
    for field in fields.unwrap_or_default() {
        let _ = match (given(&field.name), is_positional(field)) {
            // What was read from a file is not repeated on a command line.
            (Some(_), true) if is_file(field) => write!(command, " FILE"),
            (Some(value), true) => write!(command, " {value}"),
            (Some(value), false) => write!(command, " --{} {value}", field.name.replace('_', "-")),
            // What a form would ask for is named, in its place.
            (None, true) => write!(command, " <{}>", field.name),
            (None, false) => Ok(()),
        };
    }
    format!("{}: {command}", action.label)
}

/// A value as one word of a shell.
fn shell_word(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@,=+".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

fn distance(now: OffsetDateTime, at: OffsetDateTime) -> String {
    let gap = now - at;
    let seconds = gap.whole_seconds().unsigned_abs();
    let amount = match seconds {
        // Two machines' clocks differ by more than that.
        0 => return "now".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    };
    if gap.is_negative() { format!("in {amount}") } else { format!("{amount} ago") }
}

#[cfg(test)]
mod tests {
    use guildhall_core::Action;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_reads_well_in_a_terminal() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let renderer = Renderer { zone: UtcOffset::UTC, now };
        let document = Document::titled("survival")
            .tone(Tone::Good)
            .field("State", "ready")
            .field("Since", Rich::new().time(now - time::Duration::minutes(5)))
            .field("Asked", Rich::new().ago(now - time::Duration::minutes(5)))
            .table(
                &["name", "state"],
                vec![vec!["survival".into(), "ready".into()], vec!["a".into(), "b".into()]],
            )
            .progress("installing", 1, 3)
            .code("one\ntwo\u{1b}[31m")
            .action(Action::new("Stop", "server stop", json!({"server": "survival"})));
        let expected = "✓ survival\nState  ready\nSince  2024-10-03 23:55:00\nAsked  5 min ago\nNAME      STATE\n\
                        survival  ready\na         b\ninstalling (1 of 3)\n  one\n  two[31m\n\n\
                        Next: Stop: guildhall server stop survival\n";
        assert_eq!(renderer.document(&document), expected);
    }

    #[test]
    fn lines_stay_lines_and_begin_where_the_text_does() {
        let renderer = Renderer { zone: UtcOffset::UTC, now: OffsetDateTime::UNIX_EPOCH };
        let document = Document::titled("two\nlines")
            .text("as Discord knows it\ngeneral.language: auto\u{1b}[31m\r\n")
            .field("Evidence", "one\ntwo")
            .field("By", "ada")
            .table(
                &["name", "note"],
                vec![vec!["survival".into(), "kept\nfor long".into()], vec!["a".into(), "b".into()]],
            );
        let expected = "two lines\nas Discord knows it\n  general.language: auto[31m\n  \nEvidence  one\n          two\n\
                        By        ada\nNAME      NOTE\nsurvival  kept\n          for long\na         b\n";
        assert_eq!(renderer.document(&document), expected);
    }

    #[test]
    fn a_text_that_was_a_file_is_not_repeated_in_a_hint() {
        let input = json!({"text": "[general]\nprefix = \"!\"", "format": "toml", "revision": 3});
        let shown = hint(&Action::new("Apply", "config import", input));
        assert_eq!(shown, "Apply: guildhall config import FILE --format toml --revision 3");
    }
}
