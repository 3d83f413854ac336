//! Where the client calls from, and whether it may.

use std::net::IpAddr;
use std::rc::Rc;

use super::{Effect, Exchange, Flow, Phase};
use crate::address;
use crate::gateway::Gateway;
use crate::path::Selection;
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;

/// What is known of where the client calls from.
#[derive(Debug, Default)]
pub(super) enum Address {
    /// Nobody has asked.
    #[default]
    Unread,
    /// It is asked for, to judge a key by it. `held`: in a callback that lets nothing go on by
    /// itself.
    Awaited { policy: Rc<KeyPolicy>, held: bool },
    /// What Envoy said. `None`: no IP address.
    Known(Option<IpAddr>),
}

impl Address {
    /// Notes that the request was held before, if its address is asked for.
    pub(super) fn is_held(&mut self) {
        if let Self::Awaited { held, .. } = self {
            *held = true;
        }
    }
}

impl Exchange {
    pub(super) fn client_address(
        &mut self,
        written: Option<&[u8]>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let known = Address::Known(written.and_then(address::client));
        let Address::Awaited { policy, held } = std::mem::replace(&mut self.address, known) else {
            return Flow::Pause;
        };
        if self.phase != Phase::Deciding {
            return Flow::Pause;
        }
        let flow = self.take_policy(policy, gateway, now_us);
        if held { self.resume_if(flow) } else { flow }
    }

    /// Checks what holds for all clients.
    pub(super) fn check_address(&self, gateway: &Gateway) -> Result<(), Refusal> {
        let Some(snapshot) = gateway.snapshot() else {
            // Nothing else asks for a snapshot before it lets management pass.
            let passes = self.selection == Selection::Management;
            return if passes { Err(Refusal::PolicyUnavailable) } else { Ok(()) };
        };
        let Some(lists) = &snapshot.addresses else { return Ok(()) };
        let client = if let Address::Known(client) = self.address { client } else { None };
        if lists.admit(client) { Ok(()) } else { Err(Refusal::AddressNotAllowed) }
    }

    /// Tells whether a key may be used from where the client is. When that is not known yet it is
    /// asked for; when not, the request is refused.
    pub(super) fn judge_address(&mut self, policy: &Rc<KeyPolicy>) -> bool {
        let Address::Known(client) = self.address else {
            self.address = Address::Awaited { policy: Rc::clone(policy), held: false };
            self.effects.push_back(Effect::ReadAddress);
            return false;
        };
        let admitted = policy.addresses.iter().all(|lists| lists.admit(client));
        if !admitted {
            let _ = self.refuse(&Refusal::AddressNotAllowed);
        }
        admitted
    }
}
