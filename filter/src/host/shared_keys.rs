//! What the workers of one Envoy share about keys, for when the control plane cannot be asked.
//!
//! Envoy's shared data have no bound and delete nothing, so keys share a fixed number of slots:
//! a collision forgets the older of two keys, which costs nothing while the control plane is there.

use proxy_wasm::hostcalls;
use tollgate_core::key::KeyHash;

/// With some 250 bytes a slot, four megabytes in a process.
const SLOTS: u32 = 16_384;

/// Keeps an answer about a key.
pub(super) fn keep(hash: &KeyHash, answer: &[u8]) {
    let _ =
        hostcalls::set_shared_data(&slot(hash), Some(&[hash.as_bytes(), answer].concat()), None);
}

/// Returns the answer about a key, if it is still there.
pub(super) fn recall(hash: &KeyHash) -> Option<Vec<u8>> {
    let (kept, _) = hostcalls::get_shared_data(&slot(hash)).ok()?;
    kept?.strip_prefix(hash.as_bytes()).map(<[u8]>::to_vec)
}

/// Forgets a key that has changed.
pub(crate) fn forget(hash: &KeyHash) {
    if recall(hash).is_some() {
        let _ = hostcalls::set_shared_data(&slot(hash), None, None);
    }
}

fn slot(hash: &KeyHash) -> String {
    let [a, b, c, d, ..] = *hash.as_bytes();
    format!("tollgate.key.{}", u32::from_be_bytes([a, b, c, d]) % SLOTS)
}
