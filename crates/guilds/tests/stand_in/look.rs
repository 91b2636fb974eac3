//! Questions without a gateway, and what they cost.

use std::time::Duration;

use guildhall_core::{
    fault::{Point, Strike},
    guild::{GuildAction, Guilds, MessageId, MessageLink, UserId},
};
use guildhall_sim::{Fault, FaultOrder};

use crate::stage::{Stage, channel, code, user};

#[tokio::test]
async fn everything_can_be_asked_without_a_gateway_and_a_command_needs_few_requests() {
    let stage = Stage::new().await;
    let (tenant, guilds) = (stage.tenant(), &stage.guilds);
    for _ in 0..5 {
        let guild = guilds.guild(&tenant).await.unwrap();
        assert_eq!((guild.name.as_str(), guild.owner), ("Community", user(&stage.olive)));
        assert_eq!(guild.roles[0].id.0, guild.id);
        assert!(guild.channel(channel(stage.general)).is_some());
        let anna = guilds.member(&tenant, user(&stage.anna)).await.unwrap().unwrap();
        assert_eq!(anna.username, "anna");
        assert!(guilds.myself(&tenant).await.unwrap().bot);
    }
    // The guild, its channels, Anna, who the bot is, and the bot as a member.
    assert_eq!(stage.requests("GET").len(), 5, "{:?}", stage.requests("GET"));
    assert_eq!(guilds.member(&tenant, UserId(1)).await.unwrap(), None);
    assert_eq!(guilds.person(user(&stage.anna)).await.unwrap().unwrap().username, "anna");
    assert_eq!(guilds.person(UserId(1)).await.unwrap(), None);
    assert_eq!(guilds.banned(&tenant, user(&stage.anna)).await.unwrap(), None);
    let found = guilds.find(&tenant, " ann", 10).await.unwrap();
    assert_eq!(found.iter().map(|member| member.user).collect::<Vec<_>>(), [user(&stage.anna)]);
    assert!(guilds.find(&tenant, "", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn many_who_ask_at_once_ask_discord_once() {
    let stage = Stage::new().await;
    let tenant = stage.tenant();
    let all = (0..50).map(|_| stage.guilds.guild(&tenant));
    for guild in futures::future::join_all(all).await {
        assert!(guild.is_ok());
    }
    assert_eq!(stage.requests("GET").len(), 2, "{:?}", stage.requests("GET"));
}

#[tokio::test]
async fn messages_are_read_and_one_that_is_gone_is_none() {
    let stage = Stage::new().await;
    let (tenant, here) = (stage.tenant(), stage.anna.in_channel(stage.general));
    let ids: Vec<_> = (1..=3).map(|n| here.send_message(&format!("message {n}")).unwrap()).collect();
    let general = channel(stage.general);
    let read = stage.guilds.messages(&tenant, general, Some(MessageId(ids[2].0)), 50).await.unwrap();
    let texts: Vec<_> = read.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(texts, ["message 2", "message 1"]);
    assert_eq!(read[0].author.user, user(&stage.anna));
    let at = MessageLink { channel: general, message: MessageId(ids[0].0) };
    assert_eq!(stage.guilds.message(&tenant, at).await.unwrap().unwrap().content, "message 1");
    here.delete_message(ids[0]).unwrap();
    assert_eq!(stage.guilds.message(&tenant, at).await.unwrap(), None);
}

#[tokio::test]
async fn what_passes_is_asked_again_and_an_outage_is_told_as_one() {
    let stage = Stage::new().await;
    let tenant = stage.tenant();
    stage.sim.fault(FaultOrder::everywhere(Fault::Status { status: 503 }).times(2));
    assert!(stage.guilds.guild(&tenant).await.is_ok());
    stage.sim.fault(FaultOrder::everywhere(Fault::Status { status: 503 }));
    assert_eq!(code(stage.guilds.banned(&tenant, user(&stage.anna)).await), "guild_unreachable");
    stage.sim.heal();
    // A success, so that the failures before do not add up with the next.
    assert!(stage.guilds.banned(&tenant, user(&stage.anna)).await.is_ok());
    let point = Point::Upstream("discord".to_owned());
    stage.faults.put(point, Strike::Outage, 1, Duration::from_secs(60)).unwrap();
    assert!(stage.guilds.banned(&tenant, user(&stage.anna)).await.is_ok(), "one rehearsed failure passes");
    stage.sim.fault(FaultOrder::everywhere(Fault::Status { status: 503 }));
    for _ in 0..2 {
        assert_eq!(code(stage.guilds.person(user(&stage.anna)).await), "guild_unreachable");
    }
    let asked = stage.requests("GET").len();
    assert_eq!(code(stage.guilds.person(user(&stage.anna)).await), "guild_unreachable");
    assert_eq!(stage.requests("GET").len(), asked, "Discord is left alone while it is down");
}

#[tokio::test]
async fn who_is_not_served_and_where_the_bot_is_not_is_told_apart() {
    let stage = Stage::new().await;
    let nobody = "knights".parse().unwrap();
    assert_eq!(code(stage.guilds.guild(&nobody).await), "guild_none");
    let kick = GuildAction::Kick { user: user(&stage.anna) };
    stage.guild.remove(&stage.app);
    let tenant = stage.tenant();
    assert_eq!(code(stage.guilds.member(&tenant, user(&stage.anna)).await), "guild_left");
    assert_eq!(code(stage.guilds.act(&tenant, kick, "").await), "guild_left");
    assert_eq!(code(stage.guilds.guild(&tenant).await), "guild_left");
}
