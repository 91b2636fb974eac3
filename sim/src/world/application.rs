//! Applications: their bot, their keys, where their interactions go, and their commands.

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use super::World;
use super::guild::CommandRule;
use crate::gateway::event::Event;
use crate::id::{ApplicationId, CommandId, GuildId, UserId};

/// Application flags that say which privileged intents were granted.
const GATEWAY_PRESENCE: u64 = 1 << 12;
const GATEWAY_GUILD_MEMBERS: u64 = 1 << 14;
const GATEWAY_MESSAGE_CONTENT: u64 = 1 << 18;

pub(crate) struct Application {
    pub(crate) id: ApplicationId,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) bot: UserId,
    pub(crate) owner: UserId,
    pub(crate) token: String,
    pub(crate) key: SigningKey,
    /// With an endpoint, interactions go there by HTTP; without one they go over the gateway.
    pub(crate) endpoint: Option<String>,
    /// The privileged intents granted in the developer portal, as intent bits.
    pub(crate) privileged: u64,
    /// How many shards `GET /gateway/bot` recommends.
    pub(crate) shards: u64,
}

/// A registered command. `body` has Discord's normal form: defaults filled in, nulls left out.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) id: CommandId,
    pub(crate) application: ApplicationId,
    pub(crate) guild: Option<GuildId>,
    pub(crate) version: u64,
    pub(crate) body: Value,
}

impl Application {
    pub(crate) fn public_key(&self) -> String {
        hex::encode(self.key.verifying_key().as_bytes())
    }

    /// The two headers Discord puts on an interaction it posts: signature and timestamp.
    pub(crate) fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        let mut signed = timestamp.as_bytes().to_vec();
        signed.extend_from_slice(body);
        hex::encode(self.key.sign(&signed).to_bytes())
    }

    /// Listing members needs the privileged intent even by REST.
    pub(crate) fn may_list_members(&self) -> bool {
        self.privileged & crate::gateway::event::intent::GUILD_MEMBERS != 0
    }

    pub(crate) fn flags(&self) -> u64 {
        use crate::gateway::event::intent;
        [
            (intent::GUILD_PRESENCES, GATEWAY_PRESENCE),
            (intent::GUILD_MEMBERS, GATEWAY_GUILD_MEMBERS),
            (intent::MESSAGE_CONTENT, GATEWAY_MESSAGE_CONTENT),
        ]
        .into_iter()
        .filter(|(intent, _)| self.privileged & intent != 0)
        .fold(0, |flags, (_, flag)| flags | flag)
    }
}

impl Command {
    pub(crate) fn json(&self) -> Value {
        let mut json = self.body.clone();
        json["id"] = json!(self.id);
        json["application_id"] = json!(self.application);
        json["version"] = json!(self.version.to_string());
        if let Some(guild) = self.guild {
            json["guild_id"] = json!(guild);
        }
        json
    }

    pub(crate) fn name(&self) -> &str {
        self.body["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> u64 {
        self.body["type"].as_u64().unwrap_or(1)
    }
}

impl World {
    pub(crate) fn add_application(&mut self, name: &str, owner: UserId) -> ApplicationId {
        let bot = self.add_user(name, true);
        // As in Discord since 2016, an application and its bot share one number.
        let id = ApplicationId(bot.0);
        let secret: [u8; 24] = rand::random();
        let token = format!("{}.{}", hex::encode(id.0.to_be_bytes()), hex::encode(secret));
        let key = SigningKey::from_bytes(&rand::random());
        let privileged = {
            use crate::gateway::event::intent;
            intent::GUILD_PRESENCES | intent::GUILD_MEMBERS | intent::MESSAGE_CONTENT
        };
        self.applications.insert(
            id,
            Application {
                id,
                name: name.into(),
                description: String::new(),
                bot,
                owner,
                token,
                key,
                endpoint: None,
                privileged,
                shards: 1,
            },
        );
        id
    }

    pub(crate) fn application_json(&self, application: &Application) -> Value {
        let guilds =
            self.guilds.values().filter(|guild| guild.members.contains_key(&application.bot)).count();
        json!({
            "id": application.id, "name": application.name, "icon": null,
            "description": application.description, "type": null, "bot": self.user_json(application.bot),
            "bot_public": true, "bot_require_code_grant": false, "verify_key": application.public_key(),
            "flags": application.flags(), "flags_new": application.flags().to_string(),
            "redirect_uris": [], "interactions_endpoint_url": application.endpoint,
            "role_connections_verification_url": null, "owner": self.user_json(application.owner),
            "approximate_guild_count": guilds, "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0, "explicit_content_filter": 0, "team": null,
            "eligible_oauth2_scopes": [], "integration_types_config": {"0": {}},
        })
    }

    /// The rules staff set for a command (or, by the application's id, for all of its commands).
    pub(crate) fn command_rules_json(
        &self,
        guild: GuildId,
        application: ApplicationId,
        id: u64,
    ) -> Option<Value> {
        let rules = self.guilds.get(&guild)?.command_rules.get(&id)?;
        let render = |rule: &CommandRule| json!({"id": rule.id.to_string(), "type": rule.kind, "permission": rule.allowed});
        Some(json!({
            "id": id.to_string(), "application_id": application, "guild_id": guild,
            "permissions": rules.iter().map(render).collect::<Vec<_>>(),
        }))
    }

    pub(crate) fn command_rules_changed(&mut self, guild: GuildId, id: u64) {
        let command = self.commands.get(&CommandId(id)).map(|command| command.application);
        let application = command.unwrap_or(ApplicationId(id));
        let Some(data) = self.command_rules_json(guild, application, id) else { return };
        let event = Event::to_application("APPLICATION_COMMAND_PERMISSIONS_UPDATE", application, data);
        self.emit(&event.about(guild));
    }

    /// The commands a member of the guild is offered: the guild's own and the global ones. A guild command hides
    /// a global one of the same name and type.
    pub(crate) fn commands_in(&self, guild: Option<GuildId>) -> Vec<&Command> {
        let own = self.commands.values().filter(|command| command.guild.is_some() && command.guild == guild);
        let mut found: Vec<&Command> = own.collect();
        for global in self.commands.values().filter(|command| command.guild.is_none()) {
            let hidden = found.iter().any(|own| {
                own.application == global.application
                    && own.name() == global.name()
                    && own.kind() == global.kind()
            });
            if !hidden {
                found.push(global);
            }
        }
        found
    }
}
