//! Header lists straight from the host, in one buffer.
//!
//! The SDK's own function copies each name and each value, some thirty allocations for every
//! list, of which a request has three: measurably more than all decisions together.
#![expect(unsafe_code, reason = "the host writes the list into memory that it asks us for")]
#![expect(clippy::same_length_and_capacity, reason = "that is what the SDK's malloc hands out")]

use std::ptr::null_mut;

use proxy_wasm::types::MapType;

mod abi {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        /// Status 0: `data` is `size` bytes that the host took from our `malloc`.
        pub(super) fn proxy_get_header_map_pairs(
            map_type: u32,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
    }
}

/// A header list as the host serialises it: a count, that many pairs of lengths, then names and
/// values, each with a NUL behind it. All numbers are 32 bits, little-endian.
pub(crate) struct Pairs(Vec<u8>);

impl Pairs {
    /// Asks the host for a list. Empty when it has none in this phase.
    pub(crate) fn of(map: MapType) -> Self {
        let (mut data, mut size) = (null_mut(), 0);
        // SAFETY: both pointers are valid for writes during the call.
        let status =
            unsafe { abi::proxy_get_header_map_pairs(map as u32, &raw mut data, &raw mut size) };
        if status != 0 || data.is_null() {
            return Self(Vec::new());
        }
        // SAFETY: the host got `data` from the `malloc` that the SDK exports, which hands out a
        // `Vec<u8>` of just this capacity, and has filled it; it does not keep the pointer.
        Self(unsafe { Vec::from_raw_parts(data, size, size) })
    }

    /// Returns names and values. A name that is not UTF-8, which Envoy does not let through, is
    /// empty; a list that is cut short ends early.
    pub(crate) fn list(&self) -> Vec<(&str, &[u8])> {
        let mut rest = &*self.0;
        let count = take_number(&mut rest).unwrap_or(0);
        let Some((mut lengths, mut texts)) =
            count.checked_mul(8).and_then(|bytes| rest.split_at_checked(bytes))
        else {
            return Vec::new();
        };
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            let (Some(name), Some(value)) = (take_number(&mut lengths), take_number(&mut lengths))
            else {
                break;
            };
            let (Some(name), Some(value)) = (take(&mut texts, name), take(&mut texts, value))
            else {
                break;
            };
            list.push((std::str::from_utf8(name).unwrap_or_default(), value));
        }
        list
    }
}

fn take_number(bytes: &mut &[u8]) -> Option<usize> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    usize::try_from(u32::from_le_bytes(*number)).ok()
}

/// Takes a text off, and the NUL behind it.
fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest.get(1..)?;
    Some(text)
}
