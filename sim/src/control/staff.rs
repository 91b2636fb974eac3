//! `POST /sim/guilds/{id}/staff`: what a member does by hand.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Context, Result, guild, user};
use crate::id::{ChannelId, RoleId, UserId};
use crate::permission::Permissions;

#[derive(Deserialize)]
pub(super) struct NewAct {
    user: UserId,
    #[serde(flatten)]
    act: Act,
}

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
enum Act {
    Kick {
        target: UserId,
        reason: Option<String>,
    },
    Ban {
        target: UserId,
        reason: Option<String>,
        #[serde(default)]
        delete_seconds: u32,
    },
    Unban {
        target: UserId,
        reason: Option<String>,
    },
    TimeOut {
        target: UserId,
        seconds: u32,
    },
    SetNick {
        target: UserId,
        nick: Option<String>,
    },
    GiveRole {
        target: UserId,
        role: RoleId,
    },
    TakeRole {
        target: UserId,
        role: RoleId,
    },
    CreateRole {
        name: String,
        #[serde(default)]
        permissions: u64,
    },
    EditRole {
        role: RoleId,
        name: String,
        #[serde(default)]
        permissions: u64,
    },
    DeleteRole {
        role: RoleId,
    },
    MoveRole {
        role: RoleId,
        position: i64,
    },
    CreateChannel {
        name: String,
    },
    RenameChannel {
        channel: ChannelId,
        name: String,
    },
    DeleteChannel {
        channel: ChannelId,
    },
    SetSlowmode {
        channel: ChannelId,
        seconds: u32,
    },
    OverwriteRole {
        channel: ChannelId,
        role: RoleId,
        #[serde(default)]
        allow: u64,
        #[serde(default)]
        deny: u64,
    },
    OverwriteMember {
        channel: ChannelId,
        target: UserId,
        #[serde(default)]
        allow: u64,
        #[serde(default)]
        deny: u64,
    },
    DeleteOverwrite {
        channel: ChannelId,
        target: UserId,
    },
    CreateInvite {
        channel: ChannelId,
        #[serde(default)]
        max_uses: u32,
        #[serde(default)]
        max_age_seconds: u32,
    },
    DeleteInvite {
        code: String,
    },
    JoinVoice {
        channel: ChannelId,
    },
    LeaveVoice,
    MoveInVoice {
        target: UserId,
        channel: Option<ChannelId>,
    },
    RuleCommand {
        command: UserId,
        role: RoleId,
        allowed: bool,
    },
    Leave,
}

pub(super) async fn act(
    State(shared): Context,
    Path(id): Path<String>,
    body: Body<NewAct>,
) -> Result<Json<Value>> {
    let guild = guild(&shared, &id)?;
    let Json(body) = body?;
    let member = user(&shared, body.user)?.in_guild(guild);
    let mut made = Value::Null;
    match body.act {
        Act::Kick { target, reason } => member.kick(target, reason.as_deref())?,
        Act::Ban { target, reason, delete_seconds } => {
            member.ban(target, reason.as_deref(), delete_seconds)?;
        }
        Act::Unban { target, reason } => member.unban(target, reason.as_deref())?,
        Act::TimeOut { target, seconds } => {
            let now = shared.read(crate::world::World::now);
            let until = (seconds > 0).then(|| now + time::Duration::seconds(seconds.into()));
            member.time_out(target, until)?;
        }
        Act::SetNick { target, nick } => member.set_nick(target, nick.as_deref())?,
        Act::GiveRole { target, role } => member.give_role(target, role)?,
        Act::TakeRole { target, role } => member.take_role(target, role)?,
        Act::CreateRole { name, permissions } => {
            made = json!(member.create_role(&name, Permissions(permissions))?);
        }
        Act::EditRole { role, name, permissions } => {
            member.edit_role(role, &name, Permissions(permissions))?;
        }
        Act::DeleteRole { role } => member.delete_role(role)?,
        Act::MoveRole { role, position } => member.move_role(role, position)?,
        Act::CreateChannel { name } => made = json!(member.create_channel(&name)?),
        Act::RenameChannel { channel, name } => member.rename_channel(channel, &name)?,
        Act::DeleteChannel { channel } => member.delete_channel(channel)?,
        Act::SetSlowmode { channel, seconds } => member.set_slowmode(channel, seconds)?,
        Act::OverwriteRole { channel, role, allow, deny } => {
            member.overwrite_role(channel, role, Permissions(allow), Permissions(deny))?;
        }
        Act::OverwriteMember { channel, target, allow, deny } => {
            member.overwrite_member(channel, target, Permissions(allow), Permissions(deny))?;
        }
        Act::DeleteOverwrite { channel, target } => member.delete_overwrite(channel, target.0)?,
        Act::CreateInvite { channel, max_uses, max_age_seconds } => {
            made = json!(member.create_invite(channel, max_uses, max_age_seconds)?);
        }
        Act::DeleteInvite { code } => member.delete_invite(&code)?,
        Act::JoinVoice { channel } => member.join_voice(channel)?,
        Act::LeaveVoice => member.leave_voice(),
        Act::MoveInVoice { target, channel } => member.move_in_voice(target, channel)?,
        Act::RuleCommand { command, role, allowed } => member.rule_command(command.0, role, allowed)?,
        Act::Leave => {
            if !member.leave() {
                return Err(super::bad("the owner cannot leave, and who is no member neither"));
            }
        }
    }
    Ok(Json(json!({ "id": made })))
}
