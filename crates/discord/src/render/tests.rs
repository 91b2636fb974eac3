//! Rendered documents: what they look like, and that any document stays within Discord's limits.

use guildhall_core::{
    Action, ActorId, Document, Rich, Tone,
    document::{Address, Block, Choices, Field, Menu, MenuOption, Span, Style, Table},
    guild::{ChannelId, MessageId, MessageLink},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::OffsetDateTime;
use twilight_model::channel::message::Component;

use super::{Around, Asked, Rendered, document, markdown, render};
use crate::custom_id::LONGEST;

fn at() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1_767_225_600)
}

#[test]
fn a_document_of_every_block() {
    let rendered = document(
        &Document::titled("survival is *ready*")
            .tone(Tone::Good)
            .text(Rich::new().person(&ActorId::discord(42), "Robin").text(" started it ").ago(at()).text("."))
            .heading("How to get in")
            .field("Address", Rich::new().code("play.example.com:25565"))
            .field("Until", Rich::new().time(at()))
            .progress("installing", 2, 8)
            .progress("downloading", 1, 0)
            .table(
                &["Name", "Since"],
                vec![vec!["robin".into(), "10:00".into()], vec!["kim".into(), "9:05".into()]],
            )
            .table(
                &["Server", "State", "Since"],
                vec![vec!["survival".into(), "ready".into(), Rich::new().ago(at())]],
            )
            .code("[10:00] <robin> ```hi``` @everyone\n\u{1b}[31mred\u{1b}[0m")
            .block(Block::Image { url: "https://example.com/map.png".to_owned(), alt: "The map".to_owned() })
            .block(Block::Image { url: "file:///etc/passwd".to_owned(), alt: String::new() })
            .action(Action::new("Stop", "server stop", json!({"server": "survival"})).style(Style::Danger))
            .action(Action::new("Console", "server console", json!({"server": "survival"}))),
    );
    insta::assert_json_snapshot!("every_block", rendered.pages);
}

fn question(source: &Document, asked: Asked) -> Rendered {
    render(source, Around { asked: Some(asked), guild: None })
}

fn menu(of: Choices, most: u8, chosen: &[&str]) -> Menu {
    Menu {
        label: "Where to".to_owned(),
        operation: "config set".to_owned(),
        input: json!({"key": "logs.moderation"}),
        field: "value".to_owned(),
        of,
        least: 0,
        most,
        chosen: chosen.iter().map(|&id| id.to_owned()).collect(),
    }
}

#[test]
fn a_page_of_menus() {
    let option = |value: &str, hint: Option<&str>| MenuOption {
        value: value.to_owned(),
        label: format!("The {value}"),
        hint: hint.map(str::to_owned),
    };
    let options = vec![option("auto", Some("Everybody's own")), option("de", None), option("de", None)];
    let mut page = Document::titled("Logs");
    page.color = Some(0x12_34_56);
    let page = page
        .menu(menu(Choices::Options(options), 1, &["de"]))
        .divider()
        .menu(menu(Choices::Channels, 1, &[]))
        .menu(menu(Choices::Categories, 1, &["7"]))
        .menu(menu(Choices::Roles, 25, &["8", "9", "nobody"]))
        .menu(menu(Choices::People, 3, &[]))
        .menu(menu(Choices::Options(Vec::new()), 1, &[]))
        .action(Action::new("Edit", "case edit", json!({"case": 12})).asking(&["reason"]));
    let rendered = render(&page, Around { asked: None, guild: Some(0x2a) });
    insta::assert_json_snapshot!("menus", rendered.pages);
}

#[test]
fn a_question() {
    let mut yes =
        Action::new("Yes, do it", "server delete", json!({"server": "survival"})).style(Style::Danger);
    yes.confirmed = true;
    let asked = Asked { user: 42, until: at().unix_timestamp() };
    let text = "Delete survival? This cannot be undone.";
    let rendered =
        question(&Document::titled("Are you sure?").tone(Tone::Warning).text(text).action(yes), asked);
    insta::assert_json_snapshot!("question", rendered.pages);
}

#[test]
fn an_error() {
    let error = guildhall_core::Error::new(
        guildhall_core::Kind::NotFound,
        "server_not_found",
        "There is no server 'x'.",
    )
    .remedy("Did you mean one of these?")
    .action(Action::new("survival", "server start", json!({"server": "survival"})));
    insta::assert_json_snapshot!("error", document(&error.document()).pages);
}

#[test]
fn a_document_without_anything_still_says_something() {
    for (tone, text) in [(Tone::Good, "Done."), (Tone::Bad, "That did not work.")] {
        let rendered = document(&Document::default().tone(tone).text("\u{200b} \n"));
        assert!(serde_json::to_string(&rendered.pages).unwrap().contains(text));
    }
}

/// Texts that try to be more than text.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<@123>".to_owned()),
        Just("<@&5>".to_owned()),
        Just("@everyone".to_owned()),
        Just("@Here".to_owned()),
        Just("<t:0:R>".to_owned()),
        Just("```".to_owned()),
        Just("``".to_owned()),
        Just("`".to_owned()),
        Just("**".to_owned()),
        Just("\\".to_owned()),
        Just("\n# ".to_owned()),
        Just("https://evil.example".to_owned()),
        Just("[x](http://y)".to_owned()),
        Just("\u{200b}".to_owned()),
        Just("\u{202e}".to_owned()),
        Just("😀".to_owned()),
        Just("@\u{200b}everyone".to_owned()),
        Just("\u{1b}[31m".to_owned()),
        "[a-z ]{0,40}",
        ".{0,20}",
        Just("x".repeat(170)),
        Just("long words and blanks ".repeat(300)),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn rich() -> impl Strategy<Value = Rich> {
    let span = prop_oneof![
        nasty().prop_map(Span::Plain),
        nasty().prop_map(Span::Strong),
        nasty().prop_map(Span::Code),
        Just(Span::Time(at())),
        Just(Span::Ago(at())),
        (prop_oneof![Just("token:ci".to_owned()), nasty()], nasty())
            .prop_map(|(id, name)| Span::Person { id, name }),
        Just(Span::Link(message())),
        nasty().prop_map(|name| Span::Channel { id: ChannelId(9), name }),
    ];
    // What somebody gave as an address is a link where it is one, and text where it is not.
    let evidence = ("https://[a-z]{1,9}[.]example/[a-z_~?=&#%@]{0,8}", prop::option::of(nasty()));
    let evidence = evidence.prop_map(|(begin, end)| begin + end.as_deref().unwrap_or_default());
    (prop::collection::vec(span, 0..5), prop::collection::vec(evidence, 0..3))
        .prop_map(|(spans, evidence)| evidence.iter().fold(Rich(spans), |rich, text| rich.address(text)))
}

fn message() -> Address {
    Address::message(1, MessageLink { channel: ChannelId(2), message: MessageId(3) })
}

#[test]
fn links_lead_where_they_say_and_evidence_cannot_be_more_than_an_address() {
    let shown = |rich: Rich| markdown::atoms(&rich).concat();
    let link = "https://discord.com/channels/1/2/3";
    assert_eq!(shown(Rich::new().link(message()).text(": “hi”")), format!("{link}: “hi”"));
    assert_eq!(shown(Rich::new().text("see ").link(message())), format!("see {link}"));
    // Whatever comes behind is no part of the address.
    for behind in ["4", "/4", "?x", ".4", ":4", "**"] {
        let after = shown(Rich::new().link(message()).text(behind));
        assert_eq!(after.split(' ').next(), Some(link), "{after}");
    }
    assert_eq!(shown(Rich::new().channel(ChannelId(9), "general").text("!")), "<#9>!");
    assert_eq!(
        shown(Rich::new().address("https://img.example/a_b.png?x=1&y=2").text("x")),
        "<https://img.example/a_b.png?x=1&y=2>x"
    );
    for hostile in [
        "https://img.example/> @everyone <@&5>",
        "https://img.example/<@123>",
        "https://img.example/@everyone",
        "https://img.example/\n# big **bold** `code` ||hidden||",
        "https://img.example/)[click](https://evil.example",
        "https://discord.com/channels/1/2/3 <#7> <t:0:R>",
    ] {
        let shown = shown(Rich::new().address(hostile));
        assert!(shown.starts_with("https\\://"), "{shown}");
        no_live_markup(&shown);
    }
}

#[test]
fn a_link_in_a_narrow_table_can_be_followed() {
    let rows = vec![vec!["1".into(), Rich::new().link(message())]];
    let rendered = document(&Document::default().table(&["No", "Where"], rows));
    let shown = serde_json::to_string(&rendered.pages).unwrap();
    assert!(shown.contains("https://discord.com/channels/1/2/3") && !shown.contains("```"), "{shown}");
}

fn action() -> impl Strategy<Value = Action> {
    let operation = prop_oneof![Just("server start".to_owned()), Just("=|".to_owned()), nasty()];
    (nasty(), operation, nasty(), any::<bool>()).prop_map(|(label, operation, text, confirmed)| {
        let mut action = Action::new(label, operation, json!({"text": text}));
        action.confirmed = confirmed;
        action
    })
}

fn block() -> impl Strategy<Value = Block> {
    let fields =
        prop::collection::vec((nasty(), rich()).prop_map(|(name, value)| Field { name, value }), 0..6);
    let cells = prop::collection::vec(prop::collection::vec(rich(), 0..4), 0..12);
    let table = (prop::collection::vec("[a-zA-Z\n`]{0,8}", 0..4), cells);
    prop_oneof![
        nasty().prop_map(|text| Block::Heading { text }),
        rich().prop_map(|text| Block::Text { text }),
        fields.prop_map(|fields| Block::Fields { fields }),
        table.prop_map(|(columns, rows)| Block::Table(Table { columns, rows })),
        (nasty(), any::<u32>(), any::<u32>()).prop_map(|(label, done, total)| Block::Progress {
            label,
            done,
            total
        }),
        nasty().prop_map(|text| Block::Code { text }),
        (prop_oneof![Just("https://example.com/x".to_owned()), nasty()], nasty())
            .prop_map(|(url, alt)| Block::Image { url, alt }),
        prop::collection::vec(action(), 0..24).prop_map(|actions| Block::Actions { actions }),
        any_menu().prop_map(Block::Menu),
        Just(Block::Divider),
    ]
}

fn any_menu() -> impl Strategy<Value = Menu> {
    let options =
        prop::collection::vec((nasty(), nasty(), prop::option::of(nasty())), 0..30).prop_map(|all| {
            let option = |(value, label, hint)| MenuOption { value, label, hint };
            Choices::Options(all.into_iter().map(option).collect())
        });
    let of = prop_oneof![
        options,
        Just(Choices::Channels),
        Just(Choices::Categories),
        Just(Choices::Roles),
        Just(Choices::People)
    ];
    let chosen = prop::collection::vec(prop_oneof!["[0-9]{1,3}", nasty()], 0..30);
    (nasty(), of, any::<u8>(), any::<u8>(), chosen).prop_map(|(label, of, least, most, chosen)| Menu {
        label,
        operation: "config set".to_owned(),
        input: json!({}),
        field: "value".to_owned(),
        of,
        least,
        most,
        chosen,
    })
}

fn any_document() -> impl Strategy<Value = Document> {
    let tone = prop_oneof![Just(Tone::Neutral), Just(Tone::Good), Just(Tone::Bad)];
    (prop::option::of(nasty()), tone, prop::collection::vec(block(), 0..7))
        .prop_map(|(title, tone, blocks)| Document { title, tone, color: None, blocks })
}

/// Marks a button's label among texts: Discord shows it as plain text, whatever it says.
const LABEL: &str = "label: ";

/// Components, nested ones included, and characters of text, as Discord counts them.
fn count(components: &[Component], texts: &mut Vec<String>, ids: &mut Vec<String>) -> usize {
    let inner = components.iter().map(|component| match component {
        Component::Container(container) => count(&container.components, texts, ids),
        Component::ActionRow(row) => {
            assert!((1..=5).contains(&row.components.len()), "a row has one to five buttons");
            count(&row.components, texts, ids)
        }
        Component::Button(button) => {
            let label = button.label.clone().unwrap();
            assert!((1..=80).contains(&label.encode_utf16().count()), "'{label}'");
            assert!(!label.trim().is_empty());
            texts.push(format!("{LABEL}{label}"));
            ids.push(button.custom_id.clone().unwrap());
            0
        }
        Component::TextDisplay(text) => {
            assert!(!text.content.trim().is_empty());
            texts.push(text.content.clone());
            0
        }
        Component::MediaGallery(_) | Component::Separator(_) => 0,
        Component::SelectMenu(select) => {
            let (least, most) = (select.min_values.unwrap(), select.max_values.unwrap());
            assert!(least <= most && (1..=25).contains(&most));
            for option in select.options.iter().flatten() {
                let lengths = [&option.label, &option.value].map(|text| text.encode_utf16().count());
                assert!(lengths.iter().all(|length| (1..=100).contains(length)), "{option:?}");
            }
            let options = select.options.as_ref().map_or(25, Vec::len);
            assert!((1..=25).contains(&options) && usize::from(most) <= options);
            ids.push(select.custom_id.clone());
            0
        }
        other => panic!("nobody makes {other:?}"),
    });
    components.len() + inner.sum::<usize>()
}

fn within_limits(rendered: &Rendered) {
    assert!(!rendered.pages.is_empty());
    for page in &rendered.pages {
        twilight_validate::message::components(page, true).unwrap();
        let (mut texts, mut ids) = (Vec::new(), Vec::new());
        // Two more are left for the way to a thread and a note.
        assert!(count(page, &mut texts, &mut ids) + 2 <= 40);
        let characters: usize = texts.iter().map(|text| text.encode_utf16().count()).sum();
        assert!(characters <= 4_000, "{characters}");
        assert!(ids.iter().all(|id| (1..=LONGEST).contains(&id.chars().count())));
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(all, ids.len(), "ids are unique: {ids:?}");
        texts.iter().filter(|text| !text.starts_with(LABEL)).for_each(|text| no_live_markup(text));
    }
}

/// Reads a text as Discord's client does: code first, then escapes, then what is left.
fn no_live_markup(text: &str) {
    let mut live = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(block) = rest.strip_prefix("```") {
            let end = block.find("```").expect("a code block ends");
            rest = &block[end + 3..];
            live.push(' ');
        } else if c == '\\' {
            let next = rest[1..].chars().next().expect("something is escaped");
            rest = &rest[1 + next.len_utf8()..];
            live.push(' ');
        } else if let Some(code) = rest.strip_prefix('`') {
            let end = code.find('`').expect("code ends");
            rest = &code[end + 1..];
            live.push(' ');
        } else {
            live.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    // What a link is made of cannot be anything else: it is taken out before the rest is looked at.
    let mut without = live.replace(message().as_str(), " ");
    while let Some(begin) = without.find("<https://") {
        let end = begin + without[begin..].find('>').expect("a link ends");
        let address: Address = without[begin + 1..end].parse().expect("a link is an address");
        assert!(!address.as_str().contains([' ', '<', '*', '|', '`', '[', '\\']), "{address}");
        without.replace_range(begin..=end, " ");
    }
    let live = without;
    let lower = live.to_lowercase();
    assert!(!lower.contains("@everyone") && !lower.contains("@here"), "{text}");
    assert!(!lower.contains("://"), "{text}");
    let mut rest = live.as_str();
    while let Some(begin) = rest.find('<') {
        let end = rest[begin..].find('>').map_or(rest.len(), |end| begin + end + 1);
        let tag = &rest[begin..end];
        // Only what the renderer makes of moments and people is left.
        let ours = ["<t:1767225600:f>", "<t:1767225600:R>", "<@42>", "<#9>"].contains(&tag);
        assert!(ours, "{tag} in {text}");
        rest = &rest[end..];
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_document_renders_within_discords_limits(source in any_document()) {
        within_limits(&document(&source));
    }

    #[test]
    fn any_question_renders_within_discords_limits(source in any_document(), user: u64) {
        within_limits(&question(&source, Asked { user, until: i64::MAX }));
    }

    #[test]
    fn no_escaped_text_is_markup(text in nasty()) {
        no_live_markup(&markdown::escape(&text));
    }

    #[test]
    fn nothing_of_a_plain_text_is_lost(words in prop::collection::vec("[a-z]{1,30}", 1..900)) {
        let rendered = document(&Document::default().text(words.join(" ")));
        let mut texts = Vec::new();
        for page in &rendered.pages {
            let Component::Container(container) = &page[0] else { panic!("a container comes first") };
            count(&container.components, &mut texts, &mut Vec::new());
        }
        let shown = texts.join(" ");
        let shown: Vec<&str> = shown.split_whitespace().collect();
        prop_assert_eq!(shown, words);
    }
}

#[test]
fn the_kept_document_is_the_whole_one() {
    let long = Document::titled("long").code("a line\n".repeat(2_000));
    let rendered = document(&long);
    assert!(rendered.pages.len() > 2);
    let kept: Vec<Value> = rendered
        .keep
        .iter()
        .filter_map(|keep| match keep {
            crate::custom_id::Keep::Document { document, .. } => serde_json::to_value(document).ok(),
            crate::custom_id::Keep::Action { .. } => None,
        })
        .collect();
    assert_eq!(kept, [serde_json::to_value(&long).unwrap()]);
}
