//! Registers of organisations, a record on each line.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| axle_fuzz::register(bytes));
