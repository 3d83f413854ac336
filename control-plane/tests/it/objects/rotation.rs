//! `tollgate credentials rotate` beside a control plane that runs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::Shell;

const ROTATE: [&str; 6] = ["credentials", "rotate", "--config", "c.yaml", "--data", "d"];

/// Returns the names of all models that are served.
fn models(shell: &Shell) -> String {
    let address = shell.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = b"GET /model_group/info HTTP/1.0\r\nx-api-key: sk-master\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn account(shell: &Shell, model: &str) {
    let model = format!("defaultModel={model}");
    let new = ["provider", "new", "provider=groq", "apiKey=env:GROQ", &model];
    let made = shell.command(&new).env("GROQ", "gsk-secret").output().unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn requests_go_on_while_the_key_is_replaced_and_nothing_needs_the_old_one() {
    let shell = Shell::start();
    account(&shell, "first");
    let old = std::fs::read_to_string(shell.folder.path().join("d/encryption.key")).unwrap();

    let (code, _, said) = shell.run(&ROTATE);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("credentials=1") && !said.contains("gsk-secret"), "{said}");
    let new = std::fs::read_to_string(shell.folder.path().join("d/encryption.key")).unwrap();
    assert!(new != old && !new.contains(old.trim()));

    // Everything is read again when something is added, and what is new has the new key.
    account(&shell, "second");
    let served = models(&shell);
    assert!(served.contains("groq/first") && served.contains("groq/second"), "{served}");
    let (_, _, said) = shell.run(&ROTATE);
    assert!(said.contains("credentials=2"), "{said}");
}

#[test]
fn a_key_in_the_environment_is_replaced_by_whoever_sets_it() {
    let shell = Shell::start();
    let (old, new) = ("ab".repeat(32), "cd".repeat(32));
    let with = |keys: &str| {
        let mut command = shell.command(&ROTATE);
        let output = command.env("TOLLGATE_ENCRYPTION_KEY", keys).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };

    let (alone, said) = with(&old);
    let (both, _) = with(&format!("{new},{old}"));

    assert_eq!((alone, both), (Some(1), Some(0)));
    assert!(said.contains("NEW,OLD"), "{said}");
}
