//! The keys that may still be among the nearest of one query.

/// Above so many candidates, and four for each neighbour, looking at every key directly costs no more.
const MOST: usize = 1 << 14;

/// The keys that may still be among the `k` nearest of one query.
pub(super) struct Candidates {
    k: usize,
    margin: f32,
    /// No score above this can belong to the `k` nearest any more.
    pub(super) threshold: f32,
    pub(super) kept: Vec<(f32, u32)>,
    /// How many to gather before sifting again.
    room: usize,
    /// Scores tell too few keys apart: all of them are to be looked at directly.
    pub(super) all: bool,
}

impl Candidates {
    /// None yet; with an infinite margin scores tell nothing.
    pub(super) fn new(k: usize, margin: f32) -> Self {
        let room = 2 * k + 32;
        let mut candidates = Self { k, margin, threshold: f32::INFINITY, kept: Vec::new(), room, all: false };
        if margin.is_finite() {
            candidates.kept.reserve(room);
        } else {
            candidates.give_up();
        }
        candidates
    }

    /// Takes a score in and returns the threshold to go on with.
    #[inline]
    pub(super) fn add(&mut self, score: f32, index: u32) -> f32 {
        self.kept.push((score, index));
        if self.kept.len() == self.room {
            self.sift();
        }
        self.threshold
    }

    /// Lowers the threshold to the k-th best score plus the margin and drops what is above it.
    fn sift(&mut self) {
        let (_, kth, _) = self.kept.select_nth_unstable_by(self.k - 1, |a, b| a.0.total_cmp(&b.0));
        self.threshold = kth.0 + self.margin;
        let threshold = self.threshold;
        self.kept.retain(|c| c.0 <= threshold);
        if self.kept.len() > MOST.max(4 * self.k) {
            self.give_up();
        }
        // Many equal distances may all have to stay: give them room, so that sifting stays rare.
        self.room = self.room.max(2 * self.kept.len());
    }

    /// Lets go of the candidates, and takes in no more.
    fn give_up(&mut self) {
        self.kept = Vec::new();
        self.threshold = f32::NEG_INFINITY;
        self.all = true;
    }
}
