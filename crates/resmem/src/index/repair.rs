//! Making sure that every point of a graph finds itself.
//!
//! Parallel insertion can leave points that no path leads to, and pruning can cut the last one off. A memory whose
//! training points do not find themselves would not even interpolate at `k = 1`.

use super::graph::{Candidate, EMPTY, Graph, Scratch, Vectors};
use crate::error::ResmemError;
use rayon::prelude::*;

/// Rounds of linking and checking before giving up.
const ROUNDS: usize = 20;
/// Rows of links may grow to this many times their first width.
const MAX_GROWTH: usize = 4;

/// Links points that do not find themselves to the points where the search for them ended, until all do.
///
/// A point counts as found when a beam of `ef` holds a key equal to its own, so one of several equal keys is enough.
pub(super) fn repair(graph: &mut Graph, vectors: Vectors, ef: usize) -> Result<(), ResmemError> {
    let slots = graph.ground.ncols();
    let mut lost = unreachable(graph, vectors, ef);
    for _ in 0..ROUNDS {
        if lost.is_empty() {
            return Ok(());
        }
        let mut scratch = Scratch::default();
        for &point in &lost {
            let found = graph.search(vectors, vectors.row(point), ef, &mut scratch).to_vec();
            link(graph, point, &found, slots);
        }
        lost = unreachable(graph, vectors, ef);
    }
    match lost.len() {
        0 => Ok(()),
        unreachable => Err(ResmemError::Unreachable { unreachable, n: graph.len(), rounds: ROUNDS }),
    }
}

/// The points that do not find themselves.
pub(super) fn unreachable(graph: &Graph, vectors: Vectors, ef: usize) -> Vec<u32> {
    (0..graph.len() as u32)
        .into_par_iter()
        .map_init(Scratch::default, |scratch, point| {
            let found = graph.search(vectors, vectors.row(point), ef, scratch);
            found.first().is_none_or(|c| c.distance() > 0.0).then_some(point)
        })
        .flatten_iter()
        .collect()
}

/// Links `point` and the nearest of `found` both ways. The search that ended there follows the new link, because it
/// follows the links of all it found. No link is given up for it while rows may still grow.
fn link(graph: &mut Graph, point: u32, found: &[Candidate], slots: usize) {
    let found: Vec<u32> = found.iter().map(|c| c.point()).filter(|c| *c != point).collect();
    let Some(&nearest) = found.first() else { return };
    let host = match found.iter().find(|c| has_room(graph, **c)) {
        Some(&host) => host,
        None => {
            if graph.ground.ncols() < MAX_GROWTH * slots {
                graph.widen(slots);
            }
            nearest
        }
    };
    add(graph, host, point);
    for to in found.into_iter().take(slots / 2) {
        if has_room(graph, point) {
            add(graph, point, to);
        }
    }
}

fn has_room(graph: &Graph, point: u32) -> bool {
    graph.links(point, 0).len() < graph.ground.ncols()
}

/// Adds a link, in the place of the last one where the row is full.
fn add(graph: &mut Graph, from: u32, to: u32) {
    if graph.links(from, 0).contains(&to) {
        return;
    }
    let mut slots = graph.ground.row_mut(from as usize);
    let last = slots.len() - 1;
    let at = slots.iter().position(|slot| *slot == EMPTY).unwrap_or(last);
    slots[at] = to;
}
