use std::collections::BTreeMap;

use super::schemas;

#[test]
fn one_name_stands_for_one_schema() {
    let mut known = BTreeMap::new();
    for (name, schema) in schemas() {
        let text = serde_json::to_string(&schema).unwrap();
        let before = known.insert(name.clone(), text.clone());
        assert!(
            before.is_none_or(|before| before == text),
            "two types are called {name}: give one of them another name with #[schema(as = ..)]"
        );
    }
    assert!(known.len() > 30);
}
