//! `errors faults`.

use guildhall_core::{
    Action, Answer, Call, Document, Effect, Error, Operation, Rank, Rich, Tone, fault::Fault,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::simulate::{place, what};
use crate::Incidents;

/// Shows the faults that are in place on purpose.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ErrorsFaults {}

/// The faults in place.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FaultsData {
    /// The oldest first.
    pub faults: Vec<Fault>,
}

impl Operation for ErrorsFaults {
    type Domain = Incidents;
    type Output = FaultsData;

    const NAME: &'static str = "errors faults";
    const SUMMARY: &'static str = "Show the faults that are in place on purpose";
    const RANK: Rank = Rank::OPERATOR;
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [&'static str] = &["errors faults"];

    async fn run(self, incidents: &Incidents, _: &Call) -> Result<Answer<FaultsData>, Error> {
        let faults = incidents.faults.list();
        let document = if faults.is_empty() {
            Document::titled("No faults").text("Nothing is simulated.")
        } else {
            let rows = faults.iter().map(|fault| {
                vec![
                    Rich::from(fault.number.to_string()),
                    place(fault),
                    what(fault),
                    Rich::from(fault.times.to_string()),
                    Rich::new().time(fault.until),
                ]
            });
            Document::titled("Faults in place")
                .tone(Tone::Warning)
                .table(&["No.", "Where", "What", "Times left", "Until"], rows.collect())
                .action(Action::new("Clear all", "errors clear", json!({})))
        };
        Ok(Answer::new(FaultsData { faults }, document))
    }
}
