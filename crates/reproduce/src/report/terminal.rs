//! The table of claims at 80 columns.

use super::{interval, tally};
use crate::decided::Decided;

/// The claims as a table that fits a terminal of 80 columns, and the tally by kind.
pub fn terminal(claims: &[Decided]) -> String {
    let mut text = String::from("\n");
    for c in claims {
        let kind = format!("{:?}", c.kind).to_lowercase();
        text.push_str(&format!(
            "{} {:<42} {:<12} {:>9} {:>7.1} s\n",
            c.verdict.sign(),
            c.id,
            c.verdict.words(),
            kind,
            c.seconds
        ));
        text.push_str(&format!("    {}\n", interval(c)));
    }
    text.push('\n');
    tally(claims).iter().for_each(|line| text.push_str(&format!("{line}\n")));
    text
}
