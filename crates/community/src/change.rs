//! The one way in which anything of a community's book is changed: checked against the book as it is in the
//! same transaction, with a line of history for each change, and told to whoever listens.

use guildhall_core::{
    Actor, Call, Document, NewEvent, Rank, Rich, Subject as EventSubject, TenantId, guild::RoleId,
};
use guildhall_store::{StoreError, Tx, scope, sequence};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    Community, CommunityError,
    book::{Book, Kept, RankText},
    entity::{change, rank, requirement, role, setting},
    settings::{change_cells, in_words, typed},
};

/// The sequence whose numbers are revisions.
const SEQUENCE: &str = "community change";
/// Roles that may give a rank: as many as a guild has at most
/// (<https://support.discord.com/hc/en-us/articles/33694251638295>).
pub(crate) const MOST_ROLES: usize = 250;
/// Commands and groups that may have a rank of the community's own.
pub(crate) const MOST_REQUIREMENTS: usize = 200;

/// Something to change. `None` is the default.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edit {
    Setting { key: String, to: Option<Value> },
    Rank { level: u8, to: Option<RankText> },
    Role { role: RoleId, to: Option<Rank> },
    Requirement { name: String, to: Option<Rank> },
}

/// What the one who asks believes to be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Anything,
    /// The first edit's setting was last set by the change with this number.
    Version(i64),
    /// The book's newest change has this number.
    Revision(i64),
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Setting,
    Rank,
    Role,
    Requirement,
}

impl Subject {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Rank => "rank",
            Self::Role => "role",
            Self::Requirement => "requirement",
        }
    }
}

/// Something that has changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) subject: Subject,
    pub(crate) name: String,
    pub(crate) from: Option<Value>,
    pub(crate) to: Option<Value>,
}

impl Change {
    /// What it is about, in a few words.
    pub(crate) fn title(&self) -> String {
        match self.subject {
            Subject::Setting => self.name.clone(),
            subject => format!("{} {}", subject.as_str(), self.name),
        }
    }

    /// A value as a line.
    pub(crate) fn shown(value: &Value) -> Rich {
        let text = match value.get("name") {
            Some(name) => typed(name),
            None => typed(value),
        };
        Rich::new().text(match text.char_indices().nth(120) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None if text.is_empty() => "empty".to_owned(),
            None => text,
        })
    }
}

/// One line of history.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) number: i64,
    pub(crate) at: OffsetDateTime,
    pub(crate) by: String,
    pub(crate) change: Change,
}

impl Edit {
    fn name(&self) -> (Subject, String) {
        match self {
            Self::Setting { key, .. } => (Subject::Setting, key.clone()),
            Self::Rank { level, .. } => (Subject::Rank, level.to_string()),
            Self::Role { role, .. } => (Subject::Role, role.to_string()),
            Self::Requirement { name, .. } => (Subject::Requirement, name.clone()),
        }
    }

    /// Whether both are about one setting, rank, role or requirement.
    pub(crate) fn is_about_the_same(&self, other: &Self) -> bool {
        self.name() == other.name()
    }

    /// Where it stands in a file.
    pub(crate) fn path(&self) -> String {
        match self.name() {
            (Subject::Setting, key) => key,
            (subject, name) => format!("{}s.{name}", subject.as_str()),
        }
    }

    /// What it would change in the book; `None` when it is so already.
    pub(crate) fn against(&self, book: &Book) -> Option<Change> {
        let text = |text: &RankText| json!({"name": text.name, "description": text.description});
        let (from, to) = match self {
            Self::Setting { key, to } => (book.settings.get(key).map(|kept| kept.value.clone()), to.clone()),
            Self::Rank { level, to } => (book.ranks.get(level).map(text), to.as_ref().map(text)),
            Self::Role { role, to } => {
                (book.roles.get(role).map(|rank| json!(rank)), to.map(|rank| json!(rank)))
            }
            Self::Requirement { name, to } => {
                (book.requirements.get(name).map(|rank| json!(rank)), to.map(|rank| json!(rank)))
            }
        };
        let (subject, name) = self.name();
        (from != to).then_some(Change { subject, name, from, to })
    }

    /// The book with it. `number` is the change's.
    pub(crate) fn put_into(&self, book: &mut Book, number: i64) {
        fn put<K: Ord + Clone, V: Clone>(map: &mut std::collections::BTreeMap<K, V>, key: &K, to: Option<V>) {
            match to {
                Some(value) => drop(map.insert(key.clone(), value)),
                None => drop(map.remove(key)),
            }
        }
        match self {
            Self::Setting { key, to } => {
                let kept = to.clone().map(|value| Kept { value, version: number });
                put(&mut book.settings, key, kept);
            }
            Self::Rank { level, to } => put(&mut book.ranks, level, to.clone()),
            Self::Role { role, to } => put(&mut book.roles, role, *to),
            Self::Requirement { name, to } => put(&mut book.requirements, name, *to),
        }
        book.revision = number;
    }
}

impl Community {
    /// Makes these changes, all or none, and says which of them changed anything.
    pub(crate) async fn apply(
        &self,
        call: &Call,
        edits: &[Edit],
        expected: Expected,
    ) -> Result<Vec<Change>, CommunityError> {
        let tenant = call.tenant();
        let authority = self.authority(&call.actor).await;
        let tx = self.store().begin().await?;
        // Taking a number makes everybody else who changes this book wait until this transaction has ended.
        let mut number = sequence::next(&tx, tenant, SEQUENCE).await?;
        let mut book = Book::load(tx.conn(), tenant).await?;
        self.registry().drop_unfit(&mut book);
        self.check_expected(&tx, tenant, &book, edits, expected).await?;

        let mut made = Vec::new();
        for edit in edits {
            let Some(change) = edit.against(&book) else { continue };
            self.check_edit(&book, authority, edit)?;
            if !made.is_empty() {
                number = sequence::next(&tx, tenant, SEQUENCE).await?;
            }
            self.write(&tx, call, number, edit, &change).await?;
            edit.put_into(&mut book, number);
            made.push(change);
        }
        if made.is_empty() {
            // Gives the number back.
            tx.rollback().await?;
            return Ok(made);
        }
        tx.commit().await?;
        self.books().changed(tenant, number).await;
        for change in &made {
            self.tell(&call.actor, change).await;
        }
        Ok(made)
    }

    /// The community's changes, the newest first: of one subject, or all.
    pub(crate) async fn history(
        &self,
        tenant: &TenantId,
        of: Option<(Subject, &str)>,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<Entry>, CommunityError> {
        let mut query = scope::find::<change::Entity>(tenant);
        if let Some((subject, name)) = of {
            query = query
                .filter(change::Column::Subject.eq(subject.as_str()))
                .filter(change::Column::Name.eq(name));
        }
        if let Some(before) = before {
            query = query.filter(change::Column::Number.lt(before));
        }
        let newest_first = query.order_by_desc(change::Column::Number).limit(limit);
        let rows = newest_first.all(self.store().reader()).await?;
        rows.into_iter().map(entry_of).collect::<Result<_, _>>().map_err(Into::into)
    }

    async fn check_expected(
        &self,
        tx: &Tx,
        tenant: &TenantId,
        book: &Book,
        edits: &[Edit],
        expected: Expected,
    ) -> Result<(), CommunityError> {
        match (expected, edits.first()) {
            (Expected::Revision(revision), _) if book.revision != revision => Err(CommunityError::BookMoved),
            (Expected::Version(version), Some(Edit::Setting { key, .. })) if book.version(key) != version => {
                let newest = scope::find::<change::Entity>(tenant)
                    .filter(change::Column::Subject.eq(Subject::Setting.as_str()))
                    .filter(change::Column::Name.eq(key.as_str()))
                    .order_by_desc(change::Column::Number)
                    .one(tx.conn())
                    .await?;
                let by = newest.map_or_else(|| "Somebody".to_owned(), |row| row.actor_name);
                let guild = self.guild(tenant).await;
                let value = self.registry().get(key).map(|setting| {
                    in_words(setting, &book.value(setting), guild.as_ref()).chars().take(100).collect()
                });
                let value: String = value.unwrap_or_default();
                Err(CommunityError::SettingMoved { key: key.clone(), by, value })
            }
            _ => Ok(()),
        }
    }

    async fn write(
        &self,
        tx: &Tx,
        call: &Call,
        number: i64,
        edit: &Edit,
        change: &Change,
    ) -> Result<(), CommunityError> {
        let (tenant, conn) = (call.tenant(), tx.conn());
        let owner = tenant.to_string();
        match edit {
            Edit::Setting { key, to } => {
                let old =
                    scope::delete::<setting::Entity>(tenant).filter(setting::Column::Name.eq(key.as_str()));
                old.exec(conn).await?;
                if let Some(value) = to {
                    let (name, value) = (key.clone(), value.to_string());
                    let row = setting::Model { tenant: owner, name, value, version: number };
                    setting::Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
                }
            }
            Edit::Rank { level, to } => {
                let level = i16::from(*level);
                scope::delete::<rank::Entity>(tenant)
                    .filter(rank::Column::Level.eq(level))
                    .exec(conn)
                    .await?;
                if let Some(RankText { name, description }) = to.clone() {
                    let row = rank::Model { tenant: owner, level, name, description };
                    rank::Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
                }
            }
            Edit::Role { role, to } => {
                let old =
                    scope::delete::<role::Entity>(tenant).filter(role::Column::Role.eq(role.to_string()));
                old.exec(conn).await?;
                if let Some(rank) = to {
                    let row =
                        role::Model { tenant: owner, role: role.to_string(), level: rank.level().into() };
                    role::Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
                }
            }
            Edit::Requirement { name, to } => {
                let old = scope::delete::<requirement::Entity>(tenant)
                    .filter(requirement::Column::Name.eq(name.as_str()));
                old.exec(conn).await?;
                if let Some(rank) = to {
                    let row =
                        requirement::Model { tenant: owner, name: name.clone(), level: rank.level().into() };
                    requirement::Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
                }
            }
        }
        let json = |value: &Option<Value>| value.as_ref().map(ToString::to_string);
        let line = change::ActiveModel {
            tenant: Set(tenant.to_string()),
            number: Set(number),
            at: Set(self.clock().now().into()),
            actor: Set(without_nul(call.actor.id.as_str())),
            actor_name: Set(without_nul(&call.actor.name)),
            subject: Set(change.subject.as_str().to_owned()),
            name: Set(change.name.clone()),
            before: Set(json(&change.from)),
            after: Set(json(&change.to)),
        };
        change::Entity::insert(line).exec_without_returning(conn).await?;
        Ok(())
    }

    /// The change is made; that nobody could be told does not take it back.
    async fn tell(&self, actor: &Actor, change: &Change) {
        let kind = if change.subject == Subject::Setting { "setting.changed" } else { "rank.changed" };
        let guild = self.guild(&actor.tenant).await;
        let [what, from, to] = change_cells(self.registry(), guild.as_ref(), change);
        let document = Document::titled("The configuration has changed")
            .field("what", what)
            .field("from", from)
            .field("to", to)
            .field("by", Rich::new().person(&actor.id, actor.name.as_str()));
        let event = NewEvent {
            tenant: actor.tenant.clone(),
            subject: EventSubject::Community,
            kind: kind.to_owned(),
            run: None,
            outcome: None,
            data: json!({
                "subject": change.subject.as_str(), "name": change.name,
                "from": change.from, "to": change.to, "by": actor.id, "by_name": actor.name,
            }),
            document: Some(document),
            tell: None,
        };
        if let Err(error) = self.events().append(event).await {
            tracing::error!(kind, "a change was made, but no event of it could be kept: {}", error.causes());
        }
    }
}

fn entry_of(row: change::Model) -> Result<Entry, StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt { table: "community_change", reason };
    let subject = match row.subject.as_str() {
        "setting" => Subject::Setting,
        "rank" => Subject::Rank,
        "role" => Subject::Role,
        "requirement" => Subject::Requirement,
        other => return Err(corrupt(format!("'{other}' is no subject"))),
    };
    let json = |text: Option<String>| {
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| corrupt(error.to_string()))
    };
    let change = Change { subject, name: row.name, from: json(row.before)?, to: json(row.after)? };
    Ok(Entry { number: row.number, at: row.at.time(), by: row.actor_name, change })
}

/// PostgreSQL refuses NUL in a text, and a name on Discord could have one.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}
