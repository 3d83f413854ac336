//! Takes callbacks out of the filter that it has nothing to do in.
//!
//! The SDK exports every callback there is, and Envoy crosses into the VM for each one that is
//! exported, whether anything happens there or not. What Envoy does without them is what the SDK's
//! empty ones do; `proxy_on_done` and `proxy_on_log` alone would come for every request.

use anyhow::{Context, Result, ensure};

/// Callbacks that the filter does not use. Where a request ends, it goes by `proxy_on_delete`.
const UNUSED: [&[u8]; 12] = [
    b"proxy_on_done",
    b"proxy_on_log",
    b"proxy_on_new_connection",
    b"proxy_on_downstream_data",
    b"proxy_on_downstream_connection_close",
    b"proxy_on_upstream_data",
    b"proxy_on_upstream_connection_close",
    b"proxy_on_queue_ready",
    b"proxy_on_http_call_response",
    b"proxy_on_grpc_receive_initial_metadata",
    b"proxy_on_grpc_receive_trailing_metadata",
    b"proxy_on_foreign_function",
];

const MAGIC: &[u8] = b"\0asm\x01\0\0\0";
const EXPORT_SECTION: u8 = 7;

/// Returns the module without the exports that the filter does not use.
pub(super) fn without_unused(module: &[u8]) -> Result<Vec<u8>> {
    let mut rest = module.strip_prefix(MAGIC).context("this is no wasm module")?;
    let mut kept = MAGIC.to_vec();
    while let Some((&id, after)) = rest.split_first() {
        rest = after;
        let size = number(&mut rest)?;
        let section = take(&mut rest, size)?;
        let section = match id {
            EXPORT_SECTION => filtered(section)?,
            _ => section.to_vec(),
        };
        kept.push(id);
        push_number(&mut kept, section.len());
        kept.extend(section);
    }
    Ok(kept)
}

/// Filters the export section: a count, then name, kind and index of each export.
fn filtered(mut section: &[u8]) -> Result<Vec<u8>> {
    let (mut count, mut kept) = (0, Vec::new());
    for _ in 0..number(&mut section)? {
        let length = number(&mut section)?;
        let name = take(&mut section, length)?;
        let kind = take(&mut section, 1)?;
        let index = number(&mut section)?;
        if UNUSED.contains(&name) {
            continue;
        }
        count += 1;
        push_number(&mut kept, length);
        kept.extend([name, kind].concat());
        push_number(&mut kept, index);
    }
    ensure!(section.is_empty(), "the export section is longer than its exports");
    let mut section = Vec::new();
    push_number(&mut section, count);
    Ok([section, kept].concat())
}

fn take<'a>(rest: &mut &'a [u8], size: usize) -> Result<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(size).context("the module is cut short")?;
    *rest = after;
    Ok(taken)
}

/// Reads an unsigned LEB128 of at most 32 bits.
fn number(rest: &mut &[u8]) -> Result<usize> {
    let mut value = 0_usize;
    for shift in (0..35).step_by(7) {
        let byte = take(rest, 1)?.first().copied().unwrap_or_default();
        value |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    anyhow::bail!("a number of more than 32 bits")
}

fn push_number(bytes: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7F).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with a custom section and two exported functions.
    fn module(names: &[&str]) -> Vec<u8> {
        let mut exports = vec![u8::try_from(names.len()).unwrap()];
        for name in names {
            push_number(&mut exports, name.len());
            exports.extend(name.as_bytes());
            exports.extend([0, 0xC8, 0x01]);
        }
        let mut module = MAGIC.to_vec();
        module.extend([0, 3, 1, b'x', 9, EXPORT_SECTION]);
        push_number(&mut module, exports.len());
        module.extend(exports);
        module.extend([10, 1, 0]);
        module
    }

    #[test]
    fn takes_out_what_is_unused_and_nothing_else() {
        let whole = module(&["malloc", "proxy_on_log", "proxy_on_request_headers"]);

        let kept = without_unused(&whole).unwrap();

        assert_eq!(kept, module(&["malloc", "proxy_on_request_headers"]));
        assert_eq!(without_unused(&kept).unwrap(), kept);
    }

    #[test]
    fn refuses_what_is_no_module() {
        let whole = module(&["malloc"]);

        assert!(without_unused(b"#!/bin/sh").is_err());
        assert!(without_unused(&whole[..whole.len() - 1]).is_err());
    }

    #[test]
    fn numbers_survive() {
        for value in [0, 127, 128, 16_383, 16_384, 4_294_967_295] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, value);
            assert_eq!(number(&mut &*bytes).unwrap(), value);
        }
        assert!(number(&mut &[0x80; 5][..]).is_err());
    }
}
