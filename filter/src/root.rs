//! The life of a plugin: its configuration, its stream from the control plane, its outbox.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use tollgate_core::exchange::{Effect, Input};
use tollgate_core::gateway::Applied;
use tollgate_core::settings::{Role, Settings};

use crate::calls::ControlPlane;
use crate::metrics::Gauges;
use crate::stream::Stream;
use crate::{host, reports, vm};

/// Most ticks between two tries to reach the control plane: one second.
const LONGEST_PAUSE: u32 = 20;

/// Registers the plugin with the SDK.
pub fn start() {
    proxy_wasm::set_root_context(|context| Box::new(Root::new(context)));
}

struct Root {
    context: u32,
    settings: Option<Rc<Settings>>,
    control_plane: Option<Rc<ControlPlane>>,
    watch: Option<u32>,
    /// Ticks until the control plane is tried again, and how many to wait after that.
    wait: u32,
    pause: u32,
}

impl Root {
    fn new(context: u32) -> Self {
        Self { context, settings: None, control_plane: None, watch: None, wait: 0, pause: 1 }
    }

    fn connect(&mut self) {
        if self.watch.is_some() {
            return;
        }
        if self.wait > 0 {
            self.wait -= 1;
            return;
        }
        let known = vm::with(|vm| vm.gateway.revision()).unwrap_or_default();
        self.watch =
            self.control_plane.as_ref().and_then(|control_plane| control_plane.watch(known));
        self.wait = self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn show(&self) {
        let connected = self.watch.is_some();
        vm::with(|vm| {
            let (outbox, keys) = (vm.gateway.outbox.len(), vm.gateway.keys.len());
            vm.gauges.get_or_insert_with(Gauges::define).set(outbox, keys, connected);
            vm.counters.add(&mut vm.gateway.tally);
        });
    }

    /// Closes streams whose client has its end, with the provider's.
    fn close_cut_streams(&self) {
        for exchange in vm::with(|vm| vm.gateway.take_cut()).unwrap_or_default() {
            if let Some((context, _)) = vm::with(|vm| vm.find_with_context(exchange)).flatten() {
                host::send_from(context, self.context, std::iter::once(Effect::EndResponse));
            }
        }
    }

    /// Sends answers on that have been held for as long as they may be.
    fn let_held_answers_go(&self) {
        let now = host::now_us();
        for id in vm::with(|vm| vm.gateway.take_held(now)).unwrap_or_default() {
            let Some((context, exchange)) = vm::with(|vm| vm.find_attempt(id)).flatten() else {
                continue;
            };
            let Ok(mut exchange) = exchange.try_borrow_mut() else { continue };
            let flow = vm::with(|vm| exchange.handle(Input::HeldLongEnough, &mut vm.gateway, now));
            if flow.is_some() {
                let effects = std::iter::from_fn(|| exchange.next_effect());
                host::send_from(context, self.context, effects);
            }
        }
    }

    /// Refuses requests whose body never comes: this Envoy does not hold headers for us.
    fn refuse_without_body(&self) {
        let now = host::now_us();
        while let Some(context) = vm::with(|vm| vm.gateway.next_without_body(now)).flatten() {
            host::log_critical(
                "tollgate: no request body reaches the filter; set \
                 `allow_on_headers_stop_iteration: true` in the plugin's configuration",
            );
            let Some(exchange) = vm::with(|vm| vm.of_context(context)).flatten() else { continue };
            let Ok(mut exchange) = exchange.try_borrow_mut() else { continue };
            let flow = vm::with(|vm| exchange.handle(Input::NoBodyCallback, &mut vm.gateway, now));
            if flow.is_some() {
                let effects = std::iter::from_fn(|| exchange.next_effect());
                host::send_from(context, self.context, effects);
            }
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match Settings::parse(&host::plugin_configuration(size)) {
            Ok(settings) => {
                if settings.role != Role::Upstream {
                    let control_plane = Rc::new(ControlPlane::new(&settings.control_cluster));
                    reports::by(self.context, Rc::clone(&control_plane));
                    self.control_plane = Some(control_plane);
                }
                self.settings = Some(Rc::new(settings));
                true
            }
            Err(message) => {
                host::log_critical(&format!("tollgate: {message}"));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.connect();
        vm::with(|vm| vm.gateway.leases.beat(host::now_us()));
        reports::wake(self.context, true);
        reports::send(self.context);
        self.show();
        self.refuse_without_body();
        self.close_cut_streams();
        self.let_held_answers_go();
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        let settings = self.settings.as_ref().map(Rc::clone);
        let control_plane = self.control_plane.as_ref().map(Rc::clone);
        Some(Box::new(Stream::new(context, settings, control_plane)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Root {
    fn on_grpc_stream_message(&mut self, _token: u32, size: usize) {
        let message = host::grpc_message(size);
        self.pause = 1;
        match vm::with(|vm| vm.gateway.apply_update(&message, host::now_us())) {
            Some(Applied::KeyForgotten(hash)) => host::forget_key(&hash),
            Some(Applied::Ignored(why)) => {
                host::log_warning(&format!("tollgate: policy update ignored: {why}"));
            }
            Some(Applied::Done) | None => {}
        }
        reports::hurry(self.context);
    }

    fn on_grpc_stream_close(&mut self, token: u32, status: u32) {
        if self.watch == Some(token) {
            self.watch = None;
            vm::with(|vm| vm.gateway.connection_was_lost());
            host::log_info(&format!("tollgate: policy stream closed with status {status}"));
        }
    }

    fn on_grpc_call_response(&mut self, token: u32, status: u32, size: usize) {
        if reports::answered(token, status, size) {
            reports::wake(self.context, false);
            if status == 0 && vm::with(|vm| vm.gateway.has_backlog()) == Some(true) {
                reports::send(self.context);
            }
            reports::hurry(self.context);
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        reports::no_more_by(self.context);
    }
}
