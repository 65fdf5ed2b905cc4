//! Events in words.

use crate::host::{DropCause, Tag, class};

use super::file::{Fault, TraceFile};

impl TraceFile {
    /// One event in words: who, what, about what.
    pub(super) fn words(&self, number: usize) -> String {
        let Some(record) = self.records().get(number) else { return "nothing".to_owned() };
        let fact = &record.fact;
        let (a, b) = (self.name(fact.a), self.name(fact.b));
        let (kind, content) = self.label(record);
        let said = if content.is_empty() { kind } else { content };
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = match Tag::from_number(fact.tag) {
            Some(Tag::Deliver) => format!("{a} receives from {b}: {said}"),
            Some(Tag::Drop) => {
                let death = death(fact.c).unwrap_or("unknown cause");
                let killer = self.killer(record).map_or_else(String::new, |fault| format!(", fault {fault}"));
                format!("a message from {b} to {a} dies ({death}{killer}): {said}")
            }
            Some(Tag::Request) => format!("{a} is asked by {b} (call {}): {said}", fact.c),
            Some(Tag::Answer) => format!("{a} is answered by {b} (call {}): {said}", fact.c),
            Some(Tag::Timer) => format!("a timer of {a} fires: {said}"),
            Some(Tag::Disk) => format!("disk operation {} of {a} completes", fact.c),
            Some(Tag::WorkDone) => format!("{a} ends its work"),
            Some(Tag::Waits) => format!("something waits for {a}: {said}"),
            Some(Tag::Start) => format!("{a} starts, incarnation {}", fact.c),
            Some(Tag::Crash) => format!("{a} crashes"),
            Some(Tag::Pause) => format!("{a} pauses"),
            Some(Tag::Resume) => format!("{a} goes on"),
            Some(Tag::Clock) => format!("the clock of {a} changes by {}", clock_change(fact.c, fact.payload)),
            Some(Tag::Ready) => format!("{a} is ready"),
            Some(Tag::Role) => format!("{a} becomes {said} in epoch {}", fact.c),
            Some(Tag::Note) => format!("{a} notes: {said}"),
            Some(Tag::Reached) => format!("{a} reaches {said}"),
            Some(Tag::CallTimeout) => format!("{a} gives up waiting for {b} (call {})", fact.c),
            Some(Tag::Token) => self.occasion(fact.a, fact.time.as_nanos()),
            Some(Tag::Cut) => format!("{} cuts links", self.fault(fact.c)),
            Some(Tag::Heal) => format!("the links of {} are healed", self.fault(fact.c)),
            Some(Tag::Disturb) => format!("{} disturbs links", self.fault(fact.c)),
            Some(Tag::Maybe) => format!("{a} does the rare thing of {said}"),
            Some(Tag::Held) => format!("a clog holds a message from {b} to {a}"),
            None => format!("an event of the unknown kind {}", fact.tag),
        };
        words.trim_end_matches([' ', ':']).to_owned()
    }

    fn fault(&self, number: u64) -> String {
        let digits = super::super::json::digest(number);
        let known = self.header.faults.iter().find(|fault| fault.number == digits);
        known.map_or_else(|| "a fault".to_owned(), |fault| format!("the fault {}", fault.id))
    }

    /// What happens when an upper floor is told that an instant of this class has come.
    fn occasion(&self, number: u32, at_ns: u64) -> String {
        let faults = |what: &str, when: fn(&Fault) -> Option<u64>| {
            let these: Vec<_> = self.header.faults.iter().filter(|fault| when(fault) == Some(at_ns)).collect();
            match these.as_slice() {
                [fault] => format!("the fault {} ({}) {what}", fault.id, fault.kind),
                _ => format!("a fault {what}"),
            }
        };
        match u8::try_from(number) {
            Ok(class) if class == class::FAULT_END.number() => faults("ends", |fault| fault.end_ns),
            Ok(class) if class == class::FAULT_START.number() => faults("starts", |fault| fault.start_ns),
            Ok(class) if class == class::CLOCK.number() => faults("changes clocks", |fault| fault.start_ns),
            Ok(class) if class == class::CLIENT.number() => "a client acts".to_owned(),
            Ok(class) if class == class::CHECK.number() => "the load or the run ends".to_owned(),
            _ => "something is due".to_owned(),
        }
    }
}

/// Why a message died, by the number `c` of its [`Tag::Drop`].
pub(super) fn death(c: u64) -> Option<&'static str> {
    DropCause::name_of(c % 16)
}

/// The change that a [`Tag::Clock`] tells of: of the rate (kind 0) or a step (kind 1).
fn clock_change(by: u64, kind: u64) -> String {
    let by = by.cast_signed();
    if kind == 0 { format!("{by} ppb") } else { format!("a step of {by} ns") }
}
