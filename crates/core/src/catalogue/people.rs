//! People named by name: an input for a person may be their name, which is looked up in the guild.

use serde_json::{Map, Value};

use super::Catalogue;
use crate::{
    Error, Kind, TenantId,
    guild::{Guilds, UserId},
    input::{Field, FieldKind, Raw},
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
                        FieldKind::User => {
                            *values = vec![self.find(guilds, tenant, field, &values.join(" ")).await?];
                        }
                        // Nobody is looked up who is one of more than can be named at once anyway.
                        FieldKind::Users if names(values) <= MOST_NAMED => {
                            for value in values.iter_mut() {
                                *value = self.find_all(guilds, tenant, field, value).await?;
                            }
                        }
                        _ => {}
                    }
                }
                Ok(Raw::Words(words))
            }
            Raw::Json(Value::Object(object)) => {
                let mut found = Map::new();
                for (name, value) in object {
                    let field = known(&name);
                    let value = match (value, field, field.map(|field| &field.kind)) {
                        (Value::String(text), Some(field), Some(FieldKind::User)) => {
                            Value::from(self.find(guilds, tenant, field, &text).await?)
                        }
                        (Value::String(text), Some(field), Some(FieldKind::Users)) => {
                            Value::from(self.find_all(guilds, tenant, field, &text).await?)
                        }
                        (other, ..) => other,
                    };
                    found.insert(name, value);
                }
                Ok(Raw::Json(Value::Object(found)))
            }
            other => Ok(other),
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
        let words: Vec<&str> = words(text).collect();
        if words.iter().all(|word| word.parse::<UserId>().is_ok()) || words.len() > MOST_NAMED {
            return Ok(text.to_owned());
        }
        if let Ok(one) = self.find(guilds, tenant, field, text).await {
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
        let same = |candidate: &str| candidate.eq_ignore_ascii_case(name);
        let near = if field.banned {
            let banned = guilds.find_banned(tenant, name).await?;
            if let Some(id) = the_one(banned.iter().map(|person| (person.user, same(&person.username)))) {
                return Ok(id.to_string());
            }
            Vec::new()
        } else {
            let members = guilds.find(tenant, name, LOOKED_AT).await?;
            let exact = members.iter().filter(|member| {
                same(&member.username) || same(&member.name) || member.nick.as_deref().is_some_and(same)
            });
            if let Some(id) = the_one(exact.map(|member| (member.user, same(&member.username)))) {
                return Ok(id.to_string());
            }
            let near = suggest::nearest(name, members.iter().map(|member| member.username.as_str()), 3);
            near.into_iter().map(str::to_owned).collect()
        };
        let near = near.join(", ");
        let shown: String = name.chars().take(64).collect();
        let error = Error::new(
            Kind::NotFound,
            "no_such_person",
            format!("{}: nobody here is called '{shown}', or several are.", field.name),
        );
        let error = error.with("field", field.name.as_str()).with("name", shown).with("near", near.as_str());
        Err(match near.is_empty() {
            true => error.remedy("Mention them, or copy their id from Discord."),
            false => error.remedy(format!("Did you mean: {near}? Mention them, or use their id.")),
        })
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

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', '\n', '\t']).filter(|word| !word.is_empty())
}

/// How many words of these are names, each of which is a question to Discord.
fn names(values: &[String]) -> usize {
    let all = values.iter().flat_map(|value| words(value));
    all.filter(|word| word.parse::<UserId>().is_err()).count()
}
