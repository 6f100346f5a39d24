//! See `holt_tests::fuzz::ports`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| holt_tests::fuzz::ports(data));
