//! Faults that are generated: a nemesis makes one after the other, before the run starts.
//!
//! When each starts and how long it lasts is drawn at the start of the run, from streams of the nemesis's name. Whom
//! it hits is chosen when it starts, from a stream of its own id, as with every fault. So the explicit plan needs no
//! generator, and removing one of its faults shifts no other.

use crate::kernel::{Purpose, Sampler, Span, StreamClash, Streams, Time};

use super::budget::Keep;
use super::plan::{Effect, Fault};
use super::validate::{PlanError, PlanMistake};

/// A generator of faults of one family.
#[derive(Clone, Debug, PartialEq)]
pub struct Nemesis {
    /// Its name; its faults are `name-0`, `name-1` ...
    pub name: String,
    /// What its faults do, and to whom.
    pub what: Effect,
    /// From the start of one to the start of the next. The first starts so long after `start`.
    pub every: Sampler,
    /// How long each lasts; `None`: to the end of the run, or until it ends by itself.
    pub lasts: Option<Sampler>,
    /// At least so long passes from the end of one to the start of the next; `None`: they may overlap.
    pub gap: Option<Sampler>,
    /// None starts before.
    pub start: Time,
    /// None starts from here on.
    pub stop: Time,
    /// The budget that they keep to.
    pub keep: Option<Keep>,
}

/// More would be a mistake in the intervals, and make a run that nobody can read.
const MOST_FAULTS: u32 = 10_000;

const EVERY: Purpose = Purpose::new("nemesis every");
const FOR: Purpose = Purpose::new("nemesis for");
const GAP: Purpose = Purpose::new("nemesis gap");

impl Nemesis {
    /// Its faults in one run, in the order of their starts.
    ///
    /// # Errors
    /// If there are more than ten thousand, or if another nemesis has its name in `streams`.
    pub fn faults(&self, streams: &mut Streams) -> Result<Vec<Fault>, PlanError> {
        let mistake = |mistake| PlanError { fault: self.name.clone(), mistake };
        let clash = |clash: StreamClash| mistake(PlanMistake::StreamClash(clash));
        let mut every = streams.open(EVERY, &self.name).map_err(clash)?;
        let mut lasts = streams.open(FOR, &self.name).map_err(clash)?;
        let mut gap = streams.open(GAP, &self.name).map_err(clash)?;
        let mut faults = Vec::new();
        let mut at = self.start + self.every.sample(&mut every);
        for number in 0.. {
            if at >= self.stop {
                break;
            }
            if number == MOST_FAULTS {
                return Err(mistake(PlanMistake::TooManyFaults(MOST_FAULTS)));
            }
            let lasts = self.lasts.as_ref().map(|span| span.sample(&mut lasts).max(Span::from_nanos(1)));
            let fault = Fault {
                nemesis: Some(self.name.clone()),
                keep: self.keep,
                ..Fault::new(format!("{}-{number}", self.name), self.what.clone(), at, lasts)
            };
            let next = at + self.every.sample(&mut every);
            let rested = self.gap.as_ref().map(|span| fault.end().unwrap_or(Time::MAX) + span.sample(&mut gap));
            at = rested.map_or(next, |rested| next.max(rested));
            faults.push(fault);
        }
        Ok(faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{NodeEffect, Selector};

    fn seconds(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    fn nemesis(every: Sampler, lasts: Option<u64>, gap: Option<u64>) -> Nemesis {
        Nemesis {
            name: "sleep".into(),
            what: Effect::Nodes { whom: Selector::Nodes(vec![]), what: NodeEffect::Pause },
            every,
            lasts: lasts.map(|lasts| Sampler::constant(Span::from_secs(lasts))),
            gap: gap.map(|gap| Sampler::constant(Span::from_secs(gap))),
            start: seconds(10),
            stop: seconds(30),
            keep: Some(Keep::Majority),
        }
    }

    fn every(seconds: u64) -> Sampler {
        Sampler::constant(Span::from_secs(seconds))
    }

    #[test]
    fn faults_come_at_their_intervals_and_keep_their_distance() {
        let check = |nemesis: Nemesis, expected: &[u64]| {
            let faults = nemesis.faults(&mut Streams::new(1)).expect("not too many");
            let starts: Vec<_> = faults.iter().filter_map(|fault| fault.start.instant()).collect();
            assert_eq!(starts, expected.iter().copied().map(seconds).collect::<Vec<_>>());
            for (number, fault) in faults.iter().enumerate() {
                assert_eq!(fault.id, format!("sleep-{number}"));
                assert_eq!((fault.nemesis.as_deref(), fault.keep), (Some("sleep"), Some(Keep::Majority)));
            }
        };
        check(nemesis(every(5), Some(9), None), &[15, 20, 25]);
        check(nemesis(every(5), Some(4), Some(3)), &[15, 22, 29]);
        check(nemesis(every(5), Some(1), Some(1)), &[15, 20, 25]);
        check(nemesis(every(5), None, Some(1)), &[15]);
        check(nemesis(every(20), Some(1), None), &[]);
    }

    #[test]
    fn a_nemesis_draws_from_streams_of_its_own() {
        let exponential = Sampler::exponential(Span::from_secs(1), Span::ZERO).expect("a mean");
        let drawn = nemesis(exponential.clone(), Some(1), None);
        let starts = |nemesis: &Nemesis, streams: &mut Streams| -> Vec<_> {
            nemesis.faults(streams).expect("not too many").iter().filter_map(|fault| fault.start.instant()).collect()
        };
        let alone = starts(&drawn, &mut Streams::new(7));
        assert!(alone.len() > 5, "{alone:?}");
        let mut shared = Streams::new(7);
        starts(&Nemesis { name: "other".into(), ..drawn.clone() }, &mut shared);
        assert_eq!(starts(&drawn, &mut shared), alone);
        // How long its faults last does not shift when they start.
        assert_eq!(starts(&Nemesis { lasts: Some(exponential), ..drawn.clone() }, &mut Streams::new(7)), alone);
        assert_ne!(starts(&drawn, &mut Streams::new(8)), alone);
    }

    #[test]
    fn a_nemesis_without_end_is_refused() {
        let error = nemesis(every(0), Some(1), None).faults(&mut Streams::new(1)).expect_err("too many");
        assert!(error.to_string().starts_with("fault \"sleep\": it would make more than 10000 faults"), "{error}");
    }
}
