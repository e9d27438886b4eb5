//! The small texts of headers, names and look-ups.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| axle_fuzz::words(bytes));
