//! Interactions beyond the channel of a guild: direct messages, removed bots, languages, ephemeral messages, menus of
//! people and roles, context menus, and who is offered what.

mod support;

use std::time::Duration;

use guildhall_sim::{ActError, Permissions};
use serde_json::{Value, json};
use support::gateway::{Client, SOON};
use support::{Community, Rest, check_conformance};

fn callback(interaction: &Value) -> String {
    let text = |key: &str| interaction[key].as_str().expect("a text").to_owned();
    format!("/interactions/{}/{}/callback", text("id"), text("token"))
}

fn id<T: std::str::FromStr>(value: &Value) -> T
where
    T::Err: std::fmt::Debug,
{
    value["id"].as_str().expect("an id").parse().expect("a snowflake")
}

async fn register(community: &Community, rest: &Rest, commands: Value) {
    let path = format!("/applications/{}/commands", community.app.id());
    let (status, answer) = rest.call("PUT", &path, Some(commands)).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn buttons_in_direct_messages_carry_the_user() {
    let community = Community::new().await;
    let rest = community.rest();
    let (mut client, _) = Client::ready(&community, 1).await;
    let (_, direct) = rest.post("/users/@me/channels", json!({"recipient_id": community.bo.id()})).await;
    let path = format!("/channels/{}/messages", direct["id"].as_str().expect("an id"));
    let appeal =
        json!({"type": 1, "components": [{"type": 2, "style": 1, "label": "Appeal", "custom_id": "appeal"}]});
    let (_, sent) = rest.post(&path, json!({"content": "You were banned.", "components": [appeal]})).await;
    community.olive.in_guild(community.guild.id()).ban(community.bo.id(), None, 0).expect("a ban");
    community.bo.set_locale("de").expect("a language");

    let inbox = community.bo.inbox().pop().expect("a direct message");
    let pressed = inbox.press(id(&sent), "Appeal").expect("a button, also after the ban");
    let interaction = client.event("INTERACTION_CREATE").await;
    assert!(interaction["guild_id"].is_null() && interaction["member"].is_null());
    assert_eq!(interaction["user"]["username"], "bo");
    assert_eq!((&interaction["locale"], &interaction["context"]), (&json!("de"), &json!(1)));
    let form = json!({"type": 9, "data": {"custom_id": "f", "title": "Appeal", "components": [
        {"type": 18, "label": "Why?", "component": {"type": 4, "custom_id": "why", "style": 2}},
    ]}});
    assert_eq!(rest.post(&callback(&interaction), form).await.0, 204);
    let modal = pressed.modal(SOON).await.expect("a form");
    let submitted = inbox.submit_modal(&modal, json!({"why": "sorry"})).expect("sent");
    let interaction = client.event("INTERACTION_CREATE").await;
    let answer = json!({"type": 4, "data": {"content": "Thank you."}});
    assert_eq!(rest.post(&callback(&interaction), answer).await.0, 204);
    assert_eq!(submitted.message(SOON).await.expect("an answer").text(), "Thank you.");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn a_removed_bot_still_hears_of_its_buttons() {
    let community = Community::new().await;
    let rest = community.rest();
    register(&community, &rest, json!([{"name": "ping", "description": "d"}])).await;
    let (mut client, _) = Client::ready(&community, 1).await;
    let row = json!({"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]});
    let path = format!("/channels/{}/messages", community.general);
    let (_, sent) = rest.post(&path, json!({"content": "stale", "components": [row]})).await;
    let here = community.anna.in_channel(community.general);
    assert_eq!(here.offered_commands(), ["ping"]);
    community.guild.remove(&community.app);
    assert!(here.offered_commands().is_empty());
    assert_eq!(here.run("ping", json!({})).err(), Some(ActError::NotAllowed));
    let pressed = here.press(id(&sent), "Go").expect("a button");
    let interaction = client.event("INTERACTION_CREATE").await;
    assert_eq!(
        (&interaction["guild_id"], &interaction["app_permissions"]),
        (&json!(community.guild.id()), &json!("0"))
    );
    let refused = rest.get(&format!("/guilds/{}", community.guild.id())).await;
    assert_eq!((refused.0, &refused.1["code"]), (403, &json!(50001)));
    let answer = json!({"type": 4, "data": {"content": "I am gone.", "flags": 64}});
    assert_eq!(rest.post(&callback(&interaction), answer).await.0, 204);
    assert_eq!(pressed.message(SOON).await.expect("an answer").text(), "I am gone.");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn an_ephemeral_page_changes_itself_with_menus_and_defaults() {
    let community = Community::new().await;
    let rest = community.rest();
    community.guild.set_locale("de");
    register(&community, &rest, json!([{"name": "config", "description": "d"}])).await;
    let (mut client, _) = Client::ready(&community, 1).await;
    let here = community.anna.in_channel(community.general);
    let page = |role: &str, channel: &str| {
        json!({"flags": 64 | 32768, "components": [{"type": 17, "components": [
            {"type": 10, "content": format!("roles {role}, channel {channel}")},
            {"type": 1, "components": [{"type": 6, "custom_id": "role", "default_values": [
                {"type": "role", "id": community.staff},
            ]}]},
            {"type": 1, "components": [{"type": 8, "custom_id": "channel", "channel_types": [0]}]},
            {"type": 1, "components": [{"type": 7, "custom_id": "anybody", "max_values": 2}]},
        ]}]})
    };
    let run = here.run("config", json!({})).expect("a command");
    let interaction = client.event("INTERACTION_CREATE").await;
    assert_eq!((&interaction["locale"], &interaction["guild_locale"]), (&json!("en-US"), &json!("de")));
    rest.post(&callback(&interaction), json!({"type": 4, "data": page("-", "-")})).await;
    let shown = run.message(SOON).await.expect("a page");
    assert!(shown.is_ephemeral() && !community.bo_sees(&shown));
    assert_eq!(shown.component("role").expect("a menu")["default_values"][0]["id"], json!(community.staff));

    let staff = community.staff.to_string();
    let chosen = here.select(shown.id, "role", &[&staff]).expect("a choice");
    let interaction = client.event("INTERACTION_CREATE").await;
    assert_eq!(interaction["data"]["resolved"]["roles"][&staff]["name"], "staff");
    assert_eq!(interaction["data"]["values"], json!([staff]));
    rest.post(&callback(&interaction), json!({"type": 7, "data": page("staff", "-")})).await;
    let changed = chosen.message(SOON).await.expect("an update");
    assert_eq!((changed.id, changed.text().as_str()), (shown.id, "roles staff, channel -"));
    assert!(changed.is_ephemeral());
    let general = community.general.to_string();
    here.select(shown.id, "channel", &[&general]).expect("a choice");
    let interaction = client.event("INTERACTION_CREATE").await;
    assert_eq!(interaction["data"]["resolved"]["channels"][&general]["name"], "general");
    // A deferred update edits the same ephemeral page through the webhook.
    rest.post(&callback(&interaction), json!({"type": 6})).await;
    let token = interaction["token"].as_str().expect("a token");
    let original = format!("/webhooks/{}/{token}/messages/@original", community.app.id());
    let edit = page("staff", "general");
    let edit = json!({"components": edit["components"]});
    assert_eq!(rest.call("PATCH", &original, Some(edit)).await.0, 200);
    assert_eq!(here.message(shown.id).expect("the page").text(), "roles staff, channel general");
    let bo = community.bo.id().to_string();
    here.select(shown.id, "anybody", &[&bo, &staff]).expect("a choice");
    let interaction = client.event("INTERACTION_CREATE").await;
    assert_eq!(interaction["data"]["resolved"]["users"][&bo]["username"], "bo");
    assert_eq!(interaction["data"]["resolved"]["roles"][&staff]["name"], "staff");

    let wrong = json!({"content": "x", "components": [{"type": 1, "components": [
        {"type": 6, "custom_id": "r", "default_values": [{"type": "user", "id": community.anna.id()}]},
    ]}]});
    let (status, _) = rest.post(&format!("/channels/{}/messages", community.general), wrong).await;
    assert_eq!(status, 400, "a user is no default of a menu of roles");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn forms_start_with_what_was_chosen() {
    let community = Community::new().await;
    let rest = community.rest();
    register(&community, &rest, json!([{"name": "set", "description": "d"}])).await;
    let (mut client, _) = Client::ready(&community, 1).await;
    let here = community.anna.in_channel(community.general);
    let run = here.run("set", json!({})).expect("a command");
    let interaction = client.event("INTERACTION_CREATE").await;
    let form = json!({"type": 9, "data": {"custom_id": "f", "title": "Set", "components": [
        {"type": 10, "content": "Choose."},
        {"type": 18, "label": "Role", "description": "Who may", "component": {"type": 6, "custom_id": "role",
            "default_values": [{"type": "role", "id": community.staff}]}},
        {"type": 18, "label": "Level", "component": {"type": 3, "custom_id": "level", "options": [
            {"label": "Low", "value": "1"}, {"label": "High", "value": "2", "default": true},
        ]}},
    ]}});
    let (status, answer) = rest.post(&callback(&interaction), form).await;
    assert_eq!(status, 204, "{answer}");
    let modal = run.modal(SOON).await.expect("a form");
    assert_eq!(modal.fields[0].chosen, [community.staff.to_string()]);
    assert_eq!(modal.fields[1].options[1], ("High".to_owned(), "2".to_owned()));
    here.submit_modal(&modal, json!({"level": ["1"]})).expect("sent");
    let sent = client.event("INTERACTION_CREATE").await;
    let components = sent["data"]["components"].as_array().expect("rows");
    assert_eq!(components[1]["component"]["values"], json!([community.staff]), "untouched");
    assert_eq!(components[2]["component"]["values"], json!(["1"]));
    assert!(sent["data"]["resolved"]["roles"].is_object());
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn commands_are_offered_to_those_who_may_use_them() {
    let community = Community::new().await;
    let rest = community.rest();
    let ban = Permissions::BAN_MEMBERS.0.to_string();
    register(
        &community,
        &rest,
        json!([
            {"name": "ban", "description": "d", "default_member_permissions": ban, "options": [
                {"type": 6, "name": "target", "description": "Whom", "required": true},
                {"type": 9, "name": "other", "description": "Anybody"},
                {"type": 8, "name": "role", "description": "A role"},
                {"type": 7, "name": "where", "description": "A channel"},
            ]},
            {"name": "help", "description": "d"},
            {"name": "Report", "type": 3},
            {"name": "Cases", "type": 2, "default_member_permissions": ban},
        ]),
    )
    .await;
    let (mut client, _) = Client::ready(&community, 1).await;
    let anna = community.anna.in_channel(community.general);
    assert_eq!(anna.offered_commands(), ["Report", "help"]);
    assert_eq!(anna.run("ban", json!({"target": community.bo.id()})).err(), Some(ActError::NotAllowed));
    assert_eq!(anna.run_on_user("Cases", community.bo.id()).err(), Some(ActError::NotAllowed));
    let olive = community.olive.in_channel(community.general);
    assert_eq!(olive.offered_commands(), ["Cases", "Report", "ban", "help"]);
    let options = json!({
        "target": community.bo.id(), "other": community.staff, "role": community.staff, "where": community.general,
    });
    olive.run("ban", options).expect("a command");
    let data = client.event("INTERACTION_CREATE").await["data"].clone();
    let resolved = &data["resolved"];
    assert_eq!(resolved["users"][community.bo.id().to_string()]["username"], "bo");
    assert!(resolved["members"][community.bo.id().to_string()]["joined_at"].is_string());
    assert_eq!(resolved["roles"][community.staff.to_string()]["name"], "staff");
    assert_eq!(resolved["channels"][community.general.to_string()]["name"], "general");
    let written = community.bo.in_channel(community.general).send_message("spam").expect("a message");
    anna.run_on_message("Report", written).expect("a command");
    let data = client.event("INTERACTION_CREATE").await["data"].clone();
    assert_eq!(data["resolved"]["messages"][written.to_string()]["author"]["username"], "bo");

    // Staff open the command to everybody, and a time-out closes all of them.
    let commands = community.app.commands();
    let command = commands.iter().find(|command| command["name"] == "ban").expect("the command");
    let everybody = guildhall_sim::RoleId(community.guild.id().0);
    let number = command["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    community.olive.in_guild(community.guild.id()).rule_command(number, everybody, true).expect("an owner");
    assert_eq!(anna.offered_commands(), ["Report", "ban", "help"]);
    let update = client.event("APPLICATION_COMMAND_PERMISSIONS_UPDATE").await;
    assert_eq!(update["permissions"], json!([{"id": everybody, "type": 1, "permission": true}]));
    let path = format!("/applications/{}/guilds/{}/commands", community.app.id(), community.guild.id());
    assert_eq!(rest.get(&format!("{path}/permissions")).await.1[0]["id"], command["id"]);
    assert_eq!(
        rest.get(&format!("{path}/{number}/permissions")).await.1["permissions"],
        update["permissions"]
    );
    assert_eq!(rest.get(&format!("{path}/5/permissions")).await.1["code"], 10066);
    let until = time::OffsetDateTime::now_utc() + Duration::from_secs(60);
    community
        .olive
        .in_guild(community.guild.id())
        .time_out(community.anna.id(), Some(until))
        .expect("an owner");
    assert!(anna.offered_commands().is_empty());
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}
