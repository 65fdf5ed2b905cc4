//! Every store on disks that fail: it may lose what the disk lost, but never panic; and where the disk says that it
//! failed, never lie.

use super::harness::{Call, Harness, is_linearizable, read, slow_disks, write};
use super::{MajorityRegister, Protocol, Quorum, Raft, Single, Transactional};
use crate::host::{CrashKeeps, DiskAccess, DiskFault, FaultId, HostSettings, NodeId};
use crate::kernel::{Draw, Span, SplitMix64};

const HALF: u64 = 500_000_000;
const FAULT: FaultId = FaultId(77);

/// Disks that say that they failed.
const HONEST: [DiskFault; 8] = [
    DiskFault::Errors { of: DiskAccess::Reads, ppb: HALF },
    DiskFault::Errors { of: DiskAccess::Writes, ppb: HALF },
    DiskFault::Errors { of: DiskAccess::Both, ppb: HALF / 4 },
    DiskFault::FailedSync { ppb: HALF, drops: true },
    DiskFault::FailedSync { ppb: HALF, drops: false },
    DiskFault::Full,
    DiskFault::Slow { factor_ppb: 5_000_000_000 },
    DiskFault::Stall,
];

/// Disks that do not.
const LYING: [DiskFault; 4] = [
    DiskFault::BitRot { ppb: HALF / 10 },
    DiskFault::BitRot { ppb: HALF },
    DiskFault::Misdirection { ppb: HALF / 5 },
    DiskFault::Misdirection { ppb: 2 * HALF },
];

/// Sends random requests while the disk of the first replica fails now and then, and it crashes; then heals it.
fn trouble<P: Protocol>(protocol: P, replicas: u32, what: DiskFault, seed: u64) -> Harness {
    let host = HostSettings { restart_after: Span::from_millis(20), ..slow_disks() };
    let mut store = Harness::new(protocol, replicas as usize, &host);
    let mut draws = SplitMix64::new(seed);
    for number in 1..=20 {
        match draws.below(6) {
            0 => store.simulation.begin_disk_fault(FAULT, NodeId(0), what),
            1 => store.simulation.end_disk_fault(FAULT, NodeId(0)),
            2 => store.crash(0, [CrashKeeps::Independent, CrashKeeps::Everything][draws.below(2) as usize]),
            3 => store.restart(0),
            _ => {}
        }
        let request = if draws.chance(HALF) { read() } else { write(number) };
        store.call(draws.below(replicas.into()) as u32, request);
        store.run_for(Span::from_micros(draws.below(30_000)));
    }
    store.simulation.end_disk_fault(FAULT, NodeId(0));
    store.restart(0);
    store.run_for(Span::from_secs(1));
    store
}

/// Trouble after which the first replica serves again.
fn trial<P: Protocol>(protocol: P, replicas: u32, what: DiskFault, seed: u64) -> Vec<Call> {
    let mut store = trouble(protocol, replicas, what, seed);
    store.ask(0, read()).expect("all is healed");
    store.calls
}

#[test]
fn a_store_on_a_disk_that_says_that_it_fails_stays_right() {
    for (what, seed) in HONEST.into_iter().flat_map(|what| (0..12).map(move |seed| (what, seed))) {
        let single = trial(Single::default(), 1, what, seed);
        assert!(is_linearizable(&single), "single, {what:?}, seed {seed}: {single:#?}");
        let register = trial(MajorityRegister::default(), 3, what, seed);
        assert!(is_linearizable(&register), "majority register, {what:?}, seed {seed}: {register:#?}");
        let shards = trial(Transactional::default(), 3, what, seed);
        assert!(is_linearizable(&shards), "transactional, {what:?}, seed {seed}: {shards:#?}");
        // A replica whose disk has failed leaves until somebody restarts it.
        let raft = trouble(Raft::default(), 3, what, seed).calls;
        assert!(is_linearizable(&raft), "raft, {what:?}, seed {seed}: {raft:#?}");
        // It is not linearizable, but serves.
        trial(Quorum::default(), 3, what, seed);
    }
}

#[test]
fn a_store_on_a_disk_that_lies_does_not_panic() {
    let mut wrong = 0;
    for (what, seed) in LYING.into_iter().flat_map(|what| (0..12).map(move |seed| (what, seed))) {
        wrong += u32::from(!is_linearizable(&trial(Single::default(), 1, what, seed)));
        trial(MajorityRegister::default(), 3, what, seed);
        trouble(Raft::default(), 3, what, seed);
        trouble(Transactional::default(), 3, what, seed);
        trouble(Quorum::default(), 3, what, seed);
    }
    assert!(wrong > 0, "it is no wonder that nobody panics where nothing happens");
}
