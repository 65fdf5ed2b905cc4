//! Disks that lie: what damage does, and what it leaves alone.

use super::*;

#[test]
fn rot_flips_one_bit_until_the_sector_is_written_again() {
    let mut disk = disk_after(&[append("a", &[0; 600]), sync("a"), append("b", b"1")]);
    assert!(!disk.rot("a", 2, 0) && !disk.rot("b", 0, 0) && !disk.rot("x", 0, 0), "nothing is there");
    assert!(disk.rot("a", 1, 8 * 88 + 3));
    let mut rotten = [0; 600];
    rotten[512] = 0b1000;
    assert_eq!(files(&disk)["a"], rotten);
    assert_eq!(disk.lies(), ["a"]);
    disk.apply(&write_at("a", 512, &[0])).expect("there is room");
    assert_eq!(disk.lies(), ["a"], "the disk does not know yet");
    disk.apply(&sync("a")).expect("there is such a file");
    assert!(disk.lies().is_empty());
}

#[test]
fn misdirected_sectors_lie_until_both_are_written_again() {
    let mut disk = disk_after(&[append("a", &[1; 2 * SECTOR]), sync("a"), write_at("a", 0, &[2; SECTOR])]);
    assert_eq!(disk.sync_astray("a", &mut || Some(0)), 1);
    let (one, two) = ([1; SECTOR], [2; SECTOR]);
    assert_eq!(files(&disk)["a"], [one, two].concat(), "the old content stays, and the other sector is gone");
    assert_eq!(disk.lies(), ["a"]);
    disk.apply(&write_at("a", 0, &[2; SECTOR])).expect("there is room");
    disk.apply(&write_at("a", SECTOR_BYTES, &one)).expect("there is room");
    disk.apply(&sync("a")).expect("there is such a file");
    assert!(disk.lies().is_empty());
}

/// Damage of any kind: a word of chance decides which.
fn damage(disk: &mut Disk, draw: u64) {
    let mut draws = draws(draw);
    let file = ["a", "b", "c"][(draw % 3) as usize];
    match draw / 3 % 6 {
        0 => drop(disk.rot(file, draws() % 4, draws())),
        1 => drop(disk.sync_astray(file, &mut || Some(draws()).filter(|draw| draw >> 63 == 1))),
        2 => drop(disk.drop_unsynced(file)),
        3 => disk.back_up(Time::ZERO),
        4 => drop(disk.crash(CrashKeeps::Wiped, &mut draws)),
        _ => drop(disk.crash(CrashKeeps::Backup { taken: Time::ZERO }, &mut draws)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done to a disk, its parts agree: what it says it holds it can read, and its bytes are counted right.
    #[test]
    fn a_damaged_disk_is_still_a_disk(steps in several(prop_oneof![
        3 => operation().prop_map(Ok), 1 => any::<u64>().prop_map(Err),
    ])) {
        let mut disk = Disk::new(CAPACITY);
        for step in steps {
            match step {
                Ok(operation) => drop(disk.apply(&operation)),
                Err(draw) => damage(&mut disk, draw),
            }
            let held: usize = files(&disk).values().map(Vec::len).sum();
            prop_assert_eq!(held as u64, disk.bytes_used());
            let (after, _) = crashed(&disk, CrashKeeps::Everything, 0);
            prop_assert_eq!(files(&after), files(&disk));
            let (after, _) = crashed(&disk, CrashKeeps::Wiped, 0);
            prop_assert_eq!(files(&after), Files::new());
        }
    }

    /// A disk that nothing is done to but dropping what failed to sync never lies.
    #[test]
    fn an_honest_disk_does_not_lie(steps in several(prop_oneof![
        6 => operation().prop_map(Some), 1 => Just(None),
    ])) {
        let mut disk = Disk::new(CAPACITY);
        for step in steps {
            match step {
                Some(operation) => drop(disk.apply(&operation)),
                None => drop(disk.drop_unsynced("a")),
            }
            prop_assert!(disk.lies().is_empty());
        }
    }
}
