//! `tollgate import`: what is printed can be used.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/foreign").join(name)
}

fn tollgate(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(args).current_dir(folder).output().unwrap()
}

/// Imports a file, checks that the result can be used, and returns it with the report.
fn import(system: &str, file: &Path) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = tollgate(folder.path(), &["import", system, file.to_str().unwrap()]);
    let (yaml, report) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    std::fs::write(folder.path().join("c.yaml"), &yaml).unwrap();
    std::fs::write(folder.path().join("tollgate_filter.wasm"), "").unwrap();

    let mut check = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    check.args(["config", "check", "--config", "c.yaml"]).current_dir(folder.path());
    for name in yaml.split("env:").skip(1).filter_map(|rest| rest.split_whitespace().next()) {
        let value = if name.contains("DATABASE") { "postgres://u:p@h/d" } else { "sk-0" };
        check.env(name, value);
    }
    let checked = check.output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}", texts(&checked).1);
    (yaml, report)
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_is_imported_passes_the_check_and_the_report_names_what_is_lost() {
    for (system, file, secret, report) in [
        ("litellm", "litellm/providers.yaml", "sk-ant-secret", "model_list[6]: not taken over"),
        ("llms-py", "llms-py/version-2.json", "a-literal-key", "providers.codestral.unheard_of"),
        ("pllm", "pllm/config.yaml", "sk-master-literal", "did nothing there either"),
        ("omniroute", "omniroute/db.json", "gsk-literal", "OAuth"),
    ] {
        let (yaml, said) = import(system, &case(file));

        assert!(!yaml.contains(secret) && !said.contains(secret), "{system} shows a secret");
        assert!(said.contains(report), "{system}: {said}");
        assert!(said.contains("set the variable"), "{system}: {said}");
    }
}

#[test]
fn a_file_that_is_none_exits_with_78() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), "a: 1").unwrap();
    for system in ["llms-py", "pllm", "omniroute"] {
        let output = tollgate(folder.path(), &["import", system, "x"]);
        assert_eq!(output.status.code(), Some(78), "{system}");
    }
    let missing = tollgate(folder.path(), &["import", "litellm", "missing"]);
    assert_eq!(missing.status.code(), Some(78));
    assert!(texts(&missing).1.contains("cannot import missing"));
}

#[tokio::test]
async fn the_database_of_omniroute_reads_like_its_former_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("storage.sqlite");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut database: SqliteConnection = options.connect().await.unwrap();
    sqlx::raw_sql(TABLES).execute(&mut database).await.unwrap();
    database.close().await.unwrap();

    let (yaml, report) = import("omniroute", &file);

    assert!(yaml.contains("kind: groq") && yaml.contains("name: chain"), "{yaml}");
    assert!(yaml.contains("fast: groq/my-tuned"), "{yaml}");
    assert!(yaml.contains("credential: env:GROQ_API_KEY"), "{yaml}");
    assert!(!yaml.contains("gsk-secret") && !report.contains("gsk-secret"));
}

/// Parts of the schema of version 1.4.
const TABLES: &str = r#"
create table provider_connections (id text, provider text, auth_type text, name text,
    priority integer, is_active integer, access_token text, api_key text, default_model text,
    provider_specific_data text);
create table provider_nodes (id text, type text, name text, prefix text, api_type text,
    base_url text, created_at text);
create table combos (id text, name text, data text);
create table api_keys (id text, name text, key text);
create table key_value (namespace text, key text, value text);
insert into provider_connections values
    ('1', 'groq', 'apikey', 'one', 1, 1, null, 'gsk-secret', 'my-tuned', '{}'),
    ('2', 'cerebras', 'apikey', 'two', 1, 0, null, 'c', null, null);
insert into combos values ('c', 'chain', '{"name":"chain","models":["groq/my-tuned"]}');
insert into key_value values ('modelAliases', 'fast', '"groq/my-tuned"'),
    ('settings', 'theme', '"dark"');
"#;
