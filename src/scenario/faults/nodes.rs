//! Faults of nodes as a scenario file writes them: slowness, disks, clocks, processes.

use super::{Timing, What, When, on_nodes};
use crate::fault::NodeEffect;
use crate::host::{DiskAccess, DiskFault, MemoryLimit, PanicOn, PlantedPanic};
use crate::kernel::Span;
use crate::scenario::distribution::weight_ppb;
use crate::scenario::input::{
    Fields, Kind, Shape, boolean, count, duration, number, one_of, positive_duration, ratio, size,
};

pub(super) fn families(timing: Timing) -> Vec<Kind<(What, When)>> {
    let on_nodes = |name, doc, effect: fn(&mut Fields<'_>) -> Option<NodeEffect>| on_nodes(timing, name, doc, effect);
    let mut families = vec![
        on_nodes("slow", "Machines work, but slowly: a gray failure.", slow),
        on_nodes("clock_sync_loss", "Keeps hosts from their time servers.", |_| Some(NodeEffect::ClockSyncLoss)),
        on_nodes("clock_bound", "Lets wall clocks claim a bound for their error, true or not.", |fields| {
            let bound = fields.required("bound", "The bound.", duration());
            Some(NodeEffect::ClockBound { bound: bound? })
        }),
        on_nodes("panic", "Plants a bug: processes die at some of what they handle.", panic),
        on_nodes("memory_limit", "Kills processes that hold too much.", |fields| {
            let bytes = fields.required("limit", "How much a process may hold, by its own word.", size());
            let after = restart_after(fields);
            Some(NodeEffect::MemoryLimit(MemoryLimit { bytes: bytes?, after: after? }))
        }),
    ];
    families.extend(disks(timing));
    families
}

fn disks(timing: Timing) -> [Kind<(What, When)>; 7] {
    let on_nodes = |name, doc, effect: fn(&mut Fields<'_>) -> Option<NodeEffect>| on_nodes(timing, name, doc, effect);
    [
        on_nodes(
            "bit_rot",
            "Sectors are found to have rotted when they are read: a bit of each is flipped for good.",
            |fields| disk(Some(DiskFault::BitRot { ppb: share(fields, "Which share of the sectors.")? })),
        ),
        on_nodes("misdirected_writes", "Sectors are written in the place of others.", {
            |fields| disk(Some(DiskFault::Misdirection { ppb: share(fields, "Which share of the sectors.")? }))
        }),
        on_nodes("disk_errors", "Disk operations fail and change nothing.", |fields| {
            let of = fields.optional(
                "of",
                "Which operations.",
                one_of([("reads", DiskAccess::Reads), ("writes", DiskAccess::Writes), ("both", DiskAccess::Both)]),
                "both",
            );
            let ppb = share(fields, "Which share of them.");
            disk(Some(DiskFault::Errors { of: of?, ppb: ppb? }))
        }),
        on_nodes("failed_sync", "Syncs fail.", |fields| {
            let ppb = share(fields, "Which share of them.");
            let drops = fields.optional(
                "drops",
                "Whether the page cache drops what should have become durable. Otherwise it stays there, and another \
                 sync may still make it durable.",
                boolean(),
                true,
            );
            disk(Some(DiskFault::FailedSync { ppb: ppb?, drops: drops? }))
        }),
        on_nodes("disk_full", "No file can grow.", |_| disk(Some(DiskFault::Full))),
        on_nodes("disk_slow", "Disk operations take longer.", |fields| {
            let factor = fields.required("factor", "How many times as long.", factor());
            let factor_ppb = factor?;
            if factor_ppb == NO_LONGER {
                fields.refuse("factor", "a disk that takes as long as before is not slow");
                return None;
            }
            disk(Some(DiskFault::Slow { factor_ppb }))
        }),
        on_nodes("disk_stall", "Disks do nothing; what they were to do, they do afterwards.", |_| {
            disk(Some(DiskFault::Stall))
        }),
    ]
}

fn disk(what: Option<DiskFault>) -> Option<NodeEffect> {
    Some(NodeEffect::Disk(what?))
}

fn share(fields: &mut Fields<'_>, doc: &str) -> Option<u64> {
    fields.optional("share", doc, ratio(), 1)
}

/// How many times as long something takes, in billionths.
fn factor() -> Shape<u64> {
    number(1.0..=1e6).map(weight_ppb)
}

fn slow(fields: &mut Fields<'_>) -> Option<NodeEffect> {
    let cpu = fields.optional("cpu", "How many times as long work takes.", factor(), 1);
    let disk = fields.optional("disk", "How many times as long disk operations take.", factor(), 1);
    let network = fields.optional("network", "How many times as long its messages take, to and fro.", factor(), 1);
    let (cpu_ppb, disk_ppb, network_ppb) = (cpu?, disk?, network?);
    if [cpu_ppb, disk_ppb, network_ppb] == [NO_LONGER; 3] {
        fields.refuse("cpu", "nothing is slower: say by how much \"cpu\", \"disk\" or \"network\" is");
        return None;
    }
    Some(NodeEffect::Slow { cpu_ppb, disk_ppb, network_ppb })
}

/// As long as without the fault.
const NO_LONGER: u64 = 1_000_000_000;

fn restart_after(fields: &mut Fields<'_>) -> Option<Span> {
    fields.optional("after", "After how long a process is started again.", positive_duration(), "1s")
}

fn panic(fields: &mut Fields<'_>) -> Option<NodeEffect> {
    let on = fields.optional(
        "on",
        "What it is handling then.",
        one_of([
            ("anything", PanicOn::Anything),
            ("start", PanicOn::Start),
            ("message", PanicOn::Message),
            ("request", PanicOn::Request),
            ("timer", PanicOn::Timer),
            ("disk", PanicOn::Disk),
        ]),
        "anything",
    );
    let nth = fields.optional("nth", "At which of these, and at every so many-th after it.", count(1..=u32::MAX), 1);
    let times = fields.optional("times", "How often each process dies at most.", count(1..=u32::MAX), 1);
    let after = restart_after(fields);
    Some(NodeEffect::Panic(PlantedPanic { on: on?, nth: nth?, times: times?, after: after? }))
}
