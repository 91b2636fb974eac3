use super::*;
use crate::{
    guild::{
        RoleId,
        tests::{Town, member, role},
    },
    language::{LOCALES, Language, Texts},
};

const GUILD: u64 = 100;
const OWNER: UserId = UserId(1);
const BOT: UserId = UserId(2);
const ADMIN: UserId = UserId(3);
const STAFF: UserId = UserId(4);
const PEER: UserId = UserId(5);
const MEMBER: UserId = UserId(6);
const STRANGER: UserId = UserId(7);

/// A guild with `@everyone`, staff (5), the bot's role (8) and admin (9).
fn town(bot_permissions: u64) -> Town {
    let mut town = Town::new(GUILD, OWNER);
    town.guild.roles = vec![
        role(RoleId(GUILD), 0, 0),
        role(RoleId(105), 5, bits::KICK_MEMBERS),
        role(RoleId(108), 8, bot_permissions),
        role(RoleId(109), 9, bits::ADMINISTRATOR),
    ];
    town.members = vec![
        GuildMember { bot: true, ..member(BOT, "guildhall", &[RoleId(108)]) },
        member(OWNER, "owner", &[]),
        member(ADMIN, "admin", &[RoleId(109)]),
        member(STAFF, "staff", &[RoleId(105)]),
        member(PEER, "peer", &[RoleId(105)]),
        member(MEMBER, "member", &[]),
    ];
    town
}

const ALL: u64 = bits::BAN_MEMBERS | bits::MODERATE_MEMBERS | bits::MANAGE_ROLES;

async fn code(actor: Option<UserId>, target: UserId, needs: u64, bot: u64) -> &'static str {
    let tenant = "town".parse().unwrap();
    check(&town(bot), &tenant, actor, target, needs).await.map_or_else(|error| error.code, |_| "ok")
}

#[tokio::test]
async fn nobody_acts_on_themselves_the_bot_the_owner_an_equal_or_a_higher_one() {
    let ban = bits::BAN_MEMBERS;
    assert_eq!(code(Some(STAFF), MEMBER, ban, ALL).await, "ok");
    assert_eq!(code(Some(STAFF), STRANGER, ban, ALL).await, "ok", "somebody who left can be banned");
    assert_eq!(code(Some(STAFF), STAFF, ban, ALL).await, "guild_yourself");
    assert_eq!(code(Some(STAFF), BOT, ban, ALL).await, "guild_the_bot");
    assert_eq!(code(Some(ADMIN), OWNER, ban, ALL).await, "guild_the_owner");
    assert_eq!(code(Some(STAFF), PEER, ban, ALL).await, "guild_not_below_you");
    assert_eq!(code(Some(STAFF), ADMIN, ban, ALL).await, "guild_not_below_you");
    assert_eq!(code(Some(STRANGER), MEMBER, ban, ALL).await, "guild_not_a_member");
    assert_eq!(code(Some(OWNER), STAFF, ban, ALL).await, "ok", "the owner needs no role");
    assert_eq!(code(None, PEER, ban, ALL).await, "ok", "Guildhall itself stands outside");
}

#[tokio::test]
async fn what_the_bot_cannot_do_is_known_before_and_matters_only_when_it_acts() {
    assert_eq!(code(Some(OWNER), ADMIN, bits::BAN_MEMBERS, ALL).await, "guild_role_too_low");
    assert_eq!(code(Some(OWNER), ADMIN, 0, ALL).await, "ok", "a warning needs nothing of the bot");
    assert_eq!(code(Some(STAFF), MEMBER, bits::BAN_MEMBERS, 0).await, "guild_missing_permission");
    assert_eq!(code(Some(STAFF), MEMBER, bits::BAN_MEMBERS, bits::ADMINISTRATOR).await, "ok");
}

#[test]
fn a_role_that_is_too_low_can_be_dragged_above_the_one_that_is_named() {
    let mut town = town(ALL);
    let refused = |town: &Town, target| {
        let (bot, target) = (town.find_member(BOT).unwrap(), town.find_member(target));
        able(&town.guild, bot, target, bits::BAN_MEMBERS).unwrap_err()
    };
    // The higher one of an administrator's two roles is what stands in the way.
    town.members[2].roles = vec![RoleId(105), RoleId(109)];
    let error = refused(&town, ADMIN);
    assert_eq!(error.code, "guild_role_too_low");
    assert_eq!(error.message, "My highest role is not above the role “role 109”.");
    assert_eq!(error.remedy.as_deref(), Some("Drag my role above “role 109” in Server Settings → Roles."));
    assert_eq!(refused(&town, OWNER).code, "guild_the_owner", "no role could be dragged above the owner");

    // Without a role of its own the bot stands no higher than anybody, and nothing can be dragged.
    town.guild.roles[0].permissions = bits::BAN_MEMBERS;
    town.members[0].roles.clear();
    let error = refused(&town, MEMBER);
    assert!(error.code == "guild_no_role" && !error.to_string().contains("everyone"), "{error}");
    assert_eq!(refused(&town, STAFF).code, "guild_role_too_low");
}

#[test]
fn a_timeout_of_an_administrator_is_refused_though_the_bot_stands_higher() {
    let mut town = town(ALL);
    town.guild.roles[2].position = 12;
    let may = |town: &Town, needs| {
        let (bot, admin) = (town.find_member(BOT).unwrap(), town.find_member(ADMIN));
        able(&town.guild, bot, admin, needs).map_or_else(|error| error.code, |()| "ok")
    };
    assert_eq!(may(&town, bits::MODERATE_MEMBERS), "guild_administrator");
    assert_eq!(may(&town, bits::BAN_MEMBERS), "ok");
    town.guild.roles[3].permissions = 0;
    assert_eq!(may(&town, bits::MODERATE_MEMBERS), "ok");
}

#[test]
fn a_refusal_names_the_permission_and_says_where_to_grant_it_in_the_readers_language() {
    let texts = Texts::new(&[LOCALES]).unwrap();
    let error = missing_permission(bits::BAN_MEMBERS);
    assert!(error.message.contains("Ban Members"), "{error}");
    let said = |language| {
        let error = texts.translate(&error, language);
        format!("{} {}", error.message(), error.remedy().unwrap_or_default())
    };
    let (english, german) = (said(Language::English), said(Language::German));
    assert!(english.contains("“Ban Members”") && english.contains("Server Settings → Roles"), "{english}");
    assert!(german.contains("„Mitglieder bannen“") && german.contains("Servereinstellungen"), "{german}");

    let several = missing_permission(bits::BAN_MEMBERS | bits::MANAGE_ROLES);
    assert!(several.message.contains("Ban Members, Manage Roles"), "{several}");
    for error in [several, role_too_low("staff"), no_role(), administrator("Ada"), not_a_member()] {
        // A message whose variables are not all given is not said, and the one of the code stands instead.
        let german = texts.translate(&error, Language::German);
        assert!(texts.has(Language::English, error.code), "{}", error.code);
        assert_ne!(german.message(), error.message, "{}", error.code);
        assert_ne!(german.remedy(), error.remedy.as_deref(), "{}", error.code);
    }
}
