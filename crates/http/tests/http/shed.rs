//! A small domain with one operation for each thing that the face has to get right.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use guildhall_core::{
    Answer, Call, Document, Effect, Error, EventLog, Follow, Kind, NewEvent, Operation, Operations, Outcome,
    Rank, RunId, ServerId, Subject,
    id::fresh,
    operation::{About, Limit},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;

/// The domain.
pub struct Shed {
    pub servers: Mutex<BTreeSet<String>>,
    pub events: Arc<dyn EventLog>,
    /// `server wait` takes one of these.
    pub gate: Semaphore,
    /// `server wait` gives one of these when it begins.
    pub waiting: Semaphore,
}

#[derive(Serialize, JsonSchema)]
pub struct Names {
    pub servers: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Named {
    pub server: String,
    pub lines: Option<u32>,
}

/// Refers to itself, so its schema does too.
#[derive(Serialize, JsonSchema)]
pub struct Tree {
    pub name: String,
    pub inside: Vec<Tree>,
}

/// Holds something that refers to itself.
#[derive(Serialize, JsonSchema)]
pub struct Wood {
    pub tree: Tree,
}

/// What kind of server.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    Minecraft,
    Bzflag,
}

impl Shed {
    fn has(&self, server: &str) -> Result<(), Error> {
        if self.servers.lock().unwrap().contains(server) {
            return Ok(());
        }
        Err(Error::new(Kind::NotFound, "server_not_found", format!("There is no server '{server}'."))
            .remedy("Look at the list."))
    }
}

macro_rules! operation {
    ($type:ident, $name:literal, $rank:expr, $effect:ident, $output:ty, |$self:ident, $shed:ident, $call:ident| $body:expr
     $(, $const:ident: $kind:ty = $value:expr)*) => {
        impl Operation for $type {
            type Domain = Shed;
            type Output = $output;
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = concat!("Does ", $name, ".");
            const RANK: Rank = $rank;
            const EFFECT: Effect = Effect::$effect;
            $(const $const: $kind = $value;)*

            fn question(&self) -> String {
                "Delete it for good?".to_owned()
            }

            async fn run($self, $shed: &Shed, $call: &Call) -> Result<Answer<$output>, Error> {
                let _ = ($call, $shed);
                $body
            }
        }
    };
}

#[derive(Deserialize, JsonSchema)]
pub struct ServerList {}
operation!(ServerList, "server list", Rank::MEMBER, Read, Names, |self, shed, call| {
    let servers: Vec<String> = shed.servers.lock().unwrap().iter().cloned().collect();
    let document = Document::titled("Servers").text(servers.join(", "));
    Ok(Answer::new(Names { servers }, document))
});

#[derive(Deserialize, JsonSchema)]
pub struct ServerCreate {
    /// What to call it.
    #[schemars(length(min = 1, max = 32), regex(pattern = "^[a-z]"))]
    name: String,
    /// What it is made from.
    recipe: Recipe,
    /// How many may play.
    #[schemars(range(min = 1, max = 100))]
    max_players: Option<u32>,
    /// Values for its recipe.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}
operation!(ServerCreate, "server create", Rank::ADMIN, Change, Named, |self, shed, call| {
    let _ = (&self.recipe, &self.settings);
    if !shed.servers.lock().unwrap().insert(self.name.clone()) {
        return Err(Error::new(Kind::Conflict, "name_taken", "There is such a server already."));
    }
    let document = Document::titled(format!("Created {}", self.name));
    Ok(Answer::new(Named { server: self.name, lines: self.max_players }, document))
});

#[derive(Deserialize, JsonSchema)]
pub struct ServerStatus {
    /// Which server.
    server: String,
}
operation!(ServerStatus, "server status", Rank::MEMBER, Read, Named, |self, shed, call| {
    shed.has(&self.server)?;
    Ok(Answer::new(Named { server: self.server, lines: None }, Document::titled("It is there")))
});

#[derive(Deserialize, JsonSchema)]
pub struct ServerConsole {
    /// Which server.
    server: String,
    /// How many lines.
    #[schemars(range(min = 1, max = 100))]
    lines: Option<u32>,
}
operation!(ServerConsole, "server console", Rank::MEMBER, Read, Named, |self, shed, call| {
    shed.has(&self.server)?;
    Ok(Answer::new(Named { server: self.server, lines: self.lines }, Document::default().code("a line")))
});

#[derive(Deserialize, JsonSchema)]
pub struct ServerStart {
    /// Which server.
    server: String,
}
operation!(ServerStart, "server start", Rank::MEMBER, Change, Named, |self, shed, call| {
    shed.has(&self.server)?;
    let run: RunId = fresh(call.clock.as_ref());
    let cursor = shed.events.newest().await?;
    let server: ServerId = fresh(call.clock.as_ref());
    for (kind, outcome) in [("server.progress", None), ("server.ready", Some(Outcome::Succeeded))] {
        let event = NewEvent {
            tenant: call.tenant().clone(),
            subject: Subject::Server(server),
            kind: kind.to_owned(),
            run: Some(run),
            outcome,
            data: json!({}),
            document: None,
            tell: None,
        };
        shed.events.append(event).await?;
    }
    let answer = Answer::new(Named { server: self.server, lines: None }, Document::titled("Starting"));
    Ok(answer.following(Follow { run, cursor, topic: None }))
});

#[derive(Deserialize, JsonSchema)]
pub struct ServerDelete {
    /// Which server.
    server: String,
}
operation!(ServerDelete, "server delete", Rank::ADMIN, Destroy, Named, |self, shed, call| {
    shed.has(&self.server)?;
    shed.servers.lock().unwrap().remove(&self.server);
    Ok(Answer::new(Named { server: self.server, lines: None }, Document::titled("Deleted")))
});

#[derive(Deserialize, JsonSchema)]
pub struct ServerBreak {
    /// How to break.
    how: String,
}
operation!(ServerBreak, "server break", Rank::MEMBER, Change, Names, |self, shed, call| {
    match self.how.as_str() {
        "panic" => panic!("a secret of the inside"),
        "upstream" => {
            Err(Error::new(Kind::Upstream, "broker_gone", "The broker is gone.").because("10.0.0.7 refused"))
        }
        _ => Err(Error::bug("a secret of the inside")),
    }
});

#[derive(Deserialize, JsonSchema)]
pub struct ServerWait {}
operation!(ServerWait, "server wait", Rank::MEMBER, Change, Names, |self, shed, call| {
    shed.waiting.add_permits(1);
    shed.gate.acquire().await.unwrap().forget();
    Ok(Answer::new(Names { servers: Vec::new() }, Document::default()))
});

#[derive(Deserialize, JsonSchema)]
pub struct ServerPoke {}
operation!(ServerPoke, "server poke", Rank::MEMBER, Change, Names, |self, shed, call| {
    Ok(Answer::new(Names { servers: Vec::new() }, Document::default()))
}, LIMIT: Limit = Limit { per_minute: 2, burst: 1 });

#[derive(Deserialize, JsonSchema)]
pub struct KeyKeep {
    /// Which key.
    key: String,
    /// What it is.
    #[schemars(extend("x-secret" = true))]
    value: String,
}
operation!(KeyKeep, "key keep", Rank::ADMIN, Read, Tree, |self, shed, call| {
    let _ = (&self.key, &self.value);
    let leaf = Tree { name: "leaf".to_owned(), inside: Vec::new() };
    Ok(Answer::new(Tree { name: "root".to_owned(), inside: vec![leaf] }, Document::default()))
});

#[derive(Serialize, JsonSchema)]
pub struct Lot {
    pub number: i64,
    pub note: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
pub struct LotShow {
    /// Which lot.
    #[schemars(range(min = 1))]
    number: i64,
}
operation!(LotShow, "lot show", Rank::MEMBER, Read, Lot, |self, shed, call| {
    Ok(Answer::new(Lot { number: self.number, note: None }, Document::default()))
});

#[derive(Deserialize, JsonSchema)]
pub struct LotEdit {
    /// Which lot.
    #[schemars(range(min = 1))]
    number: i64,
    /// What there is to say of it.
    note: Option<String>,
}
operation!(LotEdit, "lot edit", Rank::MEMBER, Change, Lot, |self, shed, call| {
    Ok(Answer::new(Lot { number: self.number, note: self.note }, Document::default()))
});

#[derive(Deserialize, JsonSchema)]
pub struct SignList {}
operation!(SignList, "sign list", Rank::MEMBER, Read, Names, |self, shed, call| {
    Ok(Answer::new(Names { servers: Vec::new() }, Document::default()))
}, ABOUT: Option<About> = Some(About { noun: "label", verb: "list", item: None }));

#[derive(Deserialize, JsonSchema)]
pub struct SignPaint {
    /// Where it hangs.
    key: String,
    /// What it says.
    text: Option<String>,
}
operation!(SignPaint, "sign paint", Rank::ADMIN, Change, Named, |self, shed, call| {
    let lines = self.text.map(|text| u32::try_from(text.lines().count()).unwrap());
    Ok(Answer::new(Named { server: self.key, lines }, Document::default()))
}, ABOUT: Option<About> = Some(About { noun: "label", verb: "set", item: Some("key") }));

#[derive(Deserialize, JsonSchema)]
pub struct SignScrape {
    /// Where it hangs.
    key: Option<String>,
}
operation!(SignScrape, "sign scrape", Rank::ADMIN, Destroy, Named, |self, shed, call| {
    Ok(Answer::new(Named { server: self.key.unwrap_or_default(), lines: None }, Document::default()))
}, ABOUT: Option<About> = Some(About { noun: "label", verb: "delete", item: Some("key") }));

#[derive(Deserialize, JsonSchema)]
pub struct Ping {}
operation!(Ping, "ping", Rank::MEMBER, Read, Wood, |self, shed, call| {
    let tree =
        Tree { name: "root".to_owned(), inside: vec![Tree { name: "leaf".to_owned(), inside: Vec::new() }] };
    Ok(Answer::new(Wood { tree }, Document::default().text("pong")))
});

/// All of them.
pub fn operations() -> Operations<Shed> {
    Operations::new()
        .with::<ServerList>()
        .with::<ServerCreate>()
        .with::<ServerStatus>()
        .with::<ServerConsole>()
        .with::<ServerStart>()
        .with::<ServerDelete>()
        .with::<ServerBreak>()
        .with::<ServerWait>()
        .with::<ServerPoke>()
        .with::<KeyKeep>()
        .with::<LotShow>()
        .with::<LotEdit>()
        .with::<SignList>()
        .with::<SignPaint>()
        .with::<SignScrape>()
        .with::<Ping>()
}
