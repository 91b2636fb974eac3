//! Moderating by REST: permissions, the hierarchy of roles, bans, timeouts, overwrites, and the audit log of it all.

mod support;

use std::time::Duration;

use guildhall_sim::{Permissions, RoleId};
use serde_json::{Value, json};
use support::{Community, check_conformance, mistakes};
use time::format_description::well_known::Rfc3339;

fn code(answer: &(u16, Value)) -> (u16, u64) {
    (answer.0, answer.1["code"].as_u64().unwrap_or_default())
}

fn parse<T: std::str::FromStr>(value: &Value) -> T
where
    T::Err: std::fmt::Debug,
{
    value["id"].as_str().expect("an id").parse().expect("a snowflake")
}

#[tokio::test]
async fn nobody_acts_on_those_at_or_above_their_own_role() {
    let community = Community::new().await;
    let rest = community.rest();
    let guild = format!("/guilds/{}", community.guild.id());
    let bot_role = community.guild.bot_role(&community.app).expect("a managed role");
    community.guild.join(&community.anna, &[community.staff]);
    let anna = format!("{guild}/members/{}", community.anna.id());
    let ban = format!("{guild}/bans/{}", community.anna.id());

    // The bot's role lies below that of the staff: nothing works on Anna, everything on Bo.
    community.guild.place_role(bot_role, 1);
    assert!(community.guild.role_position(community.staff) > community.guild.role_position(bot_role));
    let until = (time::OffsetDateTime::now_utc() + Duration::from_secs(60)).format(&Rfc3339).expect("a time");
    for (method, path, body) in [
        ("PATCH", anna.clone(), json!({"nick": "x"})),
        ("PATCH", anna.clone(), json!({"communication_disabled_until": until})),
        ("PATCH", anna.clone(), json!({"roles": []})),
        ("DELETE", anna.clone(), Value::Null),
        ("PUT", ban.clone(), json!({})),
        ("PUT", format!("{anna}/roles/{}", community.staff), Value::Null),
        ("DELETE", format!("{anna}/roles/{}", community.staff), Value::Null),
        ("PATCH", format!("{guild}/roles/{}", community.staff), json!({"name": "x"})),
        ("DELETE", format!("{guild}/roles/{}", community.staff), Value::Null),
        ("PATCH", format!("{guild}/members/{}", community.olive.id()), json!({"nick": "x"})),
        ("PUT", format!("{guild}/bans/{}", community.olive.id()), json!({})),
        ("PUT", format!("{guild}/bans/{}", community.app.bot()), json!({})),
    ] {
        assert_eq!(code(&rest.call(method, &path, Some(body)).await), (403, 50013), "{method} {path}");
    }
    let bo = format!("{guild}/members/{}", community.bo.id());
    assert_eq!(rest.call("PATCH", &bo, Some(json!({"communication_disabled_until": until}))).await.0, 200);

    // Above the staff everything works, but for administrators in timeout.
    community.guild.place_role(bot_role, 10);
    assert_eq!(rest.call("PATCH", &anna, Some(json!({"nick": "Annie"}))).await.0, 200);
    let administrators = community.guild.role("administrators", Permissions::ADMINISTRATOR);
    community.guild.join(&community.anna, &[administrators]);
    let timeout = json!({"communication_disabled_until": until});
    assert_eq!(code(&rest.call("PATCH", &anna, Some(timeout)).await), (403, 50013), "administrators");
    assert_eq!(rest.call("PUT", &ban, Some(json!({}))).await.0, 204);
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn bans_have_reasons_and_delete_what_was_written() {
    let community = Community::new().await;
    let rest = community.rest();
    let guild = format!("/guilds/{}", community.guild.id());
    let here = community.bo.in_channel(community.general);
    for n in 0..3 {
        here.send_message(&format!("spam {n}")).expect("a message");
    }
    community.anna.in_channel(community.general).send_message("hello").expect("a message");
    let ban = format!("{guild}/bans/{}", community.bo.id());
    let deleting = Some(json!({"delete_message_seconds": 3600}));
    assert_eq!(rest.call_because("PUT", &ban, deleting, "spam%20and%20more").await.0, 204);
    let left = community.anna.in_channel(community.general).visible_messages();
    assert_eq!(left.iter().map(|m| m.content.as_str()).collect::<Vec<_>>(), ["hello"]);
    assert_eq!(rest.get(&ban).await.1["reason"], "spam and more");
    assert_eq!(rest.call("PUT", &ban, Some(json!({}))).await.0, 204, "again is no mistake");
    assert_eq!(
        community.guild.bans(),
        [(community.bo.id(), Some("spam and more".into()))],
        "but changes nothing"
    );
    assert_eq!(rest.get(&format!("{guild}/bans")).await.1[0]["user"]["username"], "bo");
    assert_eq!(code(&rest.get(&format!("{guild}/bans/{}", community.anna.id())).await), (404, 10026));
    assert_eq!(code(&rest.call("PUT", &format!("{guild}/bans/5"), Some(json!({}))).await), (404, 10013));
    let long = rest.call_because("PUT", &ban, None, &"x".repeat(513)).await;
    assert_eq!(mistakes(&long.1), [("reason".to_owned(), "BASE_TYPE_MAX_LENGTH".to_owned())]);
    let week = rest.call("PUT", &ban, Some(json!({"delete_message_seconds": 604_801}))).await;
    assert_eq!(mistakes(&week.1)[0].1, "NUMBER_TYPE_MAX");

    let raiders: Vec<_> = (0..3).map(|n| community.sim.user(&format!("raider-{n}"))).collect();
    raiders.iter().for_each(|raider| community.guild.join(raider, &[]));
    let mut ids: Vec<String> = raiders.iter().map(|raider| raider.id().to_string()).collect();
    ids.push(community.olive.id().to_string());
    let bulk = format!("{guild}/bulk-ban");
    let (status, answer) = rest.post(&bulk, json!({"user_ids": ids})).await;
    assert_eq!((status, answer["banned_users"].as_array().map(Vec::len)), (200, Some(3)));
    assert_eq!(answer["failed_users"], json!([community.olive.id()]), "nobody bans the owner");
    assert_eq!(code(&rest.post(&bulk, json!({"user_ids": ids})).await), (400, 500_000));
    assert_eq!(rest.call("DELETE", &ban, None).await.0, 204);
    assert_eq!(code(&rest.call("DELETE", &ban, None).await), (404, 10026));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn a_timeout_silences_and_ends() {
    let community = Community::new().await;
    let rest = community.rest();
    let member = format!("/guilds/{}/members/{}", community.guild.id(), community.anna.id());
    let here = community.anna.in_channel(community.general);
    let at = |seconds: i64| {
        (time::OffsetDateTime::now_utc() + time::Duration::seconds(seconds)).format(&Rfc3339).expect("a time")
    };
    let too_long = json!({"communication_disabled_until": at(28 * 86_400 + 60)});
    assert_eq!(
        mistakes(&rest.call("PATCH", &member, Some(too_long)).await.1)[0].0,
        "communication_disabled_until"
    );
    let (_, changed) =
        rest.call("PATCH", &member, Some(json!({"communication_disabled_until": at(600)}))).await;
    assert!(changed["communication_disabled_until"].is_string());
    assert!(here.send_message("let me").is_err());
    assert_eq!(here.permissions(), Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY);
    community.sim.advance(Duration::from_secs(601));
    assert!(here.send_message("thanks").is_ok(), "over");
    rest.call("PATCH", &member, Some(json!({"communication_disabled_until": at(3600)}))).await;
    rest.call("PATCH", &member, Some(json!({"communication_disabled_until": null}))).await;
    assert!(here.send_message("early").is_ok(), "ended by hand");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn roles_are_given_moved_and_never_more_than_one_has() {
    let community = Community::new().await;
    let rest = community.rest();
    let guild = format!("/guilds/{}", community.guild.id());
    let roles = format!("{guild}/roles");
    let (_, jailed) = rest.post(&roles, json!({"name": "jailed", "permissions": "0"})).await;
    assert_eq!(jailed["position"], 1);
    let administrator = json!({"name": "x", "permissions": Permissions::ADMINISTRATOR.0.to_string()});
    assert_eq!(code(&rest.post(&roles, administrator.clone()).await), (403, 50013));
    let path = format!("{roles}/{}", parse::<RoleId>(&jailed));
    assert_eq!(code(&rest.call("PATCH", &path, Some(administrator)).await), (403, 50013));
    assert_eq!(rest.call("PATCH", &path, Some(json!({"name": "in jail"}))).await.1["name"], "in jail");

    let move_up = json!([{"id": jailed["id"], "position": 2}]);
    assert_eq!(rest.call("PATCH", &roles, Some(move_up)).await.0, 200);
    assert_eq!(community.guild.role_position(parse(&jailed)), Some(2));
    let above_itself = json!([{"id": jailed["id"], "position": 9}]);
    assert_eq!(code(&rest.call("PATCH", &roles, Some(above_itself)).await), (403, 50013));
    assert_eq!(community.guild.role_position(parse(&jailed)), Some(2), "nothing moved");

    let member = format!("{guild}/members/{}", community.anna.id());
    let bot_role = community.guild.bot_role(&community.app).expect("a managed role");
    assert_eq!(code(&rest.call("PUT", &format!("{member}/roles/{bot_role}"), None).await), (403, 50013));
    assert_eq!(code(&rest.call("PUT", &format!("{member}/roles/5"), None).await), (404, 10011));
    let stranger = community.sim.user("stranger");
    let outside = format!("{guild}/members/{}/roles/{}", stranger.id(), parse::<RoleId>(&jailed));
    assert_eq!(code(&rest.call("PUT", &outside, None).await), (404, 10007));
    assert_eq!(code(&rest.get(&format!("{guild}/members/5")).await), (404, 10013));
    let both = json!({"roles": [jailed["id"], community.staff]});
    assert_eq!(rest.call("PATCH", &member, Some(both)).await.1["roles"].as_array().map(Vec::len), Some(2));
    assert_eq!(rest.get(&format!("{roles}/member-counts")).await.1[jailed["id"].as_str().expect("an id")], 1);
    assert_eq!(rest.call("DELETE", &path, None).await.0, 204);
    assert_eq!(community.guild.roles_of(community.anna.id()), Some(vec![community.staff]));
    assert_eq!(code(&rest.call("DELETE", &format!("{roles}/{bot_role}"), None).await), (400, 50028));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn channels_are_locked_slowed_and_hidden() {
    let community = Community::new().await;
    let rest = community.rest();
    let guild = format!("/guilds/{}", community.guild.id());
    let channel = format!("/channels/{}", community.general);
    let everyone = format!("{channel}/permissions/{}", community.guild.id());
    let here = community.anna.in_channel(community.general);
    let lock = json!({"type": 0, "allow": "0", "deny": Permissions::SEND_MESSAGES.0.to_string()});
    assert_eq!(rest.call("PUT", &everyone, Some(lock)).await.0, 204);
    assert!(here.send_message("hello").is_err(), "locked");
    assert_eq!(community.guild.overwrites(community.general)[0].deny, Permissions::SEND_MESSAGES);
    assert_eq!(rest.call("DELETE", &everyone, None).await.0, 204);
    assert_eq!(code(&rest.call("DELETE", &everyone, None).await), (404, 10009));
    assert!(here.send_message("hello").is_ok());
    let more = json!({"type": 0, "allow": Permissions::MENTION_EVERYONE.0.to_string()});
    assert_eq!(code(&rest.call("PUT", &everyone, Some(more)).await), (403, 50013), "what the bot has not");
    let manage = json!({"type": 0, "allow": Permissions::MANAGE_ROLES.0.to_string()});
    assert_eq!(code(&rest.call("PUT", &everyone, Some(manage)).await), (403, 50013), "administrators only");

    rest.call("PATCH", &channel, Some(json!({"rate_limit_per_user": 30}))).await;
    here.send_message("one").expect("a message");
    assert!(matches!(here.send_message("two"), Err(guildhall_sim::ActError::SlowMode(_))));
    community.olive.in_channel(community.general).send_message("a").expect("staff");
    community.olive.in_channel(community.general).send_message("b").expect("staff is not slowed");
    community.sim.advance(Duration::from_secs(31));
    here.send_message("two").expect("a message");

    let (_, category) = rest
        .post(
            &format!("{guild}/channels"),
            json!({"name": "Staff", "type": 4, "permission_overwrites": [
                {"id": community.guild.id(), "type": 0, "deny": Permissions::VIEW_CHANNEL.0.to_string()},
                {"id": community.app.bot(), "type": 1, "allow": Permissions::VIEW_CHANNEL.0.to_string()},
            ]}),
        )
        .await;
    let inside = json!({"name": "mod log", "parent_id": category["id"]});
    let (status, made) = rest.post(&format!("{guild}/channels"), inside).await;
    assert_eq!((status, &made["name"]), (201, &json!("mod-log")));
    assert_eq!(made["permission_overwrites"].as_array().map(Vec::len), Some(2), "as its category");
    let seen: Vec<String> = community.anna.channels().into_iter().map(|view| view.name).collect();
    assert!(!seen.contains(&"mod-log".to_owned()));
    let moved = json!([{"id": made["id"], "position": 0, "parent_id": null}]);
    assert_eq!(rest.call("PATCH", &format!("{guild}/channels"), Some(moved)).await.0, 204);
    let gone = format!("/channels/{}", made["id"].as_str().expect("an id"));
    assert_eq!(rest.call("DELETE", &gone, None).await.0, 200);
    assert_eq!(code(&rest.post(&format!("{gone}/messages"), json!({"content": "x"})).await), (404, 10003));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn old_messages_go_one_by_one_and_young_ones_together() {
    let community = Community::new().await;
    let rest = community.rest();
    let path = format!("/channels/{}/messages", community.general);
    let here = community.anna.in_channel(community.general);
    let old = here.send_message("old").expect("a message");
    community.sim.advance(Duration::from_secs(15 * 86_400));
    let young: Vec<_> = (0..3).map(|_| here.send_message("young").expect("a message")).collect();
    let bulk = format!("{path}/bulk-delete");
    assert_eq!(code(&rest.post(&bulk, json!({"messages": [old, young[0]]})).await), (400, 50034));
    assert_eq!(here.visible_messages().len(), 4, "nothing was deleted");
    assert_eq!(rest.post(&bulk, json!({"messages": [young[0], young[1]]})).await.0, 204);
    assert_eq!(rest.call_because("DELETE", &format!("{path}/{old}"), None, "too%20old").await.0, 204);
    assert_eq!(here.visible_messages().len(), 1);
    assert_eq!(code(&rest.call("DELETE", &format!("{path}/{old}"), None).await), (404, 10008));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_and_why() {
    let community = Community::new().await;
    let rest = community.rest();
    let guild = format!("/guilds/{}", community.guild.id());
    let member = format!("{guild}/members/{}", community.anna.id());
    rest.call_because("PATCH", &member, Some(json!({"nick": "Annie"})), "rename").await;
    rest.call_because("PUT", &format!("{member}/roles/{}", community.staff), None, "promoted").await;
    rest.call_because("DELETE", &member, None, "gone%20%C3%BCberall").await;
    let ban = format!("{guild}/bans/{}", community.anna.id());
    rest.call_because("PUT", &ban, Some(json!({})), "and banned").await;
    community
        .olive
        .in_guild(community.guild.id())
        .unban(community.anna.id(), Some("by hand"))
        .expect("an owner");
    let (_, log) = rest.get(&format!("{guild}/audit-logs?limit=5")).await;
    let entries: Vec<(u64, &str, &str)> = log["audit_log_entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default();
            (entry["action_type"].as_u64().unwrap_or_default(), text("user_id"), text("reason"))
        })
        .collect();
    let (bot, olive) = (community.app.bot().to_string(), community.olive.id().to_string());
    assert_eq!(
        entries,
        [
            (23, olive.as_str(), "by hand"),
            (22, &bot, "and banned"),
            (20, &bot, "gone überall"),
            (25, &bot, "promoted"),
            (24, &bot, "rename"),
        ]
    );
    let (_, kicks) = rest.get(&format!("{guild}/audit-logs?action_type=20")).await;
    assert_eq!(kicks["audit_log_entries"].as_array().map(Vec::len), Some(1));
    assert!(log["users"].as_array().is_some_and(|users| users.iter().any(|user| user["username"] == "anna")));
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}

#[tokio::test]
async fn closed_doors_and_strangers_get_no_direct_messages() {
    let community = Community::new().await;
    let rest = community.rest();
    let open = json!({"recipient_id": community.anna.id()});
    let (_, channel) = rest.post("/users/@me/channels", open).await;
    let path = format!("/channels/{}/messages", channel["id"].as_str().expect("an id"));
    assert_eq!(rest.post(&path, json!({"content": "hello"})).await.0, 200);
    community.anna.take_direct_messages(false);
    assert_eq!(code(&rest.post(&path, json!({"content": "hello"})).await), (403, 50007));
    community.anna.take_direct_messages(true);
    community.anna.in_guild(community.guild.id()).leave();
    assert_eq!(code(&rest.post(&path, json!({"content": "hello"})).await), (403, 50007), "no guild together");
    let inbox = community.anna.inbox();
    assert_eq!(inbox[0].visible_messages()[0].text(), "hello", "what came before can still be read");
    assert_eq!(check_conformance(&community.sim), Vec::<String>::new());
}
