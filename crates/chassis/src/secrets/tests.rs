use std::io::Write as _;

use super::*;

#[derive(Debug, Serialize, Deserialize)]
struct Section {
    key: Secret,
}

fn read(toml: &str) -> Result<Section, toml::de::Error> {
    toml::from_str(toml)
}

#[test]
fn a_secret_never_shows_itself() {
    let section = read("key = 'hunter2'").expect("a secret");
    assert_eq!(section.key.expose(), "hunter2");
    assert_eq!(format!("{section:?}"), "Section { key: Secret(***) }");
    assert_eq!(toml::to_string(&section).expect("toml"), "key = \"***\"\n");
}

#[test]
fn a_secret_comes_from_a_file_without_its_last_line_break() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "from the file").expect("written");
    let section = read(&format!("key = 'file:{}'", file.path().display())).expect("a secret");
    assert_eq!(section.key.expose(), "from the file");
}

#[test]
fn an_empty_missing_or_huge_secret_is_refused_with_its_place() {
    let refused = |toml: &str| read(toml).expect_err("refused").to_string();
    assert!(refused("key = ''").contains("may not be empty"));
    assert!(refused("key = 'file:/does/not/exist'").contains("/does/not/exist"));
    let file = tempfile::NamedTempFile::new().expect("a file");
    file.as_file().set_len(FILE_BYTES_MAX + 1).expect("grown");
    assert!(refused(&format!("key = 'file:{}'", file.path().display())).contains("larger than"));
}

#[test]
fn comparison_is_by_content() {
    let secret = |text: &str| Secret::new(text.to_owned()).expect("a secret");
    assert_eq!(secret("abc"), secret("abc"));
    assert_ne!(secret("abc"), secret("abd"));
    assert!(secret("abc").matches(b"abc"));
    assert!(!secret("abc").matches(b"abcd") && !secret("abc").matches(b""));
}
