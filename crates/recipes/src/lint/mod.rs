//! What a recipe must keep beyond its types. Recipes come from strangers: whatever passes here is safe to
//! hand to an agent, which trusts it with a folder and a user of its own and with nothing else.

mod access;
mod install;
mod shape;
mod text;

use std::{collections::BTreeMap, time::Duration};

use guildhall_core::{id, suggest};

use crate::{
    config,
    patterns::{self, PatternError},
    placeholder::{Placeholder, Template},
    recipe::{ConfigFile, ConsoleInput, FileFormat, Recipe, Variable, VariableKind},
    values::{self, Values},
};

/// There are at most this many of anything that comes in lists or tables.
pub(crate) const MAX_ITEMS: usize = 64;

pub(crate) fn lint(recipe: &Recipe) -> Vec<(String, String)> {
    let mut lint = Lint { recipe, problems: Vec::new() };
    lint.head();
    lint.variables();
    lint.ports();
    lint.install();
    lint.files();
    lint.start();
    lint.ready_and_players();
    lint.console_and_stop();
    lint.access();
    lint.limits();
    lint.defaults();
    lint.problems
}

struct Lint<'a> {
    recipe: &'a Recipe,
    problems: Vec<(String, String)>,
}

impl Lint<'_> {
    fn wrong(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.problems.push((key.into(), message.into()));
    }

    fn unless(&mut self, fine: bool, key: &str, message: &str) {
        if !fine {
            self.wrong(key, message);
        }
    }

    fn head(&mut self) {
        let recipe = self.recipe;
        self.unless(recipe.format == 1, "format", "this Guildhall reads format 1");
        if let Err(error) = id::check_name(&recipe.name) {
            self.wrong("name", error.to_string());
        }
        self.line("title", &recipe.title, 64);
        self.line("summary", &recipe.summary, 200);
        if let Some(homepage) = &recipe.homepage {
            self.unless(
                text::is_https(homepage, None),
                "homepage",
                "it is not an address that begins with https://",
            );
        }
        if let Some(connect) = &recipe.connect {
            self.line("connect", connect, 300);
            self.template("connect", connect, Holds::Anything);
        }
    }

    fn variables(&mut self) {
        let recipe = self.recipe;
        self.count("variables", recipe.variables.len());
        for (name, variable) in &recipe.variables {
            let key = format!("variables.{name}");
            self.unless(
                text::is_word(name),
                &key,
                "a variable's name is 1 to 32 of a-z, 0-9 and '_', from a letter on",
            );
            self.line(&format!("{key}.description"), &variable.description, 300);
            self.variable(&key, variable);
        }
    }

    fn variable(&mut self, key: &str, variable: &Variable) {
        match &variable.kind {
            VariableKind::Text { max_length, pattern, .. } => {
                let bounded = max_length.is_none_or(|most| (1..=values::MAX_TEXT as u32).contains(&most));
                self.unless(bounded, &format!("{key}.max_length"), "it is 1 to 1000 characters");
                if let Some(Err(error)) = pattern.as_deref().map(patterns::whole) {
                    return self.wrong(format!("{key}.pattern"), error.to_string());
                }
            }
            VariableKind::Integer { min: Some(min), max: Some(max), .. } if min > max => {
                return self.wrong(format!("{key}.min"), format!("{min} is above the maximum, {max}"));
            }
            VariableKind::Choice { choices, .. } => {
                self.count(&format!("{key}.choices"), choices.len());
                for (index, choice) in choices.iter().enumerate() {
                    self.line(&format!("{key}.choices[{index}]"), choice, 100);
                }
            }
            VariableKind::Integer { .. } | VariableKind::Boolean { .. } => {}
            VariableKind::Secret {} => return,
        }
        let default = values::default_of(&variable.kind);
        if let Err(misfit) = values::check(variable, &default.text()) {
            self.wrong(format!("{key}.default"), misfit.message);
        }
    }

    fn ports(&mut self) {
        let recipe = self.recipe;
        self.count("ports", recipe.ports.len());
        if !recipe.ports.contains_key("game") {
            self.wrong("ports", "there is no port 'game', the one that players connect to");
        }
        let mut numbers = BTreeMap::new();
        for (name, port) in &recipe.ports {
            let key = format!("ports.{name}");
            self.unless(
                text::is_word(name),
                &key,
                "a port's name is 1 to 32 of a-z, 0-9 and '_', from a letter on",
            );
            self.unless(
                port.default >= 1024,
                &format!("{key}.default"),
                "games have no rights below port 1024",
            );
            if let Some(description) = &port.description {
                self.line(&format!("{key}.description"), description, 200);
            }
            if let Some(other) = numbers.insert(port.default, name) {
                self.wrong(format!("{key}.default"), format!("port '{other}' has the same number"));
            }
        }
    }

    fn files(&mut self) {
        let recipe = self.recipe;
        self.count("files", recipe.files.len());
        for (index, file) in recipe.files.iter().enumerate() {
            let key = format!("files[{index}]");
            self.path(&format!("{key}.path"), &file.path);
            if recipe.files.iter().take(index).any(|other| other.path == file.path) {
                self.wrong(
                    format!("{key}.path"),
                    "another entry writes the same file; put the values together",
                );
            }
            self.file(&key, file);
        }
    }

    fn file(&mut self, key: &str, file: &ConfigFile) {
        match (&file.content, file.format) {
            (Some(_), FileFormat::Text) => {
                self.unless(
                    file.values.is_empty(),
                    &format!("{key}.values"),
                    "a file of the format text has no values",
                );
                return;
            }
            (None, FileFormat::Text) => {
                return self.wrong(format!("{key}.content"), "the format text needs it");
            }
            (Some(_), _) => self.wrong(format!("{key}.content"), "only the format text has it"),
            (None, _) => {}
        }
        self.unless(!file.values.is_empty(), &format!("{key}.values"), "it is empty; leave the file out");
        self.count(&format!("{key}.values"), file.values.len());
        for (name, value) in &file.values {
            self.value(&format!("{key}.values.{name}"), value, file.format, 0);
        }
        if let Err(error) = config::check_keys(file.format, &file.values) {
            self.wrong(format!("{key}.values"), error.to_string());
        }
    }

    fn value(&mut self, key: &str, value: &serde_json::Value, format: FileFormat, depth: usize) {
        if depth > 8 {
            return self.wrong(key, "lists and tables are nested too deeply");
        }
        match value {
            serde_json::Value::String(text) => {
                let holds = match format {
                    FileFormat::Ini | FileFormat::Lines => Holds::Unescaped,
                    _ => Holds::Anything,
                };
                self.template(key, text, holds);
            }
            serde_json::Value::Array(items) => {
                self.count(key, items.len());
                items.iter().for_each(|item| self.value(key, item, format, depth + 1));
            }
            serde_json::Value::Object(map) => {
                self.count(key, map.len());
                map.values().for_each(|item| self.value(key, item, format, depth + 1));
            }
            _ => {}
        }
    }

    fn start(&mut self) {
        let start = &self.recipe.start;
        self.arguments("start.command", &start.command);
        if let Some(folder) = &start.folder {
            self.path("start.folder", folder);
        }
        self.count("start.environment", start.environment.len());
        for (name, value) in &start.environment {
            let key = format!("start.environment.{name}");
            self.unless(
                text::is_variable_name(name),
                &key,
                "an environment variable is 1 to 64 of A-Z, a-z, 0-9 and '_'",
            );
            // What the loader and interpreters read would let a value choose the code that runs.
            let chosen_by_agent =
                matches!(name.as_str(), "PATH" | "HOME" | "LANG" | "IFS" | "BASH_ENV" | "ENV");
            self.unless(!chosen_by_agent, &key, "the agent sets this one itself");
            self.line(&key, value, 1_000);
            let holds = if text::chooses_code(name) { Holds::Nothing } else { Holds::Anything };
            self.template(&key, value, holds);
        }
    }

    /// A program and its arguments, of the start or of an install step.
    fn arguments(&mut self, key: &str, arguments: &[String]) {
        self.count(key, arguments.len());
        let Some(program) = arguments.first() else { return self.wrong(key, "it is empty; name a program") };
        self.program(&format!("{key}[0]"), program);
        let shell = text::is_interpreter(program);
        let mut code = false;
        for (index, argument) in arguments.iter().enumerate() {
            let key = format!("{key}[{index}]");
            self.unless(
                argument.chars().count() <= 1_000 && !argument.contains('\0'),
                &key,
                "it is longer than 1000 characters or holds a NUL",
            );
            if index == 0 {
                continue;
            }
            // Once `-c` was seen, this and all later arguments are code or its parameters.
            code |= shell && text::takes_code(argument);
            self.template(&key, argument, if code { Holds::Nothing } else { Holds::Anything });
        }
    }

    fn program(&mut self, key: &str, program: &str) {
        match Template::parse(program) {
            Ok(template) if template.placeholders().next().is_some() => {
                return self.wrong(key, "the program is fixed; no placeholder may choose it");
            }
            Ok(_) => {}
            Err(error) => return self.wrong(key, error.to_string()),
        }
        let by_name = text::is_program_name(program);
        let system = ["/usr/", "/bin/", "/opt/"].iter().any(|prefix| program.starts_with(prefix));
        let absolute = system && text::is_plain_path(program);
        let relative =
            program.contains('/') && text::is_inside(program.strip_prefix("./").unwrap_or(program));
        self.unless(
            by_name || absolute || relative,
            key,
            "it is a program's name, a path in the server's folder, or one under /usr, /bin or /opt",
        );
    }

    fn ready_and_players(&mut self) {
        let Recipe { ready, players, ports, .. } = self.recipe;
        self.duration("ready.within", ready.within, Duration::from_secs(3_600));
        if ready.log.is_none() && ready.port.is_none() && !ready.query {
            self.wrong("ready", "it has no condition; give log, port or query");
        }
        self.pattern("ready.log", ready.log.as_deref(), patterns::anywhere);
        for (key, port) in [("ready.port", &ready.port), ("players.port", &players.port)] {
            if let Some(port) = port.as_ref().filter(|port| !ports.contains_key(*port)) {
                self.missing(key, "port", port, ports.keys());
            }
        }
        let asks = players.query.is_some();
        self.unless(asks || !ready.query, "ready.query", "there is no query in [players]");
        self.unless(asks || players.port.is_none(), "players.port", "there is no query that would use it");
        self.pattern("players.join", players.join.as_deref(), patterns::naming);
        self.pattern("players.leave", players.leave.as_deref(), patterns::naming);
        if players.join.is_some() != players.leave.is_some() {
            self.wrong("players", "join and leave belong together; one alone would count wrong");
        }
    }

    fn console_and_stop(&mut self) {
        let Recipe { console, stop, save, .. } = self.recipe;
        let terminal = console.input == ConsoleInput::Terminal;
        for (key, line) in
            [("console.say", &console.say), ("stop.command", &stop.command), ("save.command", &save.command)]
        {
            let Some(line) = line else { continue };
            self.line(key, line, 300);
            self.unless(terminal, key, "the game reads no console lines; console.input is 'none'");
        }
        if let Some(say) = &console.say {
            match Template::parse(say) {
                Ok(template) => {
                    let only_text = template.placeholders().eq([&Placeholder::Text]);
                    self.unless(only_text, "console.say", "it holds {text} once, and no other placeholder");
                    let bare = say.trim_start().starts_with("{text}");
                    self.unless(!bare, "console.say", "{text} cannot come first: it could be a command then");
                }
                Err(error) => self.wrong("console.say", error.to_string()),
            }
        }
        match (&stop.command, stop.signal) {
            (Some(_), Some(_)) => self.wrong("stop", "give command or signal, not both"),
            (None, None) => self.wrong("stop", "give command or signal"),
            _ => {}
        }
        self.duration("stop.wait", stop.wait, Duration::from_secs(600));
        self.duration("stop.term_wait", stop.term_wait, Duration::from_secs(300));
        self.count("save.paths", save.paths.len());
        for (index, path) in save.paths.iter().enumerate() {
            self.path(&format!("save.paths[{index}]"), path);
        }
    }

    /// A default at the begin of an argument is held to what a set value is.
    fn defaults(&mut self) {
        let recipe = self.recipe;
        for (name, variable) in &recipe.variables {
            let default = values::default_of(&variable.kind).text();
            if values::check(variable, &default).is_ok() && Values::check(recipe, name, &default).is_err() {
                self.wrong(format!("variables.{name}.default"), "the game would take it for an option");
            }
        }
    }

    fn limits(&mut self) {
        let limits = &self.recipe.limits;
        self.unless(
            (64..=1_048_576).contains(&limits.open_files),
            "limits.open_files",
            "it is 64 to 1048576",
        );
        self.unless((16..=65_536).contains(&limits.processes), "limits.processes", "it is 16 to 65536");
        let size = limits.file_size.is_none_or(|size| size >= 1_048_576);
        self.unless(size, "limits.file_size", "it is at least 1048576, a mebibyte");
    }

    fn template(&mut self, key: &str, text: &str, holds: Holds) {
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(error) => return self.wrong(key, error.to_string()),
        };
        for placeholder in template.placeholders() {
            if holds == Holds::Nothing {
                return self
                    .wrong(key, format!("{placeholder} would become code here; use a file or an argument"));
            }
            let Recipe { variables, ports, .. } = self.recipe;
            match placeholder {
                Placeholder::Variable(name) => match variables.get(name) {
                    None => self.missing(key, "variable", name, variables.keys()),
                    Some(Variable { kind: VariableKind::Text { pattern: None, .. }, .. })
                        if holds == Holds::Unescaped =>
                    {
                        // These formats have no escaping that every game reads the same way.
                        let advice =
                            "has to have a pattern that keeps out what this game's file gives a meaning";
                        self.wrong(key, format!("the variable '{name}' {advice}, such as quotation marks"));
                    }
                    Some(_) => {}
                },
                Placeholder::Port(name) if !ports.contains_key(name) => {
                    self.missing(key, "port", name, ports.keys());
                }
                Placeholder::Text => self.wrong(key, "{text} exists in console.say only"),
                Placeholder::Player => self.wrong(key, "{player} exists in [access] only"),
                _ => {}
            }
        }
    }

    fn missing<'k>(&mut self, key: &str, what: &str, name: &str, known: impl Iterator<Item = &'k String>) {
        let near = suggest::nearest(name, known.map(String::as_str), 3).join("', '");
        let message = match near.as_str() {
            "" => format!("there is no {what} '{name}'"),
            near => format!("there is no {what} '{name}'; did you mean '{near}'?"),
        };
        self.wrong(key, message);
    }

    fn pattern<T>(
        &mut self,
        key: &str,
        pattern: Option<&str>,
        compile: impl Fn(&str) -> Result<T, PatternError>,
    ) {
        if let Some(Err(error)) = pattern.map(compile) {
            self.wrong(key, error.to_string());
        }
    }
}

/// What may be filled in at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Any value: what it goes into keeps it apart, or escapes it.
    Anything,
    /// Only text that a pattern restricts.
    Unescaped,
    /// Nothing at all.
    Nothing,
}
