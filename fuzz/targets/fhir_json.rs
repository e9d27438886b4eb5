//! Documents in FHIR JSON.
#![no_main]

use axle_model::envelope::MediaType;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| axle_fuzz::document(MediaType::FhirJson, bytes));
