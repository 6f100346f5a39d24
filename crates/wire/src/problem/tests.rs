use std::collections::BTreeSet;

use super::{Code, Problem};

#[test]
fn every_code_is_unique_and_read_back() {
    let words: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(words.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(Code::parse(code.as_str()), Some(*code));
        assert!((400..600).contains(&code.status()));
    }
}

#[test]
fn a_problem_has_the_members_of_the_standard() {
    let problem = Problem::new(Code::InvalidField, "min must not be larger than max")
        .at("min", "must not be larger than max");
    let json = serde_json::to_value(&problem).unwrap();
    assert_eq!(json["type"], "/errors/invalid-field");
    assert_eq!(json["status"], 422);
    assert_eq!(json["field"], "min");
}
