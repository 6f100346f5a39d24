use super::*;

#[test]
fn a_path_is_read_with_its_escapes() {
    let target = Target::parse("/v2.1/servers/a%2Fb/tags/as%3Ax?tags=a%2Cb&limit=5&bare&plus=a+b");
    assert_eq!(target.segments, ["v2.1", "servers", "a/b", "tags", "as:x"]);
    assert_eq!(target.param("tags"), Some("a,b"));
    assert_eq!(target.param("limit"), Some("5"));
    assert_eq!(target.param("bare"), Some(""));
    assert_eq!(target.param("plus"), Some("a b"));
    assert_eq!(target.param("none"), None);
}

#[test]
fn a_broken_escape_stays_as_it_is() {
    assert_eq!(decode("50%", false), "50%");
    assert_eq!(decode("%zz", false), "%zz");
    assert_eq!(decode("é%41", false), "éA");
}
