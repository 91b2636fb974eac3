//! Roles, channels and threads that are made.
//!
//! Discord has no way to make something only once. When an answer got lost, the second attempt looks first
//! whether the first one has worked. Threads are made by steps of workflows, which a crash repeats, so there the
//! first attempt looks as well.

use std::sync::atomic::{AtomicU32, Ordering};

use guildhall_core::{
    Error, TenantId,
    guild::{ChannelId, ChannelKind, NewChannel, NewRole, RoleId, bits, made_at},
};
use serde::Deserialize;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use twilight_http::routing::Route;

use crate::{
    DiscordGuilds,
    act::{About, overwrite_body},
    rest::{Ask, RestError, parse},
    trouble::{Bound, code},
    wire,
};

const LONGEST_NAME: usize = 100;
const LONGEST_TOPIC: usize = 1_024;
/// How far Discord's clock may be behind ours.
const SKEW: Duration = Duration::seconds(10);
/// A thread of the same name in the same channel that is not older is the one that is to be made.
const SAME_THREAD: Duration = Duration::days(1);
/// Colours have 24 bits.
const WHITE: u32 = 0xff_ffff;

impl DiscordGuilds {
    pub(crate) async fn make_role(
        &self,
        tenant: &TenantId,
        role: NewRole,
        reason: &str,
    ) -> Result<RoleId, Error> {
        let guild = self.served(tenant)?;
        let name = named(&role.name)?;
        let route = Route::CreateRole { guild_id: guild };
        let body = json!({
            "name": name,
            "permissions": role.permissions.to_string(),
            "color": role.color.min(WHITE),
        });
        let ask = Ask::change("create_role", route, reason).body(body);
        let there = Ask::read("roles", Route::GetGuildRoles { guild_id: guild });
        let made = self.once_only(&ask, &there, &Twin::of(&name), SKEW).await;
        self.forget_guild(guild).await;
        match made {
            Ok(id) => Ok(RoleId(id)),
            Err(error) => Err(self.why(tenant, error, About::needs(bits::MANAGE_ROLES)).await),
        }
    }

    pub(crate) async fn make_channel(
        &self,
        tenant: &TenantId,
        channel: NewChannel,
        reason: &str,
    ) -> Result<ChannelId, Error> {
        let guild = self.served(tenant)?;
        if channel.kind == ChannelKind::Thread {
            return self.make_thread(tenant, guild, channel, reason).await;
        }
        let kind = match channel.kind {
            ChannelKind::Voice => 2,
            ChannelKind::Category => 4,
            ChannelKind::Text => 0,
            ChannelKind::Thread | ChannelKind::Other => {
                return Err(Error::bug("a channel of a kind that cannot be made"));
            }
        };
        let name = named(&channel.name)?;
        let topic = channel.topic.as_deref().filter(|_| kind == 0);
        let topic = topic.map(|topic| topic.chars().take(LONGEST_TOPIC).collect::<String>());
        let mut body = json!({
            "name": name,
            "type": kind,
            "permission_overwrites": channel.overwrites.iter().map(overwrite_body).collect::<Vec<_>>(),
        });
        if let Some(topic) = topic {
            body["topic"] = json!(topic);
        }
        if let Some(parent) = channel.parent.filter(|_| kind != 4) {
            body["parent_id"] = json!(parent);
        }
        let ask = Ask::change("create_channel", Route::CreateChannel { guild_id: guild }, reason).body(body);
        let there = Ask::read("channels", Route::GetChannels { guild_id: guild });
        let made = self.once_only(&ask, &there, &Twin::of(&name), SKEW).await;
        self.forget_guild(guild).await;
        match made {
            Ok(id) => Ok(ChannelId(id)),
            Err(error) => Err(self.why(tenant, error, About::needs(bits::MANAGE_CHANNELS)).await),
        }
    }

    async fn make_thread(
        &self,
        tenant: &TenantId,
        guild: u64,
        thread: NewChannel,
        reason: &str,
    ) -> Result<ChannelId, Error> {
        let Some(parent) = thread.parent else {
            return Err(Error::bug("a thread without the channel that it is made in"));
        };
        self.belongs(guild, parent).await?;
        let name = named(&thread.name)?;
        let private = !thread.overwrites.is_empty();
        let mut body = json!({ "name": name, "type": if private { 12 } else { 11 } });
        if private {
            body["invitable"] = json!(false);
        }
        let route = Route::CreateThread { channel_id: parent.0 };
        let ask = Ask::change("create_thread", route, reason).body(body);
        let there = Ask::read("threads", Route::GetActiveThreads { guild_id: guild });
        let needs = if private { bits::CREATE_PRIVATE_THREADS } else { bits::CREATE_PUBLIC_THREADS };
        let same = Twin { parent: Some(parent.0), ..Twin::of(&name) };
        let made = match self.once_only(&ask, &there, &same, SAME_THREAD).await {
            Ok(made) => made,
            Err(error) => return Err(self.why(tenant, error, About::needs(needs)).await),
        };
        for member in thread.overwrites.iter().filter(|overwrite| !overwrite.role) {
            let route = Route::AddThreadMember { channel_id: made, user_id: member.target };
            match self.rest.send(&Ask::change("add_to_thread", route, "")).await {
                Ok(_) => {}
                // Who left cannot be added, and is not missed.
                Err(error) if matches!(error.code(), code::UNKNOWN_MEMBER | code::UNKNOWN_USER) => {}
                Err(error) => {
                    // A thread that those it is for cannot see is worse than none.
                    let undo =
                        Ask::change("delete_thread", Route::DeleteChannel { channel_id: made }, reason);
                    if let Err(error) = self.rest.send(&undo).await {
                        tracing::warn!(%tenant, thread = made, %error, "an unfinished thread is left over");
                    }
                    let about = About::needs(bits::SEND_MESSAGES_IN_THREADS);
                    return Err(self.why(tenant, error, about).await);
                }
            }
        }
        Ok(ChannelId(made))
    }

    /// Makes something. From the second attempt on, and where an earlier call may have made it from the first, it
    /// looks first whether it is `there` by now and no older than `age`.
    async fn once_only(
        &self,
        ask: &Ask<'_>,
        there: &Ask<'_>,
        same: &Twin<'_>,
        age: Duration,
    ) -> Result<u64, RestError> {
        let since = self.clock.now() - age;
        let attempts = AtomicU32::new(u32::from(age > SKEW));
        let attempt = || async {
            if attempts.fetch_add(1, Ordering::Relaxed) > 0
                && let Some(made) = twin(&self.rest.once(there).await?, same, since)?
            {
                return Ok(made);
            }
            let made: wire::Identified = parse(&self.rest.once(ask).await?)?;
            Ok::<_, RestError>(made.id.0)
        };
        self.rest.upstream.call(attempt).await
    }
}

fn named(name: &str) -> Result<String, Error> {
    let name = name.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
    if fits { Ok(name.to_owned()) } else { Err(Bound::Name.error()) }
}

/// What is to be made, as far as one tells it from others.
struct Twin<'a> {
    name: &'a str,
    parent: Option<u64>,
}

impl<'a> Twin<'a> {
    fn of(name: &'a str) -> Self {
        Self { name, parent: None }
    }
}

/// The same in the list, made since then.
fn twin(list: &[u8], same: &Twin<'_>, since: OffsetDateTime) -> Result<Option<u64>, RestError> {
    #[derive(Deserialize)]
    struct Named<'a> {
        id: wire::Num,
        #[serde(borrow, default)]
        name: wire::Text<'a>,
        parent_id: Option<wire::Num>,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List<'a> {
        Plain(#[serde(borrow)] Vec<Named<'a>>),
        Threads {
            #[serde(borrow)]
            threads: Vec<Named<'a>>,
        },
    }

    let all = match parse::<List<'_>>(list)? {
        List::Plain(all) | List::Threads { threads: all } => all,
    };
    // Discord writes the names of text channels in small letters with dashes.
    let plain = |name: &str| name.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-");
    let wanted = plain(same.name);
    let there = |one: &&Named<'_>| {
        same.parent.is_none_or(|parent| one.parent_id.as_ref().is_some_and(|own| own.0 == parent))
    };
    let made = all.iter().filter(|one| plain(&one.name.0) == wanted && made_at(one.id.0) >= since);
    Ok(made.filter(there).map(|one| one.id.0).max())
}
