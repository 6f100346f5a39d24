//! The document for people: one page of HTML, made here, that loads nothing from anywhere and runs no script.

use std::fmt::Write as _;
use std::sync::OnceLock;

use serde_json::Value;

/// How it looks.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
code,pre{font:14px/1.4 ui-monospace,monospace}summary{cursor:pointer;padding:.3rem 0}details{border-bottom:1px solid #ddd}\
b{display:inline-block;min-width:4.5rem}table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#111}details{border-color:#333}a{color:#8bf}}";

/// The page, made once.
pub(crate) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let document = serde_json::from_str(crate::openapi::text()).unwrap_or_default();
        page(&document)
    })
}

fn page(document: &Value) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Holt /v2</title><style>{STYLE}</style><h1>Holt /v2</h1><p>{}</p>\
         <p>The same for programs: <a href=\"/v2/openapi.json\">/v2/openapi.json</a> (OpenAPI {}). A token comes in <code>Authorization: Bearer</code> or <code>X-Auth-Token</code>.</p>",
        escaped(&document["info"]["description"]),
        escaped(&document["openapi"]),
    );
    let empty = serde_json::Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap_or(&empty) {
            operation_of(&mut html, (method, path), operation);
        }
    }
    html.push_str("<h2>Schemas</h2>");
    let schemas = document["components"]["schemas"].as_object();
    for (name, schema) in schemas.unwrap_or(&empty) {
        let text = serde_json::to_string_pretty(schema).unwrap_or_default();
        put(
            &mut html,
            format_args!(
                "<details id=\"{0}\"><summary><code>{0}</code></summary><pre>{1}</pre></details>",
                escape(name),
                linked(&escape(&text))
            ),
        );
    }
    html
}

fn operation_of(html: &mut String, (method, path): (&str, &str), operation: &Value) {
    put(
        html,
        format_args!(
            "<details id=\"{}\"><summary><b>{}</b> <code>{}</code> {}</summary><p>{}</p>",
            escaped(&operation["operationId"]),
            escape(&method.to_uppercase()),
            escape(path),
            escaped(&operation["summary"]),
            escaped(&operation["description"]),
        ),
    );
    html.push_str("<table>");
    for parameter in operation["parameters"].as_array().unwrap_or(&Vec::new()) {
        put(
            html,
            format_args!(
                "<tr><td><code>{}</code><td>{}<td>{}",
                escaped(&parameter["name"]),
                escaped(&parameter["in"]),
                escaped(&parameter["description"])
            ),
        );
    }
    for (media, content) in operation["requestBody"]["content"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let schema = escape(&content["schema"].to_string());
        put(
            html,
            format_args!(
                "<tr><td>body<td>{}<td><code>{}</code>",
                escape(media),
                linked(&schema)
            ),
        );
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let contents = response["content"].as_object().into_iter().flatten();
        let schemas: String = contents
            .map(|(_, content)| {
                format!(
                    " <code>{}</code>",
                    linked(&escape(&content["schema"].to_string()))
                )
            })
            .collect();
        put(
            html,
            format_args!(
                "<tr><td>{}<td>answer<td>{}{schemas}",
                escape(status),
                escaped(&response["description"])
            ),
        );
    }
    html.push_str("</table></details>");
}

/// Writing to a String cannot fail.
fn put(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.write_fmt(text).unwrap_or_default();
}

fn escaped(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            c => html.push(c),
        }
    }
    html
}

/// References to schemas lead to their place on the page.
fn linked(escaped: &str) -> String {
    let mark = "#/components/schemas/";
    let mut html = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = rest.find(mark) {
        let (before, behind) = rest.split_at(at);
        let behind = &behind[mark.len()..];
        let end = behind.find("&quot;").unwrap_or(behind.len());
        let name = &behind[..end];
        put(
            &mut html,
            format_args!("{before}<a href=\"#{name}\">{name}</a>"),
        );
        rest = &behind[end..];
    }
    html.push_str(rest);
    html
}

#[cfg(test)]
mod tests;
