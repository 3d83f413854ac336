//! What all requests of one VM share: the snapshot, the keys, the outbox, and the proof that this
//! Envoy can enforce anything.

use std::collections::VecDeque;
use std::rc::Rc;

use prost::Message;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::cache::Cache;
use crate::key::KeyHash;
use crate::meter::leases::Leases;
use crate::outbox::Outbox;
use crate::policy::key_cache::KeyCache;
use crate::routing;
use crate::snapshot::Snapshot;
use crate::snapshot::proto::InvalidSnapshot;
use crate::tally::Tally;

mod errands;
mod replay;
mod report;

pub use replay::Replays;

/// Keys kept at most. With 10,000 keys a VM stays well below 12 MB.
const KEY_CAPACITY: usize = 20_000;
/// Records kept while the control plane is away.
const OUTBOX_CAPACITY: usize = 20_000;
/// How long the first body may take before we conclude that the host holds it back from us.
const PROOF_WITHIN_US: i64 = 5_000_000;

/// The shared state of one VM.
#[derive(Debug)]
pub struct Gateway {
    /// Key policies.
    pub keys: KeyCache,
    /// Usage records that are not in the ledger yet.
    pub outbox: Outbox,
    /// What the host has to show.
    pub tally: Tally,
    /// What may be used of limits.
    pub leases: Leases,
    /// Policies of customers (end users), by the hash of their id.
    pub customers: KeyCache,
    /// Answers that are kept.
    pub cache: Cache,
    /// Requests that are made for others too.
    pub replays: Replays,
    /// Who is out of rotation, and whose turn it is.
    pub routing: routing::State,
    /// What others are to hear of accounts.
    health_news: Vec<proto::HealthMark>,
    /// What the control plane is to hear of objects whose clients have left.
    errands: errands::Errands,
    /// Exchanges whose answers are held, and until when.
    held: Vec<(u64, i64)>,
    drawn: u64,
    /// Who this VM is: its first instance id. It holds the leases, and its records begin with it,
    /// so that what it held and what it recorded can be told to be of one VM after a crash.
    holder: Option<[u8; 16]>,
    /// Exchanges that wait for units.
    waiting: Vec<u64>,
    /// Exchanges whose stream was cut since the last tick, and before it.
    cut: Vec<u64>,
    cut_before: Vec<u64>,
    snapshot: Option<Rc<Snapshot>>,
    sequence: u64,
    open: usize,
    proof: HostProof,
}

/// Whether the host holds request headers while the body is read
/// (`allow_on_headers_stop_iteration`). Without it body callbacks never come.
#[derive(Debug, Default)]
struct HostProof {
    given: bool,
    /// Requests that wait for their first body callback, oldest first.
    waiting: VecDeque<(u32, i64)>,
}

/// What came of a message of the `Watch` stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Applied {
    /// All is well.
    Done,
    /// This key has changed: what is shared about it is to be forgotten.
    KeyForgotten(KeyHash),
    /// The message was of no use, and why; the state is as before.
    Ignored(String),
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            keys: KeyCache::new(KEY_CAPACITY),
            outbox: Outbox::new(OUTBOX_CAPACITY),
            tally: Tally::default(),
            leases: Leases::default(),
            customers: KeyCache::new(KEY_CAPACITY),
            cache: Cache::default(),
            replays: Replays::default(),
            routing: routing::State::default(),
            health_news: Vec::new(),
            errands: errands::Errands::default(),
            held: Vec::new(),
            drawn: 0,
            holder: None,
            waiting: Vec::new(),
            cut: Vec::new(),
            cut_before: Vec::new(),
            snapshot: None,
            sequence: 0,
            open: 0,
            proof: HostProof::default(),
        }
    }
}

impl Gateway {
    /// Applies a message of the `Watch` stream.
    pub fn apply_update(&mut self, message: &[u8], now_us: i64) -> Applied {
        let event = match proto::Update::decode(message) {
            Ok(update) => update.event,
            Err(error) => return Applied::Ignored(format!("update is not protobuf: {error}")),
        };
        match event {
            Some(Event::Welcome(welcome)) => match welcome.instance_id.try_into() {
                Ok(instance) => {
                    self.holder.get_or_insert(instance);
                    self.keys.connection_is_back();
                    self.customers.connection_is_back();
                }
                Err(_) => return Applied::Ignored("instance id is not 16 bytes".to_owned()),
            },
            Some(Event::Snapshot(wire)) => {
                if let Err(error) = self.take_snapshot(wire, now_us) {
                    return Applied::Ignored(format!("snapshot refused: {error}"));
                }
            }
            Some(Event::KeyChanged(change)) => match KeyHash::from_bytes(&change.key_hash) {
                Some(hash) => {
                    self.keys.key_changed(&hash, change.revision);
                    return Applied::KeyForgotten(hash);
                }
                None => return Applied::Ignored("key hash is not 32 bytes".to_owned()),
            },
            Some(Event::MeterNews(news)) => self.leases.news(&news.recalled, &news.returned),
            Some(Event::CustomerChanged(change)) => {
                let hash = KeyHash::of(change.customer.as_bytes());
                self.customers.key_changed(&hash, change.revision);
            }
            Some(Event::HealthChanged(change)) => {
                for mark in &change.marks {
                    self.routing.health.hear(mark, now_us);
                }
            }
            None => {}
        }
        Applied::Done
    }

    fn take_snapshot(
        &mut self,
        mut wire: proto::Snapshot,
        now_us: i64,
    ) -> Result<(), InvalidSnapshot> {
        let health = std::mem::take(&mut wire.health);
        let snapshot = Snapshot::try_from(wire)?;
        self.routing.health.replace(&health, now_us);
        self.routing.health.configured(&snapshot);
        let kept = snapshot.cache.as_ref().map(|cache| (cache.memory_bytes, cache.generation));
        let (memory_bytes, generation) = kept.unwrap_or_default();
        self.cache.configure(memory_bytes, generation);
        self.snapshot = Some(Rc::new(snapshot));
        Ok(())
    }

    /// Notes that the `Watch` stream is gone: changes may be missed from here on.
    pub fn connection_was_lost(&mut self) {
        self.keys.connection_was_lost();
        self.customers.connection_was_lost();
    }

    /// Returns the configuration, once there is one.
    pub fn snapshot(&self) -> Option<&Rc<Snapshot>> {
        self.snapshot.as_ref()
    }

    /// Tells whether an exchange has to know where its client calls from
    /// ([`crate::exchange::Input::ClientAddress`]) before it gets the headers.
    pub fn judges_addresses(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.addresses.is_some())
    }

    /// Returns the revision of the configuration. 0: there is none.
    pub fn revision(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.revision)
    }

    /// Tells whether a new request can be served and billed.
    pub fn can_serve(&self) -> bool {
        self.snapshot.is_some() && self.holder.is_some() && !self.outbox.is_full(self.open)
    }

    /// Starts a request that will end with a record, and returns the record's id.
    pub(crate) fn open_record(&mut self) -> Vec<u8> {
        self.open += 1;
        self.sequence += 1;
        let mut id = self.holder.unwrap_or_default().to_vec();
        id.extend_from_slice(&self.sequence.to_be_bytes());
        id
    }

    /// Ends a request that was opened.
    pub(crate) fn close_record(&mut self, record: &proto::UsageRecord) {
        self.open = self.open.saturating_sub(1);
        self.tally.ended(record);
        self.outbox.push(record);
    }

    /// Notes what others are to hear of accounts.
    pub(crate) fn tell_health(&mut self, news: Vec<proto::HealthMark>) {
        self.health_news.extend(news);
    }

    /// Tells whether there is something that others are to hear of accounts.
    pub fn has_health_news(&self) -> bool {
        !self.health_news.is_empty()
    }

    /// Returns, once, what others are to hear of accounts: an encoded `ReportHealthRequest`.
    pub fn take_health_news(&mut self) -> Option<Vec<u8>> {
        let marks = std::mem::take(&mut self.health_news);
        let news = proto::ReportHealthRequest { marks };
        (!news.marks.is_empty()).then(|| news.encode_to_vec())
    }

    /// Notes that the answer of an exchange is held, and until when.
    pub(crate) fn holds(&mut self, exchange: u64, until_us: i64) {
        self.held.push((exchange, until_us));
    }

    /// Notes that it is not held any more.
    pub(crate) fn held_no_more(&mut self, exchange: u64) {
        self.held.retain(|(held, _)| *held != exchange);
    }

    /// Returns the exchanges whose answers have been held for long enough.
    pub fn take_held(&mut self, now_us: i64) -> Vec<u64> {
        let over = |(_, until_us): &mut (u64, i64)| *until_us <= now_us;
        self.held.extract_if(.., over).map(|(exchange, _)| exchange).collect()
    }

    /// Draws a number that nobody needs to be unable to guess.
    pub(crate) fn random(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let seed = self.holder.unwrap_or_default();
        let seed = seed.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        // SplitMix64, https://prng.di.unimi.it/splitmix64.c
        let mut mixed = seed ^ self.drawn;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Notes that the client of an exchange was told the end of a stream that still goes on.
    pub(crate) fn was_cut(&mut self, exchange: u64) {
        self.cut.push(exchange);
    }

    /// Returns, once a tick, the exchanges whose streams are to be closed: those that were cut
    /// so long ago that the end has reached the client.
    pub fn take_cut(&mut self) -> Vec<u64> {
        std::mem::replace(&mut self.cut_before, std::mem::take(&mut self.cut))
    }

    /// Notes that the headers of a request are held and its body is awaited.
    pub fn awaits_body(&mut self, context: u32, now_us: i64) {
        if !self.proof.given {
            self.proof.waiting.push_back((context, now_us));
        }
    }

    /// Notes a body callback for a request whose headers are held: the host keeps its word.
    pub fn body_came(&mut self) {
        if !self.proof.given {
            self.proof.given = true;
            self.proof.waiting = VecDeque::new();
        }
    }

    /// Notes that a request has ended.
    pub fn is_gone(&mut self, context: u32) {
        if !self.proof.given {
            self.proof.waiting.retain(|(waiting, _)| *waiting != context);
        }
    }

    /// Returns a request that has waited so long for its body that the host must be assumed not
    /// to hold headers. It is to be refused.
    pub fn next_without_body(&mut self, now_us: i64) -> Option<u32> {
        let (context, since) = *self.proof.waiting.front()?;
        if now_us.saturating_sub(since) < PROOF_WITHIN_US {
            return None;
        }
        self.proof.waiting.pop_front();
        Some(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(event: Event) -> Vec<u8> {
        proto::Update { event: Some(event) }.encode_to_vec()
    }

    #[test]
    fn serves_once_it_has_a_snapshot_and_an_instance() {
        let mut gateway = Gateway::default();
        assert!(!gateway.can_serve());

        gateway.apply_update(&update(Event::Snapshot(proto::Snapshot::default())), 0);
        assert!(!gateway.can_serve());
        let instance_id = vec![1; 16];
        gateway.apply_update(&update(Event::Welcome(proto::Welcome { instance_id })), 0);

        assert!(gateway.can_serve());
    }

    #[test]
    fn record_ids_do_not_repeat() {
        let mut gateway = Gateway::default();

        assert_ne!(gateway.open_record(), gateway.open_record());
    }

    #[test]
    fn a_vm_keeps_its_name_when_its_stream_begins_anew() {
        let mut gateway = Gateway::default();

        let ids: Vec<Vec<u8>> = (1..3)
            .map(|instance| {
                let instance_id = vec![instance; 16];
                gateway.apply_update(&update(Event::Welcome(proto::Welcome { instance_id })), 0);
                gateway.open_record()
            })
            .collect();

        assert!(ids.iter().all(|id| id.starts_with(&[1; 16])));
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn a_bad_update_changes_nothing() {
        let mut gateway = Gateway::default();
        let twice = vec![proto::Provider::default(), proto::Provider::default()];
        let bad = proto::Snapshot { providers: twice, ..proto::Snapshot::default() };

        for message in [b"\xff\xff".to_vec(), update(Event::Snapshot(bad))] {
            assert!(matches!(gateway.apply_update(&message, 0), Applied::Ignored(_)));
        }
        assert!(gateway.snapshot().is_none());
        assert_eq!(gateway.apply_update(b"", 0), Applied::Done);
    }

    #[test]
    fn refuses_when_no_body_ever_comes() {
        let mut gateway = Gateway::default();
        gateway.awaits_body(7, 0);
        gateway.awaits_body(8, 1);
        gateway.is_gone(8);

        assert_eq!(gateway.next_without_body(PROOF_WITHIN_US - 1), None);
        assert_eq!(gateway.next_without_body(PROOF_WITHIN_US), Some(7));
        assert_eq!(gateway.next_without_body(i64::MAX), None);
    }

    #[test]
    fn one_body_proves_it_for_all() {
        let mut gateway = Gateway::default();
        gateway.awaits_body(7, 0);
        gateway.body_came();
        gateway.awaits_body(8, 0);

        assert_eq!(gateway.next_without_body(i64::MAX), None);
    }
}
