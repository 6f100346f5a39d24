//! See `holt_tests::fuzz::v1`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| holt_tests::fuzz::v1(data));
