//! See `holt_tests::fuzz::hook`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| holt_tests::fuzz::hook(data));
