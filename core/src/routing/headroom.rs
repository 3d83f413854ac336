//! How much is left of a target's limits.

use crate::meter::Meter;
use crate::meter::leases::Leases;
use crate::snapshot::Target;

/// Returns how much is left of the scarcest limit of a target's account: 1 is all of it, 0
/// nothing. Limits that nothing is known of yet are whole.
///
/// `model` is the public name of the model that is asked for.
pub fn headroom(target: &Target, model: &str, leases: &Leases, now_us: i64) -> f64 {
    let meters = target.provider.meters.iter().filter(|meter| !meter.observe_only);
    meters
        .filter(|meter| meter.counts(model))
        .map(|meter| left(meter, leases, now_us))
        .fold(1.0, f64::min)
}

fn left(meter: &Meter, leases: &Leases, now_us: i64) -> f64 {
    let Some(lease) = leases.lease(meter.id) else { return 1.0 };
    let standing = lease.standing();
    let is_known = standing.at_us > 0 && standing.resets_at_us.is_none_or(|end| now_us < end);
    if !is_known || lease.is_gone() {
        return 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a share, compared with others")]
    let share = lease.remaining() as f64 / standing.limit.max(1) as f64;
    share.clamp(0.0, 1.0)
}
