//! `guildhall sim`: the stand-in Discord alone, for trying a bot or Guildhall itself against it.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
};

use clap::{Arg, ArgMatches, Command, value_parser};
use guildhall_sim::{Permissions, Sim, SimConfig};
use serde_json::json;

use crate::command_line::Trouble;

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
            Arg::new("interactions")
                .long("interactions")
                .value_name("URL")
                .help("Where interactions are sent to; over the gateway when not given"),
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
    if let Some(url) = matches.get_one::<String>("interactions") {
        app.set_interactions_url(Some(url)).await?;
    }
    tokio::signal::ctrl_c().await?;
    sim.shutdown().await;
    Ok(())
}
