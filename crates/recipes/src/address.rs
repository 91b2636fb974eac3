//! Network addresses in what games write, taken out of what everybody reads: an address says where a player lives.

use std::{borrow::Cow, net::Ipv6Addr, ops::Range};

/// What stands in the place of an address.
pub const HIDDEN: &str = "[address]";
/// The character that begins a colour in Minecraft's texts; one more character says which.
const COLOR: &[u8] = "§".as_bytes();

/// The text with [`HIDDEN`] for every IPv4 and IPv6 address in it. Ports, brackets and zones stay, and so does
/// `0.0.0.0`, which is nobody's.
///
/// What only looks like an address stays too: a version of three numbers or after a `v`, a time, a fingerprint. A
/// version of four numbers cannot be told from an address, and is hidden.
pub fn hide(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (mut shown, mut copied) = (String::new(), 0);
    let (mut at, mut word) = (0, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(COLOR) {
            at += COLOR.len();
            at += usize::from(bytes.get(at).is_some_and(u8::is_ascii));
            word = at;
            continue;
        }
        if !may_be_in_address(bytes[at]) {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|byte| may_be_in_address(**byte)).count();
        let run = Run { bytes, start: at, end: at + length, word };
        match run.first() {
            Some(found) => {
                shown.push_str(&text[copied..found.start]);
                shown.push_str(HIDDEN);
                (at, copied, word) = (found.end, found.end, found.end);
            }
            None => at = run.end,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[copied..]);
    Cow::Owned(shown)
}

fn may_be_in_address(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b':' || byte == b'.'
}

/// Characters of a text that could all be in addresses, as many as stand together.
struct Run<'a> {
    bytes: &'a [u8],
    start: usize,
    end: usize,
    /// Where the last colour or address ended: what stands before that is no part of the word.
    word: usize,
}

impl Run<'_> {
    /// The first address in it.
    fn first(&self) -> Option<Range<usize>> {
        // An IPv6 address may end in an IPv4 one, so it is looked for first.
        self.v6().or_else(|| (self.start..self.end).find_map(|from| self.v4(from)))
    }

    /// The byte before, in the same word.
    fn before(&self, at: usize) -> Option<u8> {
        if at == self.word { None } else { at.checked_sub(1).map(|before| self.bytes[before]) }
    }

    /// An IPv6 address that is the whole run, but for a word and a colon before it (`peer:::1`), punctuation
    /// behind it, and a port.
    fn v6(&self) -> Option<Range<usize>> {
        let run = &self.bytes[self.start..self.end];
        let colon = run.iter().position(|byte| *byte == b':')?;
        let begins_word = !self.before(self.start).is_some_and(|byte| byte.is_ascii_alphanumeric());
        let starts = begins_word.then_some(self.start).into_iter().chain([self.start + colon + 1]);
        let ends_word = !self.bytes.get(self.end).is_some_and(u8::is_ascii_alphanumeric);
        let punctuation = run.iter().rev().take_while(|byte| matches!(byte, b':' | b'.')).count();
        let mut ends = Vec::new();
        for end in (self.end - punctuation..=self.end).rev() {
            if end < self.end || ends_word {
                ends.push(end);
            }
            ends.extend(without_port(&self.bytes[self.start..end]).map(|length| self.start + length));
        }
        starts
            .flat_map(|from| ends.iter().map(move |to| from..*to))
            .find(|range| range.start < range.end && is_v6(&self.bytes[range.clone()]))
    }

    /// An IPv4 address that begins here.
    fn v4(&self, from: usize) -> Option<Range<usize>> {
        if self.before(from).is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'v' | b'V')) {
            return None;
        }
        let (mut at, mut any) = (from, false);
        for part in 0..4 {
            if part > 0 {
                if self.bytes.get(at) != Some(&b'.') {
                    return None;
                }
                at += 1;
            }
            let digits = self.bytes[at..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
            let number = std::str::from_utf8(&self.bytes[at..at + digits]).ok()?.parse::<u16>().ok()?;
            if digits > 3 || number > 255 {
                return None;
            }
            any |= number > 0;
            at += digits;
        }
        let more =
            self.bytes.get(at) == Some(&b'.') && self.bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        (any && !more).then_some(from..at)
    }
}

/// How long a text is without the port at its end.
fn without_port(text: &[u8]) -> Option<usize> {
    let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let colon = text.len().checked_sub(digits + 1)?;
    ((1..=5).contains(&digits) && text[colon] == b':').then_some(colon)
}

/// Words such as `cafe::bed` read like an address; one that is somebody's has a digit.
fn is_v6(text: &[u8]) -> bool {
    // The longest has eight groups of four digits, or six and an IPv4 address.
    text.len() <= 45
        && text.iter().any(u8::is_ascii_digit)
        && std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_hidden_as_games_write_them() {
        for (written, shown) in [
            ("Alex (::ffff:127.0.0.1) connected", "Alex ([address]) connected"),
            ("Alex[/203.0.113.7:53122] logged in", "Alex[/[address]:53122] logged in"),
            ("client [2001:db8::17]:53122", "client [[address]]:53122"),
            ("2001:db8:0:1:2:3:4:5:53122 is here", "[address]:53122 is here"),
            ("from 2001:db8::1: timed out.", "from [address]: timed out."),
            ("fe80::1%eth0 and 10.0.0.1.", "[address]%eth0 and [address]."),
            ("§c10.0.0.1§61.2.3.4§a2001:db8::1", "§c[address]§6[address]§a[address]"),
            ("addr:10.0.0.1,peer:::1", "addr:[address],peer:[address]"),
            ("Dave:2001:db8::1", "Dave:[address]"),
            ("010.000.000.001", "[address]"),
            ("1.2.3.4:5.6.7.8", "[address]:[address]"),
        ] {
            assert_eq!(hide(written), shown, "{written}");
        }
    }

    #[test]
    fn what_only_looks_like_an_address_stays() {
        for text in [
            "Starting version 1.21.4, protocol 769",
            "v1.2.3.4 and V1.2.3.4",
            "[12:30:05] done at 12:30:05: fine, 12:30:05.123",
            "2026-11-20T12:30:05Z",
            "256.1.1.1 1.2.3 1.2.3.4.5 1.2.3.1000",
            "std::vec, Abc::def, cafe::bed and ::",
            "listening on 0.0.0.0:25565",
            "aa:bb:cc:dd:ee:ff",
            "AA:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13",
            "Ünïcödé § §",
            "0:1 won, 3.5 % of 1,000.00",
            "",
        ] {
            assert!(matches!(hide(text), Cow::Borrowed(same) if same == text), "{text}: {}", hide(text));
        }
    }

    proptest! {
        #[test]
        fn no_address_is_left_whatever_stands_around_it(
            four in any::<u32>(),
            six in any::<u128>(),
            // Addresses with long rows of zeros, as they are given out.
            gap in 0_u32..112,
            before in prop::sample::select(vec!["", "(", "/", "[", " ", "peer:", "ip=", "\"", "§c", "§7 "]),
            after in prop::sample::select(vec!["", ")", "]", ":25565", "]:25565", ",", ".", ": ", " left", "%eth0"]),
        ) {
            let six = Ipv6Addr::from(six & !(((1 << gap) - 1) << 8));
            let mut written = vec![Ipv4Addr::from(four).to_string(), six.to_string()];
            written.push(Ipv4Addr::from(four).to_ipv6_mapped().to_string());
            for address in written {
                prop_assume!(address != "0.0.0.0" && address.contains(|c: char| c.is_ascii_digit()));
                let shown = hide(&format!("{before}{address}{after}")).into_owned();
                prop_assert_eq!(shown, format!("{before}{HIDDEN}{after}"), "{}", address);
            }
        }

        #[test]
        fn any_text_is_shown_but_for_its_addresses(text in any::<String>(), like in "[0-9a-f:.v§ ]{0,80}") {
            for text in [text, like] {
                let shown = hide(&text);
                let mut rest = text.as_str();
                for kept in shown.split(HIDDEN) {
                    let at = rest.find(kept);
                    prop_assert!(at.is_some(), "{} is not of {}", kept, text);
                    rest = &rest[at.unwrap_or_default() + kept.len()..];
                }
            }
        }
    }
}
