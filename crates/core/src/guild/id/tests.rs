use proptest::prelude::*;

use super::*;

#[test]
fn ids_are_read_from_mentions_text_and_numbers() {
    assert_eq!("<@!42>".parse::<UserId>().unwrap(), UserId(42));
    assert_eq!("<@42>".parse::<UserId>().unwrap(), UserId(42));
    assert_eq!("<@&7>".parse::<RoleId>().unwrap(), RoleId(7));
    assert_eq!("<#9>".parse::<ChannelId>().unwrap(), ChannelId(9));
    assert_eq!(serde_json::from_str::<UserId>("42").unwrap(), UserId(42));
    assert_eq!(serde_json::from_str::<UserId>("\"42\"").unwrap(), UserId(42));
    for wrong in ["", "0", "<@&7>", "<@42", "42>", "somebody", "-1", "18446744073709551616"] {
        assert!(wrong.parse::<UserId>().is_err(), "{wrong} was read as a user");
    }
}

#[test]
fn a_message_is_read_from_its_link() {
    let link: MessageLink = "https://discord.com/channels/1/2/3".parse().unwrap();
    assert_eq!(link, MessageLink { channel: ChannelId(2), message: MessageId(3) });
    assert_eq!(link.to_string().parse::<MessageLink>().unwrap(), link);
    assert!("3".parse::<MessageLink>().is_err());
}

#[test]
fn an_id_says_when_it_was_made() {
    // The example of Discord's own reference page.
    assert_eq!(made_at(175_928_847_299_117_063).unix_timestamp(), 1_462_015_105);
}

proptest! {
    #[test]
    fn no_text_breaks_the_readers(text in ".{0,80}") {
        let _ = text.parse::<UserId>();
        let _ = text.parse::<MessageLink>();
    }
}
