//! Lines as people type them, and lines that nobody would.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::*;
use crate::{
    guild::MessageId,
    input::{self, Raw, fields_of, schema_of},
    language::{LOCALES, Language, Texts},
};

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Ban {
    users: Vec<UserId>,
    duration: Option<Span>,
    delete_days: Option<u8>,
    reason: Option<String>,
    silent: Option<bool>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Send {
    server: String,
    line: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Report {
    message: MessageLink,
    channel: Option<ChannelId>,
    rule: Option<Rule>,
    note: String,
}

#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum Rule {
    Spam,
    Insult,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Lock {
    channel: Option<ChannelId>,
    duration: Option<Span>,
    reason: Option<String>,
    all: Option<bool>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Nick {
    user: Vec<UserId>,
    #[schemars(extend("x-line" = "rest"))]
    nick: Option<String>,
    reason: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Massban {
    #[schemars(extend("x-line" = "people"))]
    users: String,
    reason: Option<String>,
    delete_days: Option<u8>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Assign {
    rank: String,
    role: RoleId,
    by: Option<UserId>,
}

fn sort<T: JsonSchema>(line: &str) -> Sorted {
    read(&fields_of(&schema_of::<T>()), line, None)
}

/// What the catalogue makes of the line.
fn understood<T: JsonSchema>(line: &str) -> Value {
    let fields = fields_of(&schema_of::<T>());
    let sorted = read(&fields, line, None);
    assert_eq!(sorted.over, None, "{line}");
    input::read(&fields, Raw::Words(sorted.words)).unwrap_or_else(|error| panic!("{line}: {error}"))
}

#[test]
fn words_go_to_the_inputs_in_their_order() {
    let cases = [
        ("<@42> 7d spam", json!({"users": ["<@42>"], "duration": "7d", "reason": "spam"})),
        (
            "42 430000000000000001 <@!44> being loud",
            json!({"users": ["42", "430000000000000001", "<@!44>"], "reason": "being loud"}),
        ),
        ("42 90 minutes loud", json!({"users": ["42"], "duration": "90 minutes", "reason": "loud"})),
        ("42 7d 3 spam", json!({"users": ["42"], "duration": "7d", "delete_days": 3, "reason": "spam"})),
        ("42 no reason", json!({"users": ["42"], "reason": "no reason"})),
        ("42 he said  \"hi\"\nand left", json!({"users": ["42"], "reason": "he said  \"hi\"\nand left"})),
        ("42 \"7d of spam\"", json!({"users": ["42"], "reason": "7d of spam"})),
        ("42 „two words“", json!({"users": ["42"], "reason": "two words"})),
        ("42 “two words” more", json!({"users": ["42"], "reason": "“two words” more"})),
        ("42 -- --silent is a flag", json!({"users": ["42"], "reason": "--silent is a flag"})),
    ];
    for (line, expected) in cases {
        assert_eq!(understood::<Ban>(line), expected, "{line}");
    }
    assert_eq!(
        understood::<Send>("survival say  hello: you"),
        json!({"server": "survival", "line": "say  hello: you"})
    );
}

#[test]
fn a_mention_goes_to_the_input_of_its_kind_wherever_it_stands() {
    let lock = json!({"channel": "<#9>", "duration": "30m", "reason": "a raid"});
    for line in ["<#9> 30m a raid", "30m <#9> a raid", "30m a raid <#9>", "30m a --channel <#9> raid"] {
        assert_eq!(understood::<Lock>(line), lock, "{line}");
    }
    assert_eq!(understood::<Lock>("<#9>"), json!({"channel": "<#9>"}));
    // In the middle of a text it is a part of the text as well; what another one is for already, is text alone.
    assert_eq!(
        understood::<Lock>("raid in <#9> from <#8>"),
        json!({"channel": "<#9>", "reason": "raid in <#9> from <#8>"})
    );
    assert_eq!(understood::<Ban>("spam <@42> <@43>"), json!({"users": ["<@42>", "<@43>"], "reason": "spam"}));
    assert_eq!(
        understood::<Ban>("<@42> told <@43> off"),
        json!({"users": ["<@42>"], "reason": "told <@43> off"})
    );
    assert_eq!(
        understood::<Assign>("Head Moderator <@&7> <@42>"),
        json!({"rank": "Head Moderator", "role": "<@&7>", "by": "<@42>"})
    );
    // After two dashes, in quotation marks and behind a name it is no more than a word.
    assert_eq!(understood::<Lock>("-- raid <#9>"), json!({"reason": "raid <#9>"}));
    assert_eq!(understood::<Lock>("30m \"<#9>\""), json!({"duration": "30m", "reason": "<#9>"}));
    assert_eq!(understood::<Lock>("30m --reason <#9>"), json!({"duration": "30m", "reason": "<#9>"}));
    assert_eq!(
        understood::<Ban>("users: <@42> spam by <@43>"),
        json!({"users": ["<@42>"], "reason": "spam by <@43>"})
    );
}

#[test]
fn several_people_follow_each_other() {
    let (one, two) = ("430000000000000001", "430000000000000002");
    assert_eq!(
        understood::<Ban>(&format!("{one},{two} <@3>, 7d spam")),
        json!({"users": [one, two, "<@3>"], "duration": "7d", "reason": "spam"})
    );
    assert_eq!(
        understood::<Massban>(&format!("{one} {two},\n<@3> a raid")),
        json!({"users": format!("{one} {two}, <@3>"), "reason": "a raid"})
    );
    assert_eq!(
        understood::<Massban>(&format!("a raid {one} <@3>")),
        json!({"users": format!("{one} <@3>"), "reason": "a raid"}),
        "an id before a mention belongs to the same people"
    );
}

#[test]
fn a_length_of_time_is_one_where_one_may_stand_and_text_elsewhere() {
    assert_eq!(understood::<Lock>("7d of spam"), json!({"duration": "7d", "reason": "of spam"}));
    assert_eq!(understood::<Lock>("spam for 7d"), json!({"reason": "spam for 7d"}));
    assert_eq!(understood::<Lock>("7d 2h"), json!({"duration": "7d", "reason": "2h"}));
}

#[test]
fn a_text_may_take_the_rest_though_others_follow() {
    assert_eq!(
        understood::<Nick>("<@42> New  Name --reason \"too long\""),
        json!({"user": ["<@42>"], "nick": "New  Name", "reason": "too long"})
    );
    assert_eq!(understood::<Nick>("New Name <@42>"), json!({"user": ["<@42>"], "nick": "New Name"}));
    assert_eq!(understood::<Nick>("<@42>"), json!({"user": ["<@42>"]}));
}

#[test]
fn inputs_can_be_named_in_every_way_that_people_know() {
    let all = json!({"users": ["42"], "duration": "7d", "reason": "two words", "silent": true});
    for line in [
        "42 7d two words --silent",
        "42 --silent 7d two words",
        "42 7d two --silent words",
        "--users 42 --duration 7d --reason \"two words\" -silent",
        "users:42 duration:7d reason:\"two words\" silent:true",
        "users=42 duration=7d reason=two words silent=yes",
        "42 -d 7d “two words” —silent",
        "42 --duration=7d --silent:on two words",
        "42 reason: two words --silent --duration 7d",
    ] {
        let sorted = understood::<Ban>(line);
        if line.contains("-d ") {
            // `-d` could be the duration or the days.
            assert_ne!(sorted, all, "{line}");
            continue;
        }
        assert_eq!(sorted, all, "{line}");
    }
    assert_eq!(understood::<Ban>("42 -du 7d")["duration"], "7d");
}

#[test]
fn a_named_text_goes_on_up_to_what_must_still_be_given() {
    // People are meant by their names here, as the catalogue looks them up.
    let sorted = |line| {
        let Sorted { words, over } = sort::<Ban>(line);
        assert_eq!(over, None, "{line}");
        let of = |name: &str| words.get(name).map(|words| words.join(" ")).unwrap_or_default();
        (of("users"), of("reason"), of("duration"))
    };
    let told = |users: &str, reason: &str, duration: &str| {
        (users.to_owned(), reason.to_owned(), duration.to_owned())
    };
    for (line, users, reason, duration) in [
        ("reason:spam robin", "robin", "spam", ""),
        ("reason:too loud robin", "robin", "too loud", ""),
        ("reason:much too loud today robin", "robin", "much too loud today", ""),
        ("reason:too loud --silent robin", "robin", "too loud", ""),
        ("reason:too loud \"Robin Hood\"", "Robin Hood", "too loud", ""),
        ("reason:too \"very loud\" robin", "robin", "too very loud", ""),
        ("robin reason:too loud again", "robin", "too loud again", ""),
        ("reason:too loud users:robin", "robin", "too loud", ""),
        ("reason:too loud users:robin again", "robin", "too loud again", ""),
        ("reason:too <@42> loud", "<@42>", "too loud", ""),
        ("reason:too 430000000000000001 loud", "430000000000000001", "too loud", ""),
        ("reason:\"too loud\" robin 7d", "robin", "too loud", "7d"),
        ("reason:loud duration:7d robin", "robin", "loud", "7d"),
        ("reason:spam robin 7d", "robin", "spam", "7d"),
        ("reason:too loud robin 7d", "robin", "too loud", "7d"),
        ("reason:too loud robin 90 minutes", "robin", "too loud", "90 minutes"),
        ("reason:warned 3 times robin", "robin", "warned 3 times", ""),
    ] {
        assert_eq!(sorted(line), told(users, reason, duration), "{line}");
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Tempban {
        users: Vec<UserId>,
        duration: Span,
        reason: Option<String>,
    }
    let words = sort::<Tempban>("reason:too loud robin 7d").words;
    assert_eq!(
        (&words["users"], &words["duration"], words["reason"].join(" ")),
        (&vec!["robin".to_owned()], &vec!["7d".to_owned()], "too loud".to_owned())
    );
}

#[test]
fn what_does_not_fit_is_left_to_the_catalogue_to_explain() {
    let fields = fields_of(&schema_of::<Ban>());
    let code = |line: &str| {
        let error = input::read(&fields, Raw::Words(read(&fields, line, None).words)).unwrap_err();
        error.fields[0].code.unwrap()
    };
    assert_eq!(code("somebody spam"), "input_not_a_user");
    assert_eq!(code(""), "input_missing");
    assert_eq!(code("42 99999y spam"), "input_duration_too_long");
    assert_eq!(code("42 --delete-days many"), "input_not_whole");
    assert_eq!(code("42 --slient spam"), "input_unknown");
    assert_eq!(code("42 --duration --silent"), "input_not_a_duration");
}

#[test]
fn an_input_for_one_value_that_is_given_twice_is_refused() {
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Timeout {
        user: Vec<UserId>,
        duration: Span,
        reason: Option<String>,
        evidence: Option<Vec<String>>,
        silent: Option<bool>,
    }
    let fields = fields_of(&schema_of::<Timeout>());
    let read = |line: &str| input::read(&fields, Raw::Words(read(&fields, line, None).words));
    for (line, field) in [
        ("<@42> --duration 1h --duration 2h", "duration"),
        ("<@42> --duration 1h --duration 1h", "duration"),
        ("<@42> 1h --duration 2h", "duration"),
        ("<@42> duration:1h -du 2h calm down", "duration"),
        ("<@42> 1h reason:first --reason second", "reason"),
        ("<@42> 1h --reason \"first\" --reason \"second\"", "reason"),
        ("<@42> 1h first --reason second third", "reason"),
        ("<@42> 1h --silent --silent", "silent"),
    ] {
        let error = read(line).unwrap_err();
        let wrong = error.fields.iter().map(|wrong| (wrong.field.as_str(), wrong.code.unwrap()));
        assert_eq!(wrong.collect::<Vec<_>>(), [(field, "input_given_twice")], "{line}");
        let texts = Texts::new(&[LOCALES]).unwrap();
        for (language, said) in [(Language::English, "given twice"), (Language::German, "doppelt")] {
            let error = texts.translate(&error, language);
            assert!(error.fields().any(|(_, text)| text.contains(said)), "{line} in {language:?}");
        }
    }
    // Lists are made of all that is given for them.
    assert_eq!(
        read("--user <@42> --user <@43> 1h --evidence a --evidence b reason:too loud").unwrap(),
        json!({"user": ["<@42>", "<@43>"], "duration": "1h", "reason": "too loud", "evidence": ["a", "b"]})
    );
}

#[test]
fn a_text_that_is_named_behind_another_keeps_its_own_words() {
    assert_eq!(
        understood::<Nick>("<@42> New Name --reason far too long"),
        json!({"user": ["<@42>"], "nick": "New Name", "reason": "far too long"})
    );
    assert_eq!(
        understood::<Nick>("<@42> New --reason \"too long\" Name"),
        json!({"user": ["<@42>"], "nick": "New Name", "reason": "too long"})
    );
    // After two dashes nothing is named any more, wherever in the text it stands.
    assert_eq!(
        understood::<Ban>("42 -- he wrote --silent and --reason"),
        json!({"users": ["42"], "reason": "he wrote --silent and --reason"})
    );
}

#[test]
fn a_word_too_many_is_told_of_and_not_swallowed() {
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Unban {
        user: UserId,
    }
    assert_eq!(sort::<Unban>("42 43").over.as_deref(), Some("43"));
    assert_eq!(sort::<Unban>("42").over, None);
}

#[test]
fn a_reply_names_the_message() {
    let fields = fields_of(&schema_of::<Report>());
    let link = MessageLink { channel: ChannelId(1), message: MessageId(2) };
    let read = |line| {
        let sorted = read(&fields, line, Some(link));
        input::read(&fields, Raw::Words(sorted.words)).unwrap()
    };
    assert_eq!(read("SPAM they sell"), json!({"message": "1/2", "rule": "spam", "note": "they sell"}));
    assert_eq!(read("7/8 <#9> they sell"), json!({"message": "7/8", "channel": "<#9>", "note": "they sell"}));
}

fn vocabulary() -> Vocabulary {
    let mut all = Vocabulary::default();
    for name in ["ban", "unban", "rank list", "rank create", "server start", "server status", "config"] {
        all.add(name, name);
    }
    all.add("b", "ban");
    all.add("ss", "server start");
    all
}

#[test]
fn the_longest_name_wins_and_a_slip_is_near() {
    let all = vocabulary();
    assert_eq!(all.find(" Rank  LIST all"), Begin::Operation("rank list", "all"));
    assert_eq!(all.find("b @robin"), Begin::Operation("ban", "@robin"));
    let near = |line| match all.find(line) {
        Begin::Near { names, typed, rest } => (names, typed, rest),
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(near("bna @robin spam"), (vec!["ban"], "bna", "@robin spam"));
    assert_eq!(near("server  strat é\u{3000}"), (vec!["server start"], "server  strat", "é"));
    assert_eq!(near("rank"), (vec!["rank create", "rank list"], "rank", ""));
    let mut all = vocabulary();
    let group =
        ["case close", "case edit", "case export", "case list", "case search", "case show", "case stats"];
    for name in group {
        all.add(name, name);
    }
    assert_eq!(
        all.find("case"),
        Begin::Near { names: group.to_vec(), typed: "case", rest: "" },
        "all of a group"
    );
    for nothing in ["", "5 for lunch", "50", "what is this", "?!", "x"] {
        assert_eq!(all.find(nothing), Begin::Nothing, "{nothing}");
    }
}

proptest! {
    #[test]
    fn any_line_is_sorted(line in ".{0,400}", replied: bool) {
        let link = replied.then_some(MessageLink { channel: ChannelId(1), message: MessageId(2) });
        read(&fields_of(&schema_of::<Ban>()), &line, link);
        read(&fields_of(&schema_of::<Report>()), &line, link);
        read(&fields_of(&schema_of::<Send>()), &line, link);
        read(&fields_of(&schema_of::<Massban>()), &line, link);
        read(&fields_of(&schema_of::<Assign>()), &line, link);
        vocabulary().find(&line);
    }

    #[test]
    fn what_is_named_means_the_same_in_every_order(
        order in Just([0, 1, 2, 3, 4]).prop_shuffle(),
        styles in prop::collection::vec(0..4usize, 5),
        reason in "[a-zß<@#>:=.-]{1,12}( [a-z0-9<@>#]{1,9}){0,3}",
    ) {
        let inputs = [
            ("users", "<@42>"), ("duration", "7d"), ("delete_days", "3"), ("reason", reason.as_str()), ("silent", "yes"),
        ];
        let write = |(name, value): (&str, &str), style: usize| match style {
            0 => format!("{name}:\"{value}\""),
            1 => format!("{name}= \"{value}\""),
            2 => format!("--{name} \"{value}\""),
            _ => format!("-{name}=\"{value}\""),
        };
        // A switch with dashes takes no word.
        let style = |at: usize| if at == 4 { styles[at] % 2 } else { styles[at] };
        let line = order.map(|at| write(inputs[at], style(at))).join(" ");
        let expected = inputs.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
        prop_assert_eq!(sort::<Ban>(&line), Sorted { words: BTreeMap::from(expected), over: None }, "{}", line);
    }

    #[test]
    fn no_two_values_that_are_named_become_one(
        field in 0..4usize,
        styles in prop::collection::vec(0..5usize, 2..4),
        values in prop::collection::vec("[1-9][hd]", 4),
        places in prop::collection::vec(0..8usize, 3),
    ) {
        let name = ["duration", "delete_days", "reason", "silent"][field];
        let mut line = vec!["<@42>".to_owned()];
        for ((style, value), place) in styles.iter().zip(&values).zip(places.iter().chain([&0])) {
            let value = match field {
                1 => &value[..1],
                3 => "yes",
                _ => value,
            };
            let named = match style {
                0 => format!("--{name} {value}"),
                1 => format!("--{name}={value}"),
                2 => format!("-{name} \"{value}\""),
                3 => format!("{name}:{value}"),
                _ => format!("{name}= \"{value}\""),
            };
            // A switch takes no word behind its name.
            let named = if field == 3 { format!("--{name}=yes") } else { named };
            line.insert(1 + place % line.len(), named);
        }
        let line = line.join(" ");
        let fields = fields_of(&schema_of::<Ban>());
        let error = input::read(&fields, Raw::Words(read(&fields, &line, None).words)).unwrap_err();
        let codes: Vec<_> = error.fields.iter().map(|wrong| (wrong.field.as_str(), wrong.code)).collect();
        prop_assert_eq!(codes, vec![(name, Some("input_given_twice"))], "{}", line);
    }

    #[test]
    fn what_is_named_with_dashes_may_stand_between_all_other_words(first in 0..6usize, second in 0..6usize) {
        let words = ["<@42>", "7d", "being", "very", "loud"];
        let mut line: Vec<&str> = words.to_vec();
        line.insert(first.min(5), "--delete-days 3");
        line.insert(second, "--silent");
        let expected = json!({
            "users": ["<@42>"], "duration": "7d", "reason": "being very loud", "delete_days": 3, "silent": true,
        });
        prop_assert_eq!(understood::<Ban>(&line.join(" ")), expected);
    }

    #[test]
    fn people_are_the_same_wherever_they_are_mentioned(at in 0..5usize, several: bool) {
        let words = ["7d", "being", "very", "loud"];
        let people = if several { "<@42> <@!43>" } else { "<@42>" };
        let mut line: Vec<&str> = words.to_vec();
        line.insert(at, people);
        let sorted = sort::<Ban>(&line.join(" "));
        prop_assert_eq!(sorted.words["users"].join(" "), people);
        prop_assert_eq!(&sorted.words["duration"], &vec!["7d".to_owned()]);
        prop_assert!(sorted.words["reason"][0].ends_with("loud"), "{:?}", sorted);
    }

    #[test]
    fn lines_full_of_signs_are_sorted(pieces in prop::collection::vec(
        prop_oneof![
            Just("--"), Just("-"), Just("—"), Just("\""), Just("„"), Just("“"), Just("«"), Just(":"), Just("="),
            Just(" "), Just("\n"), Just("users"), Just("reason"), Just("silent"), Just("duration"), Just("42"),
            Just("<@42>"), Just("<#9>"), Just("430000000000000001"), Just("channel"), Just(","), Just("7d"), Just("minutes"), Just("ä"), Just("\u{200b}"),
        ], 0..60)) {
        let line = pieces.concat();
        let sorted = read(&fields_of(&schema_of::<Ban>()), &line, None);
        let kept: usize = sorted.words.values().flatten().map(String::len).sum();
        // People who are mentioned in the middle of a text are kept with it and for themselves.
        let twice: usize = sorted.words.get("users").into_iter().flatten().map(String::len).sum();
        prop_assert!(kept <= line.len() + "true".len() * 5 + twice);
        read(&fields_of(&schema_of::<Lock>()), &line, None);
        read(&fields_of(&schema_of::<Nick>()), &line, None);
    }

    #[test]
    fn a_reason_is_kept_as_it_is_written(words in "[a-z\"'„“.,!?äß] ?[a-z\"' \n.,!?äß]{0,80}[a-z.]") {
        prop_assume!(words.trim() == words && words.parse::<Span>().is_err());
        let line = format!("<@42> {words}");
        let sorted = sort::<Ban>(&line);
        let first = words.split_whitespace().next().unwrap_or_default();
        prop_assume!(first.parse::<Span>().is_err() && !words.starts_with(['"', '„', '“']));
        prop_assert_eq!(&sorted.words["reason"], &vec![words]);
    }
}
