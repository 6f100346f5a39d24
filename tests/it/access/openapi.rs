//! The `OpenAPI` document: committed, and the same as what is served.
use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;
use wire::problem::Code;

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn document() -> Value {
    serde_json::to_value(holt_api::openapi::document()).unwrap()
}

/// `UPDATE_OPENAPI=1 cargo test -p holt-tests openapi` rewrites the file.
#[test]
fn the_committed_document_is_what_is_served() {
    let path = docs().join("openapi/v2.json");
    let mut text = serde_json::to_string_pretty(&document()).unwrap();
    text.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(
        committed == text,
        "docs/openapi/v2.json is old: UPDATE_OPENAPI=1 cargo test -p holt-tests openapi"
    );
}

#[test]
fn every_route_is_in_the_document_and_nothing_else_is() {
    let mut described = BTreeSet::new();
    for (path, item) in document()["paths"].as_object().unwrap() {
        described.extend(
            item.as_object()
                .unwrap()
                .keys()
                .map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    // The old surface has its own contract, docs/v1.md.
    let served: BTreeSet<_> = holt_api::routes()
        .iter()
        .filter(|route| route.operation.is_empty())
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(described, served);
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference
            .strip_prefix('#')
            .expect("a reference within the document");
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
}

#[test]
fn no_closed_schema_is_combined_with_more_members() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let is_closed = |part: &Value| {
        let name = part["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next());
        let part = name.map_or(part, |name| &schemas[name]);
        part["additionalProperties"] == Value::Bool(false)
    };
    for (name, schema) in schemas {
        let parts = schema["allOf"].as_array().map_or(&[][..], Vec::as_slice);
        let mixed = parts.len() > 1 && parts.iter().any(is_closed);
        assert!(!mixed, "{name}: no value can be all of its parts");
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(
                members
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let folder = docs().join("errors");
    for code in Code::ALL {
        let text = std::fs::read_to_string(folder.join(format!("{code}.md")))
            .unwrap_or_else(|_| panic!("docs/errors/{code}.md"));
        assert!(
            text.starts_with(&format!("# {code}\n")),
            "{code}: the heading"
        );
        assert!(
            text.contains(&format!("HTTP {}", code.status())),
            "{code}: the status"
        );
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let word = name.strip_suffix(".md").expect("a page");
        assert!(
            word == "README" || Code::parse(word).is_some(),
            "docs/errors/{name} is of no code"
        );
    }
}
