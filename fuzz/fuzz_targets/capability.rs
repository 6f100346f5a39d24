//! See `holt_tests::fuzz::capability`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| holt_tests::fuzz::capability(data));
