//! The binary: exit codes, the line on standard output, reload, drain.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const CONFIG: &str = "
server: { gateway: { listen: '127.0.0.1:0' }, admin: { listen: '127.0.0.1:0' } }
filter: { file: f.wasm }
master_key: env:MASTER
providers: [{ id: openai, base_url: 'https://api.openai.com/v1' }]
models:
  - { name: MODEL, targets: [{ provider: openai, model: gpt-4o-mini }] }
";

fn tollgate(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(args).current_dir(folder).env("MASTER", "sk-master");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = tollgate(folder, args).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.wasm"), "").unwrap();
    write_config(folder.path(), "first");
    folder
}

fn write_config(folder: &Path, model: &str) {
    std::fs::write(folder.join("new"), CONFIG.replace("MODEL", model)).unwrap();
    std::fs::rename(folder.join("new"), folder.join("c.yaml")).unwrap();
}

#[test]
fn a_wrong_command_line_exits_with_64() {
    let folder = folder();

    for args in [&["serve"][..], &["bake"], &["config", "check", "--confg", "c.yaml"], &[]] {
        let (code, message) = run(folder.path(), args);
        assert_eq!(code, Some(64), "{args:?}: {message}");
        assert!(message.contains("Usage: tollgate"), "{message}");
    }
    assert_eq!(run(folder.path(), &["--help"]).0, Some(0));
}

#[test]
fn the_first_start_makes_a_master_key_and_shows_it_once() {
    let folder = folder();
    let without = CONFIG.replace("master_key: env:MASTER\n", "");
    std::fs::write(folder.path().join("c.yaml"), without).unwrap();

    let mut first = Server::start(folder.path());
    let made = first.ready["master_key"].as_str().unwrap().to_owned();
    assert!(made.starts_with("sk-") && made.len() == 46, "{}", made.len());
    assert_eq!(first.status("/key/list", &made), 200);
    first.stop();
    let mut second = Server::start(folder.path());
    assert_eq!(second.ready.get("master_key"), None);
    assert_eq!(second.status("/key/list", &made), 200, "it is known by its hash");

    let rotate = ["master-key", "rotate", "--config", "c.yaml", "--data", "d"];
    let Output { stdout, stderr, .. } = tollgate(folder.path(), &rotate).output().unwrap();
    let other = String::from_utf8(stdout).unwrap().trim().to_owned();
    let deadline = Instant::now() + Duration::from_secs(20);
    while second.status("/key/list", &other) != 200 {
        assert!(Instant::now() < deadline, "the new key is not known: {stderr:?}");
        std::thread::yield_now();
    }
    assert_eq!(second.status("/key/list", &made), 401);
    second.stop();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("a master key was made"), "{log}");
    assert!(!log.contains(&made) && !log.contains(&other), "a key stands in the log");
}

#[test]
fn a_configuration_that_cannot_be_used_exits_with_78() {
    let folder = folder();
    std::fs::write(folder.path().join("bad.yaml"), "filter: { file: none.wasm }").unwrap();

    let (code, message) = run(folder.path(), &["config", "check", "--config", "bad.yaml"]);
    let (missing, _) = run(folder.path(), &["serve", "--config", "missing.yaml"]);
    let (good, _) = run(folder.path(), &["config", "check", "--config", "c.yaml"]);

    assert_eq!((code, missing, good), (Some(78), Some(78), Some(0)));
    assert!(message.contains("cannot use bad.yaml"), "{message}");
    assert!(message.contains("filter.file"), "{message}");
}

/// `cargo xtask codegen` writes it.
#[test]
fn the_published_schema_is_the_one_that_is_printed() {
    let folder = folder();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tollgate.schema.json");

    let output = tollgate(folder.path(), &["config", "schema"]).output().unwrap();

    assert_eq!(output.status.code(), Some(0));
    if std::env::var_os("UPDATE_GEN").is_some() {
        std::fs::write(&file, &output.stdout).unwrap();
    }
    let published = std::fs::read(&file).unwrap_or_default();
    assert!(published == output.stdout, "docs/tollgate.schema.json is stale");
}

#[test]
fn migrating_makes_the_database() {
    let folder = folder();

    let (code, message) = run(folder.path(), &["migrate", "--config", "c.yaml", "--data", "d"]);

    assert_eq!(code, Some(0), "{message}");
    assert!(folder.path().join("d/tollgate.db").is_file());
}

#[test]
fn a_database_is_copied_once_and_passwords_stay_off_the_command_line() {
    let folder = folder();
    assert_eq!(run(folder.path(), &["migrate", "--config", "c.yaml", "--data", "d"]).0, Some(0));
    let copy = ["database", "copy", "--from", "sqlite:d/tollgate.db", "--to"];
    let to = |url: &'static str| [&copy[..], &[url]].concat();

    let output = tollgate(folder.path(), &to("sqlite:new.db")).output().unwrap();
    let (password, said) = run(folder.path(), &to("postgres://u:secret@h/d"));
    let (same, _) = run(folder.path(), &to("sqlite:d/tollgate.db"));

    let copied = String::from_utf8(output.stdout).unwrap();
    assert!(copied.contains("api_keys: 0 rows") && copied.contains("0 nano-dollars"), "{copied}");
    assert!(folder.path().join("new.db").is_file());
    assert_eq!((password, same), (Some(1), Some(1)));
    assert!(said.contains("write env:NAME") && !said.contains("secret"), "{said}");
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let folder = folder();
    let at = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    at("c.yaml", &CONFIG.replace("https://api.openai.com/v1", "http://127.0.0.1:1/v1"));
    at("good.yaml", CONFIG.split("providers:").next().unwrap());
    let doctor = |config| tollgate(folder.path(), &["doctor", "--config", config]).output();

    let (bad, no_filter) = (doctor("c.yaml").unwrap(), doctor("good.yaml").unwrap());
    at("f.wasm", "\0asm");
    let good = doctor("good.yaml").unwrap();

    let said = String::from_utf8(bad.stdout).unwrap();
    assert!(said.contains("fail  provider openai: cannot be reached"), "{said}");
    assert!(said.contains("fail  filter") && said.contains("cargo xtask wasm"), "{said}");
    assert!(said.contains("warn  envoy: not looked at") && said.contains("ok    master key"));
    let codes = [bad.status, no_filter.status, good.status].map(|status| status.code());
    assert_eq!(codes, [Some(1), Some(1), Some(0)]);
}

// proves: config.server.{admin.listen,control.listen}
#[test]
fn serving_tells_where_reloads_and_drains() {
    let folder = folder();
    let mut server = Server::start(folder.path());

    assert_eq!(server.model(), "first");
    let socket = folder.path().join("d/control.sock");
    assert_eq!(server.ready["control"], format!("unix:{}", socket.display()));
    write_config(folder.path(), "second");
    server.eventually("second");
    std::fs::write(folder.path().join("c.yaml"), "nonsense: 1").unwrap();
    write_config(folder.path(), "third");
    server.eventually("third");

    let (code, rest) = server.stop();
    assert_eq!((code, rest.as_str()), (Some(0), ""));
    assert!(!socket.exists());
    let database = folder.path().join("d/tollgate.db");
    assert!(database.is_file());
    assert!(!database.with_extension("db-wal").exists(), "the database is not in one file");
}

struct Server {
    process: Child,
    stdout: BufReader<std::process::ChildStdout>,
    ready: Value,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log"));
        let log = Stdio::from(log.unwrap());
        let mut process = tollgate(folder, &["serve", "--config", "c.yaml", "--data", "d"])
            .stderr(log)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        Self { process, stdout, ready: serde_json::from_str(&line).unwrap() }
    }

    /// Gets something with a key, and returns the status of the answer.
    fn status(&self, path: &str, key: &str) -> u16 {
        self.get(path, key).split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn get(&self, path: &str, key: &str) -> String {
        let admin = self.ready["admin"].as_str().unwrap().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(admin).unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nx-api-key: {key}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks for the only model.
    fn model(&self) -> String {
        let answer = self.get("/health", "sk-master");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        body["healthy_endpoints"][0]["model_group"].as_str().unwrap().to_owned()
    }

    fn eventually(&self, model: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.model() != model {
            assert!(Instant::now() < deadline, "the model is still {}", self.model());
            std::thread::yield_now();
        }
    }

    /// Ends it as an operator would, and returns its exit code and what else it had written.
    fn stop(&mut self) -> (Option<i32>, String) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.process.wait().unwrap().code(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
