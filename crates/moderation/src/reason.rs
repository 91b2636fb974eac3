//! Reasons with templates, and evidence: what moderators write, read and checked.

use std::{collections::BTreeMap, pin::Pin};

use guildhall_core::{Actor, Error, TenantId, guild::MessageLink, operation::Choice, setting, suggest};

use crate::{Moderation, book::short, case::Evidence, error::ModerationError, setting::REASONS};

/// The longest reason, in characters.
pub(crate) const LONGEST: usize = 2_000;
/// Pieces of evidence that one case takes.
pub(crate) const MOST_EVIDENCE: usize = 10;
/// The longest link, in characters.
const LONGEST_LINK: usize = 300;
/// The longest quote of a message, in characters.
pub(crate) const LONGEST_QUOTE: usize = 500;

impl Moderation {
    /// The templates of a community.
    pub(crate) async fn templates(&self, tenant: &TenantId) -> Result<BTreeMap<String, String>, Error> {
        setting::get(self.seams.settings.as_ref(), tenant, &REASONS).await
    }

    /// A reason as it is kept: templates filled in, control characters gone.
    pub(crate) async fn reason(
        &self,
        tenant: &TenantId,
        written: Option<&str>,
    ) -> Result<String, ModerationError> {
        let Some(written) = written.filter(|written| !written.trim().is_empty()) else {
            return Ok(String::new());
        };
        let templates = match written.contains('{') {
            true => self.templates(tenant).await?,
            false => BTreeMap::new(),
        };
        filled(written, &templates)
    }
}

/// Fills templates in. A reason that is nothing but `{name}` has to name one that exists; inside of other text
/// braces may be just braces.
pub(crate) fn filled(written: &str, templates: &BTreeMap<String, String>) -> Result<String, ModerationError> {
    let written = written.trim();
    let alone = written.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    if let Some(name) = alone.filter(|name| !name.contains(['{', '}']) && !templates.contains_key(*name)) {
        return Err(unknown(name, templates));
    }
    let mut text = String::new();
    let mut rest = written;
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let named = rest[1..].split_once('}').and_then(|(name, after)| Some((templates.get(name)?, after)));
        match named {
            Some((template, after)) => {
                text.push_str(template);
                rest = after;
            }
            None => {
                text.push('{');
                rest = &rest[1..];
            }
        }
        if text.len() > 16 * LONGEST {
            break;
        }
    }
    text.push_str(rest);
    let text = cleaned(&text);
    match text.chars().count() {
        length if length > LONGEST => Err(ModerationError::ReasonTooLong(length)),
        _ => Ok(text),
    }
}

/// There is no such template; the near ones are named, or some.
pub(crate) fn unknown(name: &str, templates: &BTreeMap<String, String>) -> ModerationError {
    let near = suggest::nearest(name, templates.keys().map(String::as_str), 3);
    let near = match near.is_empty() {
        true => templates.keys().take(10).map(String::as_str).collect::<Vec<_>>().join(", "),
        false => near.join(", "),
    };
    let near = if near.is_empty() { "none yet".to_owned() } else { near };
    ModerationError::NoReason { name: short(name, 64), near }
}

/// Text without control characters but the end of a line, and without blanks around it.
pub(crate) fn cleaned(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    text.trim().to_owned()
}

/// Links as evidence.
pub(crate) fn evidence(links: &[String]) -> Result<Vec<Evidence>, ModerationError> {
    let links: Vec<&str> = links
        .iter()
        .flat_map(|link| link.split([' ', '\n', '\t']))
        .map(|link| link.trim_matches(['<', '>', ',']))
        .filter(|link| !link.is_empty())
        .collect();
    if links.len() > MOST_EVIDENCE {
        return Err(ModerationError::TooMuchEvidence(MOST_EVIDENCE));
    }
    links
        .into_iter()
        .map(|link| {
            let web = ["https://", "http://"]
                .iter()
                .any(|scheme| link.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
            let fits = link.chars().count() <= LONGEST_LINK && !link.contains(char::is_control);
            match (web || link.parse::<MessageLink>().is_ok()) && fits {
                true => Ok(Evidence { link: link.to_owned(), quote: None }),
                false => Err(ModerationError::NoLink(short(link, 64))),
            }
        })
        .collect()
}

type Completing<'a> = Pin<Box<dyn Future<Output = Result<Vec<Choice>, Error>> + Send + 'a>>;

/// Offers templates while a reason is typed.
pub(crate) fn complete<'a>(moderation: &'a Moderation, actor: &'a Actor, partial: &'a str) -> Completing<'a> {
    Box::pin(async move {
        let wanted = partial.trim_start_matches('{').to_lowercase();
        let templates = moderation.templates(&actor.tenant).await?;
        let fits = templates.into_iter().filter(|(name, text)| {
            name.to_lowercase().contains(&wanted) || text.to_lowercase().contains(&wanted)
        });
        Ok(fits
            .map(|(name, text)| Choice {
                label: short(&format!("{name}: {text}"), 100),
                value: format!("{{{name}}}"),
            })
            .take(25)
            .collect())
    })
}

#[cfg(test)]
mod tests;
