//! The addresses that a distribution is about: those with a weight above 0.
//!
//! An address of weight 0 is never a cell: whether it is answered is a question of presence, which a
//! single answer settles.

use super::StatisticsError;

/// Sums up to here are exact as a floating-point number.
const LARGEST: u64 = 1 << 53;

/// The cells of a distribution, and where they stood among the weights.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cells {
    /// The index of each cell among the weights.
    indexes: Vec<usize>,
    /// The share of each cell; together they are 1.
    pub(super) shares: Vec<f64>,
    /// How many weights there are, those of 0 included.
    weights: usize,
}

/// Counts by cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) counts: Vec<u64>,
    pub(super) total: u64,
    /// Indexes of weights of 0 that were answered all the same.
    pub(super) forbidden: Vec<usize>,
}

impl Cells {
    pub(super) fn new(weights: &[u64]) -> Result<Self, StatisticsError> {
        let total = sum(weights, "weights")?;
        if total == 0 {
            return Err(StatisticsError::NoWeight { weights: weights.len() });
        }
        let indexes: Vec<usize> = (0..weights.len()).filter(|index| weights[*index] > 0).collect();
        let shares = indexes.iter().map(|index| weights[*index] as f64 / total as f64).collect();
        Ok(Self { indexes, shares, weights: weights.len() })
    }

    pub(super) fn len(&self) -> usize {
        self.indexes.len()
    }

    /// Returns the index among the weights of a cell.
    pub(super) fn index(&self, cell: usize) -> usize {
        self.indexes.get(cell).copied().unwrap_or(cell)
    }

    /// Sorts counts, which are in the order of the weights, into cells.
    pub(super) fn count(&self, counts: &[u64]) -> Result<Counted, StatisticsError> {
        if counts.len() != self.weights {
            return Err(StatisticsError::Lengths { counts: counts.len(), weights: self.weights });
        }
        sum(counts, "counts")?;
        Ok(self.sort(counts))
    }

    /// Sorts counts that are known to be as many as the weights, and no larger than they may be.
    pub(super) fn sort(&self, counts: &[u64]) -> Counted {
        let count = |index: &usize| counts.get(*index).copied().unwrap_or(0);
        let cells: Vec<u64> = self.indexes.iter().map(count).collect();
        let is_cell = |index: &usize| self.indexes.binary_search(index).is_ok();
        let forbidden = (0..counts.len()).filter(|index| counts[*index] > 0 && !is_cell(index)).collect();
        Counted { total: cells.iter().sum(), counts: cells, forbidden }
    }
}

/// Adds up whole numbers whose sum is exact as a floating-point number.
pub(super) fn sum(numbers: &[u64], what: &'static str) -> Result<u64, StatisticsError> {
    let sum = numbers.iter().try_fold(0_u64, |sum, number| sum.checked_add(*number));
    sum.filter(|sum| *sum <= LARGEST).ok_or(StatisticsError::TooLarge { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_of_zero_is_a_question_of_presence_and_no_cell() {
        let cells = Cells::new(&[0, 30, 0, 10]).unwrap();
        assert_eq!(cells.shares, [0.75, 0.25]);
        assert_eq!((cells.index(0), cells.index(1)), (1, 3));
        let counted = cells.count(&[2, 5, 0, 6]).unwrap();
        assert_eq!(counted, Counted { counts: vec![5, 6], total: 11, forbidden: vec![0] });
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        assert_eq!(Cells::new(&[0, 0]), Err(StatisticsError::NoWeight { weights: 2 }));
        assert_eq!(Cells::new(&[]), Err(StatisticsError::NoWeight { weights: 0 }));
        assert_eq!(
            Cells::new(&[1, 2]).unwrap().count(&[1]),
            Err(StatisticsError::Lengths { counts: 1, weights: 2 })
        );
        let enormous = Cells::new(&[1, 2]).unwrap().count(&[u64::MAX, u64::MAX]);
        assert_eq!(enormous, Err(StatisticsError::TooLarge { what: "counts" }));
    }
}
