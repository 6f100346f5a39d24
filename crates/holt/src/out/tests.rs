use wire::problem::Code;

use super::*;

#[test]
fn a_refusal_shows_code_detail_field_and_request() {
    let mut problem = Problem::new(Code::InvalidField, "max is too large")
        .at("max", "must not be larger than 10000");
    problem.request_id = "req-1".to_owned();
    let shown = refused(&problem);
    assert_eq!(
        shown,
        "error: invalid-field: max is too large\n  field      max must not be larger than 10000\n  request id req-1"
    );
}
