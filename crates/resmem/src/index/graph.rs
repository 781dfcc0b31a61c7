//! A frozen navigable graph in flat arrays, and how to walk it.

use ndarray::Array2;
use tenfold_kernels::distance::{prefetch, squared_below};

/// A slot without a link.
pub(crate) const EMPTY: u32 = u32::MAX;

/// A hierarchy of graphs over the rows of a matrix: everyone is in layer 0, fewer and fewer in the layers above.
///
/// Links of a point lie in a fixed number of slots, filled from the front: no pointer is followed but the link itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Graph {
    /// Links in layer 0, `[n, 2 m]`, nearest first when built.
    pub(crate) ground: Array2<u32>,
    /// The highest layer of each point, `[n]`.
    pub(crate) levels: Vec<u8>,
    /// Links in the layers above: the blocks of point `i` begin at row `first_block[i]`, layer 1 first.
    pub(crate) upper: Array2<u32>,
    first_block: Vec<u32>,
    /// Where every search begins: a point of the highest layer.
    pub(crate) entry: u32,
}

impl Graph {
    /// A graph from its parts, or what is wrong with them.
    pub(crate) fn new(ground: Array2<u32>, levels: Vec<u8>, upper: Array2<u32>, entry: u32) -> Result<Self, String> {
        let n = levels.len();
        let blocks: usize = levels.iter().map(|l| usize::from(*l)).sum();
        if ground.nrows() != n || upper.nrows() != blocks {
            return Err(format!(
                "{n} levels that ask for {blocks} upper blocks do not fit {} rows and {} blocks of links",
                ground.nrows(),
                upper.nrows()
            ));
        }
        let top = levels.iter().copied().max().unwrap_or(0);
        if levels.get(entry as usize) != Some(&top) {
            return Err(format!("entry point {entry} must be one of the {n} points, in the highest layer {top}"));
        }
        if ground.iter().any(|&to| to != EMPTY && to as usize >= n) {
            return Err(format!("a link leads beyond the {n} points"));
        }
        let mut first_block = Vec::with_capacity(n);
        let mut block = 0;
        for &level in &levels {
            first_block.push(block as u32);
            for layer in 1..=level {
                if upper.row(block).iter().any(|&to| to != EMPTY && levels.get(to as usize).is_none_or(|l| *l < layer))
                {
                    return Err(format!("a link of layer {layer} leads to a point that is not in it"));
                }
                block += 1;
            }
        }
        Ok(Self { ground, levels, upper, first_block, entry })
    }

    pub(crate) fn len(&self) -> usize {
        self.levels.len()
    }

    /// The links of a point of that layer.
    pub(crate) fn links(&self, point: u32, layer: u8) -> &[u32] {
        let slots = match layer {
            0 => row(&self.ground, point as usize),
            _ => row(&self.upper, self.first_block[point as usize] as usize + usize::from(layer) - 1),
        };
        let used = slots.iter().position(|to| *to == EMPTY).unwrap_or(slots.len());
        &slots[..used]
    }

    /// Gives every point of layer 0 `slots` more slots.
    pub(crate) fn widen(&mut self, slots: usize) {
        let (n, width) = self.ground.dim();
        let old = std::mem::take(&mut self.ground);
        self.ground =
            Array2::from_shape_fn((n, width + slots), |(i, slot)| if slot < width { old[[i, slot]] } else { EMPTY });
    }

    /// The nearest points that a beam of `ef` finds, nearest first, as (squared distance, point).
    pub(crate) fn search<'s>(
        &self,
        vectors: Vectors,
        query: &[f32],
        ef: usize,
        scratch: &'s mut Scratch,
    ) -> &'s [Candidate] {
        let start = self.descend(vectors, query);
        let (beam, visited, fresh) = scratch.reset(self.len(), ef);
        visited.insert(start.point());
        beam.insert(start);
        while let Some(point) = beam.next_to_expand() {
            fresh.clear();
            fresh.extend(self.links(point, 0).iter().filter(|to| visited.insert(**to)));
            // Only what will be looked at is fetched, each vector while the one before it is compared.
            fresh.iter().take(1).for_each(|first| prefetch(vectors.row(*first)));
            for (i, &to) in fresh.iter().enumerate() {
                fresh.get(i + 1).into_iter().for_each(|next| prefetch(vectors.row(*next)));
                let bound = beam.bound();
                let distance = squared_below(query, vectors.row(to), bound);
                if distance <= bound {
                    beam.insert(Candidate::new(distance, to));
                }
            }
        }
        beam.found()
    }

    /// From the entry point to the nearest point that greedy steps through the upper layers reach.
    fn descend(&self, vectors: Vectors, query: &[f32]) -> Candidate {
        let distance = |point: u32, bound: f32| squared_below(query, vectors.row(point), bound);
        let mut best = Candidate::new(distance(self.entry, f32::INFINITY), self.entry);
        for layer in (1..=self.levels[self.entry as usize]).rev() {
            loop {
                let from = best.point();
                for &to in self.links(from, layer) {
                    best = best.min(Candidate::new(distance(to, best.distance()), to));
                }
                if best.point() == from {
                    break;
                }
            }
        }
        best
    }
}

fn row(links: &Array2<u32>, i: usize) -> &[u32] {
    let width = links.ncols();
    links.as_slice().map_or(&[], |all| &all[i * width..(i + 1) * width])
}

/// The vectors of a graph's points.
#[derive(Clone, Copy)]
pub(crate) struct Vectors<'a> {
    dense: &'a [f32],
    width: usize,
}

impl<'a> Vectors<'a> {
    pub(crate) fn new(dense: &'a [f32], width: usize) -> Self {
        Self { dense, width }
    }

    #[inline]
    pub(crate) fn row(&self, point: u32) -> &'a [f32] {
        &self.dense[point as usize * self.width..][..self.width]
    }
}

/// A squared distance and a point in one word that orders by (distance, point): the bits of a float that is not negative
/// order like the float. The lowest bit says whether the point's links were followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate(u64);

impl Candidate {
    #[inline]
    pub(crate) fn new(distance: f32, point: u32) -> Self {
        Self(u64::from(distance.to_bits()) << 32 | u64::from(point) << 1)
    }

    #[inline]
    pub(crate) fn distance(self) -> f32 {
        f32::from_bits((self.0 >> 32) as u32)
    }

    #[inline]
    pub(crate) fn point(self) -> u32 {
        (self.0 as u32) >> 1
    }
}

/// The best `capacity` candidates so far, in order. What falls off the end could never be followed before the search
/// ends, so one ordered list serves as queue and as result.
#[derive(Debug, Default)]
struct Beam {
    sorted: Vec<Candidate>,
    capacity: usize,
    /// Everything before this was followed.
    next: usize,
}

impl Beam {
    fn bound(&self) -> f32 {
        match self.sorted.last() {
            Some(last) if self.sorted.len() == self.capacity => last.distance(),
            _ => f32::INFINITY,
        }
    }

    fn insert(&mut self, candidate: Candidate) {
        let at = self.sorted.partition_point(|c| *c < candidate);
        if self.sorted.len() == self.capacity {
            if at == self.capacity {
                return;
            }
            self.sorted.pop();
        }
        self.sorted.insert(at, candidate);
        self.next = self.next.min(at);
    }

    fn next_to_expand(&mut self) -> Option<u32> {
        while let Some(candidate) = self.sorted.get_mut(self.next) {
            self.next += 1;
            if candidate.0 & 1 == 0 {
                candidate.0 |= 1;
                return Some(candidate.point());
            }
        }
        None
    }

    fn found(&self) -> &[Candidate] {
        &self.sorted
    }
}

/// Which points a search has seen: a number a point, so that forgetting them all is one addition.
#[derive(Debug, Default)]
struct Visited {
    seen_in: Vec<u32>,
    search: u32,
}

impl Visited {
    /// Whether the point was new.
    #[inline]
    fn insert(&mut self, point: u32) -> bool {
        std::mem::replace(&mut self.seen_in[point as usize], self.search) != self.search
    }
}

/// What a search needs and the next one can use again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    beam: Beam,
    visited: Visited,
    /// Links of the point being followed that were not seen before.
    fresh: Vec<u32>,
}

impl Scratch {
    fn reset(&mut self, n: usize, ef: usize) -> (&mut Beam, &mut Visited, &mut Vec<u32>) {
        self.beam.sorted.clear();
        self.beam.capacity = ef;
        self.beam.next = 0;
        self.visited.seen_in.resize(n, 0);
        self.visited.search = self.visited.search.wrapping_add(1);
        if self.visited.search == 0 {
            self.visited.seen_in.fill(0);
            self.visited.search = 1;
        }
        (&mut self.beam, &mut self.visited, &mut self.fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn candidates_order_by_distance_then_point(a in (0.0..1e30_f32, 0_u32..1 << 31), b in (0.0..1e30_f32, 0_u32..1 << 31)) {
            let (x, y) = (Candidate::new(a.0, a.1), Candidate::new(b.0, b.1));
            prop_assert_eq!(Some(x.cmp(&y)), a.partial_cmp(&b));
            prop_assert_eq!((x.distance(), x.point()), a);
        }

        #[test]
        fn a_beam_keeps_the_smallest(distances in prop::collection::vec(0_u8..30, 1..60), capacity in 1_usize..20) {
            let mut beam = Beam { capacity, ..Beam::default() };
            let mut all: Vec<Candidate> =
                distances.iter().enumerate().map(|(i, d)| Candidate::new(f32::from(*d), i as u32)).collect();
            all.iter().for_each(|c| beam.insert(*c));
            all.sort();
            all.truncate(capacity);
            prop_assert_eq!(beam.found(), &all[..]);
            let followed: Vec<u32> = std::iter::from_fn(|| beam.next_to_expand()).collect();
            prop_assert_eq!(followed, all.iter().map(|c| c.point()).collect::<Vec<_>>());
        }
    }

    /// A chain 0 - 1 - 2 - 3 - 4 with a shortcut 0 - 4 one layer up.
    fn chain() -> Graph {
        let mut ground = Array2::from_elem((5, 2), EMPTY);
        for i in 0..5_usize {
            let ends = [i.checked_sub(1), (i < 4).then_some(i + 1)];
            ends.into_iter().flatten().enumerate().for_each(|(slot, to)| ground[[i, slot]] = to as u32);
        }
        let upper = ndarray::array![[4, EMPTY], [0, EMPTY]];
        Graph::new(ground, vec![1, 0, 0, 0, 1], upper, 0).unwrap()
    }

    #[test]
    fn a_walk_by_hand() {
        let (graph, points) = (chain(), [0.0, 1.0, 2.0, 3.0, 4.0]);
        let mut scratch = Scratch::default();
        let vectors = Vectors::new(&points, 1);
        // The shortcut leads to 4; a beam of two then finds 3 and 2 and stops.
        let found: Vec<u32> = graph.search(vectors, &[2.9], 2, &mut scratch).iter().map(|c| c.point()).collect();
        assert_eq!(found, [3, 2]);
        assert!(!scratch.visited.insert(1) || scratch.visited.seen_in[0] != scratch.visited.search);
        let all = graph.search(vectors, &[0.4], 9, &mut scratch).len();
        assert_eq!(all, 5);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let good = chain();
        let with = |change: &dyn Fn(&mut Graph)| {
            let mut g = good.clone();
            change(&mut g);
            Graph::new(g.ground, g.levels, g.upper, g.entry).unwrap_err()
        };
        assert!(with(&|g| g.entry = 5).contains("entry point 5"));
        assert!(with(&|g| g.entry = 1).contains("highest layer 1"));
        assert!(with(&|g| g.ground[[0, 0]] = 5).contains("beyond the 5 points"));
        assert!(with(&|g| g.upper[[0, 0]] = 2).contains("layer 1"));
        assert!(with(&|g| g.levels[1] = 1).contains("3 upper blocks"));
    }
}
