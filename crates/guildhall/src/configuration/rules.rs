//! What the types cannot say: names that must differ, settings that need each other, values that cannot be meant.

use secrecy::ExposeSecret as _;
use url::Url;

use super::{CommunitySection, Configuration, DiscordSection, draft::Draft, place::Place, source::Mistake};

const NO_ID: &str = "is 0, which is nobody's id; copy it from Discord, with developer mode on.";

impl Configuration {
    /// Every rule that it breaks.
    pub(super) fn check(&self, draft: &Draft) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let wrong = &mut |place: Place, message: &str| mistakes.push(Mistake::new(place, message));
        self.check_hosts(draft, wrong);
        self.check_communities(draft, wrong);
        if let Some(discord) = &self.discord {
            self.check_discord(discord, wrong);
        }
        if let Some(traces) = &self.traces
            && !(0.0..=1.0).contains(&traces.ratio)
        {
            let message = "is not a part of the whole; write a number from 0 to 1.";
            wrong(Place::of("traces.ratio"), message);
        }
        ids(draft, &Place::of("operators"), &self.operators, wrong);
        self.check_errors(draft, wrong);
        if self.mqtt.url.is_some() && self.mqtt.password.is_none() {
            let message = "is missing; a broker beside Guildhall needs mqtt.username and it.";
            wrong(Place::of("mqtt.password"), message);
        }
        mistakes
    }

    fn check_hosts(&self, draft: &Draft, wrong: &mut impl FnMut(Place, &str)) {
        let hosts = Place::of("hosts");
        for (at, host) in self.hosts.iter().enumerate() {
            let here = draft.entry(&hosts, at);
            if self.hosts[..at].iter().any(|other| other.name == host.name) {
                wrong(here.key("name"), "another host has this name; give each its own.");
            }
            if self.hosts[..at].iter().any(|other| other.local && host.local) {
                wrong(here.key("local"), "another host is this machine already; only one can be.");
            }
            if host.address.trim().is_empty() {
                wrong(here.key("address"), "is empty; write the name or number that players connect to.");
            }
        }
        if self.hosts.is_empty() {
            wrong(hosts, "is empty; name at least one host, or leave it out for this machine.");
        }
    }

    fn check_communities(&self, draft: &Draft, wrong: &mut impl FnMut(Place, &str)) {
        let communities = Place::of("communities");
        for (at, community) in self.communities.iter().enumerate() {
            let here = draft.entry(&communities, at);
            if self.communities[..at].iter().any(|other| other.tenant == community.tenant) {
                wrong(here.key("tenant"), "another community has this name; give each its own.");
            }
            let twin = |other: &CommunitySection| other.guild.is_some() && other.guild == community.guild;
            if self.communities[..at].iter().any(twin) {
                wrong(here.key("guild"), "another community has this guild.");
            }
            if community.guild.is_some() && community.channel.is_none() {
                let message = "is missing; sessions have their threads in it. Set the channel's id.";
                wrong(here.key("channel"), message);
            }
            for (name, id) in [("guild", community.guild), ("channel", community.channel)] {
                if id == Some(0) {
                    wrong(here.key(name), NO_ID);
                }
            }
            ids(draft, &here.key("admin_roles"), &community.admin_roles, wrong);
            ids(draft, &here.key("moderator_roles"), &community.moderator_roles, wrong);
        }
    }

    fn check_discord(&self, discord: &DiscordSection, wrong: &mut impl FnMut(Place, &str)) {
        if discord.application_id == 0 {
            let message = "is 0, which is no application's id; copy it from the developer portal.";
            wrong(Place::of("discord.application_id"), message);
        }
        let key = hex::decode(&discord.public_key).is_ok_and(|bytes| bytes.len() == 32);
        if !key {
            let message = "is not 64 hex digits; copy it from the developer portal.";
            wrong(Place::of("discord.public_key"), message);
        }
        let token = discord.token.expose_secret().trim();
        let token = token.strip_prefix("Bot ").unwrap_or(token);
        if token.is_empty() {
            wrong(Place::of("discord.token"), "is empty; copy the bot's token from the developer portal.");
        } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message =
                "has a character that no token has; copy the bot's token from the developer portal.";
            wrong(Place::of("discord.token"), message);
        }
        let is_gateway = |url: &String| {
            Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host())
        };
        if !discord.gateway_url.as_ref().is_none_or(is_gateway) {
            let message =
                "is not a gateway's address; write it like wss://gateway.discord.gg, or leave it out.";
            wrong(Place::of("discord.gateway_url"), message);
        }
        if !discord.open && !self.communities.iter().any(|community| community.guild.is_some()) {
            let message =
                "names no guild, so nobody on Discord could use Guildhall. Name one, or set discord.open.";
            wrong(Place::of("communities"), message);
        }
    }

    fn check_errors(&self, draft: &Draft, wrong: &mut impl FnMut(Place, &str)) {
        let Some(channel) = self.errors.channel else { return };
        let place = Place::of("errors.channel");
        if channel == 0 {
            wrong(place.clone(), NO_ID);
        }
        let Some(discord) = &self.discord else {
            if !draft.is_wrong(&Place::of("discord")) {
                wrong(place, "needs Discord; set discord as well, or take it out.");
            }
            return;
        };
        let community = self.errors.community.clone().unwrap_or_else(|| self.home());
        let named = self.communities.iter().any(|one| one.tenant == community && one.guild.is_some());
        let numbered = discord.open && community.as_str().parse::<u64>().is_ok_and(|guild| guild != 0);
        if !named && !numbered && !draft.is_wrong(&Place::of("communities")) {
            let message = "has to name a community with a guild: the one that errors.channel is in.";
            wrong(Place::of("errors.community"), message);
        }
    }
}

/// Every id of a list is somebody's.
fn ids(draft: &Draft, list: &Place, ids: &[u64], wrong: &mut impl FnMut(Place, &str)) {
    for (at, _) in ids.iter().enumerate().filter(|(_, id)| **id == 0) {
        wrong(draft.entry(list, at), NO_ID);
    }
}
