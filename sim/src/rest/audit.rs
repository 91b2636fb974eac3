//! Reading a guild's audit log.

use serde_json::{Value, json};

use super::error::ApiError;
use super::{Answer, Call, Outcome, Visit, id};
use crate::id::{GuildId, UserId};
use crate::permission::Permissions;

/// Newest first, unless asked for what follows an entry.
pub(crate) fn list(visit: &mut Visit<'_>, call: &Call, guild: &str) -> Outcome {
    let guild: GuildId = id("guild_id", guild)?;
    visit.world.require_guild(guild, visit.caller.bot, Permissions::VIEW_AUDIT_LOG)?;
    let limit = call.limit(50, 100)?;
    let (before, after) = (call.id::<u64>("before")?, call.id::<u64>("after")?);
    let by = call.id::<UserId>("user_id")?;
    let target = call.id::<u64>("target_id")?;
    let action = match call.query.get("action_type").map(|text| text.parse::<u16>()) {
        Some(Ok(action)) => Some(action),
        Some(Err(_)) => {
            return Err(ApiError::form(&["action_type"], "NUMBER_TYPE_COERCE", "Value is not int."));
        }
        None => None,
    };
    let fits = |entry: &&crate::world::audit::Entry| {
        by.is_none_or(|by| entry.by == by)
            && action.is_none_or(|action| entry.action == action)
            && target.is_none_or(|target| entry.target == Some(target))
            && before.is_none_or(|before| entry.id < before)
            && after.is_none_or(|after| entry.id > after)
    };
    let log = &visit.world.guild(guild)?.audit;
    let found: Vec<_> = if after.is_some() {
        log.iter().filter(fits).take(limit).collect()
    } else {
        log.iter().rev().filter(fits).take(limit).collect()
    };
    let mut people: Vec<UserId> =
        found.iter().flat_map(|entry| [Some(entry.by), entry.target.map(UserId)]).flatten().collect();
    people.sort_unstable();
    people.dedup();
    let users = people.into_iter().filter(|user| visit.world.users.contains_key(user));
    let users: Vec<Value> = users.map(|user| visit.world.user_json(user)).collect();
    Ok(Answer::ok(json!({
        "audit_log_entries": found.iter().map(|entry| entry.json()).collect::<Vec<_>>(), "users": users,
        "integrations": [], "webhooks": [], "guild_scheduled_events": [], "threads": [],
        "application_commands": [], "auto_moderation_rules": [],
    })))
}
