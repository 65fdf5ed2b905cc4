//! What must never happen, whatever fails.

use super::*;

/// Random requests to random replicas, mostly to the leader, while replicas crash and links are cut; then all is well
/// again, and the leader is asked what is left.
fn chaos(protocol: Raft, replicas: u32, seed: u64) -> (Vec<Call>, bool) {
    let mut store = Harness::new(protocol, replicas as usize, &slow_disks());
    store.simulation.reset(seed);
    let mut draws = SplitMix64::new(seed);
    for number in 1..=40 {
        let any = draws.below(replicas.into()) as u32;
        let leading = store.simulation.leader("store").map_or(any, |node| node.0);
        match draws.below(12) {
            0 => store.crash(any, CrashKeeps::Nothing),
            1 => store.crash(leading, CrashKeeps::Prefix { torn: true }),
            2 => store.part(&[leading], &all_but(replicas, leading)),
            3 => {
                store.part(&[any, leading], &(0..replicas).filter(|n| *n != any && *n != leading).collect::<Vec<_>>())
            }
            4 | 5 => store.heal(),
            6 | 7 => (0..replicas).for_each(|replica| store.restart(replica)),
            _ => {}
        }
        let to = if draws.chance(800_000_000) { leading } else { any };
        let request = match draws.below(4) {
            0 | 1 => read(),
            2 => write(number),
            _ => compare_and_set(draws.below(number as u64) as i64, number),
        };
        store.call(to, request);
        store.run_for(Span::from_micros(draws.below(60_000)));
    }
    store.heal();
    (0..replicas).for_each(|replica| store.restart(replica));
    store.run_for(MS(2_000));
    let last = leader(&store);
    store.ask(last, read()).expect("all is healed");
    let agree = (1..replicas).all(|replica| {
        let values =
            |replica| store.view(replica).entries.into_iter().map(|(key, _, value)| (key, value)).collect::<Vec<_>>();
        values(replica) == values(0)
    });
    (store.calls, agree)
}

#[test]
fn chaos_leaves_it_linearizable() {
    for seed in 0..8 {
        let protocol = match seed % 4 {
            0 => quick(),
            1 => Raft { reads: RaftReads::ReadIndex, snapshot_after: Some(5), ..quick() },
            2 => Raft { reads: RaftReads::Lease { clock_drift_bound_ppb: 0 }, entries_per_append: 2, ..quick() },
            _ => Raft { pre_vote: false, check_quorum: false, snapshot_after: Some(3), ..quick() },
        };
        let (calls, agree) = chaos(protocol, 3, seed);
        assert!(agree, "seed {seed}");
        assert!(is_linearizable(&calls), "seed {seed}: {calls:#?}");
    }
}
