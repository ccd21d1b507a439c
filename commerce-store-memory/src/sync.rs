//! The lock, swapped for loom's under `--cfg commerce_loom` so that every interleaving can be explored.

#[cfg(commerce_loom)]
pub(crate) use loom::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
#[cfg(not(commerce_loom))]
pub(crate) use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
