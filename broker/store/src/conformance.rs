//! The contract of [`Store`] as functions that every store must pass, and a model to
//! run any sequence of calls against. For tests only: a broken promise is a panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "these are tests: a broken promise ends them"
)]

pub mod model;
pub mod rules;
pub mod sample;

use std::future::Future;

use crate::Store;

/// Where a store lives, so that it can be opened again.
pub trait Place {
    type Store: Store;

    /// Opens the store for the first time.
    fn open(&mut self) -> impl Future<Output = Self::Store>;

    /// Ends the store in some way that it must survive, and opens it again.
    fn reopen(&mut self, store: Self::Store) -> impl Future<Output = Self::Store>;
}

/// The place of a store that knows no other.
#[derive(Debug, Default)]
pub struct InMemory;

impl Place for InMemory {
    type Store = crate::memory::Memory;

    async fn open(&mut self) -> Self::Store {
        Self::Store::default()
    }

    async fn reopen(&mut self, store: Self::Store) -> Self::Store {
        store
    }
}

#[cfg(test)]
mod tests;
