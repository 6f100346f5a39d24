use actix_web::test::TestRequest;

use super::{IfMatch, tag};

fn given(text: &str) -> IfMatch {
    let request = TestRequest::default().insert_header(("If-Match", text));
    IfMatch::of(&request.to_http_request()).unwrap()
}

#[test]
fn the_tag_follows_what_is_shown() {
    assert_eq!(tag(&("web", 2)), tag(&("web", 2)));
    assert_ne!(tag(&("web", 2)), tag(&("web", 3)));
}

#[test]
fn a_writer_that_saw_this_may_write_and_no_other() {
    let now = tag(&"now");
    assert!(given("*").holds(&now));
    assert!(given(&now).holds(&now));
    assert!(given(&format!("\"old\", {now}")).holds(&now));
    assert!(!given("\"old\"").holds(&now));
    assert!(
        !given(&format!("W/{now}")).holds(&now),
        "a weak tag proves nothing"
    );
}

#[test]
fn what_is_no_list_of_tags_is_refused() {
    for text in ["abc", "\"", "\"a\" \"b", "", "\"a\",,\"b\""] {
        let request = TestRequest::default().insert_header(("If-Match", text));
        assert!(IfMatch::of(&request.to_http_request()).is_err(), "{text}");
    }
}
