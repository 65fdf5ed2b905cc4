//! Faults of disks at work.

use super::*;
use crate::host::{DiskAccess, DiskFault, DiskOperation, DiskOutput};

const N0: NodeId = NodeId(0);

/// Appends a sector to its log and syncs it, every 10 ms, four times; then reads it all. Notes what it hears.
const WRITER: Play = |rounds, heard, cx| {
    let file = || "log".to_owned();
    match heard {
        Heard::Start => cx.set_timer(0, ms(10)),
        Heard::Timer(_) if rounds.len() == 4 => {
            cx.disk(DiskOperation::Read { file: file(), offset: 0, length: u64::MAX });
        }
        Heard::Timer(_) => {
            rounds.push(1);
            cx.disk(DiskOperation::Append { file: file(), data: vec![rounds.len() as u8; 512] });
            cx.disk(DiskOperation::Sync { file: file() });
            cx.set_timer(0, ms(10));
        }
        Heard::Disk(Ok(DiskOutput::Data(data))) => {
            let sectors = data.chunks(512).map(|sector| {
                let is_whole = sector.iter().all(|&byte| byte == sector[0]);
                if is_whole { sector[0].to_string() } else { "damaged".to_owned() }
            });
            let sectors = sectors.collect::<Vec<_>>().join(" ");
            cx.note(&sectors);
        }
        Heard::Disk(Err(error)) => cx.note(&format!("{error:?}")),
        _ => {}
    }
};

/// What the writer notes under a fault from one millisecond to another, how much that touched, and which files lie.
fn under(what: DiskFault, (from, to): (u64, u64)) -> (Vec<String>, u64, usize) {
    let mut simulation = stage(1, WRITER);
    let deeds: [Deed<'_>; 2] =
        [(from, &move |s| s.begin_disk_fault(FIRST, N0, what)), (to, &|s| s.end_disk_fault(FIRST, N0))];
    run(&mut simulation, &deeds);
    (story(&simulation, 0, &[Tag::Note]), simulation.touched(FIRST), simulation.disk(N0).damaged().count())
}

const ALL: u64 = 1_000_000_000;

#[test]
fn a_fault_that_ends_before_anything_happens_changes_nothing() {
    for what in [
        DiskFault::BitRot { ppb: ALL },
        DiskFault::Misdirection { ppb: ALL },
        DiskFault::Errors { of: DiskAccess::Both, ppb: ALL },
        DiskFault::FailedSync { ppb: ALL, drops: true },
        DiskFault::Full,
        DiskFault::Slow { factor_ppb: 5 * ALL },
        DiskFault::Stall,
    ] {
        assert_eq!(under(what, (2, 9)), (vec!["50.1ms note 1 2 3 4".to_owned()], 0, 0), "{what:?}");
    }
}

#[test]
fn what_has_rotted_is_found_when_it_is_read_and_stays_so() {
    let (notes, touched, lies) = under(DiskFault::BitRot { ppb: ALL }, (45, 60));
    assert_eq!((notes, touched, lies), (vec!["50.1ms note damaged damaged damaged damaged".to_owned()], 4, 1));
    let (notes, touched, _) = under(DiskFault::BitRot { ppb: ALL / 2 }, (45, 60));
    let rotten = notes[0].matches("damaged").count() as u64;
    assert!(touched == rotten && (1..4).contains(&rotten), "{notes:?}");
}

#[test]
fn misdirected_writes_land_elsewhere() {
    // The third write lands on one of the first two, and where it should be there are zeros.
    let (notes, touched, lies) = under(DiskFault::Misdirection { ppb: ALL }, (25, 35));
    assert!(["50.1ms note 3 2 0 4", "50.1ms note 1 3 0 4"].contains(&notes[0].as_str()), "{notes:?}");
    assert_eq!((touched, lies), (1, 1));
}

#[test]
fn operations_fail_and_change_nothing() {
    let errors = |of| under(DiskFault::Errors { of, ppb: ALL }, (15, 35));
    assert_eq!(errors(DiskAccess::Reads), (vec!["50.1ms note 1 2 3 4".to_owned()], 0, 0));
    for (what, error) in [(DiskFault::Errors { of: DiskAccess::Writes, ppb: ALL }, "Io"), (DiskFault::Full, "Full")] {
        let (notes, touched, lies) = under(what, (15, 35));
        assert_eq!(
            notes,
            [format!("20.02ms note {error}"), format!("30.02ms note {error}"), "50.1ms note 1 4".into()]
        );
        assert_eq!((touched, lies), (2, 0), "a disk that says so does not lie");
    }
}

#[test]
fn a_failed_sync_drops_what_it_should_have_kept_or_leaves_it() {
    let check = |drops, expected: &str| {
        let (notes, touched, lies) = under(DiskFault::FailedSync { ppb: ALL, drops }, (15, 25));
        assert_eq!(notes, ["21.02ms note Io", expected]);
        assert_eq!((touched, lies), (1, 0));
    };
    check(true, "50.1ms note 1 3 4");
    check(false, "50.1ms note 1 2 3 4");
}

#[test]
fn a_slow_disk_takes_longer_and_a_stalled_one_goes_on_where_it_was() {
    let done = |what, span| {
        let mut simulation = stage(1, WRITER);
        let (from, to) = span;
        let deeds: [Deed<'_>; 2] =
            [(from, &move |s| s.begin_disk_fault(FIRST, N0, what)), (to, &|s| s.end_disk_fault(FIRST, N0))];
        run(&mut simulation, &deeds);
        (story(&simulation, 0, &[Tag::Disk])[..4].join(", "), simulation.touched(FIRST))
    };
    assert_eq!(
        done(DiskFault::Slow { factor_ppb: 3 * ALL }, (15, 25)),
        ("10.02ms disk, 11.02ms disk, 20.06ms disk, 23.06ms disk".to_owned(), 2)
    );
    // Stalled in the first sync, of which 20 us are left then, and through the second write.
    assert_eq!(
        done(DiskFault::Stall, (11, 30)),
        ("10.02ms disk, 30.02ms disk, 30.04ms disk, 31.04ms disk".to_owned(), 3)
    );
}

#[test]
fn overlapping_faults_of_one_disk_end_each_for_itself() {
    let mut simulation = stage(1, WRITER);
    let deeds: [Deed<'_>; 4] = [
        (11, &|s| s.begin_disk_fault(FIRST, N0, DiskFault::Stall)),
        (12, &|s| s.begin_disk_fault(SECOND, N0, DiskFault::Stall)),
        (14, &|s| s.end_disk_fault(FIRST, N0)),
        (18, &|s| s.end_disk_fault(SECOND, N0)),
    ];
    run(&mut simulation, &deeds);
    assert_eq!(story(&simulation, 0, &[Tag::Disk])[1], "18.02ms disk");
}

/// Syncs once; then is killed, and reads what its disk holds whenever it starts.
const READER: Play = |_, heard, cx| {
    let file = || "log".to_owned();
    match heard {
        Heard::Start => {
            cx.disk(DiskOperation::Read { file: file(), offset: 0, length: 1 });
            cx.set_timer(0, ms(20));
        }
        Heard::Timer(_) => {
            cx.disk(DiskOperation::Append { file: file(), data: vec![7] });
            cx.disk(DiskOperation::Sync { file: file() });
        }
        Heard::Disk(Ok(DiskOutput::Data(data))) => cx.note(&format!("{} bytes", data.len())),
        Heard::Disk(Err(error)) => cx.note(&format!("{error:?}")),
        _ => {}
    }
};

#[test]
fn a_disk_comes_back_wiped_or_as_it_was_backed_up() {
    let check = |keeps, found: &str, lies: usize| {
        let mut simulation = stage(1, READER);
        let how = CrashSettings { silent: false, keeps };
        let deeds: [Deed<'_>; 4] = [
            (10, &|s| s.back_up_disk(N0)),
            (30, &|s| s.back_up_disk(N0)),
            (35, &move |s| s.crash(FIRST, N0, how)),
            (40, &|s| s.restart(FIRST, N0)),
        ];
        run(&mut simulation, &deeds);
        let notes = story(&simulation, 0, &[Tag::Note]);
        assert_eq!(notes.last().map(String::as_str), Some(format!("40.1ms note {found}").as_str()), "{keeps:?}");
        assert_eq!(simulation.disk(N0).damaged().count(), lies, "{keeps:?}");
    };
    let backup = |at| CrashKeeps::Backup { taken: Time::ZERO + ms(at) };
    check(CrashKeeps::Everything, "1 bytes", 0);
    check(CrashKeeps::Nothing, "1 bytes", 0);
    check(CrashKeeps::Wiped, "NotFound", 1);
    check(backup(10), "NotFound", 1);
    check(backup(30), "1 bytes", 0);
}
