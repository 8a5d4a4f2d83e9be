//! Joins neighbouring symbols of a text until no two of them make a known piece. Of all neighbours those of the
//! highest priority are joined first; of equals the leftmost. Takes n log n for n symbols.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

pub struct Symbol {
    pub begin: usize, // bytes of the text
    pub end: usize,
    pub frozen: bool, // is never joined
}

/// Priority, left symbol, right symbol, bytes of both. The largest is joined first.
type Pair = (u32, Reverse<usize>, usize, usize);

const NONE: usize = usize::MAX;

struct Row {
    symbols: Vec<Symbol>, // one that was joined to its left neighbour is empty
    before: Vec<usize>,
    after: Vec<usize>,
    agenda: BinaryHeap<Pair>,
}

impl Row {
    fn new(symbols: Vec<Symbol>) -> Row {
        let n = symbols.len();
        let before = (0..n).map(|i| i.checked_sub(1).unwrap_or(NONE)).collect();
        let after = (0..n).map(|i| if i + 1 < n { i + 1 } else { NONE }).collect();
        Row { symbols, before, after, agenda: BinaryHeap::new() }
    }

    fn consider(
        &mut self,
        left: usize,
        right: usize,
        priority: &mut impl FnMut(Range<usize>, usize) -> Option<u32>,
    ) {
        if left == NONE || right == NONE {
            return;
        }
        let (l, r) = (&self.symbols[left], &self.symbols[right]);
        if l.frozen || r.frozen {
            return;
        }
        if let Some(p) = priority(l.begin..r.end, l.end) {
            self.agenda.push((p, Reverse(left), right, r.end - l.begin));
        }
    }

    /// Joins two symbols unless one of them has changed since they were considered.
    fn join(&mut self, left: usize, right: usize, size: usize) -> bool {
        let (l, r) = (&self.symbols[left], &self.symbols[right]);
        if l.begin == l.end || r.begin == r.end || r.end - r.begin + l.end - l.begin != size {
            return false;
        }
        self.symbols[left].end = r.end;
        self.symbols[right].begin = self.symbols[right].end;
        self.after[left] = self.after[right];
        if self.after[right] != NONE {
            self.before[self.after[right]] = left;
        }
        true
    }
}

/// What remains of `symbols`, which are neighbours and not empty. `priority(piece, cut)`: of the piece that two
/// symbols make, the first of which ends at `cut`; None if there is no such piece.
pub fn joined(
    symbols: Vec<Symbol>,
    mut priority: impl FnMut(Range<usize>, usize) -> Option<u32>,
) -> Vec<Symbol> {
    let mut row = Row::new(symbols);
    for right in 1..row.symbols.len() {
        row.consider(right - 1, right, &mut priority);
    }
    while let Some((_, Reverse(left), right, size)) = row.agenda.pop() {
        if row.join(left, right, size) {
            row.consider(row.before[left], left, &mut priority);
            row.consider(left, row.after[left], &mut priority);
        }
    }
    row.symbols.into_iter().filter(|s| s.begin < s.end).collect()
}
