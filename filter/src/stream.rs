//! One HTTP stream: Envoy's callbacks become inputs, and what core answers becomes actions.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use tollgate_core::exchange::{CallFailed, Effect, Exchange, Flow, Input};
use tollgate_core::headers::Headers;
use tollgate_core::refusal::Refusal;
use tollgate_core::settings::{Role, Settings};

use crate::calls::ControlPlane;
use crate::host::{self, Done, Pairs};
use crate::reports;
use crate::vm::{self, Shared};

/// How much of a form that flows is looked at in one go.
const FLOWING_AT_ONCE: usize = 64 * 1024;

/// gRPC's status for a service that cannot be reached.
const UNAVAILABLE: u32 = 14;

/// The context of one stream, in the listener or in a provider's cluster.
pub(crate) struct Stream {
    context: u32,
    settings: Option<Rc<Settings>>,
    control_plane: Option<Rc<ControlPlane>>,
    exchange: Option<(u64, Shared)>,
    request_size: usize,
    answer_size: usize,
    standalone_answer: bool,
    answering: bool,
    /// When the clock was last read; see [`Stream::read_clock`].
    now_us: i64,
}

impl Stream {
    pub(crate) fn new(
        context: u32,
        settings: Option<Rc<Settings>>,
        control_plane: Option<Rc<ControlPlane>>,
    ) -> Self {
        Self {
            context,
            settings,
            control_plane,
            exchange: None,
            request_size: 0,
            answer_size: 0,
            standalone_answer: false,
            answering: false,
            now_us: 0,
        }
    }

    /// Reads the clock where time is told apart: when a request begins, when its key is known,
    /// when its answer begins and when it ends. Asking for each frame would cost more than
    /// handling it.
    fn read_clock(&mut self, input: &Input<'_>) {
        let read = match input {
            Input::AttemptResponseBody { .. } => {
                !std::mem::replace(&mut self.answering, true) || self.asks(Exchange::times_pieces)
            }
            Input::RequestHeaders { .. } | Input::KeyResolved(_) | Input::Ended => true,
            // How long an attempt took counts where another may follow.
            Input::AttemptHeaders { .. } | Input::AttemptResponseHeaders { .. } => {
                self.asks(Exchange::needs_cluster)
            }
            Input::KeyRecalled(_)
            | Input::ClientAddress(_)
            | Input::RequestBodyPart { .. }
            | Input::RequestPiece { .. }
            | Input::RequestBody(_)
            | Input::NoBodyCallback
            | Input::UnitsMoved
            | Input::AttemptBody
            | Input::HeldLongEnough
            | Input::AttemptResponseTrailers
            | Input::ResponseHeaders { .. }
            | Input::HeldAnswer { .. } => false,
            Input::ResponseBody { .. } => self.asks(Exchange::times_response_body),
        };
        if read {
            self.now_us = host::now_us();
        }
    }

    fn role(&self) -> Option<Role> {
        self.settings.as_ref().map(|settings| settings.role)
    }

    /// Hands one input to core and does what it says.
    fn handle(&mut self, input: Input<'_>) -> Flow {
        self.read_clock(&input);
        let Some((_, shared)) = &self.exchange else { return Flow::Continue };
        let Ok(mut exchange) = shared.try_borrow_mut() else { return Flow::Continue };
        let now = self.now_us;
        let flow = vm::with(|vm| exchange.handle(input, &mut vm.gateway, now));
        let flow = self.drain(&mut exchange, flow.unwrap_or(Flow::Continue));
        drop(exchange);
        reports::hurry(self.context);
        flow
    }

    /// Does what core says. An answer that is at hand at once goes back in before the next effect.
    fn drain(&self, exchange: &mut Exchange, mut flow: Flow) -> Flow {
        while let Some(effect) = exchange.next_effect() {
            let at_once;
            let input = match host::apply(effect, self.control_plane.as_deref()) {
                Done::Yes => continue,
                Done::NotAsked => Input::KeyResolved(Err(CallFailed(UNAVAILABLE))),
                Done::Recalled(shared) => {
                    at_once = shared;
                    Input::KeyRecalled(at_once.as_deref())
                }
                Done::Address(address) => {
                    at_once = address;
                    Input::ClientAddress(at_once.as_deref())
                }
            };
            let now = self.now_us;
            flow = vm::with(|vm| exchange.handle(input, &mut vm.gateway, now)).unwrap_or(flow);
        }
        flow
    }

    fn holds_body(&self) -> bool {
        self.asks(Exchange::holds_body)
    }

    fn asks(&self, question: impl Fn(&Exchange) -> bool) -> bool {
        let exchange = self.exchange.as_ref().and_then(|(_, shared)| shared.try_borrow().ok());
        exchange.is_some_and(|exchange| question(&exchange))
    }

    fn begin(&mut self, settings: Rc<Settings>, end: bool) -> Action {
        let pairs = host::request_headers();
        let context = self.context;
        self.exchange = vm::with(|vm| vm.open(context, |id| Exchange::new(id, settings)));
        if vm::with(|vm| vm.gateway.judges_addresses()) == Some(true) {
            let address = host::client_address();
            let _ = self.handle(Input::ClientAddress(address.as_deref()));
        }
        let input = Input::RequestHeaders { headers: Headers(&pairs.list()), end };
        let flow = self.handle(input);
        if !end && self.asks(Exchange::awaits_body) {
            let now = self.now_us;
            vm::with(|vm| vm.gateway.awaits_body(context, now));
        }
        host::action(flow)
    }

    fn begin_attempt(&mut self) -> Action {
        let found = host::exchange()
            .and_then(|id| vm::with(|vm| vm.find(id)).flatten().map(|shared| (id, shared)));
        let Some(found) = found else {
            // A request that no listener of ours has let through.
            host::apply(Effect::Reply((&Refusal::Internal).into()), None);
            return Action::Pause;
        };
        let id = found.0;
        self.exchange = Some(found);
        let cluster = self.asks(Exchange::needs_cluster).then(host::cluster).flatten();
        if cluster.is_some() {
            let context = self.context;
            vm::with(|vm| vm.begin_attempt(id, context));
        }
        let flow = self.handle(Input::AttemptHeaders { cluster: cluster.as_deref() });
        host::action(flow)
    }

    fn listener_response_headers(&mut self, end: bool) -> Flow {
        let needs_origin = self.asks(Exchange::needs_origin);
        let needs_headers = self.asks(Exchange::needs_headers);
        let mut pairs = needs_headers.then(host::response_headers);
        let headers = pairs.as_ref().map(Pairs::list).unwrap_or_default();
        let from_upstream = !needs_origin || host::is_from_upstream();
        let mut flow = Flow::Continue;
        if self.role() == Some(Role::Standalone) && from_upstream {
            self.standalone_answer = true;
            let headers = Headers(&headers);
            flow = self.handle(Input::AttemptResponseHeaders { headers, end });
            if self.asks(Exchange::has_wishes) {
                // As they have become.
                pairs = Some(host::response_headers());
            }
        }
        let headers = pairs.as_ref().map(Pairs::list).unwrap_or_default();
        let headers = Headers(&headers);
        match self.handle(Input::ResponseHeaders { headers, from_upstream, end }) {
            Flow::Continue => flow,
            Flow::Pause => Flow::Pause,
        }
    }

    /// Hands in what has come of an answer that is held.
    fn held_answer(&mut self, size: usize, end: bool) -> Action {
        let body = host::response_body(size);
        host::action(self.handle(Input::HeldAnswer { body: &body, end }))
    }

    fn listener_response_body(&mut self, size: usize, end: bool) {
        if self.asks(Exchange::watches_response_body) {
            let piece = host::response_body(size);
            let _ = self.handle(Input::ResponseBody { piece: &piece, end });
        }
    }

    /// Hands in what has come of a form. While it is held Envoy shows all of it each time, later
    /// what is new.
    fn request_piece(&mut self, size: usize, end: bool) -> Action {
        let held = self.holds_body();
        if held {
            vm::with(|vm| vm.gateway.body_came());
            if end && self.asks(Exchange::awaits_whole_body) {
                let body = host::request_body(size);
                return host::action(self.handle(Input::RequestBody(body)));
            }
        }
        if !held {
            return self.flowing_piece(size);
        }
        let start = std::mem::replace(&mut self.request_size, size);
        let piece = host::request_body_between(start, size);
        host::action(self.handle(Input::RequestPiece { piece: &piece, held: size as u64 }))
    }

    /// Hands in what flows past a little at a time: so much fits into a processor's cache, and
    /// into memory that is there already.
    fn flowing_piece(&mut self, size: usize) -> Action {
        let mut flow = Flow::Continue;
        for start in (0..size).step_by(FLOWING_AT_ONCE) {
            let end = size.min(start.saturating_add(FLOWING_AT_ONCE));
            let piece = host::request_body_between(start, end);
            flow = self.handle(Input::RequestPiece { piece: &piece, held: 0 });
            if flow == Flow::Pause {
                break;
            }
        }
        host::action(flow)
    }

    fn attempt_response_body(&mut self, size: usize, end: bool) -> Action {
        let piece = host::response_body(size);
        host::action(self.handle(Input::AttemptResponseBody { piece: &piece, end }))
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        match self.settings.as_ref().map(Rc::clone) {
            Some(settings) if settings.role == Role::Upstream => self.begin_attempt(),
            Some(settings) => self.begin(settings, end),
            // Envoy does not start streams on a plugin that refused its configuration.
            None => Action::Pause,
        }
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if self.role() == Some(Role::Upstream) {
            if size > 0 {
                let _ = self.handle(Input::AttemptBody);
            }
            return Action::Continue;
        }
        if self.asks(Exchange::reads_pieces) {
            return self.request_piece(size, end);
        }
        if !self.holds_body() {
            return Action::Continue;
        }
        vm::with(|vm| vm.gateway.body_came());
        self.request_size = size;
        if self.asks(Exchange::streams_body) {
            return Action::Pause;
        }
        if end {
            let body = host::request_body(size);
            return host::action(self.handle(Input::RequestBody(body)));
        }
        host::action(self.handle(Input::RequestBodyPart { size: size as u64 }))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        if self.role() == Some(Role::Upstream) || !self.holds_body() {
            return Action::Continue;
        }
        if !self.asks(Exchange::awaits_whole_body) {
            // A form that flows on when it is decided on.
            return Action::Pause;
        }
        let body = host::request_body(self.request_size);
        host::action(self.handle(Input::RequestBody(body)))
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        if self.role() == Some(Role::Upstream) {
            let pairs = host::response_headers();
            let headers = pairs.list();
            let headers = Headers(&headers);
            host::action(self.handle(Input::AttemptResponseHeaders { headers, end }))
        } else {
            host::action(self.listener_response_headers(end))
        }
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if self.role() == Some(Role::Upstream) || self.standalone_answer {
            let action = self.attempt_response_body(size, end);
            if action == Action::Continue && self.standalone_answer {
                // As it has become.
                self.listener_response_body(usize::MAX, end);
            }
            return action;
        } else if self.asks(Exchange::keeps_answer) {
            self.answer_size = size;
            return self.held_answer(size, end);
        }
        self.listener_response_body(size, end);
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        if self.role() == Some(Role::Upstream) || self.standalone_answer {
            let _ = self.handle(Input::AttemptResponseTrailers);
        } else if self.asks(Exchange::keeps_answer) {
            return self.held_answer(self.answer_size, true);
        }
        if self.role() != Some(Role::Upstream) {
            self.listener_response_body(0, true);
        }
        Action::Continue
    }
}

/// Envoy deletes the context when the stream is over, for whatever reason. This is the only hook
/// for the end: the published filter exports neither `proxy_on_log` nor `proxy_on_done`, which
/// would be two more ways into the VM.
impl Drop for Stream {
    fn drop(&mut self) {
        let Some((id, _)) = &self.exchange else { return };
        let (id, context) = (*id, self.context);
        if self.role() == Some(Role::Upstream) {
            vm::with(|vm| vm.end_attempt(id, context));
            return;
        }
        // Nothing is left of the VM when a native test ends.
        if vm::with(|vm| vm.close(id, context)).is_some() {
            let _ = self.handle(Input::Ended);
        }
    }
}

impl Context for Stream {
    fn on_grpc_call_response(&mut self, _token: u32, status: u32, size: usize) {
        let message = host::grpc_message(size);
        let answer = if status == 0 { Ok(&*message) } else { Err(CallFailed(status)) };
        let _ = self.handle(Input::KeyResolved(answer));
    }
}
