//! What a thousand guilds need in memory, and how fast frames are taken: `cargo run --release -p
//! guildhall-guilds --example thousand_guilds`.

use std::{error::Error, sync::Arc, time::Instant};

use guildhall_core::{
    Clock, SystemClock,
    fault::Faults,
    upstream::{Policy, Upstream},
};
use guildhall_guilds::{DiscordGuilds, GuildsConfig};
use serde_json::{json, value::RawValue};
use twilight_model::gateway::Intents;

const GUILDS: u64 = 1_000;
const MESSAGES: u32 = 200_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let upstream = Upstream::new("discord", Policy::default(), clock.clone(), Faults::new(clock.clone()));
    let config = GuildsConfig { open: true, ..GuildsConfig::new(1, "none".into()) };
    let guilds = DiscordGuilds::new(config, upstream, clock)?;
    guilds.connected(Intents::all());
    let before = resident();
    for guild in 1..=GUILDS {
        guilds.frame(0, "GUILD_CREATE", &guild_create(guild << 22)?);
    }
    let (size, after) = (guilds.cached(), resident());
    println!("{size:?}");
    println!("{} bytes a guild as counted", size.bytes / size.guilds.max(1));
    if let (Some(before), Some(after)) = (before, after) {
        println!("{} bytes a guild resident", after.saturating_sub(before) / GUILDS);
    }
    let message = message_create(1 << 22)?;
    let started = Instant::now();
    for _ in 0..MESSAGES {
        guilds.frame(0, "MESSAGE_CREATE", &message);
    }
    println!(
        "{:.0} messages a second that nobody wants",
        f64::from(MESSAGES) / started.elapsed().as_secs_f64()
    );
    guilds.keep_messages(&guilds.tenant_of(1 << 22).ok_or("the guild is served")?, true);
    let started = Instant::now();
    for _ in 0..MESSAGES {
        guilds.frame(0, "MESSAGE_CREATE", &message);
    }
    println!("{:.0} messages a second that are kept", f64::from(MESSAGES) / started.elapsed().as_secs_f64());
    Ok(())
}

/// A guild of 50 channels in five categories, 30 roles and 50 members.
fn guild_create(id: u64) -> Result<Box<RawValue>, serde_json::Error> {
    let overwrites = |n: u64| {
        let one = |n: u64| json!({"id": (id + n).to_string(), "type": 0, "allow": "1024", "deny": "2048"});
        [one(0), one(n), one(n + 1)]
    };
    let channels: Vec<_> = (0..50)
        .map(|n| {
            let (kind, category) = if n < 5 { (4, None) } else { (0, Some((id + 100 + n % 5).to_string())) };
            json!({
                "id": (id + 100 + n).to_string(), "type": kind, "name": format!("channel-number-{n}"), "position": n,
                "parent_id": category, "permission_overwrites": overwrites(n % 5), "topic": "What this is about",
                "last_message_id": "1145", "rate_limit_per_user": 0, "nsfw": false,
            })
        })
        .collect();
    let roles: Vec<_> = (0..30)
        .map(|n| {
            json!({
                "id": (id + n).to_string(), "name": format!("Role number {n}"), "position": n, "color": n,
                "permissions": "1071698660929", "managed": false, "hoist": true, "mentionable": false,
            })
        })
        .collect();
    let members: Vec<_> = (0..50_u64)
        .map(|n| {
            json!({
                "user": {"id": n.to_string(), "username": format!("member{n}"), "global_name": "A Member"},
                "roles": [(id + n % 30).to_string()], "joined_at": "2024-05-01T10:00:00.000000+00:00",
            })
        })
        .collect();
    RawValue::from_string(
        json!({
            "id": id.to_string(), "name": "A community of some size", "owner_id": "7", "preferred_locale": "en-US",
            "channels": channels, "roles": roles, "members": members, "threads": [], "voice_states": [],
        })
        .to_string(),
    )
}

fn message_create(guild: u64) -> Result<Box<RawValue>, serde_json::Error> {
    let message = json!({
        "id": "1234567890", "channel_id": "5", "guild_id": guild.to_string(), "content": "Hello there, how are you?",
        "author": {"id": "8", "username": "ada", "global_name": "Ada", "avatar": null, "discriminator": "0"},
        "member": {"roles": ["1", "2"], "nick": null, "joined_at": "2024-05-01T10:00:00.000000+00:00"},
        "timestamp": "2024-05-01T10:00:00.000000+00:00", "edited_timestamp": null, "embeds": [], "attachments": [],
        "mentions": [], "mention_roles": [], "pinned": false, "tts": false, "type": 0,
    });
    RawValue::from_string(message.to_string())
}

/// Bytes of this process that are in memory, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1_024)
}
