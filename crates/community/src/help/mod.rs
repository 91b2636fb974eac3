//! Help, written from the catalogue: only what the one who asks may use, a page a command.

use std::{future::Future, pin::Pin};

use guildhall_core::{
    Action, Actor, Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Spec,
    document::{Choices, Menu, MenuOption},
    input::{Field, FieldKind},
    operation::Choice,
    suggest,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Community, CommunityError, book::Book, ranks::name_of};

/// Commands a page.
const A_PAGE: usize = 12;

/// What one command is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CommandData {
    /// Its name.
    pub name: String,
    /// What it does.
    pub summary: String,
    /// The rank it asks for here.
    pub rank: u8,
    /// Other words for it in messages with a prefix.
    pub aliases: Vec<String>,
    /// How it may be called.
    pub examples: Vec<String>,
}

/// Commands that were found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HelpData {
    /// Those of this page.
    pub commands: Vec<CommandData>,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
}

/// Shows what you can do here, and how.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Help {
    /// A command, a group of commands, or words to look for.
    #[serde(default)]
    #[schemars(length(max = 100), extend("x-complete" = "help"))]
    pub query: Option<String>,
    /// A page, from 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub page: Option<u32>,
}

impl Operation for Help {
    type Domain = Community;
    type Output = HelpData;

    const NAME: &'static str = "help";
    const SUMMARY: &'static str = "Show what you can do here and how, or look for a command";
    const RANK: Rank = Rank::MEMBER;
    const EFFECT: Effect = Effect::Read;
    const IN_PLACE: bool = true;
    const ALIASES: &'static [&'static str] = &["h", "commands"];
    const EXAMPLES: &'static [&'static str] = &["help", "help query:server start", "help query:ban"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<HelpData>, Error> {
        let catalogue = community.catalogue()?;
        let book = community.book(call.tenant()).await?;
        let allowed = catalogue.allowed(&call.actor).await?;
        let query = self.query.unwrap_or_default().trim().trim_start_matches('/').to_lowercase();

        let exact = allowed.iter().find(|spec| spec.name == query);
        let exact = exact.or_else(|| allowed.iter().find(|spec| spec.aliases.contains(&query.as_str())));
        if let Some(spec) = exact {
            return Ok(command_page(spec, &book));
        }
        let found: Vec<&Spec> = allowed.iter().copied().filter(|spec| matches(spec, &query)).collect();
        match found.as_slice() {
            [] => {
                let near = suggest::likely(&query, allowed.iter().map(|spec| spec.name), 3);
                Err(CommunityError::CommandUnknown {
                    near: near.into_iter().map(str::to_owned).collect(),
                    name: query.chars().take(64).collect(),
                    retry: ("help", "query"),
                }
                .into())
            }
            [one] if !query.is_empty() => Ok(command_page(one, &book)),
            many => Ok(list_page(many, &allowed, &book, &query, self.page.unwrap_or(1))),
        }
    }
}

/// Whether a command is meant: one of a group, or one whose words have all of the query's.
fn matches(spec: &Spec, query: &str) -> bool {
    let text = || format!("{} {} {}", spec.name, spec.aliases.join(" "), spec.summary).to_lowercase();
    let in_group = spec.name.strip_prefix(query).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    in_group || {
        let text = text();
        query.split_whitespace().all(|word| text.contains(word))
    }
}

fn data(spec: &Spec, book: &Book) -> CommandData {
    CommandData {
        name: spec.name.to_owned(),
        summary: spec.summary.to_owned(),
        rank: book.requirement(spec).0.level(),
        aliases: spec.aliases.iter().map(|&alias| alias.to_owned()).collect(),
        examples: spec.examples.iter().map(|&example| example.to_owned()).collect(),
    }
}

fn list_page(found: &[&Spec], allowed: &[&Spec], book: &Book, query: &str, page: u32) -> Answer<HelpData> {
    let pages = u32::try_from(found.len().div_ceil(A_PAGE)).unwrap_or(u32::MAX).max(1);
    let page = page.clamp(1, pages);
    let first = usize::try_from(page - 1).unwrap_or(0) * A_PAGE;
    let shown = &found[first..found.len().min(first + A_PAGE)];

    let title = if query.is_empty() { "What you can do here".to_owned() } else { format!("Help: {query}") };
    let mut document = Document::titled(title);
    for spec in shown {
        document = document.field(format!("/{}", spec.name), spec.summary);
    }
    if pages > 1 {
        document = document.text(format!("Page {page} of {pages}."));
    }
    document = document.menu(group_menu(allowed, query));
    let turn = |label: &str, page: u32| Action::new(label, "help", json!({"query": query, "page": page}));
    if page > 1 {
        document = document.action(turn("Back", page - 1));
    }
    if page < pages {
        document = document.action(turn("More", page + 1));
    }
    document = document.action(Action::new("Search", "help", json!({})).asking(&["query"]));
    let commands = shown.iter().map(|spec| data(spec, book)).collect();
    Answer::new(HelpData { commands, page, pages }, document)
}

fn group_menu(allowed: &[&Spec], query: &str) -> Menu {
    let mut groups: Vec<&str> = allowed.iter().filter_map(|spec| spec.name.split(' ').next()).collect();
    groups.sort_unstable();
    groups.dedup();
    let options = groups.iter().take(25).map(|group| {
        let of = |spec: &&&Spec| {
            spec.name.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let mut members = allowed.iter().filter(of);
        let hint = match (members.next(), members.count()) {
            (Some(only), 0) => only.summary.to_owned(),
            (_, more) => format!("{} commands", more + 1),
        };
        MenuOption { value: (*group).to_owned(), label: format!("/{group}"), hint: Some(hint) }
    });
    let options: Vec<MenuOption> = options.collect();
    let chosen = groups.iter().find(|group| **group == query).map(|group| (*group).to_owned());
    Menu {
        label: "Commands about …".to_owned(),
        operation: "help".to_owned(),
        input: json!({}),
        field: "query".to_owned(),
        of: Choices::Options(options),
        least: 1,
        most: 1,
        chosen: chosen.into_iter().collect(),
    }
}

fn command_page(spec: &Spec, book: &Book) -> Answer<HelpData> {
    let mut document = Document::titled(format!("/{}", spec.name)).text(format!("{}.", spec.summary));
    if !spec.fields.is_empty() {
        document = document.heading("Inputs");
    }
    for field in &spec.fields {
        let name = if field.required { field.name.clone() } else { format!("{} (optional)", field.name) };
        document = document.field(name, format!("{} Takes {}.", field.sentence(), takes(field)).trim_start());
    }
    if !spec.examples.is_empty() {
        let lines: Vec<String> = spec.examples.iter().map(|example| format!("/{example}")).collect();
        document = document.heading("Examples").code(lines.join("\n"));
    }
    document = document.divider().field("asks for rank", name_of(book, book.requirement(spec).0));
    if !spec.aliases.is_empty() {
        document = document.field("other words after the prefix", spec.aliases.join(", "));
    }
    if spec.effect == Effect::Destroy {
        document = document.text("It takes something away for good, and asks first.");
    }
    if let Some(feature) = spec.feature {
        document = document.text(Rich::new().text("Part of ").code(format!("features.{feature}")).text("."));
    }
    // A form would show a secret while it is typed.
    if spec.fields.iter().all(|field| !field.secret) {
        document = document.action(Action::new(format!("/{}", spec.name), spec.name, json!({})));
    }
    if let Some((group, _)) = spec.name.split_once(' ') {
        document = document.action(Action::new(format!("All of /{group}"), "help", json!({"query": group})));
    }
    document = document.action(Action::new("All commands", "help", json!({})));
    let data = HelpData { commands: vec![data(spec, book)], page: 1, pages: 1 };
    Answer::new(data, document)
}

/// What an input takes, in a few words.
fn takes(field: &Field) -> String {
    match &field.kind {
        FieldKind::Text { max: Some(max), .. } => format!("text of at most {max} characters"),
        FieldKind::Text { .. } => "text".to_owned(),
        FieldKind::Integer { min: Some(min), max: Some(max) } => {
            format!("a whole number from {min} to {max}")
        }
        FieldKind::Integer { .. } => "a whole number".to_owned(),
        FieldKind::Number { .. } => "a number".to_owned(),
        FieldKind::Boolean => "yes or no".to_owned(),
        FieldKind::Choice { of } => format!("one of: {}", of.join(", ")),
        FieldKind::User => "a person: a mention, an id or a name".to_owned(),
        FieldKind::Users => "people: mentions or ids".to_owned(),
        FieldKind::Role => "a role: a mention or an id".to_owned(),
        FieldKind::Channel => "a channel: a mention or an id".to_owned(),
        FieldKind::Message => "a link to a message".to_owned(),
        FieldKind::Duration => {
            let most = field.longest.map(|span| format!(" of at most {span}")).unwrap_or_default();
            format!("a length of time{most}, such as {}", field.durations())
        }
        FieldKind::List => "several texts".to_owned(),
        FieldKind::Map => "name=value pairs".to_owned(),
    }
}

type Completing<'a> = Pin<Box<dyn Future<Output = Result<Vec<Choice>, Error>> + Send + 'a>>;

/// Commands that the one who types may use, and their groups.
pub(crate) fn complete_topic<'a>(
    community: &'a Community,
    actor: &'a Actor,
    partial: &'a str,
) -> Completing<'a> {
    Box::pin(async move {
        let catalogue = community.catalogue()?;
        let wanted = partial.trim().trim_start_matches('/').to_lowercase();
        let allowed = catalogue.allowed(actor).await?;
        let mut fitting: Vec<&&Spec> = allowed.iter().filter(|spec| matches(spec, &wanted)).collect();
        // What begins with what was typed is meant more often than what has it somewhere.
        fitting.sort_by_key(|spec| !spec.name.starts_with(&wanted));
        let label = |spec: &Spec| format!("/{} – {}", spec.name, spec.summary).chars().take(100).collect();
        Ok(fitting
            .into_iter()
            .take(25)
            .map(|spec| Choice { value: spec.name.to_owned(), label: label(spec) })
            .collect())
    })
}

/// Every command and group, for those who say what they ask for.
pub(crate) fn complete_command<'a>(
    community: &'a Community,
    _: &'a Actor,
    partial: &'a str,
) -> Completing<'a> {
    Box::pin(async move {
        let wanted = partial.trim().trim_start_matches('/').to_lowercase();
        let fitting = community.command_names()?.into_iter().filter(|name| name.contains(&wanted));
        Ok(fitting.take(25).map(|name| Choice { label: format!("/{name}"), value: name }).collect())
    })
}
