//! What the records say, put together once for every format: lanes of events, messages from send to end, calls.

use std::collections::BTreeMap;

use crate::host::{CallId, Tag, class};
use crate::kernel::{Record, Time};

use super::file::TraceFile;
use super::words::death;

/// Whose event it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Lane {
    /// A node or a client.
    Node(u32),
    /// What happens to messages between nodes, where no node learns of it.
    Network,
    /// What faults do.
    Faults,
}

/// Something that happens on a lane: a record, or the sending of a message that has no record on its sender's lane
/// (a client sends when its time has come).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Happening {
    /// The record; of a sending, the one of how the message ended.
    pub(super) record: usize,
    pub(super) is_sending: bool,
    pub(super) lane: Lane,
    pub(super) at: Time,
    /// The earlier happenings that led to it, besides the one before it on its lane.
    pub(super) causes: Vec<usize>,
}

/// The way of a message, between two happenings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Flight {
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A message that ended: delivered, or died on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Message<'a> {
    pub(super) from: u32,
    pub(super) to: u32,
    /// The record of the event at which it was sent.
    pub(super) cause: Option<usize>,
    pub(super) sent: Time,
    pub(super) ended: Time,
    pub(super) kind: &'a str,
    pub(super) content: &'a str,
    /// Why it died, if it did.
    pub(super) death: Option<&'static str>,
}

/// A call between a client or a node and a node. Records are given by number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Call {
    /// When the callee began to handle it.
    pub(super) request: Option<usize>,
    /// When the request died.
    pub(super) lost_request: Option<usize>,
    /// When the caller learned how it ended.
    pub(super) answer: Option<usize>,
    /// When the answer died.
    pub(super) lost_answer: Option<usize>,
    /// When the caller gave it up.
    pub(super) given_up: Option<usize>,
}

/// A trace, put together.
pub(super) struct Reading<'a> {
    pub(super) file: &'a TraceFile,
    pub(super) calls: BTreeMap<u64, Call>,
    /// The operation of each call of a client, by its place in the header.
    pub(super) operations: BTreeMap<u64, usize>,
    /// By record: where those that it led to begin in `effects`.
    first_effects: Vec<usize>,
    effects: Vec<usize>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(file: &'a TraceFile) -> Self {
        let operations = file.header.operations.iter().enumerate();
        let operations = operations.flat_map(|(place, operation)| operation.calls.iter().map(move |&c| (c, place)));
        let (first_effects, effects) = effects(file);
        let operations = operations.collect();
        let mut reading = Self { file, calls: BTreeMap::new(), operations, first_effects, effects };
        for (number, record) in file.records().iter().enumerate() {
            if let Some((call, part)) = reading.part_of_call(record) {
                let known = reading.calls.entry(call).or_default();
                let place = match part {
                    Part::Request => &mut known.request,
                    Part::LostRequest => &mut known.lost_request,
                    Part::Answer => &mut known.answer,
                    Part::LostAnswer => &mut known.lost_answer,
                    Part::GivenUp => &mut known.given_up,
                };
                place.get_or_insert(number);
            }
        }
        reading
    }

    pub(super) fn record(&self, number: usize) -> &'a Record {
        &self.file.records()[number]
    }

    pub(super) fn tag(&self, number: usize) -> Option<Tag> {
        Tag::from_number(self.record(number).fact.tag)
    }

    pub(super) fn time(&self, number: usize) -> Time {
        self.record(number).fact.time
    }

    /// The records that a record led to, in their order.
    pub(super) fn effects(&self, number: usize) -> &[usize] {
        &self.effects[self.first_effects[number]..self.first_effects[number + 1]]
    }

    /// The call that a record is part of.
    pub(super) fn call_of(&self, record: &Record) -> Option<u64> {
        self.part_of_call(record).map(|(call, _)| call)
    }

    fn part_of_call(&self, record: &Record) -> Option<(u64, Part)> {
        let call = record.fact.c;
        match Tag::from_number(record.fact.tag)? {
            Tag::Request => Some((call, Part::Request)),
            Tag::Answer => Some((call, Part::Answer)),
            Tag::CallTimeout => Some((call, Part::GivenUp)),
            Tag::Drop => {
                // What dies of a call says which one; messages of replicas are labelled by their own kinds.
                let CallId(number) = CallId::of_dropped(self.file.trace.label(record.label))?;
                let is_request = self.file.label(record).0 == "request";
                Some((number, if is_request { Part::LostRequest } else { Part::LostAnswer }))
            }
            _ => None,
        }
    }

    /// The message that ended with a record; `None` if none did.
    pub(super) fn message(&self, number: usize) -> Option<Message<'a>> {
        let record = self.record(number);
        let fact = &record.fact;
        let cause = self.file.cause(number);
        let is_end = match Tag::from_number(fact.tag)? {
            Tag::Deliver | Tag::Drop | Tag::Request => true,
            // A node that was busy, or gave up waiting, handles an answer that has reached its host before.
            Tag::Answer => !cause.is_some_and(|cause| {
                let before = &self.record(cause).fact;
                let is_end = matches!(self.tag(cause), Some(Tag::Answer | Tag::CallTimeout));
                is_end && before.c == fact.c && before.a == fact.a
            }),
            _ => false,
        };
        let death = (Tag::from_number(fact.tag) == Some(Tag::Drop)).then(|| death(fact.c).unwrap_or("unknown"));
        let (kind, content) = self.file.label(record);
        let sent = cause.map_or(fact.time, |cause| self.time(cause));
        let (from, to) = (fact.b, fact.a);
        is_end.then_some(Message { from, to, cause, sent, ended: fact.time, kind, content, death })
    }

    /// The lane of a record; `None` if nothing in the simulated world happens with it.
    pub(super) fn lane(&self, number: usize) -> Option<Lane> {
        let fact = &self.record(number).fact;
        match Tag::from_number(fact.tag)? {
            // Whoever is refused hears of it from the receiver's host.
            Tag::Drop if death(fact.c) != Some("refused") => Some(Lane::Network),
            Tag::Held => Some(Lane::Network),
            Tag::Cut | Tag::Heal | Tag::Disturb => Some(Lane::Faults),
            Tag::Token => {
                let of_faults = [class::FAULT_END, class::FAULT_START, class::CLOCK];
                of_faults.iter().any(|class| u32::from(class.number()) == fact.a).then_some(Lane::Faults)
            }
            _ => Some(Lane::Node(fact.a)),
        }
    }

    /// Everything that happens, in the order of time, causes before what they lead to. With it, for each message that
    /// ended: where it was sent and where it ended.
    pub(super) fn happenings(&self) -> (Vec<Happening>, Vec<Flight>) {
        let mut happenings = self.unlinked();
        let (mut of_record, mut of_sending) = (vec![None; self.file.len()], vec![None; self.file.len()]);
        for (place, happening) in happenings.iter().enumerate() {
            let of = if happening.is_sending { &mut of_sending } else { &mut of_record };
            of[happening.record] = Some(place);
        }
        let mut flights = Vec::new();
        for (place, happening) in happenings.iter_mut().enumerate() {
            let cause = self.file.cause(happening.record).and_then(|cause| of_record[cause]);
            let is_end = !happening.is_sending && self.message(happening.record).is_some();
            let sent = of_sending[happening.record].or(cause).filter(|_| is_end);
            flights.extend(sent.map(|from| Flight { from, to: place }));
            happening.causes.extend(sent.or(cause));
        }
        (happenings, flights)
    }

    /// Everything that happens, without what led to it.
    fn unlinked(&self) -> Vec<Happening> {
        let mut found = Vec::new();
        for number in 0..self.file.len() {
            let Some(lane) = self.lane(number) else { continue };
            let new = |is_sending, lane, at| Happening { record: number, is_sending, lane, at, causes: Vec::new() };
            found.push(((number, 1, number), new(false, lane, self.time(number))));
            if let Some(message) = self.message(number) {
                let sender = Lane::Node(message.from);
                match message.cause {
                    Some(cause) if self.lane(cause) == Some(sender) => {}
                    // Right after what led to it, whoever did that.
                    Some(cause) => found.push(((cause, 2, number), new(true, sender, message.sent))),
                    None => found.push(((number, 0, number), new(true, sender, message.sent))),
                }
            }
        }
        found.sort_by_key(|&(order, _)| order);
        found.into_iter().map(|(_, happening)| happening).collect()
    }

    /// What a happening is, in words.
    pub(super) fn words(&self, happening: &Happening) -> String {
        match self.message(happening.record).filter(|_| happening.is_sending) {
            Some(message) => {
                let said = if message.content.is_empty() { message.kind } else { message.content };
                format!("{} sends to {}: {said}", self.file.name(message.from), self.file.name(message.to))
            }
            None => self.file.words(happening.record),
        }
    }
}

/// What a record tells of a call.
enum Part {
    Request,
    LostRequest,
    Answer,
    LostAnswer,
    GivenUp,
}

/// By record, what it led to, behind each other.
fn effects(file: &TraceFile) -> (Vec<usize>, Vec<usize>) {
    let mut first = vec![0; file.len() + 1];
    let causes = || (0..file.len()).filter_map(|number| Some((file.cause(number)?, number)));
    for (cause, _) in causes() {
        first[cause + 1] += 1;
    }
    for number in 0..file.len() {
        first[number + 1] += first[number];
    }
    let (mut next, mut effects) = (first.clone(), vec![0; first[file.len()]]);
    for (cause, number) in causes() {
        effects[next[cause]] = number;
        next[cause] += 1;
    }
    (first, effects)
}
