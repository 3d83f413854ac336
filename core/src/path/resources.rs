//! Objects that providers keep for clients: files, batches, threads and so on. One table says
//! what is served; `docs/api.md` shows it.

use tollgate_proto::v1::{Endpoint, ResourceKind};

use super::{Route, Selection, percent};

/// A call that is about objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceCall {
    /// Which route.
    pub row: &'static Row,
    /// The ids in the path, in order.
    pub ids: Vec<String>,
    /// What the path says of who serves it.
    pub route: Route,
}

/// A route: a method and a pattern of paths.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The method.
    pub method: &'static str,
    /// The path below the API's prefix. A part in braces stands for an id, of the kind it names.
    pub pattern: &'static str,
    /// What it is about, for the ledger.
    pub endpoint: Endpoint,
    /// What it does.
    pub action: Action,
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Makes an object of a kind, of JSON.
    Create(ResourceKind),
    /// Makes an object of a kind, of a form that is too long to be held.
    Upload(ResourceKind),
    /// Answers with an object of a kind: reads it, changes it, or makes it do something.
    Show(ResourceKind),
    /// Deletes an object of a kind.
    Delete(ResourceKind),
    /// Lists a tenant's objects of a kind. No provider is asked.
    List(ResourceKind),
    /// Anything else with what lies within an object: its content, its parts.
    Pass,
}

use Action::{Create, Delete, List, Pass, Show, Upload};
use Endpoint::{
    Assistants, Batches, Files, FineTuning, Runs, StoredResponses, Threads, VectorStores,
};
use ResourceKind::{
    Assistant, Batch, File, FileBatch, FineTuningJob, Response, Run, Thread, VectorStore,
};

const fn row(
    method: &'static str,
    pattern: &'static str,
    endpoint: Endpoint,
    action: Action,
) -> Row {
    Row { method, pattern, endpoint, action }
}

/// Everything that is served.
pub static TABLE: &[Row] = &[
    row("POST", "/files", Files, Upload(File)),
    row("GET", "/files", Files, List(File)),
    row("GET", "/files/{file}", Files, Show(File)),
    row("DELETE", "/files/{file}", Files, Delete(File)),
    row("GET", "/files/{file}/content", Files, Pass),
    row("POST", "/batches", Batches, Create(Batch)),
    row("GET", "/batches", Batches, List(Batch)),
    row("GET", "/batches/{batch}", Batches, Show(Batch)),
    row("POST", "/batches/{batch}/cancel", Batches, Show(Batch)),
    row("POST", "/fine_tuning/jobs", FineTuning, Create(FineTuningJob)),
    row("GET", "/fine_tuning/jobs", FineTuning, List(FineTuningJob)),
    row("GET", "/fine_tuning/jobs/{job}", FineTuning, Show(FineTuningJob)),
    row("POST", "/fine_tuning/jobs/{job}/cancel", FineTuning, Show(FineTuningJob)),
    row("POST", "/fine_tuning/jobs/{job}/pause", FineTuning, Show(FineTuningJob)),
    row("POST", "/fine_tuning/jobs/{job}/resume", FineTuning, Show(FineTuningJob)),
    row("GET", "/fine_tuning/jobs/{job}/events", FineTuning, Pass),
    row("GET", "/fine_tuning/jobs/{job}/checkpoints", FineTuning, Pass),
    row("POST", "/assistants", Assistants, Create(Assistant)),
    row("GET", "/assistants", Assistants, List(Assistant)),
    row("GET", "/assistants/{assistant}", Assistants, Show(Assistant)),
    row("POST", "/assistants/{assistant}", Assistants, Show(Assistant)),
    row("DELETE", "/assistants/{assistant}", Assistants, Delete(Assistant)),
    row("POST", "/threads", Threads, Create(Thread)),
    row("POST", "/threads/runs", Runs, Create(Run)),
    row("GET", "/threads/{thread}", Threads, Show(Thread)),
    row("POST", "/threads/{thread}", Threads, Show(Thread)),
    row("DELETE", "/threads/{thread}", Threads, Delete(Thread)),
    row("POST", "/threads/{thread}/messages", Threads, Pass),
    row("GET", "/threads/{thread}/messages", Threads, Pass),
    row("GET", "/threads/{thread}/messages/{part}", Threads, Pass),
    row("POST", "/threads/{thread}/messages/{part}", Threads, Pass),
    row("DELETE", "/threads/{thread}/messages/{part}", Threads, Pass),
    row("POST", "/threads/{thread}/runs", Runs, Create(Run)),
    row("GET", "/threads/{thread}/runs", Runs, Pass),
    row("GET", "/threads/{thread}/runs/{run}", Runs, Show(Run)),
    row("POST", "/threads/{thread}/runs/{run}", Runs, Show(Run)),
    row("POST", "/threads/{thread}/runs/{run}/cancel", Runs, Show(Run)),
    row("POST", "/threads/{thread}/runs/{run}/submit_tool_outputs", Runs, Show(Run)),
    row("GET", "/threads/{thread}/runs/{run}/steps", Runs, Pass),
    row("GET", "/threads/{thread}/runs/{run}/steps/{part}", Runs, Pass),
    row("POST", "/vector_stores", VectorStores, Create(VectorStore)),
    row("GET", "/vector_stores", VectorStores, List(VectorStore)),
    row("GET", "/vector_stores/{store}", VectorStores, Show(VectorStore)),
    row("POST", "/vector_stores/{store}", VectorStores, Show(VectorStore)),
    row("DELETE", "/vector_stores/{store}", VectorStores, Delete(VectorStore)),
    row("POST", "/vector_stores/{store}/search", VectorStores, Pass),
    row("POST", "/vector_stores/{store}/files", VectorStores, Pass),
    row("GET", "/vector_stores/{store}/files", VectorStores, Pass),
    row("GET", "/vector_stores/{store}/files/{file}", VectorStores, Pass),
    row("POST", "/vector_stores/{store}/files/{file}", VectorStores, Pass),
    row("DELETE", "/vector_stores/{store}/files/{file}", VectorStores, Pass),
    row("GET", "/vector_stores/{store}/files/{file}/content", VectorStores, Pass),
    row("POST", "/vector_stores/{store}/file_batches", VectorStores, Create(FileBatch)),
    row("GET", "/vector_stores/{store}/file_batches/{files}", VectorStores, Show(FileBatch)),
    row(
        "POST",
        "/vector_stores/{store}/file_batches/{files}/cancel",
        VectorStores,
        Show(FileBatch),
    ),
    row("GET", "/vector_stores/{store}/file_batches/{files}/files", VectorStores, Pass),
    row("GET", "/responses/{response}", StoredResponses, Pass),
    row("DELETE", "/responses/{response}", StoredResponses, Delete(Response)),
    row("POST", "/responses/{response}/cancel", StoredResponses, Pass),
    row("GET", "/responses/{response}/input_items", StoredResponses, Pass),
];

impl Row {
    /// Returns the kinds of the ids in its path, in order. `None`: of a part, which lies within
    /// the object before it and is nobody else's.
    pub fn kinds(&self) -> impl Iterator<Item = Option<ResourceKind>> {
        parts(self.pattern).filter(|part| part.starts_with('{')).map(|part| {
            Some(match part {
                "{file}" => File,
                "{batch}" => Batch,
                "{job}" => FineTuningJob,
                "{assistant}" => Assistant,
                "{thread}" => Thread,
                "{run}" => Run,
                "{store}" => VectorStore,
                "{files}" => FileBatch,
                "{response}" => Response,
                _ => return None,
            })
        })
    }

    /// Returns its path with ids in it.
    pub fn path(&self, ids: &[String]) -> String {
        let mut ids = ids.iter();
        let mut path = String::new();
        for part in parts(self.pattern) {
            path.push('/');
            if part.starts_with('{') {
                let id = ids.next().map(String::as_str).unwrap_or_default();
                path.push_str(&percent::encode(id));
            } else {
                path.push_str(part);
            }
        }
        path
    }
}

/// Selects below a prefix of the API. `None`: it is none of these paths.
pub(super) fn select(method: &[u8], api: &str, route: &Route) -> Option<Selection> {
    if !is_ours(api) {
        return None;
    }
    let mut known = false;
    for row in TABLE {
        let Some(ids) = ids(row.pattern, api) else { continue };
        known = true;
        if row.method.as_bytes() == method {
            let ids = ids.into_iter().map(|id| {
                // What is not UTF-8 is no id of anybody's.
                String::from_utf8_lossy(&percent::decode(id.as_bytes())).into_owned()
            });
            let call = ResourceCall { row, ids: ids.collect(), route: route.clone() };
            return Some(Selection::Resource(Box::new(call)));
        }
    }
    known.then_some(Selection::WrongMethod)
}

/// Tells in one look whether a path can be one of the table's.
fn is_ours(api: &str) -> bool {
    let first = api.strip_prefix('/').unwrap_or(api);
    let (first, rest) = first.split_once('/').unwrap_or((first, ""));
    match first {
        "files" | "batches" | "fine_tuning" | "assistants" | "threads" | "vector_stores" => true,
        // The rest of it makes answers, or counts.
        "responses" => !rest.is_empty() && rest != "input_tokens",
        _ => false,
    }
}

/// Returns the ids in a path that a pattern fits.
fn ids<'a>(pattern: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut ids = Vec::new();
    let (mut wanted, mut given) = (parts(pattern), parts(path));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(ids),
            (Some(part), Some(id)) if part.starts_with('{') && !id.is_empty() => ids.push(id),
            (Some(part), Some(same)) if part == same => {}
            _ => return None,
        }
    }
}

fn parts(path: &str) -> std::str::Split<'_, char> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::select;

    fn selected(method: &str, path: &str) -> (Option<&'static Row>, Vec<String>, Option<String>) {
        let selection = select(method.as_bytes(), path.as_bytes(), &[]);
        let Selection::Resource(call) = selection else { return (None, Vec::new(), None) };
        (Some(call.row), call.ids, call.route.provider)
    }

    #[test]
    fn every_route_is_found_under_every_prefix() {
        for row in TABLE {
            let ids: Vec<String> =
                row.kinds().enumerate().map(|(n, _)| format!("id_{n}")).collect();
            let below = row.path(&ids);
            for prefix in ["/v1", "", "/api/v1"] {
                let found = selected(row.method, &format!("{prefix}{below}?limit=2"));
                assert_eq!(found, (Some(row), ids.clone(), None), "{prefix}{below}");
            }
            let named = selected(row.method, &format!("/v1/providers/a%20b{below}"));
            assert_eq!(named, (Some(row), ids.clone(), Some("a b".to_owned())), "{below}");
            let named = selected(row.method, &format!("/azure/v1{below}"));
            assert_eq!(named, (Some(row), ids, Some("azure".to_owned())), "{below}");
            let wrong = select(b"PUT", below.as_bytes(), &[]);
            assert_eq!(wrong, Selection::WrongMethod, "{below}");
        }
    }

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md");
        let text = std::fs::read_to_string(folder).unwrap();
        let section = text.split("## ").find(|it| it.starts_with("Objects that")).unwrap();
        let told: Vec<&str> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        let served = TABLE.iter().map(|row| format!("{} {}", row.method, row.pattern));
        assert_eq!(told, served.collect::<Vec<_>>());
    }

    #[test]
    fn neighbours_keep_their_paths() {
        for (method, path) in [
            ("POST", "/v1/responses"),
            ("POST", "/v1/responses/input_tokens"),
            ("GET", "/v1/responses/input_tokens"),
            ("GET", "/v1/files/"),
            ("GET", "/v1/files//content"),
            ("GET", "/v1/filesystem"),
            ("GET", "/v1/threads/a/b"),
            ("POST", "/v1/uploads"),
        ] {
            let selection = select(method.as_bytes(), path.as_bytes(), &[]);
            let listed = path == "/v1/files/";
            assert_eq!(matches!(selection, Selection::Resource(_)), listed, "{path}");
        }
    }

    #[test]
    fn ids_are_taken_apart_from_their_escapes() {
        let (_, ids, _) = selected("GET", "/v1/files/a%2Fb%2e%2E/content");
        assert_eq!(ids, ["a/b.."]);
        let (_, ids, _) = selected("GET", "/v1/files/%FF");
        assert_eq!(ids, ["\u{fffd}"]);
    }
}
