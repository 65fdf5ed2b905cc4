//! How a run ends, and that it repeats.

use super::*;
use crate::host::{Breach, Limits, Watch};

/// Runs with limits to an end that is not a quiet one.
fn end_of(limits: Limits, play: Play) -> End {
    let mut builder = Builder::new(1);
    builder.limits(limits);
    actors(&mut builder, "n", 2, &HostSettings::default(), play);
    let mut simulation = builder.finish().expect("names are unique");
    let Step::Ended(end) = simulation.run() else { panic!("nobody acts from outside") };
    assert_eq!(simulation.run(), Step::Ended(end.clone()), "an end is for ever");
    assert!(simulation.census().balances());
    end
}

#[test]
fn every_end_has_a_name() {
    let at_once: Play = |_, heard, cx| {
        if matches!(heard, Heard::Start | Heard::Word(..)) && cx.me() == NodeId(0) {
            cx.send(NodeId(0), Word(1));
        }
    };
    let for_ever: Play = |_, heard, cx| {
        if matches!(heard, Heard::Start | Heard::Timer(_)) {
            cx.set_timer(0, ms(1));
        }
    };
    let limits = Limits { events: 5_000, events_at_one_instant: 100 };
    assert_eq!(end_of(limits, at_once), End::EndlessLoop { at: Time::ZERO });
    assert_eq!(end_of(limits, for_ever), End::BudgetSpent);
    let panics: Play = |_, heard, cx| {
        if let Heard::Start = heard
            && cx.me() == NodeId(1)
        {
            std::panic::panic_any("no such epoch");
        }
    };
    let End::Panic { node, record, message } = end_of(limits, panics) else { panic!("the node panicked") };
    assert_eq!((node, record, message.as_str()), (NodeId(1), 1, "no such epoch"));
}

/// What it has seen of all replicas: the highest sum of what one holds.
#[derive(Clone)]
struct Greatest(u32);

impl Watch<Actor> for Greatest {
    fn look(&mut self, _: NodeId, actor: &Actor) -> Vec<Breach> {
        let sum = actor.memory.iter().sum();
        let falls = sum < self.0;
        self.0 = self.0.max(sum);
        let explanation = format!("{sum} after {}", self.0);
        if falls { vec![Breach { invariant: "never_less", explanation }] } else { Vec::new() }
    }

    fn boxed_clone(&self) -> Box<dyn Watch<Actor>> {
        Box::new(self.clone())
    }
}

#[test]
fn a_watch_sees_every_event_and_changes_nothing() {
    let play: Play = |memory, heard, cx| match heard {
        Heard::Start if cx.me() == NodeId(0) => (1..=3).for_each(|word| cx.send(NodeId(1), Word(word))),
        Heard::Word(_, 3) => memory.clear(),
        Heard::Word(_, word) => memory.push(word),
        _ => {}
    };
    let stage = |watch: Option<Box<dyn Watch<Actor>>>| {
        let mut builder = Builder::new(1);
        let factory = move |_| Actor { play, memory: Vec::new() };
        builder.watched_service("n", &[ZoneId(0); 2], &HostSettings::default(), factory, watch);
        builder.finish().expect("names are unique")
    };
    let (mut watched, mut unwatched) = (stage(Some(Box::new(Greatest(0)))), stage(None));
    for _ in 0..2 {
        let mut clone = watched.clone();
        for simulation in [&mut watched, &mut clone, &mut unwatched] {
            run(simulation, &[]);
        }
        assert_eq!(watched.trace().digest().value(), unwatched.trace().digest().value());
        assert_eq!(unwatched.violations(), &[]);
        let breach = Breach { invariant: "never_less", explanation: "0 after 3".to_owned() };
        let seen: Vec<_> =
            watched.violations().iter().map(|seen| (seen.at, seen.node, seen.breach.clone())).collect();
        assert_eq!(seen, [(Time::ZERO + ms(1), NodeId(1), breach)]);
        assert_eq!(clone.violations(), watched.violations());
        watched.reset(1);
        unwatched.reset(1);
    }
}

#[test]
fn a_run_that_is_stopped_on_the_way_is_the_same_run() {
    let play: Play = |memory, heard, cx| match heard {
        Heard::Start => cx.set_timer(0, ms(3)),
        Heard::Timer(_) if cx.me() == NodeId(1) && memory.len() == 2 => panic!("two are enough"),
        Heard::Timer(_) => {
            memory.push(1);
            cx.set_timer(0, ms(3));
        }
        _ => {}
    };
    let (mut stopped, mut straight) = (stage(2, play), stage(2, play));
    let applied = |simulation: &Simulation| simulation.observe(NodeId(0)).applied;
    let at = |milliseconds| Time::ZERO + ms(milliseconds);
    assert_eq!((stopped.run_until(at(2)), applied(&stopped)), (None, Some(0)));
    assert_eq!((stopped.run_until(at(3)), applied(&stopped)), (None, Some(1)));
    assert_eq!((stopped.run_until(at(5)), applied(&stopped), stopped.now()), (None, Some(1), at(3)));
    let end = straight.run();
    assert!(matches!(end, Step::Ended(End::Panic { node: NodeId(1), .. })), "{end:?}");
    assert_eq!(stopped.run_until(at(50)), Some(end));
    assert_eq!(stopped.trace().digest().value(), straight.trace().digest().value());
    assert_eq!(stopped.events(), straight.events());
}

#[test]
fn ties_are_first_in_first_out_or_shuffled_by_seed() {
    let order = |seed, shuffled: bool| {
        let mut builder = Builder::new(seed);
        builder.keep_trace();
        if shuffled {
            builder.shuffle_ties();
        }
        // Ten words of one sender arrive at one instant.
        actors(&mut builder, "n", 2, &HostSettings::default(), |_, heard, cx| {
            if matches!(heard, Heard::Start) && cx.me() == NodeId(0) {
                (0..10).for_each(|word| cx.send(NodeId(1), Word(word)));
            }
        });
        let mut simulation = builder.finish().expect("names are unique");
        run(&mut simulation, &[]);
        story(&simulation, 1, &[Tag::Deliver])
    };
    let in_order = order(1, false);
    assert_eq!(in_order, (0..10).map(|word| format!("1ms deliver Word({word})")).collect::<Vec<_>>());
    assert_eq!(order(2, false), in_order);
    let shuffled = order(1, true);
    assert_ne!(shuffled, in_order);
    assert_ne!(shuffled, order(2, true));
    let mut sorted = shuffled;
    sorted.sort();
    assert_eq!(sorted, in_order);
}

#[test]
fn a_token_more_shifts_no_shuffled_tie() {
    let digest_of = |tokens: u64| {
        let mut builder = Builder::new(3);
        builder.shuffle_ties().keep_trace();
        actors(&mut builder, "n", 4, &HostSettings::default(), |_, heard, cx| {
            if matches!(heard, Heard::Start) {
                cx.others().for_each(|to| cx.send(to, Word(cx.me().0)));
            }
        });
        let mut simulation = builder.finish().expect("names are unique");
        (0..tokens).for_each(|token| simulation.tell_at(Time::ZERO + ms(9), class::CLIENT, token));
        while !matches!(simulation.run(), Step::Ended(_)) {}
        (0..4).flat_map(|node| story(&simulation, node, &[Tag::Deliver])).collect::<Vec<_>>()
    };
    assert_eq!(digest_of(0), digest_of(3));
}

#[test]
fn names_that_clash_are_errors() {
    let mut builder = Builder::new(1);
    builder.client("n-0", ZoneId(0));
    actors(&mut builder, "n", 1, &HostSettings::default(), |_, _, _| {});
    let error = builder.finish().err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("the name \"n-0\" is taken twice"));
}
