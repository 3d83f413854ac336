//! The command line of `tollgate export`.

use std::path::Path;
use std::process::Command;

const CONFIG: &str = "
filter: { file: f.wasm }
master_key: env:MASTER
providers: [{ id: openai, base_url: 'https://api.openai.com/v1', credential: env:CREDENTIAL }]
";

#[test]
fn each_kind_is_printed_without_a_secret() {
    let folder = folder();

    for kind in ["static", "istio", "envoy-gateway"] {
        let (code, text, errors) = export(folder.path(), &[kind]);
        assert_eq!(code, Some(0), "{kind}: {errors}");
        assert!(text.contains("tollgate/openai") && text.contains("d/control.sock"), "{text}");
        assert!(!text.contains("hush"), "{text}");
    }
}

#[test]
fn a_control_plane_on_another_machine_is_refused() {
    let folder = folder();

    let (code, text, errors) =
        export(folder.path(), &["istio", "--control-plane", "tollgate.llm.svc:4001"]);

    assert_eq!((code, text.as_str()), (Some(1), ""));
    assert!(errors.contains("docs/mesh.md"), "{errors}");
}

#[test]
fn a_download_is_for_one_filter_alone() {
    let folder = folder();
    let sha256 = "0".repeat(64);
    let download =
        ["istio", "--wasm-url", "https://files.example.com/f.wasm", "--wasm-sha256", &sha256];

    let (two_roles, _, errors) = export(folder.path(), &download);
    let (one_filter, text, _) =
        export(folder.path(), &[&download[..], &["--role", "standalone"]].concat());

    assert_eq!((two_roles, one_filter), (Some(1), Some(0)));
    assert!(errors.contains("--role standalone"), "{errors}");
    assert!(text.contains("https://files.example.com/f.wasm"), "{text}");
}

#[test]
fn what_is_no_address_label_or_digest_is_refused() {
    let folder = folder();
    let alone = ["static", "--role", "standalone", "--wasm-url", "https://a/b"];

    for (args, code) in [
        (vec!["static", "--management", "nowhere"], 64),
        (vec!["istio", "--workload-selector", "gateway"], 1),
        (vec!["static", "--wasm-url", "https://a/b"], 64),
        ([&alone[..], &["--wasm-sha256", "abc"]].concat(), 1),
    ] {
        let (got, _, errors) = export(folder.path(), &args);
        assert_eq!(got, Some(code), "{args:?}: {errors}");
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.wasm"), "").unwrap();
    std::fs::write(folder.path().join("c.yaml"), CONFIG).unwrap();
    folder
}

fn export(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("export")
        .args(args)
        .args(["--config", "c.yaml", "--data", "d"])
        .current_dir(folder)
        .envs([("MASTER", "sk-hush-master"), ("CREDENTIAL", "sk-hush-provider")])
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
