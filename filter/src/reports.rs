//! The conversation with the control plane's ledger: one call at a time, by the root context.
//!
//! A stream cannot send it: the SDK hands the answer to the context that Envoy was calling when
//! the question was sent, and what a stream asks dies with the stream. So a stream only makes the
//! root's tick come at once.

use std::rc::Rc;
use std::time::Duration;

use tollgate_core::exchange::{Input, Question};

use crate::calls::ControlPlane;
use crate::{host, vm};

/// Who talks for this VM.
pub(crate) struct Reporter {
    /// The root context that answers come to.
    root: u32,
    control_plane: Rc<ControlPlane>,
    under_way: Option<u32>,
    /// Its tick was brought forward.
    hurried: bool,
}

/// How often the root reports when nothing is urgent.
const TICK: Duration = Duration::from_millis(50);
/// The shortest that Envoy's timers know.
const AT_ONCE: Duration = Duration::from_millis(1);

/// Makes a root context the one that reports.
pub(crate) fn by(root: u32, control_plane: Rc<ControlPlane>) {
    vm::with(|vm| {
        host::set_tick(TICK);
        vm.reporter.get_or_insert(Reporter {
            root,
            control_plane,
            under_way: None,
            hurried: false,
        });
    });
}

/// A root context is gone, and answers to it with it.
pub(crate) fn no_more_by(root: u32) {
    vm::with(|vm| {
        if let Some(gone) = vm.reporter.take_if(|reporter| reporter.root == root)
            && gone.under_way.is_some()
        {
            vm.gateway.report_failed();
        }
    });
}

/// Sends what there is to report. To be called by root contexts alone; all but one do nothing.
pub(crate) fn send(root: u32) {
    let report = vm::with(|vm| {
        let reporter = vm.reporter.as_mut().filter(|reporter| reporter.root == root)?;
        if std::mem::take(&mut reporter.hurried) {
            host::set_tick(TICK);
        }
        let control_plane = Rc::clone(&reporter.control_plane);
        if let Some(news) = vm.gateway.take_health_news() {
            control_plane.report_health(&news);
        }
        for delivery in vm.gateway.replays.take_deliveries() {
            control_plane.deliver(&delivery);
        }
        for keeping in vm.gateway.replays.take_keepings() {
            control_plane.keep(&keeping);
        }
        if let Some(renewal) = vm.gateway.replays.renewal(host::now_us()) {
            control_plane.renew_claims(&renewal);
        }
        for registration in vm.gateway.take_registrations() {
            let _ = control_plane.ask(Question::Register, &registration);
        }
        for release in vm.gateway.take_releases() {
            let _ = control_plane.ask(Question::Release, &release);
        }
        let report = vm.gateway.next_report(host::now_us())?;
        Some((control_plane, report))
    });
    let Some((control_plane, report)) = report.flatten() else { return };
    let token = control_plane.report(&report);
    vm::with(|vm| match (&mut vm.reporter, token) {
        (Some(reporter), Some(_)) => reporter.under_way = token,
        _ => vm.gateway.report_failed(),
    });
}

/// Takes the answer to a report, if `token` is its. Returns whether it is.
pub(crate) fn answered(token: u32, status: u32, size: usize) -> bool {
    let ours = vm::with(|vm| {
        let reporter = vm.reporter.as_mut()?;
        reporter.under_way.take_if(|under_way| *under_way == token)
    });
    if ours.flatten().is_none() {
        return false;
    }
    let now = host::now_us();
    if status == 0 {
        let answer = host::grpc_message(size);
        vm::with(|vm| vm.gateway.report_answered(&answer, now));
    } else {
        vm::with(|vm| vm.gateway.report_failed());
    }
    true
}

/// Does what cannot wait for a tick: reports that others wait for, requests that wait for units.
pub(crate) fn hurry(own: u32) {
    let (urgent, moved) = vm::with(|vm| {
        let gateway = &vm.gateway;
        let news = gateway.has_health_news() || gateway.replays.has_deliveries();
        (gateway.leases.is_urgent() || news, gateway.has_moved())
    })
    .unwrap_or_default();
    if moved {
        wake(own, false);
    }
    if urgent {
        send_soon(own);
    }
}

/// Sends what there is to report, now or with a tick that comes at once.
fn send_soon(own: u32) {
    let root = vm::with(|vm| {
        let reporter = vm.reporter.as_mut()?;
        let now = reporter.root == own;
        let hurried = !now && std::mem::replace(&mut reporter.hurried, true);
        (!hurried).then_some(reporter.root)
    });
    match root.flatten() {
        Some(root) if root == own => send(root),
        Some(root) => {
            host::as_context(root, own, || host::set_tick(AT_ONCE));
        }
        None => {}
    }
}

/// Lets requests that wait for units try again; all of them when `anyway`.
pub(crate) fn wake(own: u32, anyway: bool) {
    let waiting = vm::with(|vm| vm.gateway.take_waiting(anyway)).unwrap_or_default();
    if waiting.is_empty() {
        return;
    }
    let now = host::now_us();
    for id in waiting {
        let Some((context, exchange)) = vm::with(|vm| vm.find_with_context(id)).flatten() else {
            continue;
        };
        let Ok(mut exchange) = exchange.try_borrow_mut() else { continue };
        let flow = vm::with(|vm| exchange.handle(Input::UnitsMoved, &mut vm.gateway, now));
        if flow.is_some() {
            host::send_from(context, own, std::iter::from_fn(|| exchange.next_effect()));
        }
    }
    if vm::with(|vm| vm.gateway.leases.is_urgent()).unwrap_or(false) {
        send_soon(own);
    }
}
