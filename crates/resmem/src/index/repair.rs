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

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Points on a line, linked to their neighbours, except for some that nothing leads to; `slots` a point.
    fn line(n: usize, slots: usize, cut_off: &[u32]) -> (Graph, Vec<f32>) {
        let mut ground = Array2::from_elem((n, slots), EMPTY);
        let known: Vec<u32> = (0..n as u32).filter(|i| !cut_off.contains(i)).collect();
        for pair in known.windows(2) {
            for (from, to) in [(pair[0], pair[1]), (pair[1], pair[0])] {
                let mut row = ground.row_mut(from as usize);
                let free = row.iter().position(|slot| *slot == EMPTY).unwrap();
                row[free] = to;
            }
        }
        let graph = Graph::new(ground, vec![0; n], Array2::zeros((0, slots)), 0).unwrap();
        (graph, (0..n).map(|i| i as f32).collect())
    }

    #[test]
    fn lost_points_are_seen_and_linked() {
        // With two slots a point, the line has no room for the lost: rows must grow.
        for slots in [2, 4] {
            let lost = [3, 4, 5, 11, 19];
            let (mut graph, points) = line(20, slots, &lost);
            let vectors = Vectors::new(&points, 1);
            let before = graph.clone();
            assert_eq!(unreachable(&graph, vectors, 2), lost);
            repair(&mut graph, vectors, 2).unwrap();
            assert_eq!(unreachable(&graph, vectors, 2), [0; 0]);
            for point in 0..20 {
                let kept = before.links(point, 0);
                assert!(kept.iter().all(|to| graph.links(point, 0).contains(to)), "{point} lost a link");
            }
        }
    }

    #[test]
    fn a_whole_graph_is_left_alone() {
        let (graph, points) = line(20, 2, &[]);
        let mut repaired = graph.clone();
        repair(&mut repaired, Vectors::new(&points, 1), 2).unwrap();
        assert_eq!(graph, repaired);
    }

    #[test]
    fn an_equal_key_counts_as_found() {
        let (graph, mut points) = line(6, 2, &[5]);
        points[5] = points[2];
        assert_eq!(unreachable(&graph, Vectors::new(&points, 1), 2), [0; 0]);
    }
}
