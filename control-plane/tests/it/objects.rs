//! `tollgate key|user|team|model|provider …` and `tollgate spend` against a running control
//! plane.

mod migrating;
mod rotation;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const CONFIG: &str = "
server: { gateway: { listen: '127.0.0.1:0' }, admin: { listen: '127.0.0.1:0' } }
filter: { file: f.wasm }
master_key: env:MASTER
";

/// A running control plane, and a shell beside it.
struct Shell {
    folder: tempfile::TempDir,
    process: Child,
    url: String,
}

impl Shell {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f.wasm"), "").unwrap();
        std::fs::write(folder.path().join("c.yaml"), CONFIG).unwrap();
        let mut process = command(folder.path(), &["serve", "--config", "c.yaml", "--data", "d"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = ready["admin"].as_str().unwrap().to_owned();
        Self { folder, process, url }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(self.folder.path(), args);
        command.env("TOLLGATE_URL", &self.url).env("TOLLGATE_MASTER_KEY", "sk-master");
        command
    }

    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    }

    #[track_caller]
    fn good(&self, args: &[&str]) -> String {
        let (code, out, error) = self.run(args);
        assert_eq!(code, Some(0), "{args:?}: {error}");
        out
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.good(&[args, &["--json"]].concat())).unwrap()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(args).current_dir(folder).env("MASTER", "sk-master");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn keys_are_made_shown_changed_blocked_and_deleted() {
    let shell = Shell::start();

    let made = shell.good(&["key", "new", "key_alias=ci", "max_budget=5", "models=[a, b]"]);
    assert!(made.lines().any(|line| line.starts_with("key ") && line.contains("sk-")), "{made}");
    let own =
        shell.command(&["key", "new", "key=env:OWN", "key_alias=own"]).env("OWN", OWN).output();
    assert!(own.unwrap().status.success());

    let listed = shell.good(&["key", "list"]);
    let title = listed.lines().next().unwrap();
    assert!(title.starts_with("HASH") && title.contains("BUDGET"), "{listed}");
    let of_ci = listed.lines().find(|line| line.contains(" ci ")).unwrap();
    assert!(of_ci.contains("a,b") && of_ci.contains("5.0"), "{listed}");
    assert!(!listed.contains(OWN));
    shell.good(&["key", "update", "ci", "max_budget=7.5"]);
    assert_eq!(shell.json(&["key", "show", "ci"])["max_budget"], 7.5);
    shell.good(&["key", "block", "ci"]);
    assert_eq!(shell.json(&["key", "show", "ci"])["blocked"], true);
    shell.good(&["key", "unblock", "ci"]);
    assert_eq!(shell.json(&["key", "show", "ci"])["blocked"], false);
    shell.good(&["key", "delete", "ci", "own"]);
    assert_eq!(shell.json(&["key", "list"]), Value::Array(Vec::new()));
}

#[test]
fn lists_hold_all_pages() {
    let shell = Shell::start();
    for nth in 0..101 {
        let id = format!("user_id=u{nth}");
        let new = ["user", "new", &id, "auto_create_key=false"];
        assert_eq!(shell.json(&new)["user_id"], format!("u{nth}"));
    }

    assert!(shell.json(&["user", "list"]).as_array().unwrap().len() >= 101);
}

#[test]
fn users_teams_models_and_providers_too() {
    let shell = Shell::start();

    shell.good(&["user", "new", "user_id=ann", "user_email=a@b.c"]);
    shell.good(&["user", "update", "ann", "max_budget=1"]);
    assert!(shell.good(&["user", "list"]).contains("a@b.c"));
    shell.good(&["team", "new", "team_id=t", "team_alias=Builders"]);
    shell.good(&["team", "block", "t"]);
    assert_eq!(shell.json(&["team", "show", "t"])["blocked"], true);
    assert!(shell.good(&["team", "list"]).contains("Builders"));
    shell.good(&["provider", "new", "provider=ollama", "name=here", "defaultModel=llama"]);
    let providers = shell.json(&["provider", "list"]);
    let id = providers[0]["id"].as_str().unwrap();
    shell.good(&["provider", "block", id]);
    assert_eq!(shell.json(&["provider", "show", id])["isActive"], false);
    shell.good(&[
        "model",
        "new",
        "model_name=m",
        "litellm_params.model=ollama/llama",
        "model_info.id=one",
        "litellm_params.api_base=http://127.0.0.1:1",
    ]);
    assert!(shell.good(&["model", "list"]).contains("ollama/llama"));
    shell.good(&["model", "update", "one", "model_name=n"]);
    assert_eq!(shell.json(&["model", "show", "one"])["model_name"], "n");
    shell.good(&["model", "delete", "one"]);
    shell.good(&["provider", "delete", id]);
    shell.good(&["team", "delete", "t"]);
    shell.good(&["user", "delete", "ann"]);
    assert_eq!(shell.json(&["team", "list"]), Value::Array(Vec::new()));
    assert!(shell.good(&["spend", "--by", "key"]).starts_with("KEY"));
}

#[test]
fn failures_say_what_to_do_and_have_their_exit_codes() {
    let shell = Shell::start();
    let wrong = shell.command(&["key", "list"]).env("TOLLGATE_MASTER_KEY", "sk-wrong").output();
    let none = shell.command(&["key", "list"]).env_remove("TOLLGATE_MASTER_KEY").output();

    for (args, code, why) in [
        (&["key", "show", "nobody"][..], 1, "there is no key with the alias"),
        (&["team", "show", "nobody"], 1, "(404)"),
        (&["key", "show", "sk-secret"], 64, "does not belong on a command line"),
        (&["key", "new", "key=sk-secret"], 64, "write key=env:NAME"),
        (&["user", "block", "u"], 64, "block their keys"),
        (&["team", "list", "--url", "http://127.0.0.1:1"], 69, "is the control plane running"),
        (&["team", "list", "--url", "nowhere"], 64, "--url"),
    ] {
        let (found, _, message) = shell.run(args);
        assert_eq!(found, Some(code), "{args:?}: {message}");
        assert!(message.contains(why), "{args:?}: {message}");
    }
    let (wrong, none) = (wrong.unwrap(), none.unwrap());
    assert_eq!((wrong.status.code(), none.status.code()), (Some(77), Some(64)));
    let said = String::from_utf8(none.stderr).unwrap();
    assert!(said.contains("TOLLGATE_MASTER_KEY is not set"), "{said}");
}

const OWN: &str = "sk-a-key-that-a-client-has-already";
