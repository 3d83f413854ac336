//! The first start without a master key: one is made, shown this once, and kept as a hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate_core::key::{KeyHash, hex};

use crate::clock::Clock;
use crate::domain::{Change, Secret};
use crate::entropy::Entropy;
use crate::store::{Store, StoreError};

/// Makes the first master key of a database in which there is nothing yet. `None`: there is one,
/// or something else is there, whose owner must ask for one.
pub async fn made(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Option<Secret>, StoreError> {
    let key = random_key(entropy);
    let change = change("master_key.new", clock, entropy);
    let made = store.begin_master_key(&hash(&key), &change).await?;
    Ok(made.then_some(key))
}

/// Makes another master key, instead of the one that there may be.
pub async fn replaced(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Secret, StoreError> {
    let key = random_key(entropy);
    let change = change("master_key.update", clock, entropy);
    store.replace_master_key(&hash(&key), &change).await?;
    Ok(key)
}

fn hash(key: &Secret) -> KeyHash {
    KeyHash::of(key.expose().as_bytes())
}

fn random_key(entropy: &dyn Entropy) -> Secret {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    Secret::new(format!("sk-{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn change(action: &'static str, clock: &dyn Clock, entropy: &dyn Entropy) -> Change {
    let mut id = [0; 16];
    entropy.fill(&mut id);
    let (at, actor) = (clock.now(), "tollgate".to_owned());
    Change { id: hex(&id), at, actor, action, request_id: None }
}
