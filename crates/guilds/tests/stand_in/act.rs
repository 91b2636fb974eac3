//! Actions: done, repeated, refused.

use guildhall_core::guild::{
    ChannelKind, GuildAction, Guilds, MessageId, NewChannel, NewRole, Overwrite, RoleId, UserId, bits,
};
use guildhall_sim::{Fault, FaultOrder, Permissions};
use time::{Duration, OffsetDateTime};

use crate::stage::{Stage, channel, code, user};

/// Does it twice: what is so already is no error.
async fn twice(stage: &Stage, action: GuildAction) {
    for _ in 0..2 {
        let result = stage.guilds.act(&stage.tenant(), action.clone(), "because").await;
        assert!(result.is_ok(), "{action:?}: {result:?}");
    }
}

#[tokio::test]
async fn a_ban_is_made_with_its_reason_and_lifted_and_both_may_be_repeated() {
    let stage = Stage::new().await;
    let anna = user(&stage.anna);
    let reason = format!("Spam, „ständig“\n{}", "é".repeat(600));
    for _ in 0..2 {
        let ban = GuildAction::Ban { user: anna, delete_seconds: 604_800 };
        stage.guilds.act(&stage.tenant(), ban, &reason).await.unwrap();
    }
    let (banned, why) = stage.guild.bans().remove(0);
    let why = why.expect("a reason");
    assert_eq!((banned, why.chars().count()), (stage.anna.id(), 512));
    assert!(reason.starts_with(&why), "cut, and nothing else: {why}");
    assert_eq!(stage.guilds.banned(&stage.tenant(), anna).await.unwrap().as_deref(), Some(why.as_str()));
    let bans = stage.guild.audit_log().into_iter().filter(|entry| entry.action == 22);
    assert!(bans.clone().count() >= 1 && bans.into_iter().all(|entry| entry.reason.as_ref() == Some(&why)));
    let name = stage.guilds.person(anna).await.unwrap().expect("she is on Discord").username;
    let called = async |name: &str| {
        let found = stage.guilds.find_banned(&stage.tenant(), name).await.unwrap();
        found.into_iter().map(|person| person.user).collect::<Vec<_>>()
    };
    assert_eq!(called(&name.to_uppercase()).await, [anna]);
    assert_eq!(called(&name[1..]).await, [], "a name is a whole one");
    twice(&stage, GuildAction::Unban { user: anna }).await;
    assert!(stage.guild.bans().is_empty());
    assert_eq!(called(&name).await, []);
    let stranger = GuildAction::Ban { user: UserId(1), delete_seconds: 0 };
    assert_eq!(code(stage.guilds.act(&stage.tenant(), stranger, "").await), "guild_unknown");
}

#[tokio::test]
async fn who_is_banned_is_found_by_name_among_more_than_one_page_of_them() {
    let stage = Stage::new().await;
    let olive = stage.olive.in_guild(stage.guild.id());
    // Discord gives 1,000 at a time, the first who joined it first.
    for number in 0..1_002 {
        olive.ban(stage.sim.user(&format!("spammer{number}")).id(), None, 0).expect("a ban");
    }
    for name in ["spammer0", "spammer999", "SPAMMER1001"] {
        let found = stage.guilds.find_banned(&stage.tenant(), name).await.unwrap();
        let names: Vec<_> = found.iter().map(|person| person.username.as_str()).collect();
        assert_eq!(names, [name.to_lowercase()]);
    }
}

#[tokio::test]
async fn members_are_changed_and_what_is_so_already_is_no_error() {
    let stage = Stage::new().await;
    let (anna, tenant) = (user(&stage.anna), stage.tenant());
    let role =
        stage.guilds.create_role(&tenant, NewRole { name: "Jail".to_owned(), ..NewRole::default() }, "jail");
    let role = role.await.unwrap();
    twice(&stage, GuildAction::AddRole { user: anna, role }).await;
    assert_eq!(stage.guilds.member(&tenant, anna).await.unwrap().unwrap().roles, [role]);
    twice(&stage, GuildAction::RemoveRole { user: anna, role }).await;
    assert!(
        stage.guilds.member(&tenant, anna).await.unwrap().unwrap().roles.is_empty(),
        "nothing old is told"
    );
    twice(&stage, GuildAction::Nickname { user: anna, nick: Some("Ann".to_owned()) }).await;
    assert_eq!(stage.guild.member(stage.anna.id()).unwrap().nick.as_deref(), Some("Ann"));
    twice(&stage, GuildAction::Nickname { user: anna, nick: None }).await;
    let me = stage.guilds.myself(&tenant).await.unwrap().user;
    twice(&stage, GuildAction::Nickname { user: me, nick: Some("Steward".to_owned()) }).await;
    let until = OffsetDateTime::now_utc() + Duration::days(7);
    twice(&stage, GuildAction::Timeout { user: anna, until: Some(until) }).await;
    let there = stage.guild.member(stage.anna.id()).unwrap().timed_out_until.unwrap();
    assert!((there - until).abs() < Duration::SECOND);
    twice(&stage, GuildAction::Timeout { user: anna, until: None }).await;
    assert_eq!(stage.guild.member(stage.anna.id()).unwrap().timed_out_until, None);
    twice(&stage, GuildAction::Kick { user: anna }).await;
    assert_eq!(stage.guild.member(stage.anna.id()), None);
    twice(&stage, GuildAction::RemoveRole { user: anna, role }).await;
    let add = GuildAction::AddRole { user: anna, role };
    assert_eq!(code(stage.guilds.act(&tenant, add, "").await), "guild_unknown");
}

#[tokio::test]
async fn all_roles_are_replaced_but_those_of_integrations() {
    let stage = Stage::new().await;
    let tenant = stage.tenant();
    let (old, new) = (stage.guild.role("old", Permissions::NONE), stage.guild.role("new", Permissions::NONE));
    // The bot's own role is managed, and stays whatever is set.
    let own = stage.guild.bot_role(&stage.app).expect("the bot has a role");
    let top = stage.guild.role_position(own).unwrap();
    stage.guild.place_role(own, top + 5);
    stage.guild.join(&stage.anna, &[old]);
    let deleted = RoleId(1);
    let roles = vec![RoleId(new.0), deleted, RoleId(own.0), RoleId(stage.guild.id().0)];
    twice(&stage, GuildAction::SetRoles { user: user(&stage.anna), roles }).await;
    assert_eq!(stage.guild.roles_of(stage.anna.id()).unwrap(), [new], "not the bot's, not one that is gone");
    let me = stage.guilds.myself(&tenant).await.unwrap();
    twice(&stage, GuildAction::SetRoles { user: me.user, roles: Vec::new() }).await;
    assert_eq!(stage.guild.roles_of(stage.app.bot()).unwrap(), [own]);
}

#[tokio::test]
async fn channels_are_changed_made_and_closed() {
    let stage = Stage::new().await;
    let (tenant, general) = (stage.tenant(), channel(stage.general));
    twice(&stage, GuildAction::Slowmode { channel: general, seconds: 30 }).await;
    assert_eq!(stage.guild.slowmode(stage.general), Some(30));
    let target = stage.guild.id().0;
    let lock = Overwrite { target, role: true, allow: 0, deny: 1 << 11 };
    twice(&stage, GuildAction::SetOverwrite { channel: general, overwrite: lock }).await;
    assert!(
        stage.guild.overwrites(stage.general).iter().any(|one| one.id == target && one.deny.0 == 1 << 11)
    );
    let unlock = Overwrite { deny: 0, ..lock };
    twice(&stage, GuildAction::SetOverwrite { channel: general, overwrite: unlock }).await;
    assert!(stage.guild.overwrites(stage.general).iter().all(|one| one.id != target));

    let new = |kind, parent, overwrites| NewChannel {
        name: "Mod log".to_owned(),
        kind,
        parent,
        topic: None,
        overwrites,
    };
    let log = new(ChannelKind::Text, None, vec![lock]);
    let made = stage.guilds.create_channel(&tenant, log, "set-up").await.unwrap();
    assert!(stage.guild.channels().iter().any(|(id, _)| id.0 == made.0));
    let anna = Overwrite { target: stage.anna.id().0, role: false, allow: 0, deny: 0 };
    let report = new(ChannelKind::Thread, Some(general), vec![anna]);
    let thread = stage.guilds.create_channel(&tenant, report, "report").await.unwrap();
    let seen = stage.anna.threads(stage.general);
    assert_eq!(
        seen.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        [thread.0],
        "it is private, and she is in it"
    );
    let again = new(ChannelKind::Thread, Some(general), vec![anna]);
    let again = stage.guilds.create_channel(&tenant, again, "report").await.unwrap();
    assert_eq!(again, thread, "a step that is repeated makes no second one");
    let hidden = vec![Overwrite { target: 1, role: true, allow: 0, deny: bits::VIEW_CHANNEL }];
    let other = NewChannel { name: "Report 2".to_owned(), ..new(ChannelKind::Thread, Some(general), hidden) };
    let other = stage.guilds.create_channel(&tenant, other, "report").await.unwrap();
    assert_eq!(stage.anna.threads(stage.general).len(), 1, "nobody is in it");
    twice(&stage, GuildAction::AddToThread { thread: other, user: user(&stage.anna) }).await;
    assert_eq!(stage.anna.threads(stage.general).len(), 2, "she is let in");
    twice(&stage, GuildAction::CloseThread { thread }).await;
    let orphan = new(ChannelKind::Thread, None, Vec::new());
    assert_eq!(code(stage.guilds.create_channel(&tenant, orphan, "").await), "internal");
}

#[tokio::test]
async fn what_was_made_though_the_answer_was_lost_is_not_made_again() {
    let stage = Stage::new().await;
    let tenant = stage.tenant();
    let lost = |route: &str| FaultOrder::on(route, Fault::Lost { status: 502 }).times(1);
    stage.sim.fault(lost("POST /guilds/*/roles"));
    let role = NewRole { name: "Jail".to_owned(), ..NewRole::default() };
    let role = stage.guilds.create_role(&tenant, role, "").await.unwrap();
    let jails: Vec<_> = stage.guilds.guild(&tenant).await.unwrap().roles;
    assert_eq!(
        jails.iter().filter(|role| role.name == "Jail").map(|role| role.id).collect::<Vec<_>>(),
        [role]
    );
    stage.sim.fault(lost("POST /guilds/*/channels"));
    let (name, kind) = ("Mod Log".to_owned(), ChannelKind::Text);
    let channel = NewChannel { name, kind, parent: None, topic: None, overwrites: Vec::new() };
    let made = stage.guilds.create_channel(&tenant, channel, "").await.unwrap();
    let logs: Vec<_> = stage.guild.channels().into_iter().filter(|(_, name)| name == "mod-log").collect();
    assert_eq!(logs.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [made.0]);
}

#[tokio::test]
async fn messages_are_deleted_together_and_gone_ones_are_no_error() {
    let stage = Stage::new().await;
    let (tenant, here, general) =
        (stage.tenant(), stage.anna.in_channel(stage.general), channel(stage.general));
    let write = |count: usize| -> Vec<MessageId> {
        (0..count).map(|_| MessageId(here.send_message("spam").unwrap().0)).collect()
    };
    let all = write(100);
    let twofold: Vec<_> = all.iter().chain(&all).copied().collect();
    twice(&stage, GuildAction::DeleteMessages { channel: general, messages: twofold }).await;
    assert!(here.visible_messages().is_empty());
    assert!(stage.requests("DELETE").is_empty(), "all at once: {:?}", stage.requests("DELETE"));
    twice(&stage, GuildAction::DeleteMessages { channel: general, messages: write(1) }).await;
    twice(&stage, GuildAction::DeleteMessages { channel: general, messages: Vec::new() }).await;
    // Ids of the year 2015 are older than 14 days, and go one by one.
    let old: Vec<_> = (1..=3).map(|n| MessageId(n << 22)).collect();
    let before = stage.requests("DELETE").len();
    twice(&stage, GuildAction::DeleteMessages { channel: general, messages: old }).await;
    assert_eq!(stage.requests("DELETE").len() - before, 6);
    let many = (1..=101).map(MessageId).collect();
    let many = GuildAction::DeleteMessages { channel: general, messages: many };
    assert_eq!(code(stage.guilds.act(&tenant, many, "").await), "guild_too_many_messages");
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_before_discord_is_asked() {
    let stage = Stage::new().await;
    let (anna, channel) = (user(&stage.anna), channel(stage.general));
    let until = Some(OffsetDateTime::now_utc() + Duration::days(29));
    for (action, expected) in [
        (GuildAction::Timeout { user: anna, until }, "guild_timeout_too_long"),
        (GuildAction::Ban { user: anna, delete_seconds: 604_801 }, "guild_ban_window_too_long"),
        (GuildAction::Slowmode { channel, seconds: 21_601 }, "guild_slowmode_too_long"),
        (GuildAction::Nickname { user: anna, nick: Some("x".repeat(33)) }, "guild_nickname_too_long"),
    ] {
        assert_eq!(code(stage.guilds.act(&stage.tenant(), action, "").await), expected);
    }
    let role = NewRole { name: "  ".to_owned(), ..NewRole::default() };
    assert_eq!(code(stage.guilds.create_role(&stage.tenant(), role, "").await), "guild_bad_name");
    assert!(stage.sim.log().is_empty(), "{:?}", stage.sim.log());
}

#[tokio::test]
async fn a_refusal_says_whether_a_permission_is_missing_or_a_role_too_low() {
    let stage = Stage::with(Permissions::EVERYONE).await;
    let ban = GuildAction::Ban { user: user(&stage.anna), delete_seconds: 0 };
    let error = stage.guilds.act(&stage.tenant(), ban.clone(), "").await.unwrap_err();
    assert_eq!(error.code, "guild_missing_permission");
    assert!(error.to_string().contains("Ban Members"), "{error}");

    let stage = Stage::new().await;
    let own = stage.guild.bot_role(&stage.app).unwrap();
    let high = stage.guild.role("high", Permissions::NONE);
    stage.guild.place_role(high, stage.guild.role_position(own).unwrap() + 1);
    stage.guild.join(&stage.anna, &[high]);
    let ban = GuildAction::Ban { user: user(&stage.anna), delete_seconds: 0 };
    let error = stage.guilds.act(&stage.tenant(), ban, "").await.unwrap_err();
    assert_eq!(error.code, "guild_role_too_low");
    assert!(error.to_string().contains("“high”") && error.to_string().contains("Roles"), "{error}");
    let bo = stage.sim.user("bo");
    stage.guild.join(&bo, &[]);
    let give = |role: u64| GuildAction::AddRole { user: user(&bo), role: RoleId(role) };
    let error = stage.guilds.act(&stage.tenant(), give(high.0), "").await.unwrap_err();
    assert_eq!(error.code, "guild_role_too_low");
    assert!(error.to_string().contains("high"), "{error}");
    assert_eq!(code(stage.guilds.act(&stage.tenant(), give(own.0), "").await), "guild_role_managed");
    let owner = GuildAction::Kick { user: user(&stage.olive) };
    assert_eq!(code(stage.guilds.act(&stage.tenant(), owner, "").await), "guild_the_owner");
}

#[tokio::test]
async fn nobody_acts_in_another_community_by_naming_its_channel() {
    let stage = Stage::new().await;
    let other = stage.sim.guild("Others", &stage.olive);
    other.install(&stage.app);
    let theirs = other.channel("secret");
    other.join(&stage.anna, &[]);
    let message = stage.anna.in_channel(theirs).send_message("private").unwrap();
    let (tenant, channel, message) = (stage.tenant(), channel(theirs), MessageId(message.0));
    assert_eq!(code(stage.guilds.messages(&tenant, channel, None, 10).await), "guild_unknown");
    let at = guildhall_core::guild::MessageLink { channel, message };
    assert_eq!(code(stage.guilds.message(&tenant, at).await), "guild_unknown");
    let overwrite = Overwrite { target: 1, role: true, allow: 1, deny: 0 };
    let parent = Some(channel);
    for action in [
        GuildAction::DeleteMessages { channel, messages: vec![message] },
        GuildAction::Slowmode { channel, seconds: 5 },
        GuildAction::SetOverwrite { channel, overwrite },
        GuildAction::CloseThread { thread: channel },
    ] {
        assert_eq!(code(stage.guilds.act(&tenant, action, "").await), "guild_unknown");
    }
    let (name, kind) = ("thread".to_owned(), ChannelKind::Thread);
    let thread = NewChannel { name, kind, parent, topic: None, overwrites: Vec::new() };
    assert_eq!(code(stage.guilds.create_channel(&tenant, thread, "").await), "guild_unknown");
    let theirs: guildhall_core::TenantId = other.id().0.to_string().parse().unwrap();
    assert_eq!(stage.guilds.messages(&theirs, channel, None, 10).await.unwrap().len(), 1);
}
