//! Fails when the committed code is not what the proto files say.

use std::path::Path;

#[test]
fn generated_code_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["media", "policy", "replay", "resources", "usage"]
        .map(|service| format!("tollgate/v1/{service}.proto"));
    let descriptors = protox::compile(files, [root]).expect("the proto files compile");
    let out = std::env::temp_dir().join(format!("tollgate-codegen-{}", std::process::id()));
    std::fs::create_dir_all(&out).unwrap();
    tonic_prost_build::configure()
        .out_dir(&out)
        .btree_map(".")
        .client_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .compile_fds(descriptors)
        .expect("the generator accepts the descriptors");
    let fresh = std::fs::read_to_string(out.join("tollgate.v1.rs")).unwrap();
    std::fs::remove_dir_all(&out).unwrap();

    let committed = root.join("src/gen/tollgate.v1.rs");
    if std::env::var_os("UPDATE_GEN").is_some() {
        std::fs::write(&committed, &fresh).unwrap();
    }

    let have = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(have == fresh, "src/gen is stale: run `cargo xtask codegen` and commit the result");
}
