mod damage;

use super::*;
use proptest::prelude::*;

type Files = BTreeMap<String, Vec<u8>>;

const SECTOR: usize = SECTOR_BYTES as usize;

/// A small disk, so that it fills up.
const CAPACITY: u64 = 6_000;

fn append(file: &str, data: &[u8]) -> DiskOperation {
    DiskOperation::Append { file: file.into(), data: data.into() }
}

fn write_at(file: &str, offset: u64, data: &[u8]) -> DiskOperation {
    DiskOperation::WriteAt { file: file.into(), offset, data: data.into() }
}

fn truncate(file: &str, length: u64) -> DiskOperation {
    DiskOperation::Truncate { file: file.into(), length }
}

fn read(file: &str) -> DiskOperation {
    DiskOperation::Read { file: file.into(), offset: 0, length: u64::MAX }
}

fn sync(file: &str) -> DiskOperation {
    DiskOperation::Sync { file: file.into() }
}

fn rename(from: &str, to: &str) -> DiskOperation {
    DiskOperation::Rename { from: from.into(), to: to.into() }
}

fn remove(file: &str) -> DiskOperation {
    DiskOperation::Remove { file: file.into() }
}

/// A disk after operations that all succeed.
fn disk_after(operations: &[DiskOperation]) -> Disk {
    let mut disk = Disk::new(CAPACITY);
    for operation in operations {
        disk.apply(operation).expect("the operation succeeds");
    }
    disk
}

/// What a process finds on the disk.
fn files(disk: &Disk) -> Files {
    let mut disk = disk.clone();
    let Ok(DiskOutput::Files(names)) = disk.apply(&DiskOperation::List) else { panic!("a list lists") };
    let mut content = |name: &String| match disk.apply(&read(name)) {
        Ok(DiskOutput::Data(data)) => data,
        other => panic!("{name} is listed, but reading it gives {other:?}"),
    };
    names.iter().map(|name| (name.clone(), content(name))).collect()
}

/// Makes everything durable; a file of its own sees to the names where no other file is left.
fn sync_all(disk: &mut Disk) {
    disk.apply(&append("marker", b"")).expect("an empty file fits");
    for name in files(disk).keys() {
        disk.apply(&sync(name)).expect("a listed file syncs");
    }
}

/// SplitMix64.
fn draws(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn crashed(disk: &Disk, keeps: CrashKeeps, seed: u64) -> (Disk, CrashLoss) {
    let mut disk = disk.clone();
    let loss = disk.crash(keeps, &mut draws(seed));
    (disk, loss)
}

const MODES: [CrashKeeps; 4] = [
    CrashKeeps::Nothing,
    CrashKeeps::Prefix { torn: false },
    CrashKeeps::Prefix { torn: true },
    CrashKeeps::Independent,
];

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(String::from)
}

fn position() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0u64..3_000, 1 => Just(LARGEST_FILE), 1 => Just(u64::MAX)]
}

/// Writes are told apart by their bytes: no two have many in common.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |length| prop::collection::vec(1u8.., length);
    prop_oneof![1 => bytes(0..=0), 3 => bytes(1..=20), 2 => bytes(400..=1_600)]
}

fn write() -> impl Strategy<Value = DiskOperation> {
    prop_oneof![
        (name(), data()).prop_map(|(file, data)| DiskOperation::Append { file, data }),
        (name(), position(), data()).prop_map(|(file, offset, data)| DiskOperation::WriteAt { file, offset, data }),
    ]
}

fn unsynced_operation() -> impl Strategy<Value = DiskOperation> {
    prop_oneof![
        5 => write(),
        1 => (name(), position()).prop_map(|(file, length)| DiskOperation::Truncate { file, length }),
        1 => (name(), name()).prop_map(|(from, to)| DiskOperation::Rename { from, to }),
        1 => name().prop_map(|file| DiskOperation::Remove { file }),
    ]
}

fn operation() -> impl Strategy<Value = DiskOperation> {
    prop_oneof![
        6 => unsynced_operation(),
        2 => name().prop_map(|file| DiskOperation::Sync { file }),
        1 => (name(), position(), position())
            .prop_map(|(file, offset, length)| DiskOperation::Read { file, offset, length }),
        1 => Just(DiskOperation::List),
    ]
}

fn several<S: Strategy>(one: S) -> impl Strategy<Value = Vec<S::Value>> {
    prop::collection::vec(one, 0..25)
}

/// The naive disk: it copies what a sync makes durable, and knows no single changes.
#[derive(Default)]
struct Oracle {
    names: BTreeMap<String, usize>,
    contents: Vec<Vec<u8>>,
    durable_names: BTreeMap<String, usize>,
    durable_contents: BTreeMap<usize, Vec<u8>>,
}

impl Oracle {
    fn apply(&mut self, operation: &DiskOperation) -> DiskResult {
        let find = |name: &String| self.names.get(name).copied().ok_or(DiskError::NotFound);
        match operation {
            DiskOperation::Append { file, data } => {
                let offset = find(file).map_or(0, |id| self.contents[id].len()) as u64;
                self.write(file, offset, data)?;
                return Ok(DiskOutput::Appended { offset });
            }
            DiskOperation::WriteAt { file, offset, data } => self.write(file, *offset, data)?,
            DiskOperation::Truncate { file, length } => {
                let id = find(file)?;
                self.check_room(self.contents[id].len() as u64, *length)?;
                self.contents[id].resize(*length as usize, 0);
            }
            DiskOperation::Read { file, offset, length } => {
                let bytes = self.contents[find(file)?].iter().enumerate();
                let wanted = |i: usize| i as u64 >= *offset && i as u64 - *offset < *length;
                return Ok(DiskOutput::Data(bytes.filter(|(i, _)| wanted(*i)).map(|(_, byte)| *byte).collect()));
            }
            DiskOperation::Sync { file } => {
                let id = find(file)?;
                self.durable_contents.insert(id, self.contents[id].clone());
                self.durable_names.clone_from(&self.names);
            }
            DiskOperation::Rename { from, to } => {
                let id = find(from)?;
                self.names.remove(from);
                self.names.insert(to.clone(), id);
            }
            DiskOperation::Remove { file } => {
                find(file)?;
                self.names.remove(file);
            }
            DiskOperation::List => return Ok(DiskOutput::Files(self.names.keys().cloned().collect())),
        }
        Ok(DiskOutput::Done)
    }

    fn write(&mut self, name: &str, offset: u64, data: &[u8]) -> Result<(), DiskError> {
        let length = self.names.get(name).map_or(0, |&id| self.contents[id].len()) as u64;
        let end = offset.saturating_add(data.len() as u64);
        if !data.is_empty() && end > length {
            self.check_room(length, end)?;
        }
        let id = *self.names.entry(name.to_owned()).or_insert_with(|| {
            self.contents.push(Vec::new());
            self.contents.len() - 1
        });
        let content = &mut self.contents[id];
        for (i, byte) in data.iter().enumerate() {
            let at = offset as usize + i;
            content.resize(content.len().max(at + 1), 0);
            content[at] = *byte;
        }
        Ok(())
    }

    fn check_room(&self, old: u64, new: u64) -> Result<(), DiskError> {
        let used: u64 = self.names.values().map(|&id| self.contents[id].len() as u64).sum();
        match new {
            _ if new > LARGEST_FILE => Err(DiskError::TooLarge),
            _ if new > old && used - old + new > CAPACITY => Err(DiskError::Full),
            _ => Ok(()),
        }
    }

    fn crash(&mut self) {
        self.names.clone_from(&self.durable_names);
        for (id, content) in self.contents.iter_mut().enumerate() {
            *content = self.durable_contents.get(&id).cloned().unwrap_or_default();
        }
    }

    fn files(&self) -> Files {
        self.names.iter().map(|(name, &id)| (name.clone(), self.contents[id].clone())).collect()
    }
}

/// What a file holds in a sector, filled up with zeros.
fn sector_of(files: &Files, name: &str, sector: usize) -> [u8; SECTOR] {
    let mut bytes = [0; SECTOR];
    let content = files.get(name).map_or(&[][..], |content| content.get(sector * SECTOR..).unwrap_or_default());
    let length = content.len().min(SECTOR);
    bytes[..length].copy_from_slice(&content[..length]);
    bytes
}

/// Which files an operation may change.
fn touched(operation: &DiskOperation) -> Vec<&String> {
    match operation {
        DiskOperation::Append { file, .. }
        | DiskOperation::WriteAt { file, .. }
        | DiskOperation::Truncate { file, .. }
        | DiskOperation::Remove { file } => vec![file],
        DiskOperation::Rename { from, to } => vec![from, to],
        DiskOperation::Read { .. } | DiskOperation::Sync { .. } | DiskOperation::List => vec![],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_disk_agrees_with_the_naive_one(lives in prop::collection::vec(several(operation()), 1..4)) {
        let (mut disk, mut oracle) = (Disk::new(CAPACITY), Oracle::default());
        for operations in lives {
            for operation in &operations {
                prop_assert_eq!(disk.apply(operation), oracle.apply(operation), "{:?}", operation);
                prop_assert_eq!(disk.bytes_used(), files(&disk).values().map(|data| data.len() as u64).sum::<u64>());
            }
            prop_assert_eq!(files(&disk), oracle.files());
            disk.crash(CrashKeeps::Nothing, &mut draws(0));
            oracle.crash();
            prop_assert_eq!(files(&disk), oracle.files(), "after the crash");
            prop_assert_eq!(disk.unsynced_bytes(), 0);
        }
    }

    #[test]
    fn a_crash_that_keeps_everything_changes_nothing(operations in several(operation())) {
        let mut disk = Disk::new(CAPACITY);
        operations.iter().for_each(|operation| drop(disk.apply(operation)));
        for keeps in &MODES[1..] {
            let mut lucky = disk.clone();
            let loss = lucky.crash(*keeps, &mut || u64::MAX);
            prop_assert_eq!(files(&lucky), files(&disk));
            prop_assert_eq!(loss, CrashLoss::default());
            prop_assert_eq!(lucky.crash(CrashKeeps::Nothing, &mut || 0), CrashLoss::default(), "all is durable now");
        }
    }

    #[test]
    fn a_prefix_is_a_moment_of_the_past(
        synced in several(operation()), unsynced in several(unsynced_operation()), seed: u64,
    ) {
        let mut disk = Disk::new(CAPACITY);
        synced.iter().for_each(|operation| drop(disk.apply(operation)));
        sync_all(&mut disk);
        let mut moments = vec![files(&disk)];
        for operation in &unsynced {
            let before = files(&disk);
            let _ = disk.apply(operation);
            // A file is made before it is written.
            let made = files(&disk).into_keys().find(|name| !before.contains_key(name));
            let made = made.filter(|_| !matches!(operation, DiskOperation::Rename { .. }));
            moments.extend(made.map(|name| before.into_iter().chain([(name, Vec::new())]).collect()));
            moments.push(files(&disk));
        }
        let (left, _) = crashed(&disk, CrashKeeps::Prefix { torn: false }, seed);
        prop_assert!(moments.contains(&files(&left)));
    }

    #[test]
    fn every_sector_is_as_it_was_at_some_moment(
        synced in several(operation()), unsynced in several(write()), seed: u64,
    ) {
        let mut disk = Disk::new(CAPACITY);
        synced.iter().for_each(|operation| drop(disk.apply(operation)));
        sync_all(&mut disk);
        let mut moments = vec![files(&disk)];
        for operation in &unsynced {
            let _ = disk.apply(operation);
            moments.push(files(&disk));
        }
        for keeps in MODES {
            let left = files(&crashed(&disk, keeps, seed).0);
            for name in moments[0].keys() {
                prop_assert!(left[name].len() >= moments[0][name].len(), "{} lost synced bytes", name);
            }
            for (name, content) in &left {
                for sector in 0..content.len().div_ceil(SECTOR) {
                    let now = sector_of(&left, name, sector);
                    prop_assert!(moments.iter().any(|moment| sector_of(moment, name, sector) == now));
                }
            }
        }
    }

    #[test]
    fn what_was_synced_and_not_touched_since_survives(operations in several(operation()), seed: u64) {
        let mut disk = Disk::new(CAPACITY);
        let mut safe = Files::new();
        for operation in &operations {
            if disk.apply(operation).is_ok() {
                touched(operation).into_iter().for_each(|name| drop(safe.remove(name)));
                if let DiskOperation::Sync { file } = operation {
                    safe.insert(file.clone(), files(&disk)[file].clone());
                }
            }
        }
        for keeps in MODES {
            let left = files(&crashed(&disk, keeps, seed).0);
            for (name, content) in &safe {
                prop_assert_eq!(left.get(name), Some(content), "{:?}", keeps);
            }
        }
    }

    #[test]
    fn equal_draws_give_equal_disks(operations in several(operation()), seed: u64) {
        let mut disk = Disk::new(CAPACITY);
        operations.iter().for_each(|operation| drop(disk.apply(operation)));
        for keeps in MODES {
            prop_assert_eq!(crashed(&disk, keeps, seed), crashed(&disk, keeps, seed));
        }
    }

    #[test]
    fn a_crash_accounts_for_every_byte(appends in several((name(), data())), seed: u64) {
        let mut disk = Disk::new(CAPACITY);
        appends.iter().for_each(|(file, data)| drop(disk.apply(&append(file, data))));
        let used = disk.bytes_used();
        prop_assert_eq!(disk.unsynced_bytes(), used);
        for keeps in MODES {
            let (left, loss) = crashed(&disk, keeps, seed);
            let kept = files(&left).values().flatten().filter(|byte| **byte != 0).count() as u64;
            prop_assert_eq!(loss.bytes_lost, used - kept, "{:?}", keeps);
            prop_assert_eq!(loss == CrashLoss::default(), files(&left) == files(&disk));
        }
    }

    #[test]
    fn rot_is_the_only_lie(
        operations in several(operation()), later in several(operation()), flip: (u64, u64), seed: u64,
    ) {
        let mut honest = Disk::new(CAPACITY);
        operations.iter().for_each(|operation| drop(honest.apply(operation)));
        let mut rotten = honest.clone();
        prop_assert!(honest.lies().is_empty());
        let rotted = rotten.rot("a", flip.0 % 4, flip.1);
        prop_assert_eq!(rotten.lies().len(), usize::from(rotted));
        for operation in &later {
            let (told, truth) = (rotten.apply(operation), honest.apply(operation));
            prop_assert_eq!(told.as_ref().err(), truth.as_ref().err());
        }
        for keeps in MODES {
            let (honest, rotten) = (crashed(&honest, keeps, seed).0, crashed(&rotten, keeps, seed).0);
            let (truth, told) = (files(&honest), files(&rotten));
            prop_assert!(truth.keys().eq(told.keys()));
            let differ: Vec<_> = truth.keys().filter(|name| truth[*name] != told[*name]).collect();
            prop_assert_eq!(rotten.lies(), differ, "the pristine copy is the honest disk");
        }
    }
}

/// What is left of `operations` over many crashes, without repetition.
fn outcomes(operations: &[DiskOperation], keeps: CrashKeeps) -> BTreeSet<Files> {
    let disk = disk_after(operations);
    (0..200).map(|seed| files(&crashed(&disk, keeps, seed).0)).collect()
}

fn expected<const N: usize>(outcomes: [&[(&str, &[u8])]; N]) -> BTreeSet<Files> {
    let files = |files: &[(&str, &[u8])]| files.iter().map(|(name, data)| ((*name).into(), data.to_vec())).collect();
    outcomes.into_iter().map(files).collect()
}

#[test]
fn a_prefix_ends_after_any_change() {
    let operations = [append("a", b"1"), sync("a"), append("a", b"2"), append("b", b"3"), append("a", b"4")];
    let found = outcomes(&operations, CrashKeeps::Prefix { torn: false });
    assert_eq!(
        found,
        expected([
            &[("a", b"1")],
            &[("a", b"12")],
            &[("a", b"12"), ("b", b"")],
            &[("a", b"12"), ("b", b"3")],
            &[("a", b"124"), ("b", b"3")],
        ])
    );
}

#[test]
fn a_torn_write_ends_at_a_sector() {
    let data = [7; 2 * SECTOR + 10];
    let operations = [append("a", b""), sync("a"), append("a", &data)];
    let lengths = |keeps| outcomes(&operations, keeps).iter().map(|files| files["a"].len()).collect::<Vec<_>>();
    assert_eq!(lengths(CrashKeeps::Prefix { torn: false }), [0, data.len()]);
    assert_eq!(lengths(CrashKeeps::Prefix { torn: true }), [0, SECTOR, 2 * SECTOR, data.len()]);
    let mut draws = [u64::MAX, 0].into_iter();
    let mut disk = disk_after(&operations);
    disk.crash(CrashKeeps::Prefix { torn: true }, &mut || draws.next().expect("two draws"));
    assert_eq!(files(&disk)["a"].len(), SECTOR, "all changes survive, of the last one the first sector");
}

#[test]
fn a_sector_survives_with_what_was_cut_from_it() {
    let operations = [append("a", &[1; 600]), sync("a"), truncate("a", 2), write_at("a", 2, &[7])];
    let mut draws = [0, 0, u64::MAX].into_iter();
    let mut disk = disk_after(&operations);
    disk.crash(CrashKeeps::Independent, &mut || draws.next().expect("for names, truncation and write"));
    let mut left = vec![1; 600];
    left[2..SECTOR].fill(0);
    left[2] = 7;
    assert_eq!(files(&disk)["a"], left, "the truncation is lost, but not what it did to the sector");
}

#[test]
fn writes_to_a_removed_file_are_forgotten_with_it() {
    let mut disk = disk_after(&[append("a", b"123"), sync("a"), append("a", b"45"), append("b", b""), remove("a")]);
    assert_eq!(disk.unsynced_bytes(), 2, "the removal may be lost");
    disk.apply(&sync("b")).expect("there is such a file");
    assert_eq!(disk.unsynced_bytes(), 0);
}

#[test]
fn independent_sectors_survive_each_without_the_others() {
    let data = [7; 2 * SECTOR];
    let operations = [append("a", &[1; 2 * SECTOR]), sync("a"), write_at("a", 0, &data)];
    let found = outcomes(&operations, CrashKeeps::Independent);
    let ends: BTreeSet<_> = found.iter().map(|files| (files["a"][0], files["a"][2 * SECTOR - 1])).collect();
    assert_eq!(ends, BTreeSet::from([(1, 1), (1, 7), (7, 1), (7, 7)]));
}

#[test]
fn a_record_never_survives_without_the_earlier_one_in_its_sector() {
    let operations = [append("a", b""), sync("a"), append("a", b"first "), append("a", b"second")];
    let found = outcomes(&operations, CrashKeeps::Independent);
    assert_eq!(found, expected([&[("a", b"")], &[("a", b"first ")], &[("a", b"first second")]]));
}

#[test]
fn a_rename_of_a_synced_file_is_atomic() {
    let operations = [append("a", b"old"), sync("a"), append("new", b"new"), sync("new"), rename("new", "a")];
    for keeps in &MODES[1..] {
        assert_eq!(outcomes(&operations, *keeps), expected([&[("a", b"old"), ("new", b"new")], &[("a", b"new")]]));
    }
    assert_eq!(outcomes(&operations, CrashKeeps::Nothing), expected([&[("a", b"old"), ("new", b"new")]]));
}

#[test]
fn a_file_renamed_before_it_was_synced_may_come_back_empty() {
    let operations = [append("a", b"old"), sync("a"), append("new", b"new"), rename("new", "a")];
    let found = outcomes(&operations, CrashKeeps::Independent);
    assert!(found.is_superset(&expected([&[("a", b"")], &[("a", b"new")], &[("a", b"old")]])));
}

#[test]
fn a_sync_of_any_file_makes_all_names_durable() {
    let mut operations = vec![append("a", b"1"), sync("a"), append("b", b"2"), rename("a", "c"), append("c", b"3")];
    let check = |operations: &[DiskOperation], left: &[(&str, &[u8])]| {
        assert_eq!(outcomes(operations, CrashKeeps::Nothing), expected([left]));
    };
    check(&operations, &[("a", b"1")]);
    operations.push(sync("b"));
    check(&operations, &[("b", b"2"), ("c", b"1")]);
    operations.extend([remove("b"), sync("c")]);
    check(&operations, &[("c", b"13")]);
}

#[test]
fn a_crash_says_what_it_took() {
    let check = |operations: &[DiskOperation], lost: u64, torn: u64, bytes: u64, survives: &[u64]| {
        let mut draws = survives.iter().map(|&bit| bit << 63);
        let loss =
            disk_after(operations).crash(CrashKeeps::Independent, &mut || draws.next().expect("not so many draws"));
        assert_eq!(loss, CrashLoss { changes_lost: lost, writes_torn: torn, bytes_lost: bytes, files_replaced: 0 });
    };
    let long = [7; SECTOR + 100];
    // The first draw is for the changes of names.
    check(&[append("a", b"123"), sync("a")], 0, 0, 0, &[0]);
    check(&[append("a", b"123")], 2, 0, 3, &[0, 1]);
    check(&[append("a", b"123")], 1, 0, 3, &[1, 0]);
    check(&[append("a", b""), sync("a"), append("a", &long)], 0, 1, 100, &[0, 1, 0]);
    check(&[append("a", b""), sync("a"), append("a", &long)], 1, 0, SECTOR as u64 + 100, &[0, 0, 0]);
    // The second write carries the first, which shares its sector.
    check(&[append("a", b""), sync("a"), append("a", b"1"), append("a", b"23")], 0, 0, 0, &[0, 0, 1]);
    check(&[append("a", b"123"), sync("a"), truncate("a", 1)], 1, 0, 0, &[0, 0]);
    // Nobody misses the content of a file that was removed.
    check(&[append("a", b""), sync("a"), append("a", b"1"), remove("a")], 1, 0, 0, &[0, 0]);
}

#[test]
fn what_does_not_fit_fails_without_effect() {
    let check = |operation: &DiskOperation, error| {
        let mut disk = disk_after(&[append("a", &[1; 100])]);
        let before = disk.clone();
        assert_eq!(disk.apply(operation), Err(error), "{operation:?}");
        assert_eq!(disk, before);
    };
    check(&append("b", &[0; CAPACITY as usize]), DiskError::Full);
    check(&write_at("b", CAPACITY, b"1"), DiskError::Full);
    check(&write_at("b", 1 << 40, b"1"), DiskError::TooLarge);
    check(&write_at("a", u64::MAX, b"1"), DiskError::TooLarge);
    check(&truncate("a", CAPACITY + 1), DiskError::Full);
    check(&truncate("a", u64::MAX), DiskError::TooLarge);
    for operation in [truncate("x", 0), read("x"), sync("x"), rename("x", "a"), remove("x")] {
        check(&operation, DiskError::NotFound);
    }
}
