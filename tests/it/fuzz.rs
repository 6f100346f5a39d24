//! The corpus of `fuzz/`, replayed on the pinned toolchain: what once was found stays found.

use std::path::PathBuf;

use holt_tests::fuzz::TARGETS;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

#[test]
fn no_file_of_the_corpus_breaks_its_parser() {
    for (name, target) in TARGETS {
        let folder = corpus().join(name);
        let mut count = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let data = std::fs::read(entry.unwrap().path()).unwrap();
            target(&data);
            // What is cut off or changed must be refused as calmly.
            for cut in 0..data.len().min(200) {
                target(&data[..cut]);
                let mut changed = data.clone();
                changed[cut] ^= 0x15;
                target(&changed);
            }
            count += 1;
        }
        assert!(count >= 2, "{name} has hardly a corpus");
    }
}

#[test]
fn every_folder_of_the_corpus_has_a_target() {
    for entry in std::fs::read_dir(corpus()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "{name}");
        let target = corpus().join(format!("../fuzz_targets/{name}.rs"));
        assert!(target.is_file(), "{name} is not fuzzed");
    }
}
