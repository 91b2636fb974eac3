//! Where something stands in the configuration: `hosts[1].name`.

use std::fmt;

use serde_path_to_error::Segment;

/// A way into the configuration, from its beginning. Entries of lists are counted as the source has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(Vec<Step>);

/// One step of the way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into a section, or to a value.
    Key(String),
    /// To an entry of a list.
    Entry(usize),
}

impl Place {
    /// A key by its name with dots: `discord.token`.
    pub fn of(key: &str) -> Self {
        Self(key.split('.').map(|part| Step::Key(part.to_owned())).collect())
    }

    /// The key of this name in here.
    #[must_use]
    pub fn key(&self, name: &str) -> Self {
        self.then(Step::Key(name.to_owned()))
    }

    /// The entry at this index of the list here.
    #[must_use]
    pub fn entry(&self, at: usize) -> Self {
        self.then(Step::Entry(at))
    }

    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether it is the whole configuration.
    pub fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is `other`, or a part of that.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Itself, and everything that it is a part of, the nearest first.
    pub fn with_parents(&self) -> impl Iterator<Item = Self> {
        (0..=self.0.len()).rev().map(|steps| Self(self.0[..steps].to_vec()))
    }
}

impl From<&serde_path_to_error::Path> for Place {
    fn from(path: &serde_path_to_error::Path) -> Self {
        let steps = path.iter().map_while(|segment| match segment {
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Seq { index } => Some(Step::Entry(*index)),
            // What is beneath these has no address in a file.
            Segment::Enum { .. } | Segment::Unknown => None,
        });
        Self(steps.collect())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Entry(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
