//! Ranks: where they come from, what they are worth, and who may give them.

use guildhall_community::CommunityConfig;
use guildhall_core::{
    Rank, Request,
    guild::{GuildEvent, Role, RoleId, bits},
    language::{Language, Texts},
};
use serde_json::json;

use crate::world::{
    ADMIN, ADMIN_ROLE, BANNER, GUARDIAN, GUARDIAN_ROLE, KICKER, MANAGER, MEMBER, OPERATOR, OWNER, PLAIN_ROLE,
    words, world, world_with, worlds,
};

#[tokio::test]
async fn a_fresh_guild_works_at_once() {
    let world = world().await;
    let ranks = [
        (OWNER, 7),
        (OPERATOR, 10),
        (ADMIN, 6),
        (MANAGER, 5),
        (BANNER, 3),
        (KICKER, 2),
        (MEMBER, 0),
        (4_711, 0),
    ];
    for (user, expected) in ranks {
        assert_eq!(world.actor(user).await.rank.level(), expected, "{user}");
    }
    world.call(ADMIN, "config set", json!({"key": "ranks.native", "value": "off"})).await;
    for (user, expected) in [(OWNER, 7), (OPERATOR, 10), (ADMIN, 0), (KICKER, 0)] {
        assert_eq!(world.actor(user).await.rank.level(), expected, "{user} without native ranks");
    }
}

#[tokio::test]
async fn the_highest_of_the_roles_counts_and_the_file_gives_way_to_the_community() {
    for world in worlds().await {
        let name = world.store.name;
        world.call(ADMIN, "rank assign", json!({"rank": "Trusted", "role": PLAIN_ROLE.to_string()})).await;
        world.call(ADMIN, "rank assign", json!({"rank": "4", "role": format!("<@&{GUARDIAN_ROLE}>")})).await;
        assert_eq!(world.actor(MEMBER).await.rank.level(), 1, "{name}");
        assert_eq!(world.actor(GUARDIAN).await.rank.level(), 4, "{name}");
        world.call(ADMIN, "rank unassign", json!({"role": GUARDIAN_ROLE.to_string()})).await;
        assert_eq!(world.actor(GUARDIAN).await.rank.level(), 1, "{name}");
    }
    let mut config = CommunityConfig::default();
    let roles = vec![(RoleId(GUARDIAN_ROLE), Rank::MODERATOR), (RoleId(PLAIN_ROLE), Rank::OPERATOR)];
    config.assigned.insert("100".parse().unwrap(), roles);
    let world = world_with(config).await;
    assert_eq!(world.actor(GUARDIAN).await.rank.level(), 9, "no role makes an operator");
    assert_eq!(
        world.refused(OWNER, "rank unassign", json!({"role": PLAIN_ROLE.to_string()})).await.code,
        "role_fixed"
    );
    let higher =
        world.refused(ADMIN, "rank assign", json!({"rank": "0", "role": PLAIN_ROLE.to_string()})).await;
    assert_eq!(higher.code, "rank_not_below", "nobody takes a higher one down");
    world.call(OWNER, "rank assign", json!({"rank": "0", "role": PLAIN_ROLE.to_string()})).await;
    assert_eq!(world.actor(GUARDIAN).await.rank.level(), 3);
}

#[tokio::test]
async fn nobody_gives_a_rank_that_is_not_below_their_own() {
    let world = world().await;
    let assign = |rank: &'static str| json!({"rank": rank, "role": PLAIN_ROLE.to_string()});
    assert_eq!(world.refused(MANAGER, "rank assign", assign("5")).await.code, "rank_not_below");
    world.call(MANAGER, "rank assign", assign("4")).await;
    assert_eq!(world.refused(ADMIN, "rank assign", assign("10")).await.code, "rank_reserved");
    world.call(OWNER, "rank assign", assign("7")).await;
    assert_eq!(world.refused(MANAGER, "rank assign", assign("1")).await.code, "rank_not_below");
    let unassign = json!({"role": PLAIN_ROLE.to_string()});
    assert_eq!(world.refused(ADMIN, "rank unassign", unassign).await.code, "rank_not_below");
    assert_eq!(
        world.refused(ADMIN, "rank create", json!({"rank": 8, "name": "Board"})).await.code,
        "rank_not_below"
    );
    // The same through a file.
    let file = format!("[roles]\n\"{GUARDIAN_ROLE}\" = 6\n");
    let error = world.refused(MANAGER, "config import", json!({"text": file, "revision": 2})).await;
    assert_eq!((error.code, error.fields[0].code), ("config_unfit", Some("rank_not_below")));
    assert_eq!(world.actor(GUARDIAN).await.rank.level(), 7, "only the role that the owner gave it to counts");
}

#[tokio::test]
async fn free_ranks_are_made_renamed_and_deleted_when_nothing_asks_for_them() {
    let world = world().await;
    assert_eq!(
        world.refused(OWNER, "rank assign", json!({"rank": "8", "role": "208"})).await.code,
        "rank_unknown"
    );
    world.call(OWNER, "rank create", json!({"rank": 8, "name": "Board", "description": "Decides"})).await;
    assert_eq!(world.refused(OWNER, "rank create", json!({"rank": 8, "name": "X"})).await.code, "rank_there");
    let taken = world.refused(OWNER, "rank create", json!({"rank": 9, "name": "moderator"})).await;
    assert_eq!(taken.code, "rank_name_taken");
    world.call(OWNER, "rank edit", json!({"rank": "Moderator", "name": "Watch"})).await;
    world.call(OWNER, "rank assign", json!({"rank": "board", "role": GUARDIAN_ROLE.to_string()})).await;
    world.call(OWNER, "rank require", json!({"command": "server purge", "rank": "Board"})).await;
    assert_eq!(world.actor(GUARDIAN).await.rank.level(), 8);
    let list = world.call(MEMBER, "rank list", json!({})).await;
    assert_eq!(list["ranks"][3]["name"], "Watch");
    assert_eq!(list["ranks"][8]["roles"], json!([GUARDIAN_ROLE.to_string()]));

    let in_use = world.refused(OWNER, "rank delete", json!({"rank": "8"})).await;
    assert!(in_use.code == "rank_in_use" && in_use.message.contains("server purge"), "{in_use}");
    assert_eq!(world.actor(GUARDIAN).await.rank.level(), 8, "nothing of a refused deletion is done");
    world.call(OWNER, "rank require", json!({"command": "server purge"})).await;
    world.call(OWNER, "rank delete", json!({"rank": "Board"})).await;
    assert_eq!(world.actor(GUARDIAN).await.rank.level(), 0);
    assert_eq!(world.refused(OWNER, "rank delete", json!({"rank": "3"})).await.code, "rank_fixed");
    // Nobody is asked whether they really want what cannot be done.
    let unasked = Request::json(world.actor(OWNER).await, "rank delete", json!({"rank": "3"}));
    assert_eq!(world.catalogue.call(unasked).await.unwrap_err().code, "rank_fixed");
}

#[tokio::test]
async fn a_command_asks_for_what_the_longest_entry_says() {
    for world in worlds().await {
        let name = world.store.name;
        let start = || world.try_call(MEMBER, "server start", json!({}));
        assert_eq!(start().await.unwrap_err().code, "rank_too_low", "{name}");
        world.call(ADMIN, "rank require", json!({"command": "server start", "rank": "0"})).await;
        assert!(start().await.is_ok(), "{name}");
        assert!(world.try_call(MEMBER, "server stop", json!({})).await.is_err(), "{name}");
        // One word for the group; the longer entry still counts. `server purge` asks for more than an administrator has.
        let group = json!({"command": "server", "rank": "3"});
        assert_eq!(
            world.refused(ADMIN, "rank require", group.clone()).await.code,
            "requirement_too_high",
            "{name}"
        );
        world.call(OWNER, "rank require", group).await;
        assert!(start().await.is_ok(), "{name}");
        assert!(world.try_call(KICKER, "server stop", json!({})).await.is_err(), "{name}");
        assert!(world.try_call(BANNER, "server stop", json!({})).await.is_ok(), "{name}");
        world.call(ADMIN, "rank require", json!({"command": "server start"})).await;
        assert!(start().await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn what_is_for_operators_stays_for_operators() {
    let world = world().await;
    let error = world.refused(OWNER, "rank require", json!({"command": "token create", "rank": "0"})).await;
    assert_eq!(error.code, "requirement_fixed");
    let error = world.refused(OWNER, "token create", json!({})).await;
    assert_eq!(error.code, "rank_too_low");
    // Nobody of the staff could do it, or give the rank.
    assert_eq!(error.remedy.as_deref(), Some("Ask who runs this installation."));
    assert!(error.message.ends_with("yours is 7 (Server Owner)."), "as `rank list` calls it: {error}");
    let texts = Texts::new(&[guildhall_core::language::LOCALES]).unwrap();
    let german = texts.translate(&error, Language::German);
    assert_eq!(german.remedy(), Some("Bitte die darum, die diese Installation betreiben."));
    let error = world.refused(MEMBER, "server start", json!({})).await;
    assert!(error.remedy.as_deref().unwrap().starts_with("Ask a member of the staff"), "{error}");
    assert!(world.try_call(OPERATOR, "token create", json!({})).await.is_ok());
}

#[tokio::test]
async fn what_discord_tells_of_roles_counts_at_once() {
    let world = world().await;
    let listener = world.community.listener();
    let tell = async |event: GuildEvent| {
        assert!(listener.wants(event.kind()), "{}", event.kind());
        listener.notice(&world.tenant, &event).await;
    };
    assert_eq!(world.actor(MEMBER).await.rank.level(), 0);
    let role = |permissions| Role {
        id: RoleId(300),
        name: "Watch".to_owned(),
        position: 1,
        permissions,
        color: 0,
        managed: false,
    };
    let change = |new: Role| {
        let mut guild = world.guilds.guild.lock().unwrap();
        guild.roles.retain(|known| known.id != new.id);
        guild.roles.push(new);
    };
    // Time stands still: nothing else makes it count.
    change(role(bits::BAN_MEMBERS));
    world.guilds.members.lock().unwrap().get_mut(&MEMBER).unwrap().roles.push(RoleId(300));
    tell(GuildEvent::RoleCreated(role(bits::BAN_MEMBERS))).await;
    assert_eq!(world.actor(MEMBER).await.rank.level(), 3, "a role that was just made");
    change(role(0));
    tell(GuildEvent::RoleChanged { before: None, after: role(0) }).await;
    assert_eq!(world.actor(MEMBER).await.rank.level(), 0, "a role that lost its permission");

    // The same of the roles that an operator has of their own.
    let bypass = async || {
        world.call(OPERATOR, "config list", json!({})).await;
        world.bypass()
    };
    assert_eq!(bypass().await.as_deref(), Some("operator"));
    let after = {
        let mut members = world.guilds.members.lock().unwrap();
        let operator = members.get_mut(&OPERATOR).unwrap();
        operator.roles.push(RoleId(ADMIN_ROLE));
        operator.clone()
    };
    tell(GuildEvent::MemberChanged { before: None, after }).await;
    assert_eq!(bypass().await, None);
}

#[tokio::test]
async fn a_group_of_commands_is_explained_command_by_command() {
    let world = world().await;
    let explain =
        async |user, command: &str| world.show(user, "rank explain", json!({"command": command})).await;
    world.call(ADMIN, "rank require", json!({"command": "server start", "rank": "0"})).await;
    let text = words(&explain(MEMBER, "/server").await);
    assert!(text.contains("Mia may use 1 of the 3 commands of /server."), "{text}");
    assert!(text.contains("/server start asks for rank 0 (Member): yes."), "{text}");
    assert!(text.contains("/server purge asks for rank 7 (Server Owner): no."), "{text}");
    let data = world.call(OWNER, "rank explain", json!({"command": "server"})).await;
    assert_eq!((&data["allowed"], &data["required"]), (&json!(true), &json!(7)), "{data}");
    let data = world.call(OWNER, "rank explain", json!({"command": "token"})).await;
    assert_eq!(data["allowed"], false, "{data}");
}

#[tokio::test]
async fn roles_are_called_by_name() {
    let world = world().await;
    let role = json!({"role": PLAIN_ROLE.to_string()});
    let error = world.refused(ADMIN, "rank unassign", role.clone()).await;
    assert_eq!(error.message, "The role @Gardeners gives no rank.");
    world.call(ADMIN, "rank assign", json!({"rank": "1", "role": PLAIN_ROLE.to_string()})).await;
    let said = words(&world.show(ADMIN, "rank unassign", role).await);
    assert_eq!(said, "@Gardeners gives no rank any more.");
    world.call(ADMIN, "config set", json!({"key": "logs.moderation", "value": "<#301>"})).await;
    let history = words(&world.show(ADMIN, "config history", json!({})).await);
    assert!(history.contains("logs.moderation | default | #general"), "{history}");
    assert!(history.contains("role @Gardeners | 1 | default"), "{history}");
}

#[tokio::test]
async fn the_owner_is_let_through_and_the_record_says_so() {
    let world = world().await;
    world.call(OWNER, "rank create", json!({"rank": 9, "name": "Council"})).await;
    world.call(OWNER, "rank require", json!({"command": "server start", "rank": "9"})).await;
    assert_eq!(world.bypass(), None, "what the owner's rank is enough for");
    world.call(OWNER, "server start", json!({})).await;
    assert_eq!(world.bypass().as_deref(), Some("owner of the guild"));
    world.call(OPERATOR, "server start", json!({})).await;
    assert_eq!(world.bypass().as_deref(), Some("operator"));
    assert!(world.try_call(ADMIN, "server start", json!({})).await.is_err());
    assert_eq!(world.bypass(), None, "who is turned away has passed nothing");
    // Whoever gives the guild away is let through no more, after ten seconds at the latest.
    world.guilds.guild.lock().unwrap().owner = guildhall_core::guild::UserId(ADMIN);
    world.clock.advance(std::time::Duration::from_secs(10));
    assert!(world.try_call(OWNER, "server start", json!({})).await.is_err());
    assert!(world.try_call(ADMIN, "server start", json!({})).await.is_ok());
}

#[tokio::test]
async fn the_record_says_what_only_an_operator_could_do() {
    let world = world().await;
    let bypass = async |operation: &'static str| {
        world.call(OPERATOR, operation, json!({})).await;
        world.bypass()
    };
    // Without a role in this guild an operator has the lowest rank of their own.
    assert_eq!(bypass("rank list").await, None);
    assert_eq!(bypass("config list").await.as_deref(), Some("operator"));
    assert_eq!(bypass("token create").await.as_deref(), Some("operator"), "nobody else can have rank 10");
    // An operator who is an administrator of the guild passes as that, as far as it goes.
    let role = RoleId(ADMIN_ROLE);
    world.guilds.members.lock().unwrap().get_mut(&OPERATOR).unwrap().roles.push(role);
    world.clock.advance(std::time::Duration::from_secs(10));
    assert_eq!(bypass("config list").await, None);
    assert_eq!(bypass("server purge").await.as_deref(), Some("operator"), "it takes rank 7");
    // An operator who has given the guild away, or cannot be looked up, is an operator still.
    *world.guilds.reachable.lock().unwrap() = false;
    world.clock.advance(std::time::Duration::from_secs(10));
    assert_eq!(bypass("config list").await.as_deref(), Some("operator"));

    // A program with an operator's rank has it from nowhere else.
    let mut program = world.actor(OPERATOR).await;
    program.id = guildhall_core::ActorId::token("ci");
    let request = Request::json(program, "server start", json!({}));
    world.catalogue.call(request).await.unwrap();
    assert_eq!(world.bypass().as_deref(), Some("operator"));
}

#[tokio::test]
async fn there_are_eleven_ranks_and_the_highest_is_the_installations() {
    let world = world().await;
    // What the program whose place this takes calls its ranks: communities that come from there find theirs.
    let tux = [
        "Member",
        "Trusted",
        "Junior Moderator",
        "Moderator",
        "Senior Moderator",
        "Administrator",
        "Head Administrator",
        "Server Owner",
    ];
    let list = world.call(MEMBER, "rank list", json!({})).await;
    let known: Vec<_> = list["ranks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rank| (rank["level"].as_u64().unwrap(), rank["name"].as_str().unwrap().to_owned()))
        .collect();
    let expected = (0..).zip(tux).chain([(10, "Operator")]).map(|(level, name)| (level, name.to_owned()));
    assert_eq!(known, expected.collect::<Vec<_>>());

    let shown = words(&world.show(MEMBER, "rank list", json!({})).await);
    let page = words(&world.show(ADMIN, "config open", json!({"section": "ranks"})).await);
    for text in [shown, page] {
        let rows: Vec<&str> = text.lines().filter(|line| line.contains(" | ")).collect();
        assert_eq!(rows.len(), 11, "{text}");
        assert_eq!(rows[8], "8 | free: make it with /rank create | –");
        assert_eq!(rows[10], "10 | Operator | none: this installation gives it");
    }
    let reserved = world.refused(OWNER, "rank create", json!({"rank": 10, "name": "Council"})).await;
    assert_eq!(reserved.message, "Rank 10 belongs to who runs this installation.");
    let there = world.refused(OWNER, "rank create", json!({"rank": 3, "name": "Council"})).await;
    assert_eq!(there.message, "There is a rank 3 already: Moderator.");
    for operation in ["rank edit", "rank delete"] {
        let input = json!({"rank": "Operator"});
        assert_eq!(world.refused(OPERATOR, operation, input).await.code, "rank_reserved", "{operation}");
    }
}

#[tokio::test]
async fn a_feature_that_is_off_says_how_to_turn_it_on() {
    let world = world().await;
    world.call(BANNER, "ban", json!({})).await;
    world.call(ADMIN, "config set", json!({"key": "features.moderation", "value": "off"})).await;
    for user in [BANNER, OWNER, OPERATOR] {
        let error = world.refused(user, "ban", json!({})).await;
        assert_eq!(error.code, "feature_off", "{user}");
        assert!(error.remedy.unwrap().contains("/config set key:features.moderation value:on"), "{user}");
    }
    assert!(
        world.try_call(KICKER, "help", json!({"query": "ban"})).await.is_err(),
        "it is not offered either"
    );
}

#[tokio::test]
async fn explain_says_why_step_by_step() {
    let world = world().await;
    world.call(OWNER, "rank assign", json!({"rank": "1", "role": PLAIN_ROLE.to_string()})).await;
    world.call(OWNER, "rank require", json!({"command": "server", "rank": "4"})).await;
    let explain = |user, command: &'static str, member: u64| {
        world.show(user, "rank explain", json!({"command": command, "member": member.to_string()}))
    };
    let text = words(&explain(MEMBER, "server start", MEMBER).await);
    insta::assert_snapshot!("explain_group", text);
    let text = words(&explain(ADMIN, "ban", BANNER).await);
    insta::assert_snapshot!("explain_native", text);
    // Who has no permission on Discord is told that Discord does not show what they may, or may not, use.
    let text = words(&explain(MEMBER, "config list", MEMBER).await);
    assert!(
        text.contains("/config list for members with the permission Manage Server at first. Mia lacks"),
        "{text}"
    );
    let text = words(&explain(ADMIN, "config list", ADMIN).await);
    assert!(!text.contains("at first") && text.contains("Discord can hide commands on top"), "{text}");
    let required = json!({"command": "ban", "rank": "4"});
    let text = words(&world.show(OWNER, "rank require", required).await);
    assert!(text.contains("it is for members with the permission Timeout Members at first"), "{text}");
    let text = words(&world.show(OWNER, "rank require", json!({"command": "ban"})).await);
    assert!(text.contains("What Discord lists stays as it was"), "{text}");
    let text = words(&explain(ADMIN, "token create", OWNER).await);
    assert!(text.contains("may not use token create"), "{text}");
    world.call(ADMIN, "config set", json!({"key": "features.moderation", "value": "off"})).await;
    let text = words(&explain(ADMIN, "ban", OWNER).await);
    assert!(text.contains("may not use ban") && text.contains("switched off here"), "{text}");

    let other = world.refused(MEMBER, "rank explain", json!({"command": "ban", "member": "1"})).await;
    assert_eq!(other.code, "explain_others");
    let gone = world.refused(ADMIN, "rank explain", json!({"command": "ban", "member": "4711"})).await;
    assert_eq!(gone.code, "not_a_member");
    let wrong = world.refused(MEMBER, "rank explain", json!({"command": "server strat"})).await;
    assert_eq!(wrong.actions[0].input["command"], "server start");
    let whoami = words(&world.show(ADMIN, "rank whoami", json!({})).await);
    assert!(whoami.contains("Administrator gives rank 6 (Head Administrator)"), "{whoami}");
}
