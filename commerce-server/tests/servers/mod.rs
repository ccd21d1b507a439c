//! Servers of the tests' own, for those of several test programs.

pub(crate) mod program;
#[cfg(feature = "redis")]
pub(crate) mod redis;
