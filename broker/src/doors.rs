//! The doors: how callers reach the engine. A door translates and calls; it decides nothing and
//! touches no store.

pub mod grpc;
pub mod health;
pub mod tls;
