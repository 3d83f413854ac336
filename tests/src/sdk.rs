//! Runs scripts against the gateway that use the official clients, unmodified.

use std::path::Path;
use std::process::Command;

use crate::directory;
use crate::tools::Tools;

/// Runs a script of `sdk/python` and returns what it prints. Fails when the script does.
pub fn python(script: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(Tools::python());
    command.arg(folder().join("python").join(script));
    run(command, environment)
}

/// Runs a script of `sdk/python` with `LiteLLM`'s package and returns what it prints. Fails when
/// the script does.
pub fn litellm(script: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(Tools::litellm());
    command.arg(folder().join("python").join(script));
    // It would look for prices in the network.
    command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("HOME", directory::fresh("home"));
    run(command, environment)
}

/// Runs a script of `sdk/python` with Schemathesis and returns what it prints. Fails when the
/// script does.
pub fn schemathesis(script: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(Tools::schemathesis());
    command.arg(folder().join("python").join(script)).current_dir(directory::fresh("home"));
    run(command, environment)
}

/// Runs a script of `sdk/node` and returns what it prints. Fails when the script does.
pub fn node(script: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new("node");
    command.arg(folder().join("node").join(script)).env("NODE_PATH", Tools::node_modules());
    run(command, environment)
}

/// Runs a program of the Node packages in an empty home with these files, and returns what it
/// prints. Fails when the program does.
pub fn program(
    name: &str,
    arguments: &[&str],
    files: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> String {
    let home = directory::fresh("home");
    let work = home.join("work");
    std::fs::create_dir_all(&work).expect("cannot make a folder to work in");
    for (file, text) in files {
        let file = home.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).expect("cannot make a folder");
        std::fs::write(file, text).expect("cannot write a file");
    }
    let mut command = Command::new(Tools::node_modules().join(".bin").join(name));
    command.args(arguments).current_dir(work).env("HOME", home);
    command.stdin(std::process::Stdio::null());
    run(command, environment)
}

fn run(mut command: Command, environment: &[(&str, &str)]) -> String {
    command.envs(environment.iter().copied());
    // A proxy that the machine may use must not come between.
    command.env("NO_PROXY", "127.0.0.1,localhost").envs([NO_CACHE]);
    let output = tokio::task::block_in_place(|| command.output()).expect("cannot start the script");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the script failed:\n{stdout}\n{stderr}");
    stdout
}

/// Returns the folder of the scripts.
pub(crate) fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
}

/// Keeps Python from writing compiled modules beside the scripts.
pub(crate) const NO_CACHE: (&str, &str) = ("PYTHONDONTWRITEBYTECODE", "1");
