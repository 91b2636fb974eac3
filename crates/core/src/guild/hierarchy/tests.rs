use async_trait::async_trait;

use super::*;
use crate::{
    guild::{
        ChannelId, GuildAction, Message, MessageId, MessageLink, NewChannel, NewRole, Person, Role, RoleId,
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
struct Town {
    bot_permissions: u64,
}

fn role(id: u64, position: i64, permissions: u64) -> Role {
    Role { id: RoleId(id), name: format!("role {id}"), position, permissions, color: 0, managed: false }
}

fn someone(user: UserId) -> Option<GuildMember> {
    let roles = match user {
        BOT => vec![RoleId(108)],
        ADMIN => vec![RoleId(109)],
        STAFF | PEER => vec![RoleId(105)],
        OWNER | MEMBER => Vec::new(),
        _ => return None,
    };
    let name = format!("user {user}");
    Some(GuildMember {
        user,
        username: name.clone(),
        name,
        nick: None,
        roles,
        bot: user == BOT,
        joined: None,
        timeout: None,
    })
}

fn unused<T>() -> Result<T, Error> {
    Err(Error::bug("a check only looks"))
}

#[async_trait]
impl Guilds for Town {
    async fn guild(&self, _: &TenantId) -> Result<Guild, Error> {
        let roles = vec![
            role(GUILD, 0, 0),
            role(105, 5, bits::KICK_MEMBERS),
            role(108, 8, self.bot_permissions),
            role(109, 9, bits::ADMINISTRATOR),
        ];
        let (name, locale) = ("Town".to_owned(), "de".to_owned());
        Ok(Guild { id: GUILD, name, owner: OWNER, locale, roles, channels: Vec::new() })
    }
    async fn member(&self, _: &TenantId, user: UserId) -> Result<Option<GuildMember>, Error> {
        Ok(someone(user))
    }
    async fn myself(&self, _: &TenantId) -> Result<GuildMember, Error> {
        Ok(someone(BOT).unwrap())
    }
    async fn find(&self, _: &TenantId, _: &str, _: u16) -> Result<Vec<GuildMember>, Error> {
        unused()
    }
    async fn person(&self, _: UserId) -> Result<Option<Person>, Error> {
        unused()
    }
    async fn banned(&self, _: &TenantId, _: UserId) -> Result<Option<String>, Error> {
        unused()
    }
    async fn messages(
        &self,
        _: &TenantId,
        _: ChannelId,
        _: Option<MessageId>,
        _: u16,
    ) -> Result<Vec<Message>, Error> {
        unused()
    }
    async fn message(&self, _: &TenantId, _: MessageLink) -> Result<Option<Message>, Error> {
        unused()
    }
    async fn act(&self, _: &TenantId, _: GuildAction, _: &str) -> Result<(), Error> {
        unused()
    }
    async fn create_role(&self, _: &TenantId, _: NewRole, _: &str) -> Result<RoleId, Error> {
        unused()
    }
    async fn create_channel(&self, _: &TenantId, _: NewChannel, _: &str) -> Result<ChannelId, Error> {
        unused()
    }
}

const ALL: u64 = bits::BAN_MEMBERS | bits::MODERATE_MEMBERS | bits::MANAGE_ROLES;

async fn code(actor: Option<UserId>, target: UserId, needs: u64, bot: u64) -> &'static str {
    let tenant = "town".parse().unwrap();
    let town = Town { bot_permissions: bot };
    check(&town, &tenant, actor, target, needs).await.map_or_else(|error| error.code, |_| "ok")
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
fn a_timeout_of_an_administrator_is_refused_though_the_bot_stands_higher() {
    let mut guild = Guild {
        id: GUILD,
        name: "Town".to_owned(),
        owner: OWNER,
        locale: "en-US".to_owned(),
        roles: vec![role(GUILD, 0, 0), role(109, 9, bits::ADMINISTRATOR), role(108, 12, ALL)],
        channels: Vec::new(),
    };
    let (bot, admin) = (someone(BOT).unwrap(), someone(ADMIN).unwrap());
    let refused = able(&guild, &bot, Some(&admin), bits::MODERATE_MEMBERS).unwrap_err();
    assert_eq!(refused.code, "guild_administrator");
    assert!(able(&guild, &bot, Some(&admin), bits::BAN_MEMBERS).is_ok());
    guild.roles[1].permissions = 0;
    assert!(able(&guild, &bot, Some(&admin), bits::MODERATE_MEMBERS).is_ok());
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
    for error in [several, role_too_low("Ada"), administrator("Ada"), not_a_member()] {
        // A message whose variables are not all given is not said, and the one of the code stands instead.
        let german = texts.translate(&error, Language::German);
        assert!(texts.has(Language::English, error.code), "{}", error.code);
        assert_ne!(german.message(), error.message, "{}", error.code);
        assert_ne!(german.remedy(), error.remedy.as_deref(), "{}", error.code);
    }
}
