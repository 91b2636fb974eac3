//! Reads a recipe from TOML and says everything that is wrong with it, with line and key.

use std::{collections::BTreeMap, fmt};

use toml::de::{DeTable, DeValue};

use crate::{known, lint, recipe::Recipe};

/// A recipe is at most this large.
pub const MAX_BYTES: usize = 64 * 1024;

/// Something that is wrong with a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name, as it was given.
    pub file: String,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The key, as a path: `install[2].url`. Empty for the file as a whole.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)
    }
}

impl Recipe {
    /// Reads and checks a recipe. `file_name` is only for the problems.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Vec<Problem>> {
        let whole = |line, message: String| {
            vec![Problem { file: file_name.to_owned(), line, key: String::new(), message }]
        };
        if text.len() > MAX_BYTES {
            return Err(whole(
                None,
                format!("it is larger than {} KiB, which no recipe needs", MAX_BYTES / 1024),
            ));
        }
        let document = DeTable::parse(text)
            .map_err(|error| whole(line_of(text, error.span()), format!("not TOML: {}", error.message())))?;
        let lines = Lines::of(text, document.get_ref());
        let problem = |(key, message): (String, String)| Problem {
            file: file_name.to_owned(),
            line: lines.of_key(&key),
            key,
            message,
        };
        let unknown = known::unknown_keys(document.get_ref());
        if !unknown.is_empty() {
            return Err(unknown.into_iter().map(problem).collect());
        }
        let recipe: Self = toml::from_str(text).map_err(|error| {
            let line = line_of(text, error.span());
            let key = line.and_then(|line| lines.last_key_at(line)).unwrap_or_default();
            vec![Problem { file: file_name.to_owned(), line, key, message: error.message().to_owned() }]
        })?;
        let mut problems: Vec<Problem> = lint::lint(&recipe).into_iter().map(problem).collect();
        if problems.is_empty() {
            return Ok(recipe);
        }
        problems.sort_by_key(|problem| problem.line);
        Err(problems)
    }

    /// Writes the recipe as TOML that [`Recipe::parse`] reads as the same recipe.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// Checks a recipe that did not come from a file, such as one out of a message: pairs of key and message.
    pub fn lint(&self) -> Vec<(String, String)> {
        lint::lint(self)
    }
}

fn line_of(text: &str, span: Option<std::ops::Range<usize>>) -> Option<u32> {
    let before = text.get(..span?.start)?;
    u32::try_from(before.bytes().filter(|byte| *byte == b'\n').count() + 1).ok()
}

/// On which line each key stands.
struct Lines {
    by_key: BTreeMap<String, u32>,
}

impl Lines {
    fn of(text: &str, table: &DeTable<'_>) -> Self {
        let mut lines = Self { by_key: BTreeMap::new() };
        lines.table(text, table, "");
        lines
    }

    fn table(&mut self, text: &str, table: &DeTable<'_>, prefix: &str) {
        for (key, value) in table {
            let path = known::join(prefix, key.get_ref());
            if let Some(line) = line_of(text, Some(key.span())) {
                self.by_key.insert(path.clone(), line);
            }
            self.value(text, value.get_ref(), &path);
        }
    }

    fn value(&mut self, text: &str, value: &DeValue<'_>, path: &str) {
        match value {
            DeValue::Table(table) => self.table(text, table, path),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    if let Some(line) = line_of(text, Some(item.span())) {
                        self.by_key.insert(path.clone(), line);
                    }
                    self.value(text, item.get_ref(), &path);
                }
            }
            _ => {}
        }
    }

    /// The line of a key, or of the nearest thing around it: a missing key has no line of its own.
    fn of_key(&self, key: &str) -> Option<u32> {
        let mut key = key;
        loop {
            if let Some(line) = self.by_key.get(key) {
                return Some(*line);
            }
            key = &key[..key.rfind(['.', '['])?];
        }
    }

    fn last_key_at(&self, line: u32) -> Option<String> {
        let at_line = self.by_key.iter().filter(|(_, at)| **at == line).map(|(key, _)| key);
        at_line.max_by_key(|key| key.len()).cloned()
    }
}
