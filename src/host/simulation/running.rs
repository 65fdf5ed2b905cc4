//! Runs, up to something to tell or up to an instant.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{End, Moment, Simulation, Step, Time};

impl Simulation {
    /// Runs until there is something to tell. A panic in a node's code ends the run and names the node.
    pub fn run(&mut self) -> Step {
        self.catching(|simulation| {
            loop {
                simulation.advance();
                if let Some(step) = simulation.told.take() {
                    return step;
                }
            }
        })
    }

    /// As [`Self::run`], and no further than an instant: `None` if all that happens up to it has happened and there was
    /// nothing to tell. No event is needed for that, so the run stays what it is.
    pub fn run_until(&mut self, until: Time) -> Option<Step> {
        self.catching(|simulation| {
            while simulation.core.agenda.peek_time().is_none_or(|next| next <= until) {
                simulation.advance();
                if simulation.told.is_some() {
                    return simulation.told.take();
                }
            }
            None
        })
    }

    /// Lets one event happen, as [`Self::step`] does. A panic in a node's code ends the run, as in [`Self::run`].
    pub fn run_one(&mut self) -> Step {
        self.catching(Self::step)
    }

    /// Lets events happen. A panic is a step, too.
    fn catching<T: From<Step>>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let outcome = catch_unwind(AssertUnwindSafe(|| act(self)));
        outcome.unwrap_or_else(|panic| {
            let message = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "a panic without a message".to_owned());
            let Moment { node, record, .. } = self.core.moment;
            let end = End::Panic { node, record, message };
            self.core.ended = Some(end.clone());
            T::from(Step::Ended(end))
        })
    }
}
