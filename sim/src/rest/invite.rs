//! Invites: of a guild, of a channel, and by their code.

use serde_json::Value;

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit};
use crate::id::{ChannelId, GuildId};
use crate::permission::Permissions;
use crate::validate::{Form, object_of};
use crate::world::invite::Invite;

/// Seconds an invite may last: sixty days.
const LONGEST: i64 = 5_184_000;

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, code: &str) -> Outcome {
    match call.method.as_str() {
        "GET" => {
            let invite = visit.world.invite(code)?;
            Ok(Answer::ok(visit.world.invite_json(invite)))
        }
        "DELETE" => {
            let gone = visit.world.delete_invite(code, visit.by(call))?;
            Ok(Answer::ok(visit.world.invite_json(&gone)))
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

pub(crate) fn of_guild(visit: &Visit<'_>, guild: GuildId) -> Outcome {
    let rights = visit.world.guild_permissions(guild, visit.caller.bot);
    if !rights.intersects(Permissions::MANAGE_GUILD | Permissions::VIEW_AUDIT_LOG) {
        return Err(ApiError::missing_permissions());
    }
    Ok(Answer::ok(list(visit, |invite| invite.guild == guild)))
}

fn list(visit: &Visit<'_>, wanted: impl Fn(&Invite) -> bool) -> Value {
    let known = visit.world.invites.values().filter(|invite| wanted(invite));
    let valid = known.filter(|invite| visit.world.invite(&invite.code).is_ok());
    valid.map(|invite| visit.world.invite_json(invite)).collect()
}

pub(crate) fn of_channel(visit: &mut Visit<'_>, call: &Call, channel: ChannelId) -> Outcome {
    match call.method.as_str() {
        "GET" => {
            visit.world.require(channel, visit.caller.bot, Permissions::MANAGE_CHANNELS)?;
            Ok(Answer::ok(list(visit, |invite| invite.channel == channel)))
        }
        "POST" => {
            let form = call.form();
            let body = object_of(&form)?;
            let (age, uses, temporary) = Form::check(|form| {
                (
                    form.integer(body, "max_age", 0..=LONGEST).unwrap_or(86_400),
                    form.integer(body, "max_uses", 0..=100).unwrap_or(0),
                    form.boolean(body, "temporary").unwrap_or(false),
                )
            })?;
            let invite = visit.world.create_invite(channel, age, uses, temporary, visit.by(call))?;
            Ok(Answer::ok(visit.world.invite_json(&invite)))
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}
