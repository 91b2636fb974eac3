//! Users: the bot itself, its guilds and direct messages, and others by id.

use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, channel as channel_route, id};
use crate::id::{GuildId, UserId};
use crate::validate::{object_of, snowflake};

/// Guilds in one page of the bot's guilds.
const MOST_GUILDS: usize = 200;

pub(crate) fn route(visit: &mut Visit<'_>, call: &Call, rest: &[&str]) -> Outcome {
    let bot = visit.caller.bot;
    match (call.method.as_str(), rest) {
        ("GET", ["@me"]) => {
            let mut me = visit.world.user_json(bot);
            me["mfa_enabled"] = json!(false);
            me["locale"] = json!("en-US");
            me["verified"] = json!(true);
            me["email"] = Value::Null;
            Ok(Answer::ok(me))
        }
        ("GET", ["@me", "guilds"]) => guilds(visit, call),
        ("GET", ["@me", "guilds", guild, "member"]) => {
            let guild: GuildId = id("guild_id", guild)?;
            visit.world.member(guild, bot)?;
            Ok(Answer::ok(visit.world.member_json(guild, bot)))
        }
        ("DELETE", ["@me", "guilds", guild]) => {
            let guild: GuildId = id("guild_id", guild)?;
            if visit.world.leave(guild, bot) { Ok(Answer::nothing()) } else { Err(ApiError::unknown_guild()) }
        }
        ("POST", ["@me", "channels"]) => direct(visit, call),
        ("GET", [user]) => {
            let user: UserId = id("user_id", user)?;
            Ok(Answer::ok(visit.world.user(user)?.json()))
        }
        _ => Err(ApiError::not_found()),
    }
}

fn guilds(visit: &Visit<'_>, call: &Call) -> Outcome {
    let bot = visit.caller.bot;
    let limit = call.limit(MOST_GUILDS, MOST_GUILDS)?;
    let after = call.id::<GuildId>("after")?.unwrap_or(GuildId(0));
    let own =
        visit.world.guilds.values().filter(|guild| guild.members.contains_key(&bot) && guild.id > after);
    let render = |guild: &crate::world::guild::Guild| {
        let mut json = json!({
            "id": guild.id, "name": guild.name, "icon": null, "banner": null,
            "owner": guild.owner == bot, "features": [],
            "permissions": visit.world.guild_permissions(guild.id, bot).0.to_string(),
        });
        if call.flag("with_counts") {
            json["approximate_member_count"] = json!(guild.members.len());
            json["approximate_presence_count"] = json!(guild.members.len());
        }
        json
    };
    Ok(Answer::ok(own.take(limit).map(render).collect()))
}

/// The channel exists whether or not the user lets messages in; writing tells.
fn direct(visit: &mut Visit<'_>, call: &Call) -> Outcome {
    let bot = visit.caller.bot;
    let form = call.form();
    let other: Option<UserId> = object_of(&form)?.get("recipient_id").and_then(snowflake);
    let Some(other) = other else {
        return Err(ApiError::form(&["recipient_id"], "BASE_TYPE_REQUIRED", "This field is required"));
    };
    // Bots cannot write to each other, nor to themselves.
    if visit.world.user(other)?.bot {
        return Err(ApiError::cannot_write_to_user());
    }
    let channel = visit.world.direct_channel(bot, other);
    Ok(Answer::ok(channel_route::json(visit, channel)))
}
