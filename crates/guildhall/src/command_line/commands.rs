//! Commands made from operations: `server start` becomes `guildhall server start SERVER`.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser};
use guildhall_core::{
    Effect, Spec,
    input::{Field, FieldKind},
};

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
pub fn words(spec: &Spec, matches: &ArgMatches) -> BTreeMap<String, Vec<String>> {
    let given = spec.fields.iter().filter_map(|field| {
        let words: Vec<String> = matches.get_many::<String>(&field.name)?.cloned().collect();
        let words = match field.kind {
            FieldKind::Map => words.iter().map(|pair| quoted(pair)).collect(),
            _ => words,
        };
        Some((field.name.clone(), words))
    });
    given.collect()
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
    for (at, field) in positional.into_iter().enumerate() {
        command = command.arg(argument(field).index(at + 1).value_name(field.name.to_uppercase()));
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
