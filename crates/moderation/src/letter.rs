//! What people are told of what was done to them.

use guildhall_core::{
    Action, Document, Error, Kind, Rich, TenantId, Tone, document::Style, guild::Delivery, setting,
};
use guildhall_flows::StepError;
use serde_json::json;

use crate::{
    Moderation,
    case::{CaseKind, Told},
    entity::case,
    setting::{APPEAL_TEXT, APPEALS, DM, JAIL_CHANNEL},
};

impl Moderation {
    /// Tells the person, unless they are not to be told, and keeps how that went.
    pub(crate) async fn tell(&self, tenant: &TenantId, number: i64) -> Result<(), StepError> {
        let row = self.case(tenant, number).await?;
        let Some(user) = row.user().filter(|_| row.told.is_none()) else { return Ok(()) };
        if let Some(untold) = self.untold(tenant, row.silent).await? {
            self.keep_told(tenant, number, untold).await?;
            return Ok(());
        }
        let letter = self.letter(tenant, &row).await?;
        let sent = self.seams.courier.direct(tenant, user, &letter, &format!("dm-{number}")).await;
        let told = match &sent {
            Ok(Delivery::Delivered) => Told::Delivered,
            Ok(Delivery::Closed) => Told::Closed,
            Err(_) => Told::Failed,
        };
        match sent {
            // The case says that it failed while it is tried again; a later success replaces that.
            Err(error) if matches!(error.kind, Kind::Upstream | Kind::Limit) => Err(error.into()),
            _ => {
                self.keep_told(tenant, number, told).await?;
                Ok(())
            }
        }
    }

    /// That nobody is to tell the person, if it is so.
    pub(crate) async fn untold(&self, tenant: &TenantId, silent: bool) -> Result<Option<Told>, Error> {
        let tells = !silent && setting::get::<bool>(self.seams.settings.as_ref(), tenant, &DM).await?;
        Ok((!tells).then_some(Told::Silent))
    }

    async fn letter(&self, tenant: &TenantId, row: &case::Model) -> Result<Document, Error> {
        let settings = self.seams.settings.as_ref();
        let guild = self.seams.guilds.guild(tenant).await?;
        let what = match row.kind {
            CaseKind::Warn => "You were warned",
            CaseKind::Ban => "You were banned",
            CaseKind::Tempban => "You were banned for a time",
            CaseKind::Kick => "You were thrown out",
            CaseKind::Softban => "You were thrown out and your newest messages were deleted",
            CaseKind::Timeout => "You were put in timeout",
            CaseKind::Untimeout => "Your timeout was ended",
            CaseKind::Jail => "You were put in jail",
            CaseKind::Unjail => "You were let out of jail",
            _ => "Something was changed for you",
        };
        let kind_words = matches!(row.kind, CaseKind::Untimeout | CaseKind::Unjail);
        let tone = if kind_words { Tone::Good } else { Tone::Warning };
        let mut letter = Document::titled(format!("{what} on {}", guild.name)).tone(tone);
        let reason = if row.reason.is_empty() { "None was given." } else { &row.reason };
        letter = letter.field("Reason", reason);
        if let Some(end) = row.expires_at {
            letter = letter.field("Until", Rich::new().time(end.time()).text(" (").ago(end.time()).text(")"));
        }
        if row.kind == CaseKind::Jail
            && let Some(channel) = self.first_set(tenant, &[&JAIL_CHANNEL]).await?
            && let Some(channel) = guild.channel(channel)
        {
            letter = letter.field("Where you can write", format!("#{}", channel.name));
        }
        letter = letter.field("Case", row.number.to_string());
        if row.kind.appealable() && setting::get::<bool>(settings, tenant, &APPEALS).await? {
            let text: String = setting::get(settings, tenant, &APPEAL_TEXT).await?;
            if !text.trim().is_empty() {
                letter = letter.text(text);
            }
            let appeal = Action::new("Appeal", "appeal", json!({ "case": row.number }))
                .asking(&["text"])
                .style(Style::Primary);
            letter = letter.action(appeal);
        }
        Ok(letter)
    }
}
