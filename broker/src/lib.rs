//! The Axle broker: doors that translate, an engine that carries out what the core decides, and the
//! wiring of a daemon. The path of a document: `doors/tls` → `doors/grpc/submission` →
//! `engine/submit` → the store → `engine/collect` → `doors/grpc/collect_stream` → `engine/settle`.

pub mod app;
pub mod clock;
pub mod command;
pub mod config;
pub mod demo;
pub mod demographics;
pub mod doors;
pub mod engine;
mod master_keys;
pub mod metrics;
pub mod register;
pub mod service;
pub mod telemetry;
pub mod view;
