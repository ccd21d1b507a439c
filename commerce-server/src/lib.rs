//! HTTP over the core.
