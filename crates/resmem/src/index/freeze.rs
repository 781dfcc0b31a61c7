//! From the builder's graph of shared pointers to flat arrays.

use super::graph::{Candidate, EMPTY, Graph, Vectors};
use crate::error::ResmemError;
use crate::params::HnswConfig;
use hnsw_rs::anndists::dist::distances::Distance;
use ndarray::Array2;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::collections::HashSet;
use tenfold_kernels::distance::squared_below;

/// Layers beyond this hold less than one point in `m^15`.
const MAX_LAYERS: usize = 16;

/// The distance the builder uses: the one that searches use.
struct Squared;

impl Distance<f32> for Squared {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        squared_below(a, b, f32::INFINITY)
    }
}

/// Builds a graph over `n` vectors and freezes it.
pub(super) fn freeze(vectors: Vectors, n: usize, config: &HnswConfig) -> Result<Graph, ResmemError> {
    let Built { levels, entry, links } = build(vectors, n, config);
    // A builder's list may name points that are not in its layer: they are dropped here.
    let in_layer = |i: usize, layer: usize| {
        let list: &[hnsw_rs::hnsw::Neighbour] = links[i].get(layer).map_or(&[], Vec::as_slice);
        let levels = &levels;
        list.iter()
            .filter(move |to| to.d_id != i && usize::from(levels[to.d_id]) >= layer)
            .map(|to| Candidate::new(to.distance, to.d_id as u32))
    };

    let mut both_ways: Vec<Vec<Candidate>> = (0..n).map(|i| in_layer(i, 0).collect()).collect();
    for i in 0..n {
        for to in in_layer(i, 0) {
            both_ways[to.point() as usize].push(Candidate::new(to.distance(), i as u32));
        }
    }
    both_ways.par_iter_mut().for_each(|list| {
        list.sort_unstable();
        list.dedup();
    });
    let slots = 2 * config.m;
    let mut ground = Array2::from_elem((n, slots), EMPTY);
    let rows: Vec<_> = ground.outer_iter_mut().enumerate().collect();
    rows.into_par_iter().for_each(|(i, mut row)| {
        let chosen = choose(vectors, two_steps(vectors, i as u32, &both_ways, config.m), slots);
        row.iter_mut().zip(chosen).for_each(|(slot, to)| *slot = to);
    });

    let blocks = levels.iter().map(|l| usize::from(*l)).sum();
    let mut upper = Array2::from_elem((blocks, config.m), EMPTY);
    let layers = (0..n).flat_map(|i| (1..=usize::from(levels[i])).map(move |layer| (i, layer)));
    for (mut row, (i, layer)) in upper.outer_iter_mut().zip(layers) {
        let mut list: Vec<Candidate> = in_layer(i, layer).collect();
        list.sort_unstable();
        row.iter_mut().zip(list).for_each(|(slot, to)| *slot = to.point());
    }
    Graph::new(ground, levels, upper, entry)
        .map_err(|rule| ResmemError::parameter("HNSW graph", format!("{n} points"), rule))
}

/// What the builder made, by row.
struct Built {
    levels: Vec<u8>,
    entry: u32,
    /// Links of each point, layer by layer.
    links: Vec<Vec<Vec<hnsw_rs::hnsw::Neighbour>>>,
}

fn build(vectors: Vectors, n: usize, config: &HnswConfig) -> Built {
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.shuffle(&mut config.seed.named("hnsw-order").rng());
    let builder = hnsw_rs::hnsw::Hnsw::new(config.m, n, MAX_LAYERS, config.ef_construction, Squared);
    if config.parallel {
        let all: Vec<(&[f32], usize)> = order.iter().map(|&i| (vectors.row(i), i as usize)).collect();
        builder.parallel_insert_slice(&all);
    } else {
        order.iter().for_each(|&i| builder.insert_slice((vectors.row(i), i as usize)));
    }
    let mut built = Built { levels: vec![0; n], entry: 0, links: vec![Vec::new(); n] };
    let mut top = None;
    for point in builder.get_point_indexation() {
        let (i, level) = (point.get_origin_id(), point.get_point_id().0);
        built.levels[i] = level;
        built.links[i] = point.get_neighborhood_id();
        built.links[i].truncate(usize::from(level) + 1);
        // The lowest row of the highest layer, whatever order points come in.
        if top.is_none_or(|top| level > top || (level == top && (i as u32) < built.entry)) {
            (built.entry, top) = (i as u32, Some(level));
        }
    }
    built
}

/// The neighbours of a point, and the `nearest` neighbours of each of them.
///
/// The builder sees a point's neighbours as they were when it was inserted; later ones are found in a second step.
fn two_steps(vectors: Vectors, point: u32, links: &[Vec<Candidate>], nearest: usize) -> Vec<Candidate> {
    let near = &links[point as usize];
    let mut seen: HashSet<u32> = near.iter().map(|c| c.point()).collect();
    seen.insert(point);
    let mut candidates = near.clone();
    for step in near {
        for to in links[step.point() as usize].iter().take(nearest).map(|c| c.point()) {
            if seen.insert(to) {
                let distance = squared_below(vectors.row(point), vectors.row(to), f32::INFINITY);
                candidates.push(Candidate::new(distance, to));
            }
        }
    }
    candidates.sort_unstable();
    candidates
}

/// At most `slots` of the candidates, which come nearest first, leaving out what is nearer to one already chosen than to
/// the point itself (the neighbour selection of Malkov and Yashunin, algorithm 4); up to three quarters of the slots are
/// then filled with the nearest left out, which pays in recall, and the rest left free, which pays in speed and leaves
/// room for repair.
///
/// The builder prunes reverse links by distance alone, which cuts bridges between clusters; choosing again among links in
/// either direction brings them back.
fn choose(vectors: Vectors, candidates: Vec<Candidate>, slots: usize) -> Vec<u32> {
    let (mut chosen, mut left_out) = (Vec::<u32>::with_capacity(slots), Vec::new());
    for candidate in candidates {
        if chosen.len() == slots {
            break;
        }
        let (point, distance) = (candidate.point(), candidate.distance());
        let covered = chosen.iter().any(|&c| squared_below(vectors.row(c), vectors.row(point), distance) < distance);
        if covered { left_out.push(point) } else { chosen.push(point) }
    }
    let wanted = (slots * 3 / 4).saturating_sub(chosen.len());
    chosen.extend(left_out.into_iter().take(wanted));
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_links_look_in_every_direction() {
        // From the origin: two near points to the right, one behind the other, and a farther one to the left.
        let points = [0.0, 1.0, 1.5, -2.0];
        let vectors = Vectors::new(&points, 1);
        let candidates = || [(1.0, 1), (2.25, 2), (4.0, 3)].map(|(d, i)| Candidate::new(d, i)).to_vec();
        assert_eq!(choose(vectors, candidates(), 2), [1, 3]);
        // With four slots, three are filled although the third is covered.
        assert_eq!(choose(vectors, candidates(), 4), [1, 3, 2]);
    }

    #[test]
    fn a_second_step_finds_neighbours_of_neighbours_once() {
        let points = [0.0, 1.0, 2.0, 3.0];
        let list = |of: &[(f32, u32)]| of.iter().map(|&(d, i)| Candidate::new(d, i)).collect::<Vec<_>>();
        let links = [list(&[(1.0, 1), (4.0, 2)]), list(&[(1.0, 0), (1.0, 2)]), list(&[(1.0, 3), (1.0, 1)]), list(&[])];
        let found = two_steps(Vectors::new(&points, 1), 0, &links, 1);
        assert_eq!(found, list(&[(1.0, 1), (4.0, 2), (9.0, 3)]));
    }
}
