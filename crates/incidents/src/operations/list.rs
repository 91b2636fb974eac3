//! `errors list`.

use guildhall_core::{Action, Answer, Call, Document, Effect, Error, Kind, Operation, Rank, Rich};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{GroupData, is_operator, scope, show};
use crate::{Incidents, State, book::Filter, trend};

/// Groups on one page.
const PAGE: u64 = 10;

/// Shows what goes wrong, what happened last first.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ErrorsList {
    /// Which ones; those that are open unless you say otherwise.
    #[serde(default)]
    pub which: Option<Which>,
    /// Only of this kind.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Only with this code.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64), extend("x-complete" = "error_code"))]
    pub code: Option<String>,
    /// Which page; 10 errors each.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub page: Option<u32>,
}

/// Which groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Which {
    /// Not resolved.
    #[default]
    Open,
    /// Resolved.
    Resolved,
    /// All.
    All,
}

/// One page of groups.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListData {
    /// What happened last first.
    pub errors: Vec<GroupData>,
    /// This page, from 1.
    pub page: u64,
    /// How many pages there are.
    pub pages: u64,
    /// How many groups there are.
    pub total: u64,
}

impl Operation for ErrorsList {
    type Domain = Incidents;
    type Output = ListData;

    const NAME: &'static str = "errors list";
    const SUMMARY: &'static str = "Show what goes wrong, how often, and how that changes";
    const RANK: Rank = Rank::MODERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["errors list", "errors list which:all kind:bug"];

    async fn run(self, incidents: &Incidents, call: &Call) -> Result<Answer<ListData>, Error> {
        let scope = scope(&call.actor);
        let all = is_operator(&call.actor);
        let which = self.which.unwrap_or_default();
        let open = match which {
            Which::Open => Some(true),
            Which::Resolved => Some(false),
            Which::All => None,
        };
        let filter = Filter { open, kind: self.kind, code: self.code.as_deref() };
        let page = u64::from(self.page.unwrap_or(1).max(1));
        let (views, total) = incidents.book.page(&scope, filter, page - 1, PAGE).await?;
        let fingerprints: Vec<_> = views.iter().map(|view| view.fingerprint.clone()).collect();
        let trends = incidents.book.trends(&scope, &fingerprints, call.clock.now()).await?;
        let errors =
            views.iter().map(|view| GroupData::new(view, trends.get(&view.fingerprint), all)).collect();
        let data = ListData { errors, page, pages: total.div_ceil(PAGE).max(1), total };
        let document = self.document(&data, which);
        Ok(Answer::new(data, document))
    }
}

impl ErrorsList {
    fn document(&self, data: &ListData, which: Which) -> Document {
        if data.total == 0 {
            let picked = self.kind.is_some() || self.code.is_some();
            let text = match (which, picked) {
                (Which::Open, false) => "Nothing is open.",
                (Which::Resolved, false) => "Nothing is resolved.",
                (Which::All, false) => "Nothing went wrong in the last 90 days.",
                (Which::Open, true) => "Nothing like that is open.",
                (Which::Resolved, true) => "Nothing like that is resolved.",
                (Which::All, true) => "Nothing like that went wrong in the last 90 days.",
            };
            let document = Document::titled("No errors").text(text);
            let all = Action::new("All errors", "errors list", json!({ "which": Which::All }));
            return if picked { document.action(all) } else { document };
        }
        if data.errors.is_empty() {
            let text = format!("There are {} pages.", data.pages);
            return Document::titled("There is no such page")
                .text(text)
                .action(self.to_page("First page", 1));
        }
        let rows = data.errors.iter().map(|group| {
            vec![
                Rich::new().code(group.fingerprint.as_str()),
                Rich::new().strong(group.code.as_str()),
                Rich::from(group.operation.as_str()),
                Rich::from(group.total.to_string()),
                Rich::new().code(trend::bars(&group.trend)),
                Rich::new().ago(group.last),
                Rich::from(match group.state {
                    State::Open => "",
                    other => other.as_str(),
                }),
            ]
        });
        let title = match data.pages {
            1 => "Errors".to_owned(),
            pages => format!("Errors, page {} of {pages}", data.page),
        };
        let columns = ["Error", "Code", "Operation", "Times", "Last day", "Last", ""];
        let mut document = Document::titled(title).table(&columns, rows.collect());
        if let Some(first) = data.errors.first() {
            let mut action = show(&first.fingerprint);
            action.label = format!("Show {}", first.code).chars().take(80).collect();
            document = document.action(action);
        }
        if data.page > 1 {
            document = document.action(self.to_page("Previous", data.page - 1));
        }
        if data.page < data.pages {
            document = document.action(self.to_page("Next", data.page + 1));
        }
        document
    }

    fn to_page(&self, label: &str, page: u64) -> Action {
        let mut input = json!({ "page": page });
        let given = [("which", json!(self.which)), ("kind", json!(self.kind)), ("code", json!(self.code))];
        for (name, value) in given {
            if value != Value::Null {
                input[name] = value;
            }
        }
        Action::new(label, "errors list", input)
    }
}
