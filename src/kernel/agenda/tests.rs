use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::kernel::StdHeap;

/// One call on an agenda. A `usize` picks one of the ids handed out so far.
#[derive(Clone, Debug)]
enum Call {
    Schedule { delay: u64, class: u8 },
    ScheduleWithTie { delay: u64, class: u8, tie: u64 },
    Cancel(usize),
    CancelAll,
    Change(usize),
    Pop,
    PeekTime,
    Reset,
}

fn call() -> impl Strategy<Value = Call> {
    let delay = || prop_oneof![Just(0), 0..100_u64, 0..10_000_000_u64, 0..u64::MAX / 256];
    prop_oneof![
        8 => (delay(), 0..3_u8).prop_map(|(delay, class)| Call::Schedule { delay, class }),
        // Few ties, so that some collide.
        4 => (delay(), 3..5_u8, 0..4_u64).prop_map(|(delay, class, tie)| Call::ScheduleWithTie { delay, class, tie }),
        4 => any::<usize>().prop_map(Call::Cancel),
        1 => any::<usize>().prop_map(Call::Change),
        6 => Just(Call::Pop),
        2 => Just(Call::PeekTime),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let rare = prop_oneof![Just(Call::CancelAll), Just(Call::Reset)];
    let phase = (prop::collection::vec(call(), 0..300), rare).prop_map(|(mut calls, last)| {
        calls.push(last);
        calls
    });
    prop::collection::vec(phase, 1..5).prop_map(|phases| phases.concat())
}

/// What an agenda should be: a sorted map from the whole order to the event.
#[derive(Default)]
struct Model {
    now: u64,
    sequence: u64,
    events: BTreeMap<(u64, u8, u64, u32), (EventId, u32)>,
}

impl Model {
    fn take(&mut self, id: EventId) -> Option<u32> {
        let (&place, &(_, event)) = self.events.iter().find(|(_, (other, _))| *other == id)?;
        self.events.remove(&place);
        Some(event)
    }
}

/// Makes the calls on an agenda and on the model, compares them after each, and gives all the ids handed out.
fn check_against_model<Q: Pending>(agenda: &mut Agenda<u32, Q>, calls: &[Call]) -> Vec<EventId> {
    let mut model = Model::default();
    let mut ids: Vec<EventId> = Vec::new();
    let mut issued = Vec::new();
    for (event, call) in (0..).zip(calls) {
        match *call {
            Call::Schedule { delay, class } | Call::ScheduleWithTie { delay, class, .. } => {
                let at = model.now + delay;
                let (result, rank) = if let Call::ScheduleWithTie { tie, .. } = *call {
                    (agenda.schedule_with_tie(Time::from_nanos(at), Class::new(class), tie, event), tie)
                } else {
                    model.sequence += 1;
                    (agenda.schedule(Time::from_nanos(at), Class::new(class), event), model.sequence)
                };
                let id = result.expect("there is room");
                assert_eq!(model.events.insert((at, class, rank, id.slot), (id, event)), None);
                ids.push(id);
                issued.push(id);
            }
            Call::Cancel(which) if !ids.is_empty() => {
                let id = ids[which % ids.len()];
                assert_eq!(agenda.cancel(id), model.take(id));
                assert_eq!(agenda.cancel(id), None);
            }
            Call::CancelAll => {
                for &id in &ids {
                    assert_eq!(agenda.cancel(id), model.take(id));
                }
            }
            Call::Change(which) if !ids.is_empty() => {
                let id = ids[which % ids.len()];
                let living = model.events.values_mut().find(|(other, _)| *other == id);
                assert_eq!(agenda.get(id), living.as_ref().map(|(_, event)| event));
                let changed = agenda.get_mut(id);
                assert_eq!(changed.is_some(), living.is_some());
                for event in changed.into_iter().chain(living.map(|(_, event)| event)) {
                    *event += 1_000_000;
                }
            }
            Call::Cancel(_) | Call::Change(_) => {}
            Call::Pop => {
                let expected = model.events.pop_first().map(|((time, class, ..), (_, event))| Fired {
                    time: Time::from_nanos(time),
                    class: Class::new(class),
                    event,
                });
                assert_eq!(agenda.pop(), expected);
                model.now = expected.map_or(model.now, |fired| fired.time.as_nanos());
            }
            Call::PeekTime => {
                let expected = model.events.first_key_value().map(|(&(time, ..), _)| Time::from_nanos(time));
                assert_eq!(agenda.peek_time(), expected);
            }
            Call::Reset => {
                agenda.reset();
                model = Model::default();
                ids.clear();
            }
        }
        assert_eq!((agenda.now().as_nanos(), agenda.len()), (model.now, model.events.len()));
        assert_eq!(agenda.is_empty(), model.events.is_empty());
    }
    let mut living: Vec<_> = model.events.into_values().collect();
    living.sort_unstable();
    assert!(agenda.iter().map(|(id, &event)| (id, event)).eq(living), "iter() gives the living by slot");
    issued
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn an_agenda_is_a_sorted_map_that_forgets_what_is_cancelled(calls in calls()) {
        let ids = check_against_model(&mut Agenda::<u32>::new(), &calls);
        let oracle = check_against_model(&mut Agenda::<u32, StdHeap>::new(), &calls);
        prop_assert_eq!(ids, oracle, "the queue below must not decide which slot an event gets");
    }

    #[test]
    fn a_reset_agenda_behaves_as_a_new_one(before in calls(), after in calls()) {
        let mut used = Agenda::<u32>::new();
        check_against_model(&mut used, &before);
        used.reset();
        let ids = check_against_model(&mut used, &after);
        prop_assert_eq!(ids, check_against_model(&mut Agenda::<u32>::new(), &after));
    }

    #[test]
    fn a_clone_goes_its_own_way(before in calls(), after in calls()) {
        let mut original = Agenda::<u32>::new();
        check_against_model(&mut original, &before);
        let drain = |mut agenda: Agenda<u32>| std::iter::from_fn(move || agenda.pop()).collect::<Vec<_>>();
        let expected = drain(original.clone());
        let mut copy = original.clone();
        copy.reset();
        check_against_model(&mut copy, &after);
        prop_assert_eq!(drain(original), expected);
    }
}

const CLASS: Class = Class::new(7);

fn at(nanoseconds: u64) -> Time {
    Time::from_nanos(nanoseconds)
}

#[test]
fn the_past_is_refused_and_changes_nothing() {
    let mut agenda = Agenda::<&str>::new();
    agenda.schedule(at(10), CLASS, "ten").expect("there is room");
    agenda.pop();
    assert_eq!(agenda.schedule(at(9), CLASS, "nine"), Err(Full::InThePast));
    assert_eq!(agenda.schedule_with_tie(at(9), CLASS, 0, "nine"), Err(Full::InThePast));
    assert!(agenda.is_empty() && agenda.pop().is_none());
    assert!(agenda.schedule(at(10), CLASS, "ten again").is_ok());
}

#[test]
fn the_sequence_ends_cleanly() {
    let mut agenda = Agenda::<u32> { sequence: EventKey::MAX_SEQUENCE, ..Agenda::new() };
    assert!(agenda.schedule(at(1), CLASS, 1).is_ok());
    assert_eq!(agenda.schedule(at(1), CLASS, 2), Err(Full::SequenceExhausted));
    assert!(agenda.schedule_with_tie(at(1), CLASS, u64::MAX, 3).is_ok(), "a tie needs no sequence number");
    assert_eq!(std::iter::from_fn(|| agenda.pop()).map(|fired| fired.event).collect::<Vec<_>>(), [1, 3]);
    agenda.reset();
    assert!(agenda.schedule(at(1), CLASS, 4).is_ok());
}

#[test]
fn the_slots_end_cleanly() {
    // As if all slots but the last were taken.
    let mut agenda = Agenda::<u32> { free: vec![EventKey::MAX_SLOT + 1], ..Agenda::new() };
    assert_eq!(agenda.schedule(at(1), CLASS, 1), Err(Full::SlotsExhausted));
    assert_eq!(agenda.schedule_with_tie(at(1), CLASS, 0, 1), Err(Full::SlotsExhausted));
    assert!(agenda.is_empty() && agenda.pop().is_none());
    agenda.reset();
    assert!(agenda.schedule(at(1), CLASS, 1).is_ok());
}

#[test]
fn a_slot_out_of_generations_is_not_used_again() {
    let mut agenda = Agenda::<u32>::new();
    agenda.schedule(at(1), CLASS, 1).expect("there is room");
    agenda.entries[0].generation = u32::MAX;
    agenda.pop();
    let id = agenda.schedule(at(2), CLASS, 2).expect("there is room");
    assert_eq!(id, EventId { slot: 1, generation: 0 });
    assert_eq!(agenda.pop().map(|fired| fired.event), Some(2));
}

#[test]
fn cancelling_drops_the_event_at_once_but_keeps_its_slot_until_its_time() {
    let payload = Rc::new(());
    let mut agenda = Agenda::<Rc<()>>::new();
    let id = agenda.schedule(at(5), CLASS, Rc::clone(&payload)).expect("there is room");
    agenda.schedule(at(6), CLASS, Rc::clone(&payload)).expect("there is room");
    drop(agenda.cancel(id));
    assert_eq!(Rc::strong_count(&payload), 2);
    let other = agenda.schedule(at(5), CLASS, Rc::clone(&payload)).expect("there is room");
    assert_ne!(other.slot, id.slot);
    agenda.pop();
    let reused = agenda.schedule(at(7), CLASS, Rc::clone(&payload)).expect("there is room");
    assert_eq!((reused.slot, reused.generation), (other.slot, other.generation + 1));
    agenda.reset();
    assert_eq!(Rc::strong_count(&payload), 1);
}

#[test]
fn tombstones_never_outnumber_the_living_for_long() {
    let mut agenda = Agenda::<u64>::new();
    for timeout in 0..100_000 {
        let id = agenda.schedule(at(1_000_000 + timeout), CLASS, timeout).expect("there is room");
        agenda.cancel(id);
        assert!(agenda.pending.len() <= COMPACTION_FLOOR + 1);
    }
    assert!(agenda.entries.len() <= COMPACTION_FLOOR + 1);
}

#[test]
fn a_peek_past_tombstones_leaves_room_for_earlier_events() {
    let mut agenda = Agenda::<u64>::new();
    let timeout = agenda.schedule(at(1 << 40), CLASS, 0).expect("there is room");
    agenda.schedule(at(1 << 41), CLASS, 1 << 41).expect("there is room");
    agenda.cancel(timeout);
    assert_eq!(agenda.peek_time(), Some(at(1 << 41)));
    for time in (1..1_000).rev() {
        agenda.schedule(at(time << 20), CLASS, time << 20).expect("there is room");
    }
    let fired: Vec<_> = std::iter::from_fn(|| agenda.pop()).map(|fired| fired.event).collect();
    assert!(fired.len() == 1_000 && fired.is_sorted());
}

#[test]
fn a_pop_brings_what_follows_into_sight() {
    let mut agenda = Agenda::<u32>::new();
    let ids: Vec<_> = (0..3).map(|n| agenda.schedule(Time::from_nanos(64), Class::new(0), n).unwrap()).collect();
    assert_eq!(agenda.upcoming(), None);
    agenda.pop();
    assert_eq!(agenda.upcoming(), Some(&1));
    agenda.cancel(ids[1]);
    assert_eq!(agenda.upcoming(), None);
    agenda.pop();
    assert_eq!(agenda.upcoming(), None);
}
