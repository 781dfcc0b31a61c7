//! Sets of rows, one bit each.

use serde::{Deserialize, Serialize};

/// A set of rows of a data set with n of them, in n bits.
///
/// ```
/// use tenfold_core_tensor::mask::BitMask;
///
/// let mask = BitMask::from_rows(70, [3, 64, 3]).unwrap();
/// assert_eq!((mask.len(), mask.count()), (70, 2));
/// assert!(mask.get(64) && !mask.get(65) && !mask.get(700));
/// assert_eq!(mask.rows().collect::<Vec<_>>(), [3, 64]);
/// assert_eq!(mask, (0..70).map(|i| i == 3 || i == 64).collect());
/// assert!(BitMask::from_rows(70, [70]).is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct BitMask {
    len: usize,
    /// Sample i is bit i % 64 of word i / 64; bits beyond the last sample are 0.
    words: Vec<u64>,
}

impl BitMask {
    /// The mask of some rows among `n`; `None` if one of them is not.
    pub fn from_rows(n: usize, rows: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut words = vec![0; n.div_ceil(64)];
        for row in rows.into_iter().map(|row| row as usize) {
            if row >= n {
                return None;
            }
            words[row / 64] |= 1 << (row % 64);
        }
        Some(Self { len: n, words })
    }

    /// The bits, row i being bit i % 64 of word i / 64; bits beyond the last row are 0.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// How many samples the data set has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the data set is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many samples are in the mask.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether sample `i` is in the mask. Samples that the data set does not have are not.
    pub fn get(&self, i: usize) -> bool {
        self.words.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 == 1)
    }

    /// The samples in the mask, ascending.
    pub fn rows(&self) -> impl Iterator<Item = u32> {
        (0..self.len as u32).filter(|&i| self.get(i as usize))
    }
}

/// A mask as it is read: of any length, with any bits.
#[derive(Deserialize)]
struct Unchecked {
    len: usize,
    words: Vec<u64>,
}

impl TryFrom<Unchecked> for BitMask {
    type Error = &'static str;

    fn try_from(Unchecked { len, words }: Unchecked) -> Result<Self, Self::Error> {
        // Bits of the last word that no sample has.
        let beyond = words.last().is_some_and(|&word| !len.is_multiple_of(64) && word >> (len % 64) != 0);
        if words.len() != len.div_ceil(64) || beyond {
            return Err("a mask must have one bit for each sample and no more");
        }
        Ok(Self { len, words })
    }
}

/// One bit per element.
impl FromIterator<bool> for BitMask {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Self {
        let mut mask = Self { len: 0, words: Vec::new() };
        for bit in bits {
            if mask.len.is_multiple_of(64) {
                mask.words.push(0);
            }
            let at = mask.len;
            mask.words[at / 64] |= u64::from(bit) << (at % 64);
            mask.len += 1;
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_mask_is_its_bits(bits in proptest::collection::vec(any::<bool>(), 0..200)) {
            let mask: BitMask = bits.iter().copied().collect();
            prop_assert_eq!(mask.len(), bits.len());
            prop_assert_eq!((0..bits.len()).map(|i| mask.get(i)).collect::<Vec<_>>(), bits.clone());
            prop_assert_eq!(mask.count(), bits.iter().filter(|&&bit| bit).count());
            prop_assert_eq!(BitMask::from_rows(bits.len(), mask.rows()), Some(mask.clone()));
            let json = serde_json::to_string(&mask).unwrap();
            prop_assert_eq!(serde_json::from_str::<BitMask>(&json).unwrap(), mask);
        }

        #[test]
        fn what_is_read_is_a_mask_or_refused(len in 0_usize..200, words in proptest::collection::vec(any::<u64>(), 0..4)) {
            if let Ok(mask) = BitMask::try_from(Unchecked { len, words }) {
                prop_assert_eq!(mask.count(), mask.rows().count());
            }
        }
    }
}
