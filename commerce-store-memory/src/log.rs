//! An append-only list: what it has no method for cannot happen to a ledger.

/// Rows per full chunk. Appending never moves more rows than this.
const CHUNK: usize = 1_024;

/// Rows that are appended and read, never changed or removed. Appending costs the same however long the log
/// is: a full chunk is set aside, not copied.
#[derive(Debug)]
pub(crate) struct Log<T> {
    full: Vec<Vec<T>>,
    tail: Vec<T>,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { full: Vec::new(), tail: Vec::new() }
    }
}

impl<T> Log<T> {
    pub(crate) fn push(&mut self, row: T) {
        if self.tail.len() == CHUNK {
            let full = std::mem::replace(&mut self.tail, Vec::with_capacity(CHUNK));
            self.full.push(full);
        }
        self.tail.push(row);
    }

    pub(crate) fn len(&self) -> usize {
        self.full.len() * CHUNK + self.tail.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        match self.full.get(index / CHUNK) {
            Some(chunk) => chunk.get(index % CHUNK),
            None => self.tail.get(index.checked_sub(self.full.len() * CHUNK)?),
        }
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.tail.last()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.full.iter().flatten().chain(&self.tail)
    }

    /// The rows before position `end`, latest first.
    pub(crate) fn before(&self, end: usize) -> impl Iterator<Item = &T> {
        (0..end.min(self.len())).rev().filter_map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_places_across_chunks() {
        let mut log = Log::default();
        let count = 2 * CHUNK + 3;
        (0..count).for_each(|row| log.push(row));
        assert_eq!(log.len(), count);
        assert!(log.iter().copied().eq(0..count));
        assert!((0..count).all(|index| log.get(index) == Some(&index)));
        assert_eq!((log.get(count), log.last()), (None, Some(&(count - 1))));
        assert!(log.before(CHUNK + 1).copied().eq((0..=CHUNK).rev()));
        assert!(log.before(usize::MAX).copied().eq((0..count).rev()));
    }
}
