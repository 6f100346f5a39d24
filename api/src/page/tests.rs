use super::*;

#[test]
fn every_operation_and_every_schema_is_on_the_page() {
    let document: Value = serde_json::from_str(crate::openapi::text()).unwrap();
    let page = text();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(page.contains(&format!("id=\"{id}\"")), "{id} of {path}");
            operations += 1;
        }
    }
    assert!(operations > 30);
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(page.contains(&format!("<details id=\"{name}\">")), "{name}");
    }
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = text();
    for loader in [
        "<script", "<link", "<img", "<iframe", "@import", "url(", "http://", "https://",
    ] {
        // Addresses in texts are texts: they stand in examples only.
        let used = page.match_indices(loader).filter(|(at, _)| {
            !loader.starts_with("http")
                || page[..*at].ends_with("src=\"")
                || page[..*at].ends_with("href=\"")
        });
        assert_eq!(used.count(), 0, "{loader}");
    }
}

#[test]
fn texts_stay_texts() {
    assert_eq!(
        escape("<b onclick=\"x\">&"),
        "&lt;b onclick=&quot;x&quot;&gt;&amp;"
    );
    let link = linked("{&quot;$ref&quot;:&quot;#/components/schemas/Group&quot;}");
    assert!(
        link.contains("<a href=\"#Group\">Group</a>&quot;}"),
        "{link}"
    );
}
