//! With the gateway: what is told is known, and what happens is heard.

use guildhall_core::guild::{GuildAction, GuildEvent, Guilds, MessageId, RoleId};
use guildhall_sim::Permissions;

use crate::stage::{Ear, Stage, channel, user};

#[tokio::test]
async fn the_guild_is_known_without_a_request_and_changes_are_followed() {
    let stage = Stage::new().await;
    let (ear, running) = Ear::on(&stage);
    let fed = stage.connect().await;
    assert_eq!(fed.intents, stage.guilds.intents());
    let tenant = stage.tenant();
    let asked = stage.requests("GET").len();
    let guild = stage.guilds.guild(&tenant).await.unwrap();
    assert_eq!((guild.owner, stage.guilds.present(guild.id)), (user(&stage.olive), Some(true)));
    let me = stage.guilds.myself(&tenant).await.unwrap();
    assert_eq!(me.user.0, stage.app.bot().0);
    assert!(guild.permissions(&me) & Permissions::BAN_MEMBERS.0 != 0);
    let after = stage.requests("GET");
    assert!(after[asked..].iter().all(|path| path.ends_with("/invites")), "{after:?}");

    let role = stage.guild.role("staff", Permissions::KICK_MEMBERS);
    ear.hears(|event| matches!(event, GuildEvent::RoleCreated(new) if new.id.0 == role.0).then_some(()))
        .await;
    assert!(stage.guilds.guild(&tenant).await.unwrap().role(RoleId(role.0)).is_some());
    stage.guild.join(&stage.anna, &[role]);
    let after = ear
        .hears(|event| match event {
            GuildEvent::MemberChanged { after, .. } if after.user == user(&stage.anna) => Some(after.clone()),
            _ => None,
        })
        .await;
    assert_eq!(after.roles, [RoleId(role.0)]);
    assert_eq!(stage.guilds.member(&tenant, after.user).await.unwrap().unwrap().roles, [RoleId(role.0)]);
    running.abort();
}

#[tokio::test]
async fn who_joined_with_which_invite_is_told() {
    let stage = Stage::new().await;
    let (ear, running) = Ear::on(&stage);
    let by = stage.anna.in_guild(stage.guild.id());
    let (first, second) =
        (by.create_invite(stage.general, 0, 0).unwrap(), by.create_invite(stage.general, 1, 0).unwrap());
    let _fed = stage.connect().await;
    // The lists are asked for once the guild is told; the first joiner is told only after that.
    let listed = || stage.requests("GET").iter().any(|path| path.ends_with("/invites"));
    let deadline = std::time::Instant::now() + crate::stage::SOON;
    while !listed() {
        assert!(std::time::Instant::now() < deadline, "the invites are asked for");
        tokio::task::yield_now().await;
    }
    for (name, code) in [("bo", &second), ("carl", &first), ("dora", &first)] {
        let new = stage.sim.user(name);
        new.join_by(code).unwrap();
        let invite = ear
            .hears(|event| match event {
                GuildEvent::MemberJoined { member, invite } if member.username == name => {
                    Some(invite.clone())
                }
                _ => None,
            })
            .await;
        assert_eq!(invite, Some((code.clone(), Some(user(&stage.anna)))), "{name}");
    }
    running.abort();
}

#[tokio::test]
async fn edits_and_deletions_are_heard_with_what_was_there_before() {
    let stage = Stage::new().await;
    let (ear, running) = Ear::on(&stage);
    stage.guilds.keep_messages(&stage.tenant(), true);
    let _fed = stage.connect().await;
    let here = stage.anna.in_channel(stage.general);
    let id = here.send_message("helo").unwrap();
    here.edit_message(id, "hello").unwrap();
    let (before, after) = ear
        .hears(|event| match event {
            GuildEvent::MessageEdited { before, after } => Some((before.clone(), after.content.clone())),
            _ => None,
        })
        .await;
    assert_eq!((before.as_deref(), after.as_str()), (Some("helo"), "hello"));
    let action =
        GuildAction::DeleteMessages { channel: channel(stage.general), messages: vec![MessageId(id.0)] };
    stage.guilds.act(&stage.tenant(), action, "purge").await.unwrap();
    let known = ear
        .hears(|event| match event {
            GuildEvent::MessagesDeleted { known, .. } => Some(known.clone()),
            _ => None,
        })
        .await;
    assert_eq!(known.iter().map(|message| message.content.as_str()).collect::<Vec<_>>(), ["hello"]);
    running.abort();
}

#[tokio::test]
async fn an_outage_and_a_removal_are_told_apart() {
    let stage = Stage::new().await;
    let (ear, running) = Ear::on(&stage);
    let _fed = stage.connect().await;
    let guild = stage.guild.id().0;
    stage.guild.set_outage(true);
    stage.guild.set_outage(false);
    ear.hears_often("available", 2).await;
    assert_eq!(stage.guilds.present(guild), Some(true));
    stage.guild.remove(&stage.app);
    ear.hears(|event| matches!(event, GuildEvent::Removed).then_some(())).await;
    assert_eq!(stage.guilds.present(guild), Some(false));
    let refused = stage.guilds.guild(&stage.tenant()).await.unwrap_err();
    assert_eq!(refused.code, "guild_left");
    running.abort();
}

#[tokio::test]
async fn what_was_just_done_is_never_answered_from_before() {
    let stage = Stage::new().await;
    let (ear, running) = Ear::on(&stage);
    let _fed = stage.connect().await;
    let (tenant, anna) = (stage.tenant(), user(&stage.anna));
    let role = stage.guild.role("jail", Permissions::NONE);
    stage.guilds.member(&tenant, anna).await.unwrap();
    for _ in 0..10 {
        stage
            .guilds
            .act(&tenant, GuildAction::AddRole { user: anna, role: RoleId(role.0) }, "")
            .await
            .unwrap();
        assert_eq!(stage.guilds.member(&tenant, anna).await.unwrap().unwrap().roles.len(), 1);
        stage
            .guilds
            .act(&tenant, GuildAction::RemoveRole { user: anna, role: RoleId(role.0) }, "")
            .await
            .unwrap();
        assert_eq!(stage.guilds.member(&tenant, anna).await.unwrap().unwrap().roles.len(), 0);
    }
    ear.hears(|event| matches!(event, GuildEvent::MemberChanged { .. }).then_some(())).await;
    running.abort();
}
