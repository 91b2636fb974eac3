//! `guildhall sim`: the stand-in Discord alone, for trying a bot or Guildhall itself against it.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use clap::{Arg, ArgMatches, Command, value_parser};
use guildhall_core::{Clock as _, SystemClock};
use guildhall_sim::{App, Permissions, Sim, SimConfig};
use serde_json::json;

use crate::command_line::Trouble;

/// How often an address for interactions that does not answer yet is asked.
const AGAIN: Duration = Duration::from_secs(1);

/// The `sim` command.
pub fn command() -> Command {
    Command::new("sim")
        .about("Run the stand-in Discord: a guild, its owner, staff and a member, and an application")
        .arg(
            Arg::new("listen")
                .long("listen")
                .default_value("127.0.0.1:8900")
                .value_parser(value_parser!(SocketAddr))
                .help("Where REST, gateway and the page to click on are"),
        )
        .arg(
            Arg::new("interactions").long("interactions").value_name("URL").help(
                "Where interactions are sent to, as soon as that answers; over the gateway when not given",
            ),
        )
}

/// Runs it until Ctrl-C.
pub async fn run(matches: &ArgMatches) -> Result<(), Trouble> {
    let mut config = SimConfig::default();
    if let Some(listen) = matches.get_one::<SocketAddr>("listen") {
        config.listen = *listen;
    }
    let sim = Sim::start(config).await?;
    let olive = sim.user("olive");
    let ada = sim.user("ada");
    let ben = sim.user("ben");
    let guild = sim.guild("Community", &olive);
    let channel = guild.channel("game-servers");
    let moderation = Permissions::MODERATE_MEMBERS | Permissions::KICK_MEMBERS | Permissions::BAN_MEMBERS;
    let staff = guild.role("staff", Permissions::MANAGE_GUILD | moderation);
    guild.join(&ada, &[staff]);
    guild.join(&ben, &[]);
    let app = sim.application("Guildhall", &olive);
    guild.install_with(&app, Permissions::ADMINISTRATOR);
    let mut out = io::stdout();
    if matches.get_flag("json") {
        let discord = json!({
            "application_id": app.id().0, "public_key": app.public_key(), "token": app.token(),
            "api_url": sim.rest_base(), "gateway": true, "gateway_url": sim.gateway_url(),
        });
        let community = json!({
            "tenant": "community", "guild": guild.id().0, "channel": channel.0, "admin_roles": [staff.0],
        });
        let configuration = json!({"discord": discord, "communities": [community]});
        writeln!(out, "{}", json!({"page": sim.rest_base(), "configuration": configuration}))?;
    } else {
        writeln!(
            out,
            "The stand-in Discord runs at {}; open it in a browser to act as somebody.\n",
            sim.rest_base()
        )?;
        writeln!(out, "[discord]\napplication_id = {}\npublic_key = \"{}\"", app.id(), app.public_key())?;
        writeln!(out, "token = \"{}\"\napi_url = \"{}\"", app.token(), sim.rest_base())?;
        writeln!(out, "gateway = true\ngateway_url = \"{}\"\n", sim.gateway_url())?;
        writeln!(
            out,
            "[[communities]]\ntenant = \"community\"\nguild = {}\nchannel = {channel}",
            guild.id()
        )?;
        writeln!(
            out,
            "admin_roles = [{staff}]\n\nolive owns the guild, ada is staff, ben is a member. Ctrl-C ends it."
        )?;
    }
    out.flush()?;
    let as_json = matches.get_flag("json");
    let send = async {
        if let Some(url) = matches.get_one::<String>("interactions") {
            send_interactions(&app, url, as_json).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        () = send => {}
    }
    sim.shutdown().await;
    Ok(())
}

/// Sends interactions to `url` as soon as it answers as Discord wants it. Whoever is there needs the key that was
/// only just printed, so it is asked until it knows that, or until Ctrl-C.
async fn send_interactions(app: &App, url: &str, as_json: bool) {
    let mut last = String::new();
    let tell = |state: &str, text: &str| {
        // Whoever does not read it sees on the page that commands are not answered.
        let _ = match as_json {
            true => writeln!(
                io::stdout(),
                "{}",
                json!({"interactions": {"url": url, "state": state, "why": text}})
            ),
            false => writeln!(io::stderr(), "{text}"),
        };
    };
    while let Err(refused) = app.set_interactions_url(Some(url)).await {
        let why = refused.to_string();
        if why != last {
            tell(
                "waiting",
                &format!("{why}. It is asked again every second; start Guildhall with the lines above."),
            );
            last = why;
        }
        SystemClock.sleep(AGAIN).await;
    }
    tell("sent", &format!("Interactions go to {url}."));
}
