//! The page at `/`: choose a user and a channel, read what that user sees, press buttons, type messages and commands.
//! Rendered here, with a small script that posts to the control API and redraws when something changes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

use crate::id::{ChannelId, UserId};
use crate::shared::Shared;
use crate::user::{ChannelView, User};
use crate::world::message::Message;
use crate::world::text::walk;

const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

pub(crate) fn show(shared: &Arc<Shared>, query: &BTreeMap<String, String>) -> Response {
    let people: Vec<(UserId, String)> = shared.read(|world| {
        world.users.values().filter(|user| !user.bot).map(|user| (user.id, user.name.clone())).collect()
    });
    let asked: Option<UserId> = query.get("user").and_then(|id| id.parse().ok());
    let chosen = asked.filter(|id| people.iter().any(|(known, _)| known == id));
    let chosen = chosen.or_else(|| people.first().map(|(id, _)| *id));
    let mut html = String::from("<aside>");
    let mut main =
        String::from("<p>There is nobody here yet. Add people with <code>POST /sim/users</code>.</p>");
    if let Some(id) = chosen {
        let user = User { shared: Arc::clone(shared), id };
        let channels = user.channels();
        let asked: Option<ChannelId> = query.get("channel").and_then(|id| id.parse().ok());
        let channel = asked
            .and_then(|id| channels.iter().find(|channel| channel.id == id))
            .or_else(|| channels.iter().find(|channel| channel.kind != 4));
        sidebar(&mut html, &people, id, &channels, channel.map(|channel| channel.id));
        main = match channel {
            Some(channel) => conversation(&user, channel),
            None => "<p>This user sees no channel.</p>".into(),
        };
    }
    let _ = write!(html, "</aside><main>{main}</main>");
    let nonce = hex::encode(rand::random::<[u8; 16]>());
    let version = shared.version();
    let document = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Stand-in Discord</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style nonce=\"{nonce}\">{STYLE}</style></head>\
         <body data-version=\"{version}\"><div id=\"all\">{html}</div>\
         <script nonce=\"{nonce}\">{SCRIPT}</script></body></html>"
    );
    // What bots and users wrote is escaped; should something slip through, it still may not run.
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store".into())];
    (headers, Html(document)).into_response()
}

/// Text made safe for HTML, in attributes too.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

fn sidebar(
    html: &mut String,
    people: &[(UserId, String)],
    user: UserId,
    channels: &[ChannelView],
    current: Option<ChannelId>,
) {
    html.push_str("<h2>You are</h2><ul>");
    let place = current.map(|id| format!("&amp;channel={id}")).unwrap_or_default();
    for (id, name) in people {
        let mark = if *id == user { " class=\"here\"" } else { "" };
        let _ = write!(html, "<li><a{mark} href=\"/?user={id}{place}\">{}</a></li>", escape(name));
    }
    html.push_str("</ul><h2>Channels</h2><ul>");
    let top = channels.iter().filter(|channel| !(10..=12).contains(&channel.kind));
    for channel in top {
        link(html, user, channel, current);
        let threads = channels.iter().filter(|thread| thread.parent == Some(channel.id) && thread.kind >= 10);
        for thread in threads.filter(|thread| (10..=12).contains(&thread.kind)) {
            link(html, user, thread, current);
        }
    }
    html.push_str("</ul>");
}

fn link(html: &mut String, user: UserId, channel: &ChannelView, current: Option<ChannelId>) {
    let (sign, class) = match channel.kind {
        1 => ("@", ""),
        10..=12 => ("↳ ", "thread "),
        _ => ("#", ""),
    };
    let here = if current == Some(channel.id) { "here" } else { "" };
    let closed = if channel.archived { " (archived)" } else { "" };
    let _ = write!(
        html,
        "<li class=\"{class}\"><a class=\"{here}\" href=\"/?user={user}&amp;channel={}\">{sign}{}{closed}</a></li>",
        channel.id,
        escape(&channel.name),
    );
}

fn conversation(user: &User, channel: &ChannelView) -> String {
    let place = user.in_channel(channel.id);
    let mut html = format!(
        "<h1>{}</h1><section id=\"messages\" data-user=\"{}\" data-channel=\"{}\">",
        escape(&channel.name),
        user.id(),
        channel.id,
    );
    for message in place.visible_messages() {
        write_message(&mut html, &message);
    }
    html.push_str(
        "</section><form id=\"say\"><input name=\"line\" autocomplete=\"off\" maxlength=\"2000\" \
         placeholder=\"A message, or a command such as /server start server:survival\"><button>Send</button>\
         <output id=\"error\"></output></form>",
    );
    html
}

fn write_message(html: &mut String, message: &Message) {
    let class = if message.is_ephemeral() { " class=\"ephemeral\"" } else { "" };
    let bot = if message.by_bot { " <small>APP</small>" } else { "" };
    let note = if message.is_ephemeral() { " <small>only you can see this</small>" } else { "" };
    let edited = if message.edited_at.is_some() { " <small>(edited)</small>" } else { "" };
    let _ = write!(
        html,
        "<article{class} data-message=\"{}\"><b>{}</b>{bot}{note}{edited}<p>{}</p>",
        message.id,
        escape(&message.author_name),
        escape(&message.text()),
    );
    for button in message.buttons() {
        let label = escape(&button.label);
        let _ = match (&button.url, &button.custom_id) {
            (Some(url), _) => write!(html, "<a rel=\"noreferrer\" href=\"{}\">{label}</a> ", escape(url)),
            (None, Some(id)) => {
                let disabled = if button.disabled { " disabled" } else { "" };
                let (id, style) = (escape(id), button.style);
                write!(html, "<button class=\"style{style}\" data-press=\"{id}\"{disabled}>{label}</button> ")
            }
            (None, None) => Ok(()),
        };
    }
    walk(&message.components, &mut |component| {
        let Some(options) = component["options"].as_array() else { return };
        let id = component["custom_id"].as_str().unwrap_or_default();
        let _ = write!(html, "<select data-select=\"{}\"><option value=\"\">choose…</option>", escape(id));
        for option in options {
            let value = option["value"].as_str().unwrap_or_default();
            let label = option["label"].as_str().unwrap_or_default();
            let _ = write!(html, "<option value=\"{}\">{}</option>", escape(value), escape(label));
        }
        html.push_str("</select>");
    });
    html.push_str("</article>");
}
