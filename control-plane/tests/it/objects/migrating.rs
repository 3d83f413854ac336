//! `docs/migrating.md`, followed to the letter.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

/// Returns the commands below a heading.
fn commands(heading: &str) -> String {
    let page = include_str!("../../../../docs/migrating.md");
    let (_, rest) = page.split_once(&format!("## {heading}\n")).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut script = String::from("set -euo pipefail\ntrap 'kill %1' EXIT\n");
    for block in blocks {
        script.push_str(block);
        if block.contains("tollgate serve") {
            // A reader waits until it says that it is ready.
            script.push_str("until tollgate key list > ready 2>&1; do kill -0 %1; done\n");
        }
    }
    script
}

#[track_caller]
fn works(heading: &str, case: &str, name: &str, secrets: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/foreign").join(case);
    std::fs::copy(case, at(name)).unwrap();
    std::fs::write(at("tollgate_filter.wasm"), "").unwrap();
    let mut written = String::from("CLIENT_KEY=sk-a-key-that-the-client-has-already\n");
    for name in secrets {
        writeln!(written, "{name}=sk-the-value-of-{name}").unwrap();
    }
    std::fs::write(at("secrets.env"), written).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let binaries = Path::new(env!("CARGO_BIN_EXE_tollgate")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();

    let output = Command::new("bash")
        .args(["-c", &commands(heading)])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", binaries.display()))
        .env("TOLLGATE__SERVER__ADMIN__LISTEN", format!("127.0.0.1:{port}"))
        .env("TOLLGATE_URL", format!("http://127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{heading}: {said}");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("sk-") || told.contains("editor"), "no key was made: {told}");
}

#[test]
fn from_litellm() {
    let secrets = ["LITELLM_MASTER_KEY", "KEY_A", "KEY_B", "GROQ", "GEMINI"];
    works("From LiteLLM", "litellm/routing.yaml", "config.yaml", &secrets);
}

#[test]
fn from_pllm() {
    let secrets = ["PLLM_MASTER_KEY", "OPENAI_API_KEY", "AZURE_API_KEY", "OPENROUTER_API_KEY"];
    works("From PLLM", "pllm/config.yaml", "config.yaml", &secrets);
}

#[test]
fn from_llms_py() {
    let secrets = [
        "TOLLGATE_MASTER_KEY",
        "OPENROUTER_FREE_API_KEY",
        "GROQ_API_KEY",
        "GOOGLE_FREE_API_KEY",
        "CODESTRAL_API_KEY",
        "ANTHROPIC_API_KEY",
    ];
    works("From llms.py", "llms-py/version-2.json", "llms.json", &secrets);
}

#[test]
fn from_omniroute() {
    let secrets = ["TOLLGATE_MASTER_KEY", "GROQ_API_KEY", "GROQ_API_KEY_2", "OWN_API_KEY"];
    works("From OmniRoute", "omniroute/db.json", "db.json", &secrets);
}
