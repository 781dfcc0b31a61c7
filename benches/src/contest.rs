//! Ours beside any number of peers on one piece of work, timed in turn.

use crate::agreement::Agreement;
use crate::error::BenchError;
use crate::rounds::{Spread, times_in_turn};
use crate::row::Row;
use std::time::Duration;

/// One turn: does the work once and returns its seconds.
pub type Turn<'a> = Box<dyn FnMut() -> Result<f64, BenchError> + 'a>;

/// Threads that wait for work in a loop go to sleep within this, so that nobody computes beside somebody else's.
const SETTLE: Duration = Duration::from_millis(30);

/// A peer that may or may not be there.
pub struct Peer<'a> {
    /// What it is called where it is absent.
    pub name: &'static str,
    /// It, warmed up and compared with ours, or why it is absent.
    pub entry: Result<Entry<'a>, BenchError>,
}

/// A peer ready to be timed.
pub struct Entry<'a> {
    /// Name and version.
    pub version: String,
    /// Whether it computes what we do.
    pub agreement: Agreement,
    /// What else is to be said.
    pub note: String,
    /// Its work.
    pub turn: Turn<'a>,
}

/// What is timed, and what is said about our side of it.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    /// The `bench` of the rows.
    pub bench: &'a str,
    /// The `work` of the rows.
    pub name: &'a str,
    /// How often everyone is timed.
    pub rounds: usize,
    /// Rounds before those, which are not counted: none where comparing the results was warm-up enough.
    pub warm_up: usize,
}

/// Times everyone in turn, after the rounds of the warm-up, and makes a row for each peer; without peers, one of
/// ours alone. A peer that disagrees with us has no ratio. `say` turns our seconds into what is said about them.
///
/// # Errors
/// Ours. A peer's becomes its row.
pub fn rows(work: Work, ours: Turn, say: impl Fn(f64) -> String, peers: Vec<Peer>) -> Result<Vec<Row>, BenchError> {
    let mut turns = vec![ours];
    let mut known = Vec::new();
    for peer in peers {
        let entry = peer.entry.map(|entry| {
            turns.push(entry.turn);
            (entry.version, entry.agreement, entry.note, turns.len() - 1)
        });
        known.push((peer.name, entry));
    }
    let mut times = times_in_turn(work.warm_up + work.rounds, turns.len(), |who| {
        std::thread::sleep(SETTLE);
        turns[who]()
    });
    for seconds in times.iter_mut().flatten() {
        seconds.drain(..work.warm_up);
    }
    let mut times = times.into_iter().map(Some).collect::<Vec<_>>();
    let mut take = |who: usize| times.get_mut(who).and_then(Option::take).unwrap_or_else(|| Ok(Vec::new()));

    let ours = take(0)?;
    let our_spread = Spread::of(ours.clone());
    let row = || Row::ours(work.bench, work.name, our_spread.median);
    let said = say(our_spread.median);
    if known.is_empty() {
        return Ok(vec![row().with_quality(said).with_spreads(our_spread, None)]);
    }
    let rows = known.into_iter().map(|(name, entry)| {
        let timed = entry.and_then(|(version, agreement, note, who)| Ok((version, agreement, note, take(who)?)));
        match timed {
            Err(error) => row().without_peer(name, error).with_spreads(our_spread, None),
            Ok((version, agreement, note, theirs)) => {
                let spread = Spread::of(theirs.clone());
                let said = [agreement.to_string(), ratios(&ours, &theirs), said.clone(), note];
                let said: Vec<String> = said.into_iter().filter(|part| !part.is_empty()).collect();
                let row = row().with_peer(version, spread.median).with_quality(said.join("; "));
                let row = row.with_spreads(our_spread, Some(spread));
                if agreement.holds() { row } else { row.without_ratio() }
            }
        }
    });
    Ok(rows.collect())
}

/// The spread of the ratio from round to round.
fn ratios(ours: &[f64], theirs: &[f64]) -> String {
    let spread = Spread::of(ours.iter().zip(theirs).map(|(a, b)| a / b).collect());
    let Spread { lower_quartile, upper_quartile, .. } = spread;
    format!("ratio of half of the rounds {lower_quartile:.2} to {upper_quartile:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::PeerError;

    const WORK: Work = Work { bench: "b", name: "w", rounds: 3, warm_up: 1 };

    /// Takes the given seconds, the first in a turn that must not count.
    fn turn(seconds: [f64; 4]) -> Turn<'static> {
        let mut seconds = seconds.into_iter();
        Box::new(move || Ok(seconds.next().unwrap()))
    }

    fn entry(difference: f64, seconds: [f64; 4]) -> Entry<'static> {
        let agreement = Agreement { difference, tolerance: 0.1 };
        Entry { version: "p 1".into(), agreement, note: "a note".into(), turn: turn(seconds) }
    }

    #[test]
    fn rounds_after_the_warm_up_make_the_ratio() {
        let peers = vec![Peer { name: "p", entry: Ok(entry(0.01, [90.0, 4.0, 4.0, 2.0])) }];
        let rows = rows(WORK, turn([99.0, 1.0, 2.0, 3.0]), |s| format!("{s} s"), peers).unwrap();
        assert_eq!((rows[0].ours, rows[0].peer, rows[0].ratio), (2.0, Some(4.0), Some(0.5)));
        let quality = "agree: relative difference 1.0e-2, allowed 1.0e-1; \
                       ratio of half of the rounds 0.38 to 1.00; 2 s; a note";
        assert_eq!(rows[0].quality, quality);
    }

    #[test]
    fn a_peer_that_disagrees_has_no_ratio() {
        let peers = vec![Peer { name: "p", entry: Ok(entry(0.2, [1.0; 4])) }];
        let rows = rows(WORK, turn([1.0; 4]), |_| String::new(), peers).unwrap();
        assert_eq!((rows[0].peer, rows[0].ratio), (Some(1.0), None));
        assert!(rows[0].quality.starts_with("DISAGREE"), "{}", rows[0].quality);
    }

    #[test]
    fn absent_and_failing_peers_are_rows_and_the_others_go_on() {
        let mut calls = 0;
        let failing = Entry {
            turn: Box::new(move || {
                calls += 1;
                if calls > 2 { Err(PeerError::NotInstalled.into()) } else { Ok(1.0) }
            }),
            ..entry(0.0, [1.0; 4])
        };
        let peers = vec![
            Peer { name: "gone", entry: Err(PeerError::NotInstalled.into()) },
            Peer { name: "breaks", entry: Ok(failing) },
            Peer { name: "p", entry: Ok(entry(0.0, [2.0; 4])) },
        ];
        let rows = rows(WORK, turn([1.0; 4]), |_| String::new(), peers).unwrap();
        assert_eq!(rows.iter().map(|row| row.ratio).collect::<Vec<_>>(), [None, None, Some(0.5)]);
        assert_eq!(rows[0].quality, "absent: not installed");
        assert_eq!(rows[1].peer_version.as_deref(), Some("breaks"));
    }

    #[test]
    fn ours_alone_is_one_row_and_our_failure_is_the_benchs() {
        let rows_alone = rows(WORK, turn([9.0, 1.0, 1.0, 1.0]), |_| "fine".into(), Vec::new()).unwrap();
        assert_eq!((rows_alone.len(), rows_alone[0].ours, rows_alone[0].quality.as_str()), (1, 1.0, "fine"));
        let fails: Turn = Box::new(|| Err(PeerError::NotInstalled.into()));
        assert!(rows(WORK, fails, |_| String::new(), Vec::new()).is_err());
    }
}
