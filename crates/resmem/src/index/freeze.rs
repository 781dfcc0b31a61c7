//! From the builder's graph of shared pointers to flat arrays.

use super::distance::squared_below;
use super::graph::{Candidate, EMPTY, Graph, Vectors};
use crate::error::ResmemError;
use crate::params::HnswConfig;
use hnsw_rs::anndists::dist::distances::Distance;
use ndarray::Array2;
use rand::seq::SliceRandom;
use rayon::prelude::*;

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
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.shuffle(&mut config.seed.named("hnsw-order").rng());
    let builder = hnsw_rs::hnsw::Hnsw::new(config.m, n, MAX_LAYERS, config.ef_construction, Squared);
    if config.parallel {
        let all: Vec<(&[f32], usize)> = order.iter().map(|&i| (vectors.row(i), i as usize)).collect();
        builder.parallel_insert_slice(&all);
    } else {
        order.iter().for_each(|&i| builder.insert_slice((vectors.row(i), i as usize)));
    }

    let points = builder.get_point_indexation();
    let mut levels = vec![0_u8; n];
    let mut links = vec![Vec::new(); n];
    let (mut entry, mut top) = (0, None);
    for point in points {
        let (i, level) = (point.get_origin_id(), point.get_point_id().0);
        levels[i] = level;
        links[i] = point.get_neighborhood_id();
        links[i].truncate(usize::from(level) + 1);
        // The lowest row of the highest layer, whatever order points come in.
        if top.is_none_or(|top| level > top || (level == top && i < entry)) {
            (entry, top) = (i, Some(level));
        }
    }

    // A builder's list may name points that are not in its layer: they are dropped here.
    let in_layer = |i: usize, layer: usize| {
        let list: &[hnsw_rs::hnsw::Neighbour] = links[i].get(layer).map_or(&[], Vec::as_slice);
        let levels = &levels;
        list.iter()
            .filter(move |to| to.d_id != i && usize::from(levels[to.d_id]) >= layer)
            .map(|to| Candidate::new(to.distance, to.d_id as u32))
    };
    let mut both: Vec<Vec<Candidate>> = (0..n).map(|i| in_layer(i, 0).collect()).collect();
    for i in 0..n {
        for to in in_layer(i, 0) {
            both[to.point() as usize].push(Candidate::new(to.distance(), i as u32));
        }
    }
    let chosen: Vec<Vec<u32>> = both.into_par_iter().map(|c| choose(vectors, c, 2 * config.m)).collect();
    let mut ground = Array2::from_elem((n, 2 * config.m), EMPTY);
    for (mut slots, chosen) in ground.outer_iter_mut().zip(&chosen) {
        slots.iter_mut().zip(chosen).for_each(|(slot, to)| *slot = *to);
    }
    let blocks = levels.iter().map(|l| usize::from(*l)).sum();
    let mut upper = Array2::from_elem((blocks, config.m), EMPTY);
    let layers = (0..n).flat_map(|i| (1..=usize::from(levels[i])).map(move |layer| (i, layer)));
    for (mut slots, (i, layer)) in upper.outer_iter_mut().zip(layers) {
        let mut list: Vec<Candidate> = in_layer(i, layer).collect();
        list.sort_unstable();
        slots.iter_mut().zip(list).for_each(|(slot, to)| *slot = to.point());
    }
    Graph::new(ground, levels, upper, entry as u32)
        .map_err(|rule| ResmemError::parameter("HNSW graph", format!("{n} points"), rule))
}

/// At most `slots` of the candidates: nearest first, leaving out what is nearer to one already chosen than to the point
/// itself (the neighbour selection of Malkov and Yashunin, algorithm 4); up to three quarters of the slots are then
/// filled with the nearest left out, which pays in recall, and the rest left free, which pays in speed and leaves room
/// for repair.
///
/// The builder prunes reverse links by distance alone, which cuts bridges between clusters; choosing again among links in
/// either direction brings them back.
fn choose(vectors: Vectors, mut candidates: Vec<Candidate>, slots: usize) -> Vec<u32> {
    candidates.sort_unstable();
    candidates.dedup();
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
