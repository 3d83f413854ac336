//! Configurations, read as the control plane reads them.

use std::collections::BTreeMap;
use std::path::Path;

use tollgate_control_plane::config::{Config, Source};
use tollgate_control_plane::prices::PriceList;

/// Reads `text`; `folder` holds all files, `filter` among them.
pub(crate) fn config(folder: &Path, text: &str, filter: &[u8]) -> Config {
    std::fs::write(folder.join("filter.wasm"), filter).unwrap();
    let text = format!("filter: {{ file: filter.wasm }}\n{text}");
    let source = Source {
        file: folder.join("tollgate.yaml"),
        data_dir: folder.to_owned(),
        env: BTreeMap::new(),
    };
    source.read(&text, &PriceList::default()).unwrap()
}

/// Fills a bootstrap of the folder `envoy/` and returns where it was written.
pub(crate) fn bootstrap(folder: &Path, name: &str) -> std::path::PathBuf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy").join(name);
    let wasm = folder.join("filter.wasm");
    if !wasm.exists() {
        std::fs::write(&wasm, crate::wasm::filter()).unwrap();
    }
    let values = [
        ("NODE_ID", "test"),
        ("ADMIN_PORT", "0"),
        ("GATEWAY_PORT", "0"),
        ("CONTROL_SOCKET", &folder.join("control.sock").display().to_string()),
        ("MANAGEMENT_HOST", "127.0.0.1"),
        ("MANAGEMENT_PORT", "4000"),
        ("WASM_FILE", &wasm.display().to_string()),
        ("PROVIDER_ID", "openai"),
        ("PROVIDER_HOST", "localhost"),
        ("PROVIDER_PORT", "8000"),
    ];
    let text = values.iter().fold(std::fs::read_to_string(file).unwrap(), |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value)
    });
    let filled = folder.join(name);
    std::fs::write(&filled, text).unwrap();
    filled
}
