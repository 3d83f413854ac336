//! Work that providers do after they have answered: reserving for it, and charging it.

use crate::domain::commitment::ABANDONED_AFTER;
use crate::domain::{Commitment, HolderId, LedgerRecord, Resource, Terms, Timestamp};
use crate::service::{Service, ServiceError};
use crate::store::Committed;

impl Service {
    /// Reserves all that work needs of some meters, or nothing.
    pub async fn commit(
        &self,
        terms: Terms,
        needs: &[(u64, i64)],
    ) -> Result<(HolderId, Committed), ServiceError> {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        let id = HolderId::from_array(bytes);
        let commitment = Commitment { id, made_at: self.now(), terms };
        Ok((id, self.store.commit(&commitment, needs).await?))
    }

    /// Returns what was reserved for work. `None`: nothing, or it is charged.
    pub async fn commitment(&self, id: HolderId) -> Result<Option<Commitment>, ServiceError> {
        Ok(self.store.commitment(id).await?)
    }

    /// Gives back what was reserved for work that no provider has taken.
    /// False: it is taken, or was given back before.
    pub async fn release(&self, id: HolderId) -> Result<bool, ServiceError> {
        Ok(self.store.withdraw(id, self.now()).await?)
    }

    /// Returns some of what was reserved for work that nobody has heard of for too long.
    pub async fn abandoned_work(&self) -> Result<Vec<HolderId>, ServiceError> {
        Ok(self.store.abandoned(self.now().plus_micros(-ABANDONED_AFTER)).await?)
    }

    /// Changes what follows when work is over.
    pub async fn amend(&self, id: HolderId, terms: &Terms) -> Result<(), ServiceError> {
        Ok(self.store.amend(id, terms).await?)
    }

    /// Returns some of the work that is due, with how often it was. Nobody else is given it for a
    /// while.
    pub async fn due_work(&self) -> Result<Vec<(Resource, u64)>, ServiceError> {
        let now = self.now();
        Ok(self.store.claim_work(now, now.plus_micros(CLAIMED_FOR), AT_ONCE).await?)
    }

    /// Has work asked about again at a moment.
    pub async fn put_off(&self, resource: &str, due: Timestamp) -> Result<(), ServiceError> {
        Ok(self.store.put_off(resource, due).await?)
    }

    /// Charges work that is over, once. False: it was charged before.
    pub async fn settle_work(
        &self,
        resource: &Resource,
        commitment: &Commitment,
        record: &LedgerRecord,
    ) -> Result<bool, ServiceError> {
        Ok(self.store.settle_work(resource, commitment, record, self.now()).await?)
    }
}

/// As long as it takes to read what a batch has made.
const CLAIMED_FOR: i64 = 600_000_000;
const AT_ONCE: u32 = 16;
