//! A plan that takes another course under way: a fault starts at another time than it was to, a message is held back.
//!
//! What a plan has become is said by [`Injector::resolved`]: run from the start it is the same run, and so nobody has to
//! know how it was come by.

use crate::host::{Delivery, MessageDeed, MessageFault, NodeId, Simulation};
use crate::kernel::{Span, Streams, Time};

use super::found::Found;
use super::injector::{CHOICES, Hit, Injector, Tracked};
use super::links::LinkHit;
use super::{Effect, Fault, LinkEffect, Selector, Start, Which};

/// What the ids of faults begin with that hold messages back.
const LATE: &str = "late";

impl Injector {
    /// The number of the fault of this id, which is to start at another time.
    ///
    /// # Errors
    /// Says why that cannot be.
    pub fn movable(&self, id: &str) -> Result<usize, String> {
        let number = self.faults.iter().position(|tracked| tracked.fault.id == id).ok_or_else(|| {
            let ids: Vec<_> = self.faults.iter().map(|tracked| tracked.fault.id.as_str()).collect();
            let known =
                if ids.is_empty() { "there is none".to_owned() } else { format!("there are: {}", ids.join(", ")) };
            format!("no fault has the id \"{id}\"; {known}")
        })?;
        let Fault { start, what, .. } = &self.faults[number].fault;
        if what.is_one_message() {
            return Err(format!("\"{id}\" waits for its message from the start, and cannot start at another time"));
        }
        if what.backup_taken().is_some() {
            return Err(format!("\"{id}\" goes by when its backup was taken, and cannot start at another time"));
        }
        match start {
            Start::At(_) => Ok(number),
            Start::When(_) => Err(format!("\"{id}\" has a trigger, and cannot start at another time")),
        }
    }

    /// Takes the start of a fault back that has not started, until [`Self::start_at`].
    pub fn put_off(&mut self, simulation: &mut Simulation, number: usize) {
        let tracked = &self.faults[number];
        let (Start::At(at), class) = (&tracked.fault.start, tracked.class()) else { return };
        let entry = (*at, tracked.fault.id.clone(), number);
        self.due.get_mut(&class).map(|due| due.remove(&entry));
        simulation.do_not_tell(entry.0, class, 0);
    }

    /// The id of a fault.
    #[must_use]
    pub fn id(&self, number: usize) -> &str {
        &self.faults[number].fault.id
    }

    /// When a fault is to start, if that is said by an instant.
    #[must_use]
    pub fn start_of(&self, number: usize) -> Option<Time> {
        self.faults[number].fault.start.instant()
    }

    /// Whom a fault may be let hit if it starts when something happens at these nodes: one of them, if it means one replica
    /// of a service; else whomever it means (`None`), if one of these may be among them.
    #[must_use]
    pub fn targets_among(&self, number: usize, active: &[NodeId], simulation: &Simulation) -> Vec<Option<NodeId>> {
        let whom = match &self.faults[number].fault.what {
            Effect::Nodes { whom, .. } => whom.clone(),
            Effect::Staged { stages, .. } => stages.whom(),
            // Messages of whomever may meet it.
            Effect::Partition { .. } | Effect::Links(_) => Selector::Nodes(simulation.nodes().collect()),
        };
        let candidates = whom.candidates(simulation);
        let hit = active.iter().filter(|node| candidates.contains(node));
        let is_any_one = matches!(self.faults[number].fault.what, Effect::Nodes { .. })
            && matches!(whom, Selector::Replicas { which: Which::One | Which::Count(1), .. });
        if is_any_one { hit.map(|&node| Some(node)).collect() } else { hit.take(1).map(|_| None).collect() }
    }

    /// Lets a fault that was put off start at an instant that has not passed, at `whom` if somebody is named. It may touch
    /// nothing there.
    pub fn start_at(&mut self, simulation: &mut Simulation, number: usize, at: Time, whom: Option<NodeId>) {
        let tracked = &mut self.faults[number];
        tracked.fault.start = Start::At(at);
        tracked.fault.may_miss = true;
        if let (Effect::Nodes { whom: selector, .. }, Some(node)) = (&mut tracked.fault.what, whom) {
            *selector = Selector::Nodes(vec![node]);
        }
        let class = tracked.class();
        self.ask(simulation, class, at, number);
    }

    /// Holds the message back that is to arrive next, by a fault of that message.
    pub fn hold_back(&mut self, simulation: &mut Simulation, delivery: &Delivery, by: Span) {
        let Delivery { from, to, kind, nth, .. } = *delivery;
        let (planned, added) = self.faults.split_at_mut(self.planned);
        for tracked in added.iter_mut() {
            if let (Effect::Links(LinkEffect::Message(what)), fault) = (&mut tracked.fault.what, &mut tracked.hit)
                && (what.from, what.to, what.kind.as_deref(), what.nth) == (from, to, Some(kind), nth)
                && let MessageDeed::Delay(span) = &mut what.deed
            {
                *span = *span + by;
                *fault = Some(Hit::Disturbed(LinkHit::met(what.clone())));
                let (id, name) = (tracked.fault.host_id(), &tracked.fault.id);
                return simulation.hold_back(id, name, delivery, by);
            }
        }
        let is_free = |id: &String| planned.iter().all(|tracked| tracked.fault.id != *id);
        let mut ids = (1..).map(|number| format!("{LATE}-{number}")).filter(is_free);
        let id = ids.nth(added.len()).unwrap_or_default();
        let what = MessageFault { from, to, kind: Some(kind.to_owned()), nth, deed: MessageDeed::Delay(by) };
        let hit = Some(Hit::Disturbed(LinkHit::met(what.clone())));
        let fault = Fault::new(id, Effect::Links(LinkEffect::Message(what)), Time::ZERO, None);
        simulation.hold_back(fault.host_id(), &fault.id, delivery, by);
        // It draws nothing; the streams of its own are not asked for a second one of its name.
        if let Ok(stream) = Streams::new(self.seed).open(CHOICES, &fault.id) {
            self.faults.push(Tracked { fault, stream, lookout: None, hit, found: Found::new(), ended: None });
        }
    }
}
