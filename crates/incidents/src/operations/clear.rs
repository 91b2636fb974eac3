//! `errors clear`.

use guildhall_core::{Answer, Call, Document, Effect, Error, Operation, Rank, Tone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Incidents;

/// Takes away all faults that are in place on purpose.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ErrorsClear {}

/// What was taken away.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClearData {
    /// How many faults.
    pub cleared: usize,
}

impl Operation for ErrorsClear {
    type Domain = Incidents;
    type Output = ClearData;

    const NAME: &'static str = "errors clear";
    const SUMMARY: &'static str = "Take away all faults that are in place on purpose";
    const RANK: Rank = Rank::OPERATOR;
    const EFFECT: Effect = Effect::Change;
    const EXAMPLES: &'static [&'static str] = &["errors clear"];

    async fn run(self, incidents: &Incidents, _: &Call) -> Result<Answer<ClearData>, Error> {
        let cleared = incidents.faults.clear();
        let text = match cleared {
            0 => "There were none.".to_owned(),
            1 => "One fault is gone.".to_owned(),
            some => format!("{some} faults are gone."),
        };
        let document = Document::titled("Nothing is simulated").tone(Tone::Good).text(text);
        Ok(Answer::new(ClearData { cleared }, document))
    }
}
