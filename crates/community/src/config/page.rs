//! The page: one private document whose menus and buttons change a setting at once and show it changed.

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Operation, Rank, Rich,
    document::{Choices, Menu, MenuOption, Style},
    guild::Guild,
    setting::{Setting, SettingKind},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Community,
    book::Book,
    ranks::{RankName, name_of},
    settings::{in_words, no_section, typed, what_fits},
};

/// Settings a page: with a menu each they stay within the 40 components that Discord takes.
const A_PAGE: usize = 5;
/// The sections that are always there, in the order of the menu. Others follow in the order of the alphabet.
const SECTIONS: [(&str, &str); 8] = [
    ("general", "Prefix and the like"),
    ("ranks", "Who is what, and may do what"),
    ("logs", "What is written where"),
    ("jail", "Where jailed members are kept"),
    ("moderation", "Bans, warnings and cases"),
    ("features", "Switch whole parts on and off"),
    ("errors", "How errors are shown, and where they go"),
    (TRANSFER, "The configuration as a file"),
];
/// The section that has buttons instead of settings.
const TRANSFER: &str = "import/export";

/// Where one is on the page.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PageData {
    /// The section.
    pub section: String,
    /// All sections.
    pub sections: Vec<String>,
}

/// Opens the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConfigOpen {
    /// A section, such as `logs`.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub section: Option<String>,
    /// A page of the section, from 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub page: Option<u32>,
    /// In the section of ranks, the rank whose roles are shown.
    #[serde(default)]
    pub rank: Option<RankName>,
}

impl Operation for ConfigOpen {
    type Domain = Community;
    type Output = PageData;

    const NAME: &'static str = "config open";
    const SUMMARY: &'static str = "Open the configuration of this community";
    const RANK: Rank = Rank::ADMIN;
    const EFFECT: Effect = Effect::Read;
    const IN_PLACE: bool = true;
    const ALIASES: &'static [&'static str] = &["settings"];
    const EXAMPLES: &'static [&'static str] = &["config open", "config open section:logs"];

    async fn run(self, community: &Community, call: &Call) -> Result<Answer<PageData>, Error> {
        let asked = self.section.as_deref().map(str::trim).filter(|section| !section.is_empty());
        let section = asked.unwrap_or(SECTIONS[0].0).to_lowercase();
        let sections = community.sections();
        if !sections.contains(&section) {
            return Err(no_section(&section, &sections).into());
        }
        let rank = match &self.rank {
            Some(rank) => {
                let book = community.book(call.tenant()).await?;
                Some(crate::ranks::find(&book, &rank.0)?.level())
            }
            None => None,
        };
        let document = community.page(call, &section, self.page.unwrap_or(1), rank).await?;
        Ok(Answer::new(PageData { section, sections }, document))
    }
}

/// What a page is made of.
struct Page<'a> {
    book: &'a Book,
    guild: Option<&'a Guild>,
    /// From 1.
    number: u32,
}

impl Community {
    /// The sections, in the order of the menu.
    pub(crate) fn sections(&self) -> Vec<String> {
        let others = self.registry().sections().into_iter();
        let others = others.filter(|section| SECTIONS.iter().all(|(known, _)| known != section));
        SECTIONS.iter().map(|(section, _)| *section).chain(others).map(str::to_owned).collect()
    }

    /// One page of a section. A page beyond the last is the last: settings may be fewer after an update.
    pub(crate) async fn page(
        &self,
        call: &Call,
        section: &str,
        number: u32,
        rank: Option<u8>,
    ) -> Result<Document, Error> {
        let book = self.book(call.tenant()).await?;
        let guild = self.guild(call.tenant()).await;
        let settings: Vec<&Setting> =
            self.registry().iter().filter(|setting| setting.section() == section).collect();
        let pages = u32::try_from(settings.len().div_ceil(A_PAGE)).unwrap_or(u32::MAX).max(1);
        let number = number.clamp(1, pages);
        let page = Page { book: &book, guild: guild.as_ref(), number };

        let mut document =
            Document::titled(format!("Configuration: {section}")).menu(self.section_menu(section));
        if section == TRANSFER {
            return Ok(transfer_section(document));
        }
        if section == "ranks" {
            document = self.ranks_section(call, &page, rank, document).await?;
        }
        let first = usize::try_from(number - 1).unwrap_or(0) * A_PAGE;
        let shown = settings.iter().skip(first).take(A_PAGE);
        for setting in shown.clone() {
            document = page.control(setting, document.divider());
        }
        if settings.is_empty() && section != "ranks" {
            document = document.text("There is nothing to set here.");
        }
        document = document.divider();
        if matches!(section, "logs" | "jail") {
            document = document.action(
                Action::new("Set up channels and roles", "config setup", json!({})).style(Style::Primary),
            );
        }
        if number > 1 {
            document = document.action(turn("Back", section, number - 1));
        }
        if number < pages {
            document = document.action(turn("More", section, number + 1));
        }
        if settings.iter().any(|setting| book.settings.contains_key(setting.key)) {
            let input = json!({"section": section, "page": number});
            document = document
                .action(Action::new("Reset this section", "config reset", input).style(Style::Danger));
        }
        let input = json!({});
        Ok(document.action(Action::new("Who changed what", "config history", input)))
    }

    fn section_menu(&self, section: &str) -> Menu {
        let options = self.sections().into_iter().take(25).map(|name| {
            let hint = SECTIONS.iter().find(|(known, _)| *known == name).map(|(_, hint)| (*hint).to_owned());
            MenuOption { label: name.clone(), value: name, hint }
        });
        Menu {
            label: "Section".to_owned(),
            operation: "config open".to_owned(),
            input: json!({}),
            field: "section".to_owned(),
            of: Choices::Options(options.collect()),
            least: 1,
            most: 1,
            chosen: vec![section.to_owned()],
        }
    }

    /// The ranks, and the roles of the one that was chosen.
    async fn ranks_section(
        &self,
        call: &Call,
        page: &Page<'_>,
        rank: Option<u8>,
        document: Document,
    ) -> Result<Document, Error> {
        let mut document = self.ranks_table(call, document).await?;
        let ranks = self.ranks(call).await?.ranks;
        // Rank 10 is shown, but not a community's to give.
        let given = ranks.iter().filter(|rank| rank.level < Rank::OPERATOR.level());
        let options = given.map(|rank| MenuOption {
            value: rank.level.to_string(),
            label: format!("{} {}", rank.level, rank.name).chars().take(100).collect(),
            hint: (!rank.description.is_empty()).then(|| rank.description.chars().take(100).collect()),
        });
        document = document.menu(Menu {
            label: "Choose a rank to change its roles".to_owned(),
            operation: "config open".to_owned(),
            input: json!({"section": "ranks"}),
            field: "rank".to_owned(),
            of: Choices::Options(options.collect()),
            least: 1,
            most: 1,
            chosen: rank.iter().map(ToString::to_string).collect(),
        });
        let taken = |level: &u8| ranks.iter().any(|rank| rank.level == *level);
        for level in (0..Rank::OPERATOR.level()).filter(|level| !taken(level)) {
            let input = json!({"rank": level, "page": page.number});
            let create = Action::new(format!("Create rank {level}"), "rank create", input);
            document = document.action(create.asking(&["name", "description"]));
        }
        let Some(chosen) = rank.and_then(|level| ranks.iter().find(|rank| rank.level == level)) else {
            return Ok(document);
        };
        document = document.menu(Menu {
            label: format!("Give rank {} to the role …", chosen.level),
            operation: "rank assign".to_owned(),
            input: json!({"rank": chosen.level.to_string(), "page": page.number}),
            field: "role".to_owned(),
            of: Choices::Roles,
            least: 1,
            most: 1,
            chosen: Vec::new(),
        });
        let own = page.book.roles.iter().filter(|(_, rank)| rank.level() == chosen.level);
        let options: Vec<MenuOption> = own
            .take(25)
            .map(|(role, _)| {
                let known = page.guild.and_then(|guild| guild.role(*role));
                let label = known.map_or_else(|| role.to_string(), |role| format!("@{}", role.name));
                MenuOption { value: role.to_string(), label: label.chars().take(100).collect(), hint: None }
            })
            .collect();
        if !options.is_empty() {
            document = document.menu(Menu {
                label: format!("Take rank {} from the role …", chosen.level),
                operation: "rank unassign".to_owned(),
                input: json!({"page": page.number}),
                field: "role".to_owned(),
                of: Choices::Options(options),
                least: 1,
                most: 1,
                chosen: Vec::new(),
            });
        }
        let input = json!({"rank": chosen.level.to_string(), "name": chosen.name, "page": page.number});
        document =
            document.action(Action::new("Rename", "rank edit", input).asking(&["name", "description"]));
        if chosen.level > Rank::OWNER.level() {
            let input = json!({"rank": chosen.level.to_string(), "page": page.number});
            let label = format!("Delete rank {}", chosen.level);
            document = document.action(Action::new(label, "rank delete", input).style(Style::Danger));
        }
        if let Some(rank) = Rank::new(chosen.level) {
            let asking = page.book.requirements.iter().filter(|(_, asked)| **asked == rank);
            let commands: Vec<&str> = asking.map(|(name, _)| name.as_str()).take(20).collect();
            if !commands.is_empty() {
                let line = format!("Ask for {} here: {}.", name_of(page.book, rank), commands.join(", "));
                document = document.text(line);
            }
        }
        let ask = Action::new("What a command asks for", "rank require", json!({"page": page.number}));
        Ok(document.action(ask.asking(&["command", "rank"])))
    }
}

impl Page<'_> {
    /// A setting: what it is, its value, and what changes it.
    fn control(&self, setting: &Setting, document: Document) -> Document {
        let value = self.book.value(setting);
        let words = in_words(setting, &value, self.guild);
        let line = Rich::new().strong(setting.summary).text("\n").code(setting.key).text(": ").strong(words);
        let document = document.text(line);
        // Whoever presses sees this version; who comes second is told that somebody was first.
        let input = |value: Option<Value>| {
            let mut input =
                json!({"key": setting.key, "version": self.book.version(setting.key), "page": self.number});
            if let Some(value) = value {
                input["value"] = value;
            }
            input
        };
        let menu = |label: &str, of: Choices, most: u8, chosen: Vec<String>| Menu {
            label: label.to_owned(),
            operation: "config set".to_owned(),
            input: input(None),
            field: if most > 1 { "values" } else { "value" }.to_owned(),
            of,
            least: 0,
            most,
            chosen,
        };
        let single = || value.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>();
        let several = || match &value {
            Value::Array(items) => items.iter().map(typed).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        match setting.kind {
            SettingKind::Switch => {
                let (label, to) =
                    if value == Value::Bool(true) { ("Turn off", "off") } else { ("Turn on", "on") };
                document.action(Action::new(label, "config set", input(Some(to.into()))))
            }
            SettingKind::Choice { of } => {
                let option = |word: &&str| MenuOption {
                    value: (*word).to_owned(),
                    label: (*word).to_owned(),
                    hint: None,
                };
                let of = Choices::Options(of.iter().take(25).map(option).collect());
                document.menu(menu("Choose one", of, 1, single()))
            }
            SettingKind::Channel => {
                document.menu(menu("Choose a channel, or none", Choices::Channels, 1, single()))
            }
            SettingKind::Channels => {
                document.menu(menu("Choose channels, or none", Choices::Channels, 25, several()))
            }
            SettingKind::Role => document.menu(menu("Choose a role, or none", Choices::Roles, 1, single())),
            SettingKind::Roles => document.menu(menu("Choose roles, or none", Choices::Roles, 25, several())),
            SettingKind::Text { .. }
            | SettingKind::Template { .. }
            | SettingKind::Integer { .. }
            | SettingKind::Duration { .. }
            | SettingKind::Color
            | SettingKind::Texts
            | SettingKind::Map { .. } => {
                let document = document.text(format!("Takes {}.", what_fits(setting)));
                let change = Action::new("Change", "config set", input(Some(typed(&value).into())));
                document.action(change.asking(&["value"]))
            }
        }
    }
}

fn turn(label: &str, section: &str, page: u32) -> Action {
    Action::new(label, "config open", json!({"section": section, "page": page}))
}

fn transfer_section(document: Document) -> Document {
    let export = |label: &str, format: &str| Action::new(label, "config export", json!({"format": format}));
    let ask = ["format", "text"];
    document
        .text(
            "Everything that was set here, as a file: settings, ranks, the roles that give them and what commands \
             ask for. An import shows what it would change before it changes anything.",
        )
        .action(export("Export TOML", "toml"))
        .action(export("Export YAML", "yaml"))
        .action(export("Export JSON", "json"))
        .action(Action::new("Import", "config import", json!({"format": "toml"})).asking(&ask))
        .action(Action::new("Compare", "config diff", json!({"format": "toml"})).asking(&ask))
}
