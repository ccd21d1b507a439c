//! Keyset pages: stable under writes, never by offset.

use serde::{Deserialize, Serialize};

/// One page of a list, newest first unless the list says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The key of the last item if more follow: what to ask for next.
    pub next: Option<K>,
}

/// A request for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest<K> {
    /// Start after this key; from the beginning if none. The item itself need not exist any more.
    pub after: Option<K>,
    /// How many items at most: 1 to [`PageRequest::MAX_LIMIT`]; outside of that it is brought within.
    pub limit: u32,
}

impl<K> PageRequest<K> {
    /// The most items that one page has.
    pub const MAX_LIMIT: u32 = 1_000;

    /// The first `limit` items.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    /// The limit, brought within its bounds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.limit.clamp(1, Self::MAX_LIMIT) as usize
    }
}

impl<T, K> Page<T, K> {
    /// Cuts a page out of the items that follow its start: takes `size`, and looks for one more.
    #[must_use]
    pub fn cut(items: impl IntoIterator<Item = T>, size: usize, key: impl Fn(&T) -> K) -> Self {
        let mut items = items.into_iter();
        let page: Vec<T> = items.by_ref().take(size).collect();
        let next = items.next().and(page.last()).map(key);
        Self { items: page, next }
    }

    /// The same page with other items.
    #[must_use]
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U, K> {
        Page { items: self.items.into_iter().map(each).collect(), next: self.next }
    }
}
