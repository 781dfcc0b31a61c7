//! The claims at 80 columns.

use super::{estimate, tally};
use crate::claim::Decided;
use tenfold_report::hanging;

/// Where what was found of a claim begins.
const COLUMN: usize = 4;

/// The claims for a terminal of 80 columns, and the tally by kind.
pub fn terminal(claims: &[Decided]) -> String {
    let mut text = String::from("\n");
    for c in claims {
        let found = format!("{} ({}, {:.1} s): {}", c.verdict.words(), c.kind.words(), c.seconds, estimate(c));
        text.push_str(&format!("{} {}\n{:COLUMN$}{}\n", c.verdict.sign(), c.id, "", hanging(&found, COLUMN)));
    }
    text.push('\n');
    tally(claims).iter().for_each(|line| text.push_str(&format!("{line}\n")));
    text
}
