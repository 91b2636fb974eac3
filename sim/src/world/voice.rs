//! Voice: who is in which voice channel. No sound is carried.

use serde_json::{Value, json};

use super::World;
use super::audit::{Entry, action};
use super::rights::By;
use crate::gateway::event::{Event, intent};
use crate::id::{ChannelId, GuildId, UserId};

#[derive(Clone, Debug)]
pub(crate) struct VoiceState {
    pub(crate) channel: ChannelId,
    pub(crate) session: String,
    pub(crate) self_mute: bool,
    pub(crate) self_deaf: bool,
}

impl World {
    /// The voice state object; of somebody who is nowhere, the one that says so.
    pub(crate) fn voice_json(&self, guild: GuildId, user: UserId, with_guild: bool) -> Value {
        let known = self.guilds.get(&guild);
        let state = known.and_then(|known| known.voice.get(&user));
        let member = known.and_then(|known| known.members.get(&user));
        let mut json = json!({
            "channel_id": state.map(|state| state.channel), "user_id": user,
            "session_id": state.map_or("", |state| state.session.as_str()),
            "mute": member.is_some_and(|member| member.mute), "deaf": member.is_some_and(|member| member.deaf),
            "self_mute": state.is_some_and(|state| state.self_mute),
            "self_deaf": state.is_some_and(|state| state.self_deaf), "self_video": false, "self_stream": false,
            "suppress": false, "request_to_speak_timestamp": null,
        });
        if with_guild {
            json["guild_id"] = json!(guild);
            let member = self.member_json(guild, user);
            if !member.is_null() {
                json["member"] = member;
            }
        }
        json
    }

    fn voice_event(&mut self, guild: GuildId, user: UserId) {
        let data = self.voice_json(guild, user, true);
        self.emit(&Event::in_guild("VOICE_STATE_UPDATE", guild, intent::GUILD_VOICE_STATES, data));
    }

    /// Puts the user into a voice channel, or out of all of them.
    pub(crate) fn set_voice(&mut self, guild: GuildId, user: UserId, channel: Option<ChannelId>) {
        let Some(known) = self.guilds.get_mut(&guild) else { return };
        match channel {
            Some(channel) => {
                let fresh = || VoiceState {
                    channel,
                    session: hex::encode(rand::random::<[u8; 16]>()),
                    self_mute: false,
                    self_deaf: false,
                };
                known.voice.entry(user).or_insert_with(fresh).channel = channel;
            }
            None if known.voice.remove(&user).is_none() => return,
            None => {}
        }
        self.voice_event(guild, user);
    }

    pub(crate) fn mute_self(&mut self, guild: GuildId, user: UserId, mute: bool, deaf: bool) {
        let state = self.guilds.get_mut(&guild).and_then(|known| known.voice.get_mut(&user));
        let Some(state) = state else { return };
        (state.self_mute, state.self_deaf) = (mute, deaf);
        self.voice_event(guild, user);
    }

    /// Somebody else moved or disconnected the user, which the audit log counts without naming them.
    pub(crate) fn move_in_voice(
        &mut self,
        guild: GuildId,
        user: UserId,
        channel: Option<ChannelId>,
        by: By<'_>,
    ) {
        self.set_voice(guild, user, channel);
        let entry = match channel {
            Some(channel) => Entry::new(action::MEMBER_MOVE, by, 0).option("channel_id", channel),
            None => Entry::new(action::MEMBER_DISCONNECT, by, 0),
        };
        self.audit(guild, entry.option("count", 1));
    }
}
