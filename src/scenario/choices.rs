//! A run that can be stopped where it could have gone on otherwise, cloned there, and sent another way.
//!
//! Every way that it can be sent is one that a scenario file can say: a message is held back by a fault of the family
//! `message`, a fault has another `at`. So whatever a run has become, its resolved scenario replays it from the start.

use std::collections::VecDeque;

use crate::host::{Delivery, End, NodeId};
use crate::kernel::{Span, Time};

use super::file::Scenario;
use super::run::{Driver, Run, RunError, RunOptions, Stage};

/// Where a run could go on otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    /// A message is to arrive, and could come after what happens next at its receiver.
    Delivery {
        /// The message.
        delivery: Delivery,
        /// How much later it would arrive.
        by: Span,
    },
    /// A fault that was put off could start now, before what else happens at this instant.
    Start {
        /// Its id.
        fault: String,
        /// Its number in the plan.
        number: usize,
        /// Now.
        at: Time,
        /// Whom it would hit; `None`: whomever it means.
        whom: Option<NodeId>,
    },
}

/// What comes so much later comes after.
const AFTER: Span = Span::from_nanos(1);

/// A run under way that stops at choices. A clone goes on as the original would.
#[derive(Clone)]
pub struct RunInProgress<'a> {
    driver: Driver<'a>,
    /// How much later than a delivery may happen what it could come after.
    within: Span,
    /// The faults that were put off.
    put_off: Vec<usize>,
    /// What could happen otherwise before the next event.
    choices: VecDeque<Choice>,
    /// The choices before the next event have been gathered.
    is_gathered: bool,
    /// The last instant at which faults could have started.
    instant: Option<Time>,
    ended: Option<Option<End>>,
}

impl Scenario {
    /// The scenario as it stands under a seed: with the values that the seed draws.
    ///
    /// # Errors
    /// If the values that were drawn do not fit together.
    pub fn drawn(&self, seed: u64) -> Result<Self, RunError> {
        let Some(varied) = &self.varied else { return Ok(self.clone()) };
        varied.draw(seed).map(|(scenario, _)| scenario).map_err(RunError::Drawn)
    }

    /// A run at its start that stops at choices. A delivery is one if something else happens at its receiver no more than
    /// `within` later; with a span of zero, at the same instant. Of a scenario as it stands ([`Self::drawn`]).
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn begin(&self, seed: u64, within: Span) -> Result<RunInProgress<'_>, RunError> {
        let mut driver = self.driver(RunOptions { seed, keep_trace: false }, None)?;
        driver.simulation.keep_messages();
        Ok(RunInProgress {
            driver,
            within,
            put_off: Vec::new(),
            choices: VecDeque::new(),
            is_gathered: false,
            instant: None,
            ended: None,
        })
    }
}

impl RunInProgress<'_> {
    /// Takes the start of a fault back, at the start of the run: it is a choice then at each instant at which something
    /// happens at a node that it may hit. Answers its number.
    ///
    /// # Errors
    /// Says why the fault of this id cannot start at another time.
    pub fn put_off(&mut self, id: &str) -> Result<(), String> {
        let number = self.driver.injector.movable(id)?;
        self.driver.injector.put_off(&mut self.driver.simulation, number);
        self.put_off.push(number);
        Ok(())
    }

    /// How many faults are put off and have not started.
    #[must_use]
    pub fn put_off_count(&self) -> usize {
        self.put_off.len()
    }

    /// Goes on, as it would, up to the next choice; `None` if there is none any more. The last one comes before the load has
    /// ended: then every fault is over, so none could make a difference.
    pub fn advance(&mut self) -> Option<Choice> {
        while self.ended.is_none() && matches!(self.driver.stage, Stage::Load) {
            if !self.is_gathered {
                self.gather();
            }
            if let Some(choice) = self.choices.pop_front() {
                return Some(choice);
            }
            self.step();
        }
        None
    }

    /// Takes the choice at which the run has stopped the other way.
    pub fn deviate(&mut self, choice: &Choice) {
        let Driver { simulation, injector, .. } = &mut self.driver;
        match choice {
            Choice::Delivery { delivery, by } => {
                injector.hold_back(simulation, delivery, *by);
                // Another event is next.
                self.choices.clear();
                self.is_gathered = false;
            }
            Choice::Start { number, at, whom, .. } => {
                injector.start_at(simulation, *number, *at, *whom);
                self.put_off.retain(|other| other != number);
                self.choices.retain(|other| !matches!(other, Choice::Start { number: other, .. } if other == number));
                // The start is next now; what else could be is asked for after it.
                self.choices.retain(|other| matches!(other, Choice::Start { .. }));
                self.is_gathered = !self.choices.is_empty();
            }
        }
    }

    /// Goes on to the end.
    #[must_use]
    pub fn finish(self) -> Run {
        match self.ended {
            Some(ended) => self.driver.finish(ended),
            None => self.driver.drive(),
        }
    }

    /// The name of a node.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        self.driver.simulation.name(node)
    }

    fn step(&mut self) {
        self.is_gathered = false;
        let step = if self.driver.is_idle() { self.driver.next_step() } else { self.driver.simulation.run_one() };
        self.ended = self.driver.follow(step);
    }

    /// Finds what could happen otherwise before the next event.
    fn gather(&mut self) {
        self.is_gathered = true;
        let Some(next) = self.driver.simulation.next_event() else { return };
        if self.instant.is_none_or(|instant| instant < next) && self.driver.may_start(next) {
            let Driver { simulation, injector, .. } = &mut self.driver;
            self.instant = Some(next);
            let active = if self.put_off.is_empty() { Vec::new() } else { simulation.active_at(next) };
            for &number in &self.put_off {
                // Its own time is the run as it stands.
                if injector.start_of(number) == Some(next) {
                    continue;
                }
                let fault = injector.id(number).to_owned();
                let start = |whom| Choice::Start { fault: fault.clone(), number, at: next, whom };
                self.choices.extend(injector.targets_among(number, &active, simulation).into_iter().map(start));
            }
        }
        let Some(delivery) = self.driver.simulation.next_delivery() else { return };
        let is_tied = self.driver.simulation.is_tied(&delivery);
        let by = if is_tied { Some(AFTER) } else { self.look_ahead(&delivery) };
        self.choices.extend(by.map(|by| Choice::Delivery { delivery, by }));
    }

    /// How much later a message has to arrive to come after what happens at its receiver without it, if anything does soon
    /// enough.
    fn look_ahead(&self, delivery: &Delivery) -> Option<Span> {
        if self.within.is_zero() {
            return None;
        }
        let (mut other, until) = (self.clone(), delivery.at + self.within);
        other.driver.injector.hold_back(&mut other.driver.simulation, delivery, self.within + AFTER);
        while other.ended.is_none() {
            let next = other.driver.simulation.next_event().filter(|&next| next <= until)?;
            if other.driver.simulation.active_at(next).contains(&delivery.to) {
                return Some(next.since(delivery.at) + AFTER);
            }
            other.step();
        }
        None
    }
}
