//! Messages to test with.

use guildhall_recipes::Recipe;

/// A recipe with a little of everything.
pub(crate) fn sample_recipe() -> Recipe {
    serde_json::from_value(serde_json::json!({
        "format": 1,
        "name": "sample",
        "title": "Sample",
        "summary": "A game that is none.",
        "variables": { "motd": { "description": "What it says.", "type": "text", "default": "hello" } },
        "ports": { "game": { "protocol": "tcp", "default": 25565 } },
        "install": [{ "step": "npm", "package": "sample", "version": "1.0.0" }],
        "files": [{ "path": "server.properties", "format": "properties", "values": { "motd": "{var.motd}" } }],
        "start": { "command": ["node", "server.js"] },
        "ready": { "within": "60s", "log": "Done" },
        "stop": { "command": "stop" }
    }))
    .unwrap()
}
