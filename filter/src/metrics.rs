//! The figures that Envoy shows for us. Names carry their unit; labels ride in the names, and
//! `stats_tags` of the bootstrap take them out.

use std::collections::BTreeMap;

use tollgate_core::tally::Tally;

use crate::host;

/// Bytes of linear memory of all VMs; never shrinks.
const VM_MEMORY: &str = "tollgate.vm_memory_bytes";
/// Usage records that are not in the ledger yet.
const OUTBOX: &str = "tollgate.outbox_records";
/// Key policies in memory.
const KEYS: &str = "tollgate.keys";
/// Open streams to the control plane.
const CONNECTED: &str = "tollgate.control_plane_streams";

/// Gauges that sum up over all workers: each VM adds its own changes.
pub(crate) struct Gauges {
    memory: Gauge,
    outbox: Gauge,
    keys: Gauge,
    connected: Gauge,
}

struct Gauge {
    id: Option<u32>,
    last: i64,
}

impl Gauges {
    /// Registers the gauges.
    pub(crate) fn define() -> Self {
        let gauge = |name| Gauge { id: host::define_gauge(name), last: 0 };
        Self {
            memory: gauge(VM_MEMORY),
            outbox: gauge(OUTBOX),
            keys: gauge(KEYS),
            connected: gauge(CONNECTED),
        }
    }

    /// Brings the gauges up to date.
    pub(crate) fn set(&mut self, outbox: usize, keys: usize, connected: bool) {
        self.memory.set(host::memory_bytes());
        self.outbox.set(outbox);
        self.keys.set(keys);
        self.connected.set(usize::from(connected));
    }
}

/// Counters, each registered when it is first needed.
#[derive(Default)]
pub(crate) struct Counters(BTreeMap<String, Option<u32>>);

impl Counters {
    /// Adds what happened since the last call.
    pub(crate) fn add(&mut self, tally: &mut Tally) {
        tally.take(|name, count| {
            let id = match self.0.get(name) {
                Some(id) => *id,
                None => *self.0.entry(name.to_owned()).or_insert(host::define_counter(name)),
            };
            if let Some(id) = id {
                host::add_to_metric(id, i64::try_from(count).unwrap_or(i64::MAX));
            }
        });
    }
}

impl Gauge {
    fn set(&mut self, value: usize) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        if let Some(id) = self.id
            && value != self.last
        {
            host::add_to_metric(id, value - self.last);
            self.last = value;
        }
    }
}
