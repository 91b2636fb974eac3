//! Commands made from operations: `server start` becomes `guildhall server start SERVER`.

use std::{collections::BTreeMap, path::Path};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser};
use guildhall_core::{
    Effect, Spec,
    input::{Field, FieldKind},
};

use super::{ending::Ending, file};

/// The commands of all operations, for the program's own command to take in.
pub fn commands<'a>(specs: impl Iterator<Item = &'a Spec>) -> Vec<Command> {
    let mut groups: BTreeMap<&'static str, Vec<(&'static str, &Spec)>> = BTreeMap::new();
    let mut single = Vec::new();
    for spec in specs {
        match spec.name.split_once(' ') {
            Some((group, verb)) => groups.entry(group).or_default().push((verb, spec)),
            None => single.push(command(spec.name, spec)),
        }
    }
    let grouped = groups.into_iter().map(|(group, verbs)| {
        let subcommands = verbs.iter().map(|(verb, spec)| command(verb, spec));
        let verbs: Vec<_> = verbs.iter().map(|(verb, _)| *verb).collect();
        Command::new(group)
            .about(format!("{}: {}", capitalised(group), verbs.join(", ")))
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommands(subcommands)
    });
    single.into_iter().chain(grouped.collect::<Vec<_>>()).collect()
}

/// The operation that was asked for, with its words.
pub fn asked<'a>(
    matches: &'a ArgMatches,
    specs: impl Iterator<Item = &'a Spec>,
) -> Option<(&'a Spec, &'a ArgMatches)> {
    let (first, inner) = matches.subcommand()?;
    let (name, arguments) = match inner.subcommand() {
        Some((verb, arguments)) => (format!("{first} {verb}"), arguments),
        None => (first.to_owned(), inner),
    };
    let mut specs = specs;
    specs.find(|spec| spec.name == name).map(|spec| (spec, arguments))
}

/// The words given for each input.
pub fn words(spec: &Spec, matches: &ArgMatches) -> Result<BTreeMap<String, Vec<String>>, Ending> {
    let mut given = BTreeMap::new();
    for field in &spec.fields {
        let of = |id: &str| {
            matches.try_get_many::<String>(id).ok().flatten().map(|words| words.cloned().collect())
        };
        let words: Option<Vec<String>> = of(&field.name).or_else(|| of(&in_place(field)));
        let Some(words) = words else { continue };
        let words = match field.kind {
            FieldKind::Map => words.iter().map(|pair| quoted(pair)).collect(),
            _ if is_file(field) => vec![file::text(&words.concat(), longest(field))?],
            _ => words,
        };
        given.insert(field.name.clone(), words);
    }
    name_the_format(spec, matches, &mut given);
    Ok(given)
}

/// The end of a file's name says how it is written, unless that was said.
fn name_the_format(spec: &Spec, matches: &ArgMatches, given: &mut BTreeMap<String, Vec<String>>) {
    let Some(name) = spec.fields.iter().find(|field| is_file(field)).map(|field| &field.name) else { return };
    let Some(format) = spec.fields.iter().find(|field| field.name == "format") else { return };
    let FieldKind::Choice { of } = &format.kind else { return };
    if given.contains_key("format") {
        return;
    }
    let path = matches.get_one::<String>(name).map(Path::new);
    let ending = path.and_then(|path| path.extension()?.to_str()).unwrap_or_default();
    let ending = if ending == "yml" { "yaml" } else { ending };
    if of.iter().any(|word| word == ending) {
        given.insert("format".to_owned(), vec![ending.to_owned()]);
    }
}

/// `motd=two words`, one shell word, as the catalogue reads it among several.
fn quoted(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, value)) if value.contains(char::is_whitespace) && !value.starts_with('"') => {
            format!("{name}=\"{value}\"")
        }
        _ => pair.to_owned(),
    }
}

fn command(name: &'static str, spec: &Spec) -> Command {
    let mut command = Command::new(name).about(spec.summary).after_help(format!(
        "Rank: {}. Effect: {}.",
        spec.rank,
        effect(spec.effect)
    ));
    let (positional, named): (Vec<_>, Vec<_>) = spec.fields.iter().partition(|field| is_positional(field));
    let last = positional.len() + 1;
    for (at, field) in positional.into_iter().enumerate() {
        let argument = argument(field).index(at + 1);
        command = command.arg(match is_file(field) {
            true => argument
                .value_name("FILE")
                .help(format!("{} A file, or - for standard input.", field.description)),
            false => argument.value_name(field.name.to_uppercase()),
        });
    }
    if let Some(field) = after_the_needed(spec) {
        let long = field.name.replace('_', "-");
        let argument = argument(field).id(in_place(field)).index(last).conflicts_with(field.name.clone());
        let help = format!("{} --{long} says the same.", field.description);
        command = command.arg(argument.value_name(field.name.to_uppercase()).help(help));
    }
    for field in named {
        let long = field.name.replace('_', "-");
        let argument = argument(field).long(long);
        command = command.arg(match field.kind {
            FieldKind::Boolean => argument.num_args(0..=1).default_missing_value("true").value_name("BOOL"),
            _ => argument,
        });
    }
    if spec.effect == Effect::Destroy {
        let yes = Arg::new("yes").long("yes").short('y').action(ArgAction::SetTrue);
        command = command.arg(yes.help("Do not ask; it is meant"));
    }
    command
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "reads",
        Effect::Change => "changes",
        Effect::Destroy => "destroys, so it asks first",
    }
}

/// What must be given is given in order; the rest by name.
pub(super) fn is_positional(field: &Field) -> bool {
    field.required && !matches!(field.kind, FieldKind::Map | FieldKind::List | FieldKind::Users)
}

/// Longer than what anybody types, in characters: Discord takes 6,000 in a command's option. What may be longer is
/// the text of a file.
const TYPED: u64 = 6_000;

/// Whether an input is the text of a file, which is named instead of written on the command line.
pub(super) fn is_file(field: &Field) -> bool {
    field.required && longest(field) > TYPED
}

fn longest(field: &Field) -> u64 {
    match field.kind {
        FieldKind::Text { max, .. } => max.unwrap_or(0),
        _ => 0,
    }
}

/// The first of what need not be given, which may follow in order what must be. Not where people are named: they
/// have names of their own to be told from it.
fn after_the_needed(spec: &Spec) -> Option<&Field> {
    if spec.fields.iter().any(|field| field.required && !is_positional(field)) {
        return None;
    }
    let field = spec.fields.iter().find(|field| !field.required)?;
    let several =
        matches!(field.kind, FieldKind::Map | FieldKind::List | FieldKind::Users | FieldKind::Boolean);
    (!several).then_some(field)
}

/// What the command line calls an input that is given in order though it has a name.
pub(super) fn in_place(field: &Field) -> String {
    format!("{} in its place", field.name)
}

fn argument(field: &Field) -> Arg {
    let argument = Arg::new(field.name.clone()).help(field.description.clone()).required(field.required);
    match &field.kind {
        FieldKind::Choice { of } => argument.value_parser(PossibleValuesParser::new(of.clone())),
        FieldKind::Map => argument.action(ArgAction::Append).value_name("NAME=VALUE"),
        FieldKind::List | FieldKind::Users => argument.action(ArgAction::Append),
        FieldKind::Integer { .. } | FieldKind::Number { .. } => argument.allow_negative_numbers(true),
        _ => argument,
    }
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
