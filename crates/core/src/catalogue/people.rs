//! People named by name: an input for a person may be their name, which is looked up in the guild.

use serde_json::Value;

use super::Catalogue;
use crate::{
    Error, Kind, TenantId,
    error::typed,
    guild::{GuildMember, Guilds, Person, UserId},
    input::{Field, FieldKind, Raw, people},
    suggest,
};

/// Members looked at to find one by name.
const LOOKED_AT: u16 = 10;
/// Names looked up in one input; each is a question to Discord.
const MOST_NAMED: usize = 10;

impl Catalogue {
    /// Replaces names by ids where an input is for people. Ids and mentions are left alone, and so is
    /// everything where there is no guild to look into.
    pub(super) async fn name_people(
        &self,
        tenant: &TenantId,
        fields: &[Field],
        raw: Raw,
    ) -> Result<Raw, Error> {
        let Some(guilds) = &self.guilds else { return Ok(raw) };
        let guilds = guilds.as_ref();
        let known = |name: &str| fields.iter().find(|field| field.name == *name);
        match raw {
            Raw::Words(mut words) => {
                for (name, values) in &mut words {
                    let Some(field) = known(name) else { continue };
                    match field.kind {
                        // Given twice it is refused, whoever is meant.
                        FieldKind::User if values.len() > 1 => continue,
                        // Nobody is looked up who is one of more than can be named at once anyway.
                        FieldKind::Users if names(values) > MOST_NAMED => continue,
                        _ => {}
                    }
                    for value in values {
                        if let Some(ids) = self.named(guilds, tenant, field, value).await? {
                            *value = ids;
                        }
                    }
                }
                Ok(Raw::Words(words))
            }
            Raw::Json(Value::Object(mut object)) => {
                for (name, value) in &mut object {
                    let (Some(field), Value::String(text)) = (known(name), &*value) else { continue };
                    if let Some(ids) = self.named(guilds, tenant, field, text).await? {
                        *value = Value::from(ids);
                    }
                }
                Ok(Raw::Json(Value::Object(object)))
            }
            other => Ok(other),
        }
    }

    /// The ids that a text stands for; nothing where the input is not for people.
    async fn named(
        &self,
        guilds: &dyn Guilds,
        tenant: &TenantId,
        field: &Field,
        text: &str,
    ) -> Result<Option<String>, Error> {
        match field.kind {
            FieldKind::User => self.find(guilds, tenant, field, text).await.map(Some),
            FieldKind::Users => self.find_all(guilds, tenant, field, text).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Several people in one text: what is not a list of ids and mentions is one name, which may have blanks, or
    /// several without.
    async fn find_all(
        &self,
        guilds: &dyn Guilds,
        tenant: &TenantId,
        field: &Field,
        text: &str,
    ) -> Result<String, Error> {
        let words: Vec<&str> = people(text).collect();
        if words.iter().all(|word| word.parse::<UserId>().is_ok()) || words.len() > MOST_NAMED {
            return Ok(text.to_owned());
        }
        let mentions = text.contains('<');
        if !mentions && let Ok(one) = self.find(guilds, tenant, field, text).await {
            return Ok(one);
        }
        let mut ids = Vec::with_capacity(words.len());
        for word in words {
            ids.push(self.find(guilds, tenant, field, word).await?);
        }
        Ok(ids.join(" "))
    }

    async fn find(
        &self,
        guilds: &dyn Guilds,
        tenant: &TenantId,
        field: &Field,
        text: &str,
    ) -> Result<String, Error> {
        let text = text.trim();
        let name = text.strip_prefix('@').unwrap_or(text);
        // What can only be an id or a mention is not looked up, nor what no name is as long as.
        if text.parse::<UserId>().is_ok() || text.starts_with('<') || name.is_empty() || name.len() > 128 {
            return Ok(text.to_owned());
        }
        let found: Vec<Called> = match field.banned {
            true => guilds.find_banned(tenant, name).await?.into_iter().map(Called::from).collect(),
            false => guilds.find(tenant, name, LOOKED_AT).await?.into_iter().map(Called::from).collect(),
        };
        let same = |candidate: &str| candidate.eq_ignore_ascii_case(name);
        let exact = found.iter().filter(|one| same(&one.username) || one.names.iter().any(|name| same(name)));
        if let Some(id) = the_one(exact.map(|one| (one.user, same(&one.username)))) {
            return Ok(id.to_string());
        }
        let near = suggest::nearest(name, found.iter().map(|one| one.username.as_str()), 3);
        let (count, near) = (near.len(), near.join(", "));
        let shown = typed(name, 64);
        let error = Error::new(
            Kind::NotFound,
            "no_such_person",
            format!("{}: nobody here is called '{shown}', or several are.", field.name),
        );
        let error = error.with("field", field.name.as_str()).with("name", shown);
        let error = error.with("count", count).with("near", near.as_str());
        Err(match count {
            0 => error.remedy("Mention them, or use their id."),
            _ => error.remedy(format!("Did you mean: {near}? Mention them, or use their id.")),
        })
    }
}

/// Somebody and all that they are called.
struct Called {
    user: UserId,
    /// Nobody else has it.
    username: String,
    names: Vec<String>,
}

impl From<GuildMember> for Called {
    fn from(member: GuildMember) -> Self {
        let names = [Some(member.name), member.nick].into_iter().flatten().collect();
        Self { user: member.user, username: member.username, names }
    }
}

impl From<Person> for Called {
    fn from(person: Person) -> Self {
        Self { user: person.user, username: person.username, names: vec![person.name] }
    }
}

/// The only one of these, or the one whose unique name it is: that wins over a name which somebody else gave
/// themselves.
fn the_one(mut called_so: impl Iterator<Item = (UserId, bool)>) -> Option<UserId> {
    let (mut first, unique) = called_so.next()?;
    let mut several = false;
    if unique {
        return Some(first);
    }
    for (other, unique) in called_so {
        if unique {
            return Some(other);
        }
        several |= other != first;
        first = other;
    }
    (!several).then_some(first)
}

/// How many words of these are names, each of which is a question to Discord.
fn names(values: &[String]) -> usize {
    let all = values.iter().flat_map(|value| people(value));
    all.filter(|word| word.parse::<UserId>().is_err()).count()
}

#[cfg(test)]
mod tests;
