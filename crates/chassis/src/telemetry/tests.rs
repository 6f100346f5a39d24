use super::*;

#[derive(Debug, thiserror::Error)]
enum Layered {
    #[error("read group")]
    Outer(#[source] Box<Layered>),
    #[error("query: {0}")]
    Repeats(#[source] io::Error),
}

#[test]
fn a_chain_says_every_cause_once() {
    let error = Layered::Outer(Box::new(Layered::Repeats(io::Error::other("disk full"))));
    assert_eq!(chain(&error).to_string(), "read group: query: disk full");
    assert_eq!(chain(&io::Error::other("alone")).to_string(), "alone");
}

#[test]
fn a_bad_level_is_refused_and_a_second_start_too() {
    let settings = |level: &str| Settings {
        traces: trace::Settings::default(),
        level: level.to_owned(),
        format: Format::Json,
    };
    assert!(matches!(
        init(&settings("info=loud=")),
        Err(InitError::Level { .. })
    ));
    assert!(init(&settings("error")).is_ok());
    assert!(matches!(
        init(&settings("error")),
        Err(InitError::Twice { .. })
    ));
}
