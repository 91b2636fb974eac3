//! What the sources say, and what of it is wrong: read until every mistake is known.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Configuration,
    place::{Place, Step},
    reference::nested,
    source::Mistake,
    words,
};

/// Mistakes after which the rest is not looked for: a file of another program makes hundreds.
const MOST_MISTAKES: usize = 50;

/// The sources' value with what is known to be wrong in it.
pub struct Draft {
    whole: Value,
    /// What was taken out, to read the rest.
    left_out: BTreeSet<Place>,
    mistakes: Vec<Mistake>,
}

impl Draft {
    /// Nothing is known to be wrong yet.
    pub fn new(whole: Value) -> Self {
        Self { whole, left_out: BTreeSet::new(), mistakes: Vec::new() }
    }

    /// The configuration, when there is no mistake; else every one, with those that `trial` finds.
    pub fn read(
        mut self,
        trial: impl FnOnce(&Configuration) -> Vec<(Place, String)>,
    ) -> Result<Configuration, Vec<Mistake>> {
        let configuration = self.typed();
        if let Some(configuration) = &configuration {
            let rules = configuration.check(&self);
            self.add(rules);
            let tried = trial(configuration).into_iter();
            let tried = tried.map(|(read, message)| Mistake::new(self.in_source(&read), &message)).collect();
            self.add(tried);
        }
        match configuration {
            Some(configuration) if self.mistakes.is_empty() => Ok(configuration),
            _ => Err(self.mistakes),
        }
    }

    /// Takes in more mistakes. What is missed only because something wrong was taken out is no mistake of its own,
    /// and one thing is told once.
    fn add(&mut self, more: Vec<Mistake>) {
        let more: Vec<Mistake> = more.into_iter().filter(|mistake| !self.is_wrong(&mistake.place)).collect();
        self.mistakes.extend(more);
    }

    /// Whether a mistake was found there, or in a part of it.
    pub fn is_wrong(&self, place: &Place) -> bool {
        self.mistakes.iter().any(|mistake| mistake.place.is_within(place))
    }

    /// Where the source has the entry that was read as number `at` of a list: those that were taken out count.
    pub fn entry(&self, list: &Place, at: usize) -> Place {
        let mut left = (0..).map(|index| list.entry(index)).filter(|entry| !self.left_out.contains(entry));
        left.nth(at).unwrap_or_else(|| list.entry(at))
    }

    /// Reads the value, and on a mistake takes the wrong part out and reads on.
    fn typed(&mut self) -> Option<Configuration> {
        while self.mistakes.len() < MOST_MISTAKES {
            let rest = self.rest(&self.whole, &Place::default());
            let error = match serde_path_to_error::deserialize::<_, Configuration>(&rest) {
                Ok(configuration) => return Some(configuration),
                Err(error) => error,
            };
            let place = self.in_source(&Place::from(error.path()));
            let message = error.into_inner().to_string();
            if message.starts_with("missing field") {
                self.name_missing(&place);
            } else {
                self.mistakes.push(Mistake::new(place.clone(), &words::unfit(&message)));
            }
            if place.is_whole() || !self.left_out.insert(place) {
                return None;
            }
        }
        None
    }

    /// The value without what was taken out.
    fn rest(&self, value: &Value, place: &Place) -> Value {
        let left =
            |place: Place, value: &Value| (!self.left_out.contains(&place)).then(|| self.rest(value, &place));
        match value {
            Value::Object(object) => object
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), left(place.key(key), value)?)))
                .collect(),
            Value::Array(items) => {
                items.iter().enumerate().filter_map(|(at, value)| left(place.entry(at), value)).collect()
            }
            other => other.clone(),
        }
    }

    fn in_source(&self, read: &Place) -> Place {
        read.steps().iter().fold(Place::default(), |place, step| match step {
            Step::Key(key) => place.key(key),
            Step::Entry(at) => self.entry(&place, *at),
        })
    }

    /// Names every key that a section needs and does not have. One that was taken out is there, and named.
    fn name_missing(&mut self, section: &Place) {
        let schema = guildhall_core::input::schema_of::<Configuration>();
        let schema = section.steps().iter().try_fold(&schema, |schema, step| match step {
            Step::Key(key) => nested(&schema["properties"][key]).map(|(inner, _)| inner),
            // The schema of a list's section is that of its entries.
            Step::Entry(_) => Some(schema),
        });
        let needed = schema.and_then(|schema| schema["required"].as_array()).into_iter().flatten();
        for name in needed.filter_map(Value::as_str) {
            let place = section.key(name);
            if self.value(&place).is_none() {
                self.mistakes.push(Mistake::new(place, "is missing; it has to be set."));
            }
        }
    }

    fn value(&self, place: &Place) -> Option<&Value> {
        place.steps().iter().try_fold(&self.whole, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Entry(at) => value.get(at),
        })
    }
}
