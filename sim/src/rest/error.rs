//! Discord's errors: an HTTP status, a JSON code, a message, and for a bad form the tree of what is wrong where.

use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: u64,
    pub(crate) message: String,
    pub(crate) errors: Option<Value>,
}

macro_rules! errors {
    ($($name:ident = $status:literal, $code:literal, $message:literal;)*) => {
        impl ApiError {
            $(pub(crate) fn $name() -> Self {
                Self { status: $status, code: $code, message: $message.into(), errors: None }
            })*
        }
    };
}

errors! {
    unauthorized = 401, 0, "401: Unauthorized";
    not_found = 404, 0, "404: Not Found";
    method_not_allowed = 405, 0, "405: Method Not Allowed";
    unknown_application = 404, 10002, "Unknown Application";
    unknown_channel = 404, 10003, "Unknown Channel";
    unknown_invite = 404, 10006, "Unknown Invite";
    unknown_guild = 404, 10004, "Unknown Guild";
    unknown_member = 404, 10007, "Unknown Member";
    unknown_message = 404, 10008, "Unknown Message";
    unknown_overwrite = 404, 10009, "Unknown Overwrite";
    unknown_role = 404, 10011, "Unknown Role";
    unknown_user = 404, 10013, "Unknown User";
    unknown_webhook = 404, 10015, "Unknown Webhook";
    unknown_ban = 404, 10026, "Unknown Ban";
    unknown_interaction = 404, 10062, "Unknown interaction";
    unknown_command = 404, 10063, "Unknown application command";
    unknown_voice_state = 404, 10065, "Unknown Voice State";
    unknown_command_permissions = 404, 10066, "Unknown application command permissions";
    bots_cannot = 403, 20001, "Bots cannot use this endpoint";
    too_many_roles = 400, 30005, "Maximum number of guild roles reached (250)";
    too_many_channels = 400, 30013, "Maximum number of guild channels reached (500)";
    too_many_invites = 400, 30016, "Maximum number of invites reached (1000)";
    too_large = 413, 40005, "Request entity too large";
    banned_from_guild = 403, 40007, "The user is banned from this guild.";
    not_in_voice = 400, 40032, "Target user is not connected to voice.";
    already_acknowledged = 400, 40060, "Interaction has already been acknowledged.";
    invalid_api_version = 400, 50041, "Invalid API version provided";
    missing_access = 403, 50001, "Missing Access";
    not_in_dm = 400, 50003, "Cannot execute action on a DM channel";
    not_your_message = 403, 50005, "Cannot edit a message authored by another user";
    empty_message = 400, 50006, "Cannot send an empty message";
    cannot_write_to_user = 403, 50007, "Cannot send messages to this user";
    not_a_text_channel = 400, 50008, "Cannot send messages in a non-text channel";
    missing_permissions = 403, 50013, "Missing Permissions";
    wrong_channel_type = 400, 50024, "Cannot execute action on this channel type";
    invalid_webhook_token = 401, 50027, "Invalid Webhook Token";
    invalid_role = 400, 50028, "Invalid Role";
    too_old_to_bulk_delete = 400, 50034, "You can only bulk delete messages that are under 14 days old.";
    thread_archived = 400, 50083, "Thread is archived";
    nobody_banned = 400, 500_000, "Failed to ban users";
    invalid_json = 400, 50109, "The request body contains invalid JSON.";
    thread_exists = 400, 160004, "A thread has already been created for this message";
    thread_locked = 403, 160005, "Thread is locked";
}

impl ApiError {
    /// 50035 with one problem at one place.
    pub(crate) fn form(path: &[&str], code: &str, message: &str) -> Self {
        let leaf = json!({"_errors": [{"code": code, "message": message}]});
        let errors = path.iter().rev().fold(leaf, |inner, key| json!({ *key: inner }));
        Self::invalid_form(errors)
    }

    pub(crate) fn invalid_form(errors: Value) -> Self {
        Self { status: 400, code: 50035, message: "Invalid Form Body".into(), errors: Some(errors) }
    }

    /// A path parameter that is no snowflake.
    pub(crate) fn not_a_snowflake(parameter: &str, value: &str) -> Self {
        let shown: String = value.chars().take(100).collect();
        Self::form(&[parameter], "NUMBER_TYPE_COERCE", &format!("Value \"{shown}\" is not snowflake."))
    }

    pub(crate) fn json(&self) -> Value {
        let mut json = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            json["errors"] = errors.clone();
        }
        json
    }
}
