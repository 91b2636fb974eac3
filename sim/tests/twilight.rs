//! twilight, the Rust library, reads everything the stand-in says: its types are the strictest of all clients'.

mod support;

use std::time::Duration;

use guildhall_sim::{Answer, Permissions};
use serde_json::json;
use support::{Community, check_conformance};
use tokio::sync::mpsc;
use twilight_gateway::{ConfigBuilder, Event, EventTypeFlags, Intents, Shard, ShardId, StreamExt as _};
use twilight_http::Client;
use twilight_model::application::interaction::InteractionData;
use twilight_model::channel::message::MessageFlags;
use twilight_model::http::interaction::{
    InteractionResponse, InteractionResponseData, InteractionResponseType,
};
use twilight_model::id::Id;

const SOON: Duration = Duration::from_secs(30);

/// Every event as twilight reads it, or why it could not.
fn listen(community: &Community) -> mpsc::UnboundedReceiver<Result<Event, String>> {
    let token = community.app.token();
    let config = ConfigBuilder::new(token, Intents::all()).proxy_url(community.sim.gateway_url()).build();
    let mut shard = Shard::with_config(ShardId::ONE, config);
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(item) = shard.next_event(EventTypeFlags::all()).await {
            if sender.send(item.map_err(|error| format!("{error:?}"))).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn until<T>(
    events: &mut mpsc::UnboundedReceiver<Result<Event, String>>,
    find: impl Fn(Event) -> Option<T>,
) -> T {
    let search = async {
        loop {
            let event = events.recv().await.expect("the shard runs");
            if let Some(found) = find(event.expect("every event can be read")) {
                return found;
            }
        }
    };
    tokio::time::timeout(SOON, search).await.expect("the event comes")
}

#[tokio::test]
async fn every_event_and_answer_can_be_read() {
    // Another test of this program may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let community = Community::new().await;
    let mut events = listen(&community);
    until(&mut events, |event| matches!(event, Event::Ready(_)).then_some(())).await;
    let guild = until(&mut events, |event| match event {
        Event::GuildCreate(guild) => Some(guild.id()),
        _ => None,
    })
    .await;
    assert_eq!(guild.get(), community.guild.id().0);

    let address = community.sim.address().to_string();
    let rest = Client::builder().token(community.app.token()).proxy(address, true).build();
    let application =
        rest.current_user_application().await.expect("an answer").model().await.expect("an application");
    assert_eq!(application.id.get(), community.app.id().0);
    let interactions = rest.interaction(application.id);
    let rest_raw = community.rest();
    let commands = json!([
        {"name": "server", "description": "d", "options": [{"type": 1, "name": "start", "description": "d", "options": [
            {"type": 3, "name": "server", "description": "d", "required": true},
            {"type": 6, "name": "who", "description": "d"}, {"type": 7, "name": "where", "description": "d"},
            {"type": 8, "name": "rank", "description": "d"},
        ]}]},
    ]);
    let path = format!("/applications/{}/commands", community.app.id());
    assert_eq!(rest_raw.call("PUT", &path, Some(commands)).await.0, 200);
    let known = interactions.global_commands().await.expect("an answer").models().await.expect("commands");
    assert_eq!(known[0].name, "server");

    let here = community.anna.in_channel(community.general);
    let options = json!({
        "server": "survival", "who": community.bo.id(), "where": community.general, "rank": community.staff,
    });
    let run = here.run("server start", options).expect("a command");
    let interaction = until(&mut events, |event| match event {
        Event::InteractionCreate(interaction) => Some(interaction.0),
        _ => None,
    })
    .await;
    let Some(InteractionData::ApplicationCommand(data)) = &interaction.data else { panic!("a command") };
    assert_eq!(
        data.resolved.as_ref().map(|resolved| (resolved.users.len(), resolved.roles.len())),
        Some((1, 1))
    );
    let response = InteractionResponse {
        kind: InteractionResponseType::DeferredChannelMessageWithSource,
        data: Some(InteractionResponseData { flags: Some(MessageFlags::EPHEMERAL), ..Default::default() }),
    };
    interactions.create_response(interaction.id, &interaction.token, &response).await.expect("taken");
    assert!(matches!(run.answer().await, Answer::Deferred(_)));
    let filled =
        interactions.update_response(&interaction.token).content(Some("Ready")).await.expect("taken");
    assert_eq!(filled.model().await.expect("a message").content, "Ready");
    assert_eq!(run.message(SOON).await.expect("an answer").text(), "Ready");

    // Everything else that makes events, and the last of them to end on.
    let channel = Id::new(community.general.0);
    let posted = rest.create_message(channel).content("with a thread").await.expect("taken");
    let posted = posted.model().await.expect("a message");
    let thread = rest.create_thread_from_message(channel, posted.id, "talk").await.expect("taken");
    let thread = thread.model().await.expect("a thread");
    rest.create_message(thread.id).content("inside").await.expect("taken");
    rest.update_thread(thread.id)
        .archived(true)
        .locked(true)
        .await
        .expect("taken")
        .model()
        .await
        .expect("a thread");
    rest.update_message(channel, posted.id).content(Some("edited")).await.expect("taken");
    here.react(posted.id.get().to_string().parse().expect("a snowflake"), "🎲").expect("a reaction");
    rest.create_typing_trigger(channel).await.expect("taken");
    community.guild.role("new", Permissions::NONE);
    community.guild.hidden_channel("hidden", &[community.staff]);
    let cy = community.sim.user("cy");
    community.guild.join(&cy, &[]);
    rest.create_ban(guild, Id::new(cy.id().0)).await.expect("taken");
    let talk = community.guild.voice_channel("talk");
    let (anna, olive) =
        (community.anna.in_guild(community.guild.id()), community.olive.in_guild(community.guild.id()));
    anna.join_voice(talk).expect("voice");
    until(&mut events, |event| matches!(event, Event::VoiceStateUpdate(_)).then_some(())).await;
    let code = olive.create_invite(community.general, 1, 60).expect("an invite");
    until(&mut events, |event| match event {
        Event::InviteCreate(invite) if invite.code == code => Some(()),
        _ => None,
    })
    .await;
    let guest = community.sim.user("guest");
    guest.join_by(&code).expect("a guest");
    until(&mut events, |event| matches!(event, Event::InviteDelete(_)).then_some(())).await;
    olive.set_nick(guest.id(), Some("G")).expect("a nickname");
    olive.move_role(community.staff, 1).expect("a moved role");
    olive
        .overwrite_role(talk, community.staff, Permissions::CONNECT, Permissions::NONE)
        .expect("an overwrite");
    olive.ban(guest.id(), Some("bye"), 0).expect("a ban");
    until(&mut events, |event| match event {
        Event::GuildAuditLogEntryCreate(entry) if entry.reason.as_deref() == Some("bye") => Some(()),
        _ => None,
    })
    .await;
    let log = rest.audit_log(guild).await.expect("an answer").model().await.expect("an audit log");
    assert!(log.entries.iter().any(|entry| entry.reason.as_deref() == Some("bye")));
    let bans = rest.bans(guild).await.expect("an answer").models().await.expect("bans");
    assert_eq!(bans.len(), 2);
    rest.guild_invites(guild).await.expect("an answer").models().await.expect("invites");
    rest.roles(guild).await.expect("an answer").models().await.expect("roles");
    rest.guild_channels(guild).await.expect("an answer").models().await.expect("channels");
    community.guild.set_outage(true);
    until(&mut events, |event| matches!(event, Event::GuildDelete(_)).then_some(())).await;
    community.guild.set_outage(false);
    until(&mut events, |event| matches!(event, Event::GuildCreate(_)).then_some(())).await;
    let direct = rest.create_private_channel(Id::new(community.anna.id().0)).await.expect("taken");
    rest.create_message(direct.model().await.expect("a channel").id).content("hello").await.expect("taken");
    community.anna.direct(community.app.bot()).send_message("and you").expect("a message");
    until(&mut events, |event| match event {
        Event::MessageCreate(message) if message.content == "and you" => Some(()),
        _ => None,
    })
    .await;
    let members =
        rest.guild_members(guild).limit(100).await.expect("an answer").models().await.expect("members");
    assert_eq!(members.len(), 4);
    rest.guild(guild).await.expect("an answer").model().await.expect("a guild");
    rest.channel(thread.id).await.expect("an answer").model().await.expect("a thread");
    rest.active_threads(guild).await.expect("an answer").model().await.expect("threads");
    rest.delete_message(channel, posted.id).await.expect("taken");
    until(&mut events, |event| matches!(event, Event::MessageDelete(_)).then_some(())).await;

    // A dropped connection is resumed without a gap.
    community.sim.drop_gateway();
    here.send_message("during the reconnect").expect("a message");
    until(&mut events, |event| match event {
        Event::MessageCreate(message) if message.content == "during the reconnect" => Some(()),
        _ => None,
    })
    .await;
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}
