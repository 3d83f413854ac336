//! Ways to get it wrong, which the judge must find.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A request that ends gives its whole reservation back.
    SettlesNothing,
    /// A request that is aborted keeps its reservation for ever.
    LeaksWhenAborted,
    /// A record that is sent again is counted again.
    CountsTwice,
    /// A report that was overtaken by its repetition replaces what is known.
    TrustsOvertaken,
    /// What a crashed Envoy held is free again.
    ForgetsTheVanished,
    /// A holder that comes back is counted as before, and what was presumed stays.
    KeepsPresumed,
    /// Grants do not look at what others hold.
    IgnoresOthers,
    /// What is held is forgotten when a window ends.
    ForgetsHeldAtWindowEnd,
}

impl Fault {
    pub(crate) const ALL: [Self; 8] = [
        Self::SettlesNothing,
        Self::LeaksWhenAborted,
        Self::CountsTwice,
        Self::TrustsOvertaken,
        Self::ForgetsTheVanished,
        Self::KeepsPresumed,
        Self::IgnoresOthers,
        Self::ForgetsHeldAtWindowEnd,
    ];
}
