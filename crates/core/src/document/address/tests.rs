use proptest::prelude::*;

use super::*;
use crate::{Rich, document::Span, guild::MessageId};

#[test]
fn an_https_address_without_blanks_or_markup_is_one_and_nothing_else() {
    for right in [
        "https://discord.com/channels/1/2/3",
        "https://cdn.discordapp.com/attachments/1/2/a_b~c.png?ex=68&is=67&hm=ab%20c#top",
        "https://video.example:8443/@channel/watch?v=(1),2;3'4!5$6+7",
    ] {
        assert_eq!(right.parse::<Address>().unwrap().as_str(), right);
    }
    let long = format!("https://a.example/{}", "x".repeat(LONGEST));
    for wrong in [
        "",
        "https://",
        "https:///path",
        "http://a.example",
        "javascript:alert(1)",
        "https://a.example/ b",
        "https://a.example/\n# big",
        "https://a.example/**b**",
        "https://a.example/`c`",
        "https://a.example/||d||",
        "https://a.example>@everyone",
        "https://a.example/<@123>",
        "https://a.example/@Everyone",
        "https://a.example/?@HERE",
        "https://a.example/[x](https://b.example)",
        "https://a.example/\\",
        "https://discord.com@evil.example/",
        "https://exämple.example/",
        "https://a.example/\u{202e}gpj",
        &long,
    ] {
        assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        assert_eq!(Rich::new().address(wrong), Rich::from(wrong), "{wrong} stays text");
    }
}

#[test]
fn a_stored_link_is_checked_when_it_is_read_again() {
    let at = MessageLink { channel: ChannelId(2), message: MessageId(3) };
    let link = Rich::new().link(Address::message(1, at));
    let stored = serde_json::to_string(&link).unwrap();
    assert_eq!(stored, r#"[{"span":"link","value":"https://discord.com/channels/1/2/3"}]"#);
    assert_eq!(serde_json::from_str::<Rich>(&stored).unwrap(), link);
    let forged = stored.replace("/3", "/3> @everyone");
    assert!(serde_json::from_str::<Rich>(&forged).is_err());
}

#[test]
fn a_place_in_discord_is_one_by_its_ids() {
    let at = MessageLink { channel: ChannelId(2), message: MessageId(3) };
    assert!(Address::message(1, at).is_place() && Address::channel(1, ChannelId(2)).is_place());
    for other in [
        "https://discord.com/channels/1/2/3?x",
        "https://discord.gg/1",
        "https://discord.com.example/channels/1",
    ] {
        assert!(!other.parse::<Address>().unwrap().is_place(), "{other}");
    }
}

#[test]
fn channels_in_a_text_of_the_communitys_own_become_mentions() {
    let text = "Not in <#x>, <# or <#0>: ask in <#42>, not <#y> or <#9";
    let [Span::Plain(before), Span::Channel { id, name }, Span::Plain(after)] =
        &Rich::new().with_channels(text).0[..]
    else {
        panic!("three spans")
    };
    assert_eq!(before, "Not in <#x>, <# or <#0>: ask in ");
    assert_eq!((*id, name.as_str(), after.as_str()), (ChannelId(42), "<#42>", ", not <#y> or <#9"));
}

proptest! {
    #[test]
    fn no_text_breaks_the_readers(text in ".{0,80}", tail in ".{0,20}") {
        let _ = text.parse::<Address>();
        let _ = format!("https://a.example/{tail}").parse::<Address>();
        let back: String = Rich::new().with_channels(&text).0.iter().map(|span| match span {
            Span::Plain(text) => text.clone(),
            Span::Channel { name, .. } => name.clone(),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(back, text);
    }
}
