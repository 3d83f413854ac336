//! The end of a history: everything ends, everything arrives, and nothing may be left over.

use crate::world::World;

impl World {
    /// Lets everything come to rest and looks at what is left.
    pub(crate) fn rest(&mut self) -> Result<(), String> {
        self.calm = true;
        self.away_until = 0;
        for slot in 0..self.envoys.len() {
            self.envoys[slot].cut_off_until = 0;
            while !self.envoys[slot].running.is_empty() {
                self.envoys[slot].end(false, &mut self.dice, &mut self.truth, self.now);
            }
        }
        for _ in 0..QUIET_SECONDS {
            self.pass(1_000_000);
            // Those who still waited may have been admitted.
            for slot in 0..self.envoys.len() {
                while !self.envoys[slot].running.is_empty() {
                    self.envoys[slot].end(false, &mut self.dice, &mut self.truth, self.now);
                }
            }
            self.judge()?;
        }
        let crashed = &self.crashed;
        self.truth.judge_rest(&self.book, |holder| crashed.contains(&holder))
    }
}

/// Long enough for a crashed holder to be given up, also by a control plane that has just come
/// back, and for everybody to give back what they do not use.
const QUIET_SECONDS: u32 = 300;
