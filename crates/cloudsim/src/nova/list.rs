//! Lists of servers: filters, pages, dead cells.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::calendar;
use crate::nova::error::refuse;
use crate::nova::row::{Lost, Row, Short, Style};
use crate::nova::{Ask, Refused};
use crate::request::{Response, Target};
use crate::server::{Server, Status};
use crate::sim::Sim;

/// A row of either kind.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Full(Box<Row<'a>>),
    Short(Short<'a>),
    Lost(Lost<'a>),
}

#[derive(Debug, Serialize)]
struct Page<'a> {
    servers: Vec<Line<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    servers_links: Vec<serde_json::Value>,
}

/// The part of a query that chooses rows. What Nova does not know it ignores.
#[derive(Debug)]
struct Filter<'a> {
    status: Option<&'a str>,
    name: Option<&'a str>,
    image: Option<&'a str>,
    flavor: Option<&'a str>,
    tags: Option<Vec<&'a str>>,
    tags_any: Option<Vec<&'a str>>,
    not_tags: Option<Vec<&'a str>>,
    not_tags_any: Option<Vec<&'a str>>,
    changes_since_ms: Option<u64>,
}

/// Pages of detailed lists as they were written last, each for one version of the fleet. Most of the time nothing changed, and many ask.
pub(crate) type Pages = BTreeMap<PageKey, (u64, Vec<u8>)>;

/// Region, project, path and query, microversion, and whether an administrator asks.
pub(crate) type PageKey = (usize, String, String, u16, bool);

/// Pages kept, at most.
const PAGES_MAX: usize = 64;

impl Sim {
    pub(super) fn list_details(&mut self, ask: &Ask<'_>) -> Result<Response, Refused> {
        let path = ask.job.request.path_and_query.clone();
        let key = (
            ask.region,
            ask.project.clone(),
            path,
            ask.minor,
            ask.caller.admin,
        );
        let version = self.fleet.version();
        if let Some((_, body)) = self.pages.get(&key).filter(|(made, _)| *made == version) {
            return Ok(Response::written(200, body.clone()));
        }
        let response = self.list_servers(ask, true)?;
        if self.pages.len() >= PAGES_MAX {
            self.pages.clear();
        }
        self.pages.insert(key, (version, response.body.clone()));
        Ok(response)
    }

    pub(super) fn list_servers(&self, ask: &Ask<'_>, detail: bool) -> Result<Response, Refused> {
        let region = &self.regions[ask.region];
        let faults = region.weather.faults();
        let filter = Filter::read(ask)?;
        let limit = limit(ask.query, faults.page_rows_max)?;
        let style = Style {
            settings: &self.settings,
            minor: ask.minor,
        };
        let dead = |s: &&Server| s.cell.is_some_and(|cell| faults.dead_cells.contains(&cell));
        let mut all: Box<dyn Iterator<Item = &Server>> = if filter.changes_since_ms.is_some() {
            Box::new(self.fleet.ever(&region.name, &ask.project))
        } else {
            Box::new(self.fleet.shown(&region.name, &ask.project))
        };
        if let Some(marker) = ask.query.param("marker") {
            // Deleted servers are good markers only as long as they are shown.
            if !all.by_ref().any(|s| s.id == marker) {
                return Err(refuse(400, &format!("marker [{marker}] not found")));
            }
        }
        let mut lost = Vec::new();
        let mut lines = Vec::new();
        for server in all {
            // Only rows of dead cells are of interest behind a full page.
            if lines.len() == limit && faults.dead_cells.is_empty() {
                break;
            }
            if dead(&server) {
                lost.push(server);
            } else if lines.len() < limit && filter.fits(server) {
                lines.push(if detail {
                    Line::Full(Box::new(style.row(server)))
                } else {
                    Line::Short(style.short(server))
                });
            }
        }
        if !faults.dead_cells.is_empty() && !self.settings.lists_skip_dead_cells {
            return Err(refuse(
                500,
                "Unexpected API Error: a cell does not respond.",
            ));
        }
        // Only a plain list of a new enough version knows of rows that it cannot read, and only as far as the page has room.
        if ask.minor >= 69 && ask.query.query.is_empty() {
            let room = limit - lines.len();
            lines.extend(
                lost.into_iter()
                    .take(room)
                    .map(|s| Line::Lost(style.lost(s))),
            );
        }
        let servers_links = self.next_page(ask, &lines, limit, detail);
        Ok(Response::json(
            200,
            &Page {
                servers: lines,
                servers_links,
            },
        ))
    }

    /// Nova gives a next page whenever this one is full, even if nothing follows.
    fn next_page(
        &self,
        ask: &Ask<'_>,
        lines: &[Line<'_>],
        limit: usize,
        detail: bool,
    ) -> Vec<serde_json::Value> {
        let last = lines.last().filter(|_| lines.len() >= limit);
        let Some(last) = last.and_then(Line::id) else {
            return Vec::new();
        };
        let base = &self.settings.base_url;
        let region = &self.regions[ask.region].name;
        let path = if detail { "servers/detail" } else { "servers" };
        let (_, query) = ask
            .job
            .request
            .path_and_query
            .split_once('?')
            .unwrap_or_default();
        let kept: String = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("marker="))
            .map(|pair| format!("{pair}&"))
            .collect();
        let href = format!("{base}/compute/{region}/v2.1/{path}?{kept}marker={last}");
        vec![json!({"rel": "next", "href": href})]
    }
}

impl Line<'_> {
    fn id(&self) -> Option<&str> {
        match self {
            Self::Full(row) => Some(row.id()),
            Self::Short(row) => Some(row.id()),
            // A page does not go on behind rows that could not be read.
            Self::Lost(_) => None,
        }
    }
}

impl<'a> Filter<'a> {
    fn read(ask: &'a Ask<'_>) -> Result<Self, Refused> {
        let query = ask.query;
        // Only administrators may filter by metadata's column, and from 2.90 on they are told that it is none (lab fact 1).
        if ask.caller.admin && ask.minor >= 90 && query.param("metadata").is_some() {
            return Err(refuse(400, "Invalid filter field: metadata."));
        }
        let tags = |name| {
            let known = ask.minor >= 26;
            let value = query.param(name).filter(|_| known);
            value.map(|list| list.split(',').collect())
        };
        let changes_since_ms = match query.param("changes-since") {
            None => None,
            Some(text) => Some(
                calendar::parse(text).ok_or_else(|| refuse(400, "Invalid changes-since value"))?,
            ),
        };
        Ok(Self {
            status: query.param("status"),
            name: query.param("name"),
            image: query.param("image"),
            flavor: query.param("flavor"),
            tags: tags("tags"),
            tags_any: tags("tags-any"),
            not_tags: tags("not-tags"),
            not_tags_any: tags("not-tags-any"),
            changes_since_ms,
        })
    }

    fn fits(&self, server: &Server) -> bool {
        let has = |tag: &&str| server.tags.iter().any(|t| t == tag);
        let whole = |wanted: Option<&str>, actual: &str| wanted.is_none_or(|w| w == actual);
        // Nova takes the name as a regular expression; anchors are all that is understood of them here.
        let name = self
            .name
            .map(|n| n.trim_start_matches('^').trim_end_matches('$'));
        whole(self.image, &server.image)
            && whole(self.flavor, &server.flavor)
            && name.is_none_or(|part| server.name.contains(part))
            && self
                .status
                .is_none_or(|status| status.eq_ignore_ascii_case(server.status.as_str()))
            && self.tags.as_ref().is_none_or(|all| all.iter().all(has))
            && self.tags_any.as_ref().is_none_or(|any| any.iter().any(has))
            && self
                .not_tags
                .as_ref()
                .is_none_or(|all| !all.iter().all(has))
            && self
                .not_tags_any
                .as_ref()
                .is_none_or(|any| !any.iter().any(has))
            && match self.changes_since_ms {
                Some(since) => server.updated_ms / 1_000 * 1_000 >= since,
                // Nova hides soft-deleted servers from lists, though a GET shows them.
                None => !matches!(server.status, Status::Deleted | Status::SoftDeleted),
            }
    }
}

/// The page size: what is asked, but not above the provider's limit.
fn limit(query: &Target<'_>, max: usize) -> Result<usize, Refused> {
    match query.param("limit") {
        None => Ok(max),
        Some(text) => match text.parse::<usize>() {
            Ok(0) => Ok(max),
            Ok(asked) => Ok(asked.min(max)),
            Err(_) => Err(refuse(400, "limit must be an integer of 0 or more")),
        },
    }
}
