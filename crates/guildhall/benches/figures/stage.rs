//! A community on the stand-in Discord, and the lines of Guildhall's configuration for it.

use guildhall_sim::{App, ChannelId, Guild, Permissions, RoleId, Sim, SimConfig, User};

/// The community.
pub struct Stage {
    pub sim: Sim,
    pub guild: Guild,
    pub owner: User,
    pub general: ChannelId,
    pub moderators: RoleId,
}

impl Stage {
    /// A guild with a channel and a role for moderators.
    pub async fn new() -> Self {
        let sim =
            Sim::start(SimConfig { log_capacity: 0, ..SimConfig::default() }).await.expect("the stand-in");
        let owner = sim.user("olive");
        let guild = sim.guild("Community", &owner);
        let general = guild.channel("general");
        // Discord offers commands by its own permissions.
        let moderators = guild.role("moderators", Permissions::MODERATE_MEMBERS | Permissions::KICK_MEMBERS);
        Self { sim, guild, owner, general, moderators }
    }

    /// An application whose bot is in the guild.
    pub fn app(&self, name: &str) -> App {
        let app = self.sim.application(name, &self.owner);
        self.guild.install(&app);
        app
    }

    /// So many people with these roles.
    pub fn people(&self, name: &str, count: usize, roles: &[RoleId]) -> Vec<User> {
        let person = |number| {
            let user = self.sim.user(&format!("{name}-{number}"));
            self.guild.join(&user, roles);
            user
        };
        (0..count).map(person).collect()
    }

    /// What makes Guildhall this application, here and in every other guild.
    pub fn configuration(&self, app: &App) -> String {
        format!(
            "[discord]\napplication_id = {}\npublic_key = \"{}\"\ntoken = \"{}\"\napi_url = \"{}\"\ngateway = true\n\
             open = true\n[[communities]]\ntenant = \"community\"\nguild = {}\nchannel = {}\nmoderator_roles = [{}]\n",
            app.id(),
            app.public_key(),
            app.token(),
            self.sim.rest_base(),
            self.guild.id(),
            self.general,
            self.moderators,
        )
    }
}
