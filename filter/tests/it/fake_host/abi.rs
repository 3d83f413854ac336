//! The ABI's symbols, over plain memory.

use std::slice;

use super::{Call, Crossing, host, note};

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const INTERNAL_FAILURE: u32 = 10;

/// # Safety
/// `data` points to `size` readable bytes, or is null.
unsafe fn bytes<'a>(data: *const u8, size: usize) -> &'a [u8] {
    if data.is_null() { &[] } else { unsafe { slice::from_raw_parts(data, size) } }
}

/// Hands out bytes as the host does: in memory that the guest then owns.
///
/// # Safety
/// Both pointers are valid for writes.
unsafe fn hand_out(text: Vec<u8>, data: *mut *mut u8, size: *mut usize) -> u32 {
    if !text.is_empty() {
        note(Crossing::Malloc);
    }
    let text = text.into_boxed_slice();
    unsafe {
        *size = text.len();
        *data = Box::into_raw(text).cast();
    }
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_log(_level: u32, text: *const u8, size: usize) -> u32 {
    note(Crossing::Host("log"));
    let text = String::from_utf8_lossy(unsafe { bytes(text, size) });
    host(|host| host.log.push_str(&text));
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32 {
    note(Crossing::Host("get_current_time_nanoseconds"));
    unsafe { *time = host(|host| host.now_ns) };
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_set_tick_period_milliseconds(_period: u32) -> u32 {
    note(Crossing::Host("set_tick_period_milliseconds"));
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_set_effective_context(context: u32) -> u32 {
    note(Crossing::Host("set_effective_context"));
    host(|host| host.effective = context);
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_buffer_bytes(
    _kind: u32,
    start: usize,
    most: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    note(Crossing::Host("get_buffer_bytes"));
    let text = host(|host| host.buffer.iter().skip(start).take(most).copied().collect());
    unsafe { hand_out(text, data, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_buffer_bytes(
    _kind: u32,
    start: usize,
    size: usize,
    data: *const u8,
    length: usize,
) -> u32 {
    note(Crossing::Host("set_buffer_bytes"));
    assert!(start == 0 && size == usize::MAX, "Envoy replaces a buffer whole or not at all");
    host(|host| host.buffer = unsafe { bytes(data, length) }.to_vec());
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_header_map_pairs(
    map: u32,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    note(Crossing::Host("get_header_map_pairs"));
    let list = host(|host| host.maps[map as usize].clone());
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut text = number(list.len()).to_vec();
    for (name, value) in &list {
        text.extend([number(name.len()), number(value.len())].concat());
    }
    for (name, value) in &list {
        text.extend([name, &b"\0"[..], value, b"\0"].concat());
    }
    unsafe { hand_out(text, data, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_replace_header_map_value(
    map: u32,
    name: *const u8,
    name_size: usize,
    value: *const u8,
    value_size: usize,
) -> u32 {
    note(Crossing::Host("replace_header_map_value"));
    let (name, value) = unsafe { (bytes(name, name_size), bytes(value, value_size)) };
    host(|host| {
        let list = &mut host.maps[map as usize];
        list.retain(|(key, _)| key != name);
        list.push((name.to_vec(), value.to_vec()));
    });
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_remove_header_map_value(
    map: u32,
    name: *const u8,
    name_size: usize,
) -> u32 {
    note(Crossing::Host("remove_header_map_value"));
    let name = unsafe { bytes(name, name_size) };
    host(|host| host.maps[map as usize].retain(|(key, _)| key != name));
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_shared_data(
    key: *const u8,
    key_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
    _cas: *mut u32,
) -> u32 {
    note(Crossing::Host("get_shared_data"));
    let key = unsafe { bytes(key, key_size) };
    match host(|host| host.shared.get(key).cloned()) {
        Some(value) => unsafe { hand_out(value, data, size) },
        None => NOT_FOUND,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_shared_data(
    key: *const u8,
    key_size: usize,
    value: *const u8,
    value_size: usize,
    _cas: u32,
) -> u32 {
    note(Crossing::Host("set_shared_data"));
    let (key, value) = unsafe { (bytes(key, key_size), bytes(value, value_size)) };
    host(|host| host.shared.insert(key.to_vec(), value.to_vec()));
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_continue_stream(_kind: u32) -> u32 {
    note(Crossing::Host("continue_stream"));
    host(|host| host.calls.push(Call::Resume));
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_send_local_response(
    status: u32,
    _details: *const u8,
    _details_size: usize,
    body: *const u8,
    body_size: usize,
    _headers: *const u8,
    _headers_size: usize,
    _grpc_status: i32,
) -> u32 {
    note(Crossing::Host("send_local_response"));
    let body = unsafe { bytes(body, body_size) }.to_vec();
    host(|host| host.calls.push(Call::Reply { status, context: host.effective, body }));
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_grpc_stream(
    target: *const u8,
    target_size: usize,
    service: *const u8,
    service_size: usize,
    method: *const u8,
    method_size: usize,
    _metadata: *const u8,
    _metadata_size: usize,
    token: *mut u32,
) -> u32 {
    note(Crossing::Host("grpc_stream"));
    let target = unsafe { bytes(target, target_size) }.to_vec();
    let method = unsafe { method_name(bytes(service, service_size), bytes(method, method_size)) };
    let call = |token| Call::OpenStream { token, target, method };
    unsafe { begin_call(token, call) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_grpc_call(
    _target: *const u8,
    _target_size: usize,
    service: *const u8,
    service_size: usize,
    method: *const u8,
    method_size: usize,
    _metadata: *const u8,
    _metadata_size: usize,
    message: *const u8,
    message_size: usize,
    _timeout: u32,
    token: *mut u32,
) -> u32 {
    note(Crossing::Host("grpc_call"));
    let message = unsafe { bytes(message, message_size) }.to_vec();
    let method = unsafe { method_name(bytes(service, service_size), bytes(method, method_size)) };
    let call = |token| Call::Grpc { token, method, message };
    unsafe { begin_call(token, call) }
}

/// # Safety
/// Safe; marked because its callers pass borrowed guest memory.
unsafe fn method_name(service: &[u8], method: &[u8]) -> String {
    format!("{}/{}", String::from_utf8_lossy(service), String::from_utf8_lossy(method))
}

/// # Safety
/// `token` is valid for writes.
unsafe fn begin_call(token: *mut u32, call: impl FnOnce(u32) -> Call) -> u32 {
    host(|host| {
        if host.away {
            return INTERNAL_FAILURE;
        }
        host.tokens += 1;
        unsafe { *token = host.tokens };
        host.calls.push(call(host.tokens));
        OK
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_grpc_send(_token: u32, _data: *const u8, _size: usize, _end: bool) -> u32 {
    note(Crossing::Host("grpc_send"));
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_define_metric(
    _kind: u32,
    _name: *const u8,
    _size: usize,
    id: *mut u32,
) -> u32 {
    note(Crossing::Host("define_metric"));
    unsafe { *id = 1 };
    OK
}

#[unsafe(no_mangle)]
extern "C" fn proxy_increment_metric(_id: u32, delta: i64) -> u32 {
    note(Crossing::Host("increment_metric"));
    assert!(delta != 0, "Envoy refuses to add nothing");
    OK
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_property(
    path: *const u8,
    path_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    note(Crossing::Host("get_property"));
    let path = unsafe { bytes(path, path_size) };
    match host(|host| host.properties.get(path).cloned()) {
        Some(value) => unsafe { hand_out(value, data, size) },
        None => NOT_FOUND,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_property(
    path: *const u8,
    path_size: usize,
    value: *const u8,
    value_size: usize,
) -> u32 {
    note(Crossing::Host("set_property"));
    let (path, value) = unsafe { (bytes(path, path_size), bytes(value, value_size)) };
    host(|host| host.properties.insert(path.to_vec(), value.to_vec()));
    OK
}

/// Symbols that the SDK names and the filter does not use.
macro_rules! unused {
    ($($name:ident)*) => { $(
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> u32 {
            note(Crossing::Host(&stringify!($name)["proxy_".len()..]));
            NOT_FOUND
        }
    )* };
}

unused! {
    proxy_get_log_level proxy_set_header_map_pairs proxy_get_header_map_value
    proxy_add_header_map_value proxy_register_shared_queue proxy_resolve_shared_queue
    proxy_dequeue_shared_queue proxy_enqueue_shared_queue proxy_close_stream proxy_http_call
    proxy_grpc_cancel proxy_grpc_close proxy_get_status proxy_call_foreign_function proxy_done
    proxy_get_metric proxy_record_metric
}
