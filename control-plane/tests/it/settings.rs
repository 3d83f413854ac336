//! Every setting has a test that shows what it does, and `docs/settings.md` lists both.
//!
//! Settings are the fields that the described bodies of requests take, and those of the
//! configuration file. A test says what it shows in a comment before it:
//! `// proves: key.models, config.models[].{defaults,overrides}`, or `// shows:` where a setting
//! is told back and changes no request.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tollgate_control_plane::config;
use tollgate_control_plane::http::openapi::requests::BODIES;

/// What is made and changed over REST, and the routes that do.
const OBJECTS: &[(&str, &[&str])] = &[
    (
        "key",
        &[
            "POST /key/generate",
            "POST /key/update",
            "POST /key/service-account/generate",
            "POST /key/regenerate",
            "POST /key/{key}/regenerate",
        ],
    ),
    ("user", &["POST /user/new", "POST /user/update"]),
    ("team", &["POST /team/new", "POST /team/update", "PATCH /team/{team_id}"]),
    (
        "member",
        &["POST /team/member_add", "POST /team/bulk_member_add", "POST /team/member_update"],
    ),
    ("organization", &["POST /organization/new", "PATCH /organization/update"]),
    (
        "organization_member",
        &["POST /organization/member_add", "PATCH /organization/member_update"],
    ),
    ("customer", &["POST /customer/new", "POST /customer/update"]),
    ("customer", &["POST /end_user/new", "POST /end_user/update"]),
    ("tag", &["POST /tag/new", "POST /tag/update"]),
    ("budget", &["POST /budget/new", "POST /budget/update"]),
    ("credential", &["POST /credentials", "PATCH /credentials/{name}"]),
    ("model", &["POST /model/new", "POST /model/update", "PATCH /model/{id}/update"]),
    ("node", &["POST /api/provider-nodes", "PUT /api/provider-nodes/{id}"]),
    ("connection", &["POST /api/providers", "PUT /api/providers/{id}"]),
    ("provider_model", &["POST /api/provider-models"]),
    ("alias", &["PUT /api/models/alias", "POST /api/models/alias"]),
    ("combo", &["POST /api/combos", "PUT /api/combos/{id}"]),
    ("resilience", &["PATCH /api/resilience", "PUT /api/resilience"]),
    ("public", &["POST /model_group/make_public"]),
];

/// Routes that ask, or do something that is over at once or has a setting of another name.
const DEEDS: &[&str] = &[
    "/budget/info",
    "/organization/info",
    "/team/block",
    "/team/unblock",
    "/team/member_delete",
    "/team/model/add",
    "/team/model/delete",
    "/team/permissions_update",
    "/team/{team_id}/member/{user_id}/reset_spend",
    "/organization/member_delete",
    "/key/bulk_update",
    "/v2/key/info",
    "/key/block",
    "/key/unblock",
    "/key/{key}/reset_spend",
    "/customer/block",
    "/customer/unblock",
    "/customer/delete",
    "/end_user/block",
    "/end_user/unblock",
    "/end_user/delete",
    "/tag/info",
    "/tag/delete",
    "/policy/explain",
    "/policy/replay",
    "/v2/login",
    "/spend/calculate",
    "/utils/token_counter",
    "/global/spend/end_users",
    "/model/delete",
    "/api/provider-nodes/validate",
    "/api/providers/validate",
    "/api/combos/test",
    "/api/models/availability",
    "/cost/estimate",
    "/user/bulk_update",
    "/team/key/bulk_update",
    "/team/permissions_bulk_update",
    "/key/delete",
    "/user/delete",
    "/team/delete",
    "/organization/delete",
    "/budget/delete",
];

/// Fields that say which thing is meant.
const NAMES: &[&str] = &[
    "budget.budget_id",
    "connection.provider",
    "credential.credential_name",
    "customer.user_id",
    "key.key",
    "member.team_id",
    "member.user_email",
    "member.user_id",
    "organization.organization_id",
    "organization_member.organization_id",
    "organization_member.user_id",
    "provider_model.provider",
    "tag.name",
    "team.team_id",
    "user.user_id",
];

/// Fields that are told back and change no request.
const TOLD: &[&str] = &[
    "connection.name",
    "credential.credential_info",
    "customer.alias",
    "customer.metadata",
    "key.key_alias",
    "node.name",
    "organization.organization_alias",
    "provider_model.modelName",
    "tag.description",
    "team.team_alias",
    "user.user_alias",
    "user.user_email",
];

/// Tests that show a setting: file and name.
type Shown = BTreeMap<String, BTreeSet<(String, String)>>;

/// `cargo xtask codegen` writes the list.
#[test]
fn every_setting_has_a_test_and_is_in_the_list_of_settings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let settings = settings();
    let (mut proven, mut told) = (Shown::new(), Shown::new());
    for folder in ["core", "control-plane", "tests"] {
        scan(&root, &root.join(folder), (&mut proven, &mut told));
    }

    let mut faults = Vec::new();
    for setting in &settings {
        let shown = if TOLD.contains(&setting.as_str()) { &told } else { &proven };
        if !NAMES.contains(&setting.as_str()) && !shown.contains_key(setting) {
            faults.push(format!("no test shows {setting}"));
        }
    }
    for setting in proven.keys().chain(told.keys()).filter(|it| !settings.contains(*it)) {
        faults.push(format!("a test shows {setting}, which is no setting"));
    }
    for setting in NAMES.iter().chain(TOLD).filter(|it| !settings.contains(**it)) {
        faults.push(format!("{setting} is no setting"));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));

    let text = page(&settings, &proven, &told);
    let file = root.join("docs/settings.md");
    if std::env::var_os("UPDATE_GEN").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == text, "docs/settings.md is stale: run cargo xtask codegen");
}

#[test]
fn every_route_with_a_body_makes_settings_or_does_a_deed() {
    let made: BTreeSet<&str> = OBJECTS.iter().flat_map(|(_, routes)| *routes).copied().collect();
    for body in BODIES {
        let (method, path) = body.route;
        let is_made = made.contains(format!("{method} {path}").as_str());
        let is_deed = DEEDS.contains(&path) && !is_made;
        assert!(is_made || is_deed, "say in settings.rs what {method} {path} sets");
    }
}

/// Returns the names of all settings.
fn settings() -> BTreeSet<String> {
    let mut settings = BTreeSet::new();
    for (object, routes) in OBJECTS {
        for route in *routes {
            let (method, path) = route.split_once(' ').unwrap();
            let mut bodies = BODIES.iter().filter(|body| body.route == (method, path));
            let fields = bodies.next().unwrap().fields.iter().copied().flatten();
            settings.extend(fields.map(|field| format!("{object}.{}", field.name)));
        }
    }
    leaves(&config::schema(), "config", &mut settings);
    settings
}

/// Collects the fields of a schema that have no others below them.
fn leaves(schema: &Value, path: &str, found: &mut BTreeSet<String>) -> bool {
    let mut inner = false;
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        inner = true;
        let below = format!("{path}.{name}");
        if !leaves(field, &below, found) {
            found.insert(below);
        }
    }
    if schema["items"].is_object() {
        inner |= leaves(&schema["items"], &format!("{path}[]"), found);
    }
    if schema["additionalProperties"].is_object() {
        inner |= leaves(&schema["additionalProperties"], &format!("{path}.*"), found);
    }
    for choices in ["anyOf", "oneOf"] {
        for choice in schema[choices].as_array().into_iter().flatten() {
            inner |= leaves(choice, path, found);
        }
    }
    inner
}

/// Reads what the tests below a folder say that they show.
fn scan(root: &Path, folder: &Path, (proven, told): (&mut Shown, &mut Shown)) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("target") {
            scan(root, &path, (proven, told));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let file = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            read(&fs::read_to_string(&path).unwrap(), &file, (proven, told));
        }
    }
}

fn read(text: &str, file: &str, (proven, told): (&mut Shown, &mut Shown)) {
    let mut waiting: Vec<(bool, String)> = Vec::new();
    for line in text.lines().map(str::trim) {
        let said = [("// proves: ", true), ("// shows: ", false)];
        let said = said.iter().find_map(|(mark, is)| Some((*is, line.strip_prefix(mark)?)));
        if let Some((is_proof, names)) = said {
            waiting.extend(split(names).into_iter().flat_map(expand).map(|name| (is_proof, name)));
        } else if let Some((_, rest)) = line.split_once("fn ") {
            let test = rest.split(['(', '<']).next().unwrap_or_default();
            for (is_proof, name) in waiting.drain(..) {
                let shown = if is_proof { &mut *proven } else { &mut *told };
                shown.entry(name).or_default().insert((file.to_owned(), test.to_owned()));
            }
        }
    }
    assert!(waiting.is_empty(), "{file} says that something is shown, and no test follows");
}

/// Splits at commas that stand outside of braces.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let parts = text.split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Writes out `a.{b,c}` as `a.b` and `a.c`.
fn expand(text: &str) -> Vec<String> {
    let Some((before, rest)) = text.split_once('{') else { return vec![text.to_owned()] };
    let (choices, after) = rest.split_once('}').unwrap();
    let whole = |choice: &str| expand(&format!("{before}{}{after}", choice.trim()));
    choices.split(',').flat_map(whole).collect()
}

fn page(settings: &BTreeSet<String>, proven: &Shown, told: &Shown) -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut group = "";
    for setting in settings {
        let of = setting.split('.').next().unwrap_or_default();
        if of != group {
            group = of;
            let title = if of == "config" { "The configuration file" } else { of };
            let _ = write!(text, "\n## {title}\n\n| Setting | Shown by |\n|---|---|\n");
        }
        let name = setting.strip_prefix("config.").unwrap_or(setting);
        let by = if NAMES.contains(&setting.as_str()) {
            "says which one is meant".to_owned()
        } else {
            let is_told = TOLD.contains(&setting.as_str());
            let tests = if is_told { &told[setting] } else { &proven[setting] };
            let tests = tests.iter().map(|(file, test)| format!("`{test}` in `{file}`"));
            let tests = tests.collect::<Vec<String>>().join(", ");
            if is_told { format!("told back: {tests}") } else { tests }
        };
        let _ = writeln!(text, "| `{name}` | {by} |");
    }
    text
}

const INTRODUCTION: &str = "# Settings, and the tests that show them

Every field that a request or the configuration file can set, each with the tests in which \
something is otherwise because of it.
Of what is told to filters the tests of the core show what becomes of requests.
`cargo xtask codegen` writes this page from comments before the tests, and a setting without a \
test fails.
";
