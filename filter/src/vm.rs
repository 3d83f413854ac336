//! What all contexts of one VM share. A VM has one thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_core::exchange::Exchange;
use tollgate_core::gateway::Gateway;

use crate::metrics::{Counters, Gauges};
use crate::reports::Reporter;

thread_local! {
    static VM: RefCell<Vm> = RefCell::default();
}

/// An exchange that the listener's context and the attempts' contexts hold together.
pub(crate) type Shared = Rc<RefCell<Exchange>>;

/// The state of the VM.
#[derive(Default)]
pub(crate) struct Vm {
    /// Snapshot, keys, outbox.
    pub(crate) gateway: Gateway,
    /// Figures that Envoy shows.
    pub(crate) gauges: Option<Gauges>,
    /// More of them.
    pub(crate) counters: Counters,
    /// Who talks to the ledger.
    pub(crate) reporter: Option<Reporter>,
    exchanges: BTreeMap<u64, (u32, Shared)>,
    /// The contexts of attempts whose answers may be held, by exchange.
    attempts: BTreeMap<u64, u32>,
    last_id: u64,
}

impl Vm {
    /// Registers an exchange of a listener's context. It is made with its new id.
    pub(crate) fn open(
        &mut self,
        context: u32,
        exchange: impl FnOnce(u64) -> Exchange,
    ) -> (u64, Shared) {
        self.last_id += 1;
        let shared = Rc::new(RefCell::new(exchange(self.last_id)));
        self.exchanges.insert(self.last_id, (context, Rc::clone(&shared)));
        (self.last_id, shared)
    }

    /// Finds the exchange that an attempt belongs to.
    pub(crate) fn find(&self, id: u64) -> Option<Shared> {
        self.exchanges.get(&id).map(|(_, shared)| Rc::clone(shared))
    }

    /// Finds an exchange with its listener's context.
    pub(crate) fn find_with_context(&self, id: u64) -> Option<(u32, Shared)> {
        self.exchanges.get(&id).map(|(context, shared)| (*context, Rc::clone(shared)))
    }

    /// Notes the context of an exchange's present attempt.
    pub(crate) fn begin_attempt(&mut self, id: u64, context: u32) {
        self.attempts.insert(id, context);
    }

    /// Finds an exchange with the context of its present attempt.
    pub(crate) fn find_attempt(&self, id: u64) -> Option<(u32, Shared)> {
        let context = *self.attempts.get(&id)?;
        self.find(id).map(|shared| (context, shared))
    }

    /// Forgets an attempt, unless another has begun.
    pub(crate) fn end_attempt(&mut self, id: u64, context: u32) {
        if self.attempts.get(&id) == Some(&context) {
            self.attempts.remove(&id);
        }
    }

    /// Finds the exchange of a listener's context. Rare, so it searches.
    pub(crate) fn of_context(&self, context: u32) -> Option<Shared> {
        let mut all = self.exchanges.values();
        all.find(|(owner, _)| *owner == context).map(|(_, shared)| Rc::clone(shared))
    }

    /// Forgets an exchange.
    pub(crate) fn close(&mut self, id: u64, context: u32) {
        self.exchanges.remove(&id);
        self.attempts.remove(&id);
        self.gateway.is_gone(context);
    }
}

/// Gives access to the VM's state. `None` when it is in use further up the stack, which no
/// callback of Envoy's does; a panic would cost all requests of the worker.
pub(crate) fn with<T>(action: impl FnOnce(&mut Vm) -> T) -> Option<T> {
    // Contexts are dropped after it when a native test's thread ends.
    VM.try_with(|vm| vm.try_borrow_mut().ok().map(|mut vm| action(&mut vm))).ok().flatten()
}
