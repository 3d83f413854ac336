//! Filters to load: the real one, and the smallest that Envoy accepts, which lets everything pass.

/// Returns the filter of `TOLLGATE_WASM`, whose own check of its configuration is part of Envoy's
/// validation; without it the smallest one.
pub(crate) fn filter() -> Vec<u8> {
    std::env::var_os("TOLLGATE_WASM").map_or_else(smallest, |file| std::fs::read(file).unwrap())
}

/// Returns a module that does nothing.
pub(crate) fn smallest() -> Vec<u8> {
    let types = [vec![2], vec![0x60, 0, 0], vec![0x60, 1, I32, 1, I32]].concat();
    let exports = [
        vec![3],
        export("memory", &[2, 0]),
        export("proxy_abi_version_0_2_1", &[0, 0]),
        export("proxy_on_memory_allocate", &[0, 1]),
    ];
    // Memory for the host always begins at 1024: nothing here keeps any.
    let allocate = [0, 0x41, 0x80, 0x08, 0x0b];
    let code = [vec![2, 2, 0, 0x0b, 5], allocate.to_vec()];
    [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &types),
        section(3, &[2, 0, 1]),
        section(5, &[1, 0, 2]),
        section(7, &exports.concat()),
        section(10, &code.concat()),
    ]
    .concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id, length(content)], content].concat()
}

fn export(name: &str, what: &[u8]) -> Vec<u8> {
    [&[length(name.as_bytes())], name.as_bytes(), what].concat()
}

/// One byte of LEB128, which is enough for this module.
fn length(content: &[u8]) -> u8 {
    u8::try_from(content.len()).ok().filter(|length| *length < 0x80).unwrap()
}

const I32: u8 = 0x7f;
