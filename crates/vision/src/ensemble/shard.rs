//! A part of an ensemble, for one of several machines.

use crate::error::{VisionError, require};
use std::fmt;
use std::str::FromStr;

/// One of several processes, on as many machines as you like, that share the members of an ensemble.
///
/// Each trains its own members and appends them to a log of its own in the ensemble's folder: one folder on a file system that
/// all see, or one on each machine, whose logs are copied into one afterwards. A run without a shard takes up all logs that it
/// finds there, so that its results are those of a single machine, byte for byte.
///
/// ```
/// use tenfold_vision::Shard;
/// let shard: Shard = "2/8".parse()?;
/// assert_eq!((shard, shard.to_string()), (Shard::new(2, 8)?, "2/8".to_string()));
/// assert_eq!("9/8".parse::<Shard>().unwrap_err().to_string(), "shard = 9/8: must be from 1 to the number of shards, as in 2/8");
/// # Ok::<(), tenfold_vision::VisionError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    number: usize,
    count: usize,
}

impl Shard {
    const RULE: &'static str = "must be from 1 to the number of shards, as in 2/8";

    /// The `number`-th of `count`, from 1.
    ///
    /// # Errors
    /// A number that is not from 1 to the count.
    pub fn new(number: usize, count: usize) -> Result<Self, VisionError> {
        require((1..=count).contains(&number), "shard", format!("{number}/{count}"), Self::RULE)?;
        Ok(Self { number, count })
    }

    /// Whether the `job`-th piece of work is this one's: every `count`-th, so that costs that rise with the number spread evenly.
    pub(super) fn takes(self, job: usize) -> bool {
        job % self.count == self.number - 1
    }

    /// The name of its log.
    pub(super) fn log(self) -> String {
        format!("members-{}-of-{}.log", self.number, self.count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl FromStr for Shard {
    type Err = VisionError;

    fn from_str(text: &str) -> Result<Self, VisionError> {
        let parts = text.split_once('/').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let (number, count) = parts.ok_or_else(|| VisionError::setting("shard", text, Self::RULE))?;
        Self::new(number, count)
    }
}
