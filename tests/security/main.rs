//! Security: bad input, strangers, thieves and the curious. Each is refused in words that help an
//! honest caller and tell a dishonest one nothing, and nothing of it is stored.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod at_rest;
mod canary;
mod certificates;
mod documents;
mod headers;
mod leases;
mod looked_up;
mod tenants;
