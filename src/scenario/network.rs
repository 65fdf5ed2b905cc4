//! The `hosts` and `network` parts of a scenario: zones, placement, and how links behave.

use crate::check::BILLION;
use crate::host::{ClockSync, DiskTiming, Drift, HostSettings, Link, MOST_ZONES};
use crate::kernel::{Sampler, Span};

use super::distribution::distribution;
use super::input::{
    Fields, Shape, Spanned, bandwidth, boolean, count, drift, duration, list, map, name, non_empty_list, object,
    positive_duration, ratio, size,
};

/// Where things are.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    pub(super) zones: Vec<Spanned<String>>,
    /// Zones by service; replica `n` lives in the `n`-th, starting again when there are more replicas.
    pub(super) placement: Vec<(Spanned<String>, Vec<Spanned<String>>)>,
}

pub(super) fn hosts() -> Shape<Hosts> {
    object(|fields| {
        let zones =
            fields.optional("zones", "The zones (racks, data centres) by name.", map(object(|_| Some(()))), empty());
        let placement = fields.optional(
            "placement",
            "Zones by service: replicas take them in turn. A service that is not named lives in the first zone.",
            map(non_empty_list(name().spanned())),
            empty(),
        );
        if zones.as_ref().is_some_and(|zones| zones.len() > MOST_ZONES) {
            fields.refuse("zones", format!("there are at most {MOST_ZONES} zones"));
            return None;
        }
        Some(Hosts { zones: zones?.into_iter().map(|(zone, ())| zone).collect(), placement: placement? })
    })
}

pub(super) fn empty() -> serde_json::Value {
    serde_json::json!({})
}

/// How links behave: what is not said here is as in the settings that this refines.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkChanges {
    latency: Option<Sampler>,
    loss: Option<u64>,
    duplication: Option<u64>,
    corruption: Option<u64>,
    checksums: Option<bool>,
    authenticated: Option<bool>,
    fifo: Option<bool>,
    bandwidth: Option<u64>,
    queue: Option<Span>,
}

impl LinkChanges {
    pub(super) fn applied_to(&self, base: &Link) -> Link {
        let mut link = base.clone();
        if let Some(latency) = &self.latency {
            link.latency = latency.clone();
        }
        link.loss_ppb = self.loss.unwrap_or(link.loss_ppb);
        link.duplication_ppb = self.duplication.unwrap_or(link.duplication_ppb);
        link.corruption_ppb = self.corruption.unwrap_or(link.corruption_ppb);
        link.checksums = self.checksums.unwrap_or(link.checksums);
        link.authenticated = self.authenticated.unwrap_or(link.authenticated);
        link.fifo = self.fifo.unwrap_or(link.fifo);
        link.bandwidth = self.bandwidth.or(link.bandwidth);
        link.queue = self.queue.unwrap_or(link.queue);
        link
    }
}

fn changes(fields: &mut Fields<'_>) -> Option<LinkChanges> {
    let latency = fields.maybe("latency", "One-way delay of a message.", distribution());
    let loss = fields.maybe("loss", "Which share of the messages is lost.", ratio());
    let duplication = fields.maybe("duplication", "Which share arrives twice.", ratio());
    let corruption = fields.maybe("corruption", "Which share is damaged on the way.", ratio());
    let checksums = fields.maybe("checksums", "Whether damage is found, so that the message is dropped.", boolean());
    let authenticated = fields.maybe(
        "authenticated",
        "Whether both ends prove who they are and what they said, so that a forged message is found, and dropped.",
        boolean(),
    );
    let fifo = fields.maybe("fifo", "Whether messages of one link arrive in the order of sending.", boolean());
    let bandwidth =
        fields.maybe("bandwidth", "How much one link carries; without it there is no limit.", bandwidth());
    let queue =
        fields.maybe("queue", "The longest wait for the bandwidth; messages beyond it are dropped.", duration());
    Some(LinkChanges {
        latency: latency?,
        loss: loss?,
        duplication: duplication?,
        corruption: corruption?,
        checksums: checksums?,
        authenticated: authenticated?,
        fifo: fifo?,
        bandwidth: bandwidth?,
        queue: queue?,
    })
}

/// The `network` of a scenario.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    pub(super) base: LinkChanges,
    /// Both directions between two zones, or within one if it is named twice.
    pub(super) between: Vec<([Spanned<String>; 2], LinkChanges)>,
    /// One link in one direction, by the names of its nodes.
    pub(super) links: Vec<(Spanned<String>, Spanned<String>, LinkChanges)>,
}

pub(super) fn network() -> Shape<Network> {
    object(|fields| {
        let base = changes(fields);
        let between = fields.optional(
            "between",
            "Other settings for links between two zones, or within one; the rest is as for all links.",
            list(object(between)),
            serde_json::json!([]),
        );
        let links = fields.optional(
            "links",
            "Other settings for single links, in one direction; the rest is as for all links.",
            list(object(link)),
            serde_json::json!([]),
        );
        Some(Network { base: base?, between: between?, links: links? })
    })
}

fn between(fields: &mut Fields<'_>) -> Option<([Spanned<String>; 2], LinkChanges)> {
    let two = |zones: Vec<Spanned<String>>| <[_; 2]>::try_from(zones).map_err(|_| "name two zones".to_owned());
    let zones = fields.required("zones", "Two zones, or one twice.", list(name().spanned()).try_map(two));
    let changes = changes(fields);
    Some((zones?, changes?))
}

fn link(fields: &mut Fields<'_>) -> Option<(Spanned<String>, Spanned<String>, LinkChanges)> {
    let from = fields.required("from", "The sender.", name().spanned());
    let to = fields.required("to", "The receiver.", name().spanned());
    let changes = changes(fields);
    Some((from?, to?, changes?))
}

/// The machines that a service runs on.
pub(super) fn machine() -> Shape<HostSettings> {
    object(|fields| {
        let cores = fields.optional("cores", "How many events a replica works on at once.", count(1..=1_024), 1);
        let cpu =
            fields.optional("cpu", "What each event costs, besides what the protocol charges.", duration(), "0s");
        let send_cpu = fields.optional(
            "send_cpu",
            "What each message and each part of a call costs that it sends to another node, besides.",
            duration(),
            "0s",
        );
        let speed = fields.optional("speed", "How fast it works: 0.5 takes twice as long.", ratio(), 1);
        let queue = fields.maybe(
            "queue",
            "How many events may wait while it is busy; messages beyond are dropped.",
            count(1..=u32::MAX),
        );
        let disk = fields.optional("disk", "Its disk.", object(disk), empty());
        let clock_error = fields.optional(
            "clock_error",
            "By how much its wall clock believes to be wrong at most.",
            duration(),
            "0s",
        );
        let clock_drift = fields.optional(
            "clock_drift",
            "By how much its oscillator is wrong at most; each machine draws its own drift, either way.",
            drift().try_map(|drift| match drift.ppb() {
                0..1_000_000_000 => Ok(drift),
                _ => Err("it is from 0 to less than 100%".to_owned()),
            }),
            "0ppb",
        );
        let clock_sync =
            fields.maybe("clock_sync", "How it keeps its clocks right; without it, not at all.", object(clock_sync));
        let restart_after = fields.optional(
            "restart_after",
            "After how long a process that has ended itself, because it cannot go on, is started again.",
            positive_duration(),
            "1s",
        );
        let speed = speed?;
        if speed == 0 {
            fields.refuse("speed", "a machine that never gets anything done; pause it by a fault instead");
            return None;
        }
        let (timing, capacity) = disk?;
        Some(HostSettings {
            cores: cores?,
            cpu: cpu?,
            send_cpu: send_cpu?,
            slowness_ppb: u64::try_from(u128::from(BILLION).pow(2).div_ceil(u128::from(speed))).unwrap_or(u64::MAX),
            queue: queue?.unwrap_or(u32::MAX),
            disk: timing,
            disk_capacity: capacity,
            clock_error_bound: clock_error?,
            clock_drift: clock_drift?,
            clock_sync: clock_sync?,
            restart_after: restart_after?,
        })
    })
}

fn clock_sync(fields: &mut Fields<'_>) -> Option<ClockSync> {
    let poll = fields.optional("poll", "How often it asks a server what time it is.", positive_duration(), "64s");
    let error = fields.optional("error", "By how much what it learns is wrong at most.", duration(), "1ms");
    let above_zero = |drift: Drift| if drift.ppb() > 0 { Ok(drift) } else { Err("it must be above zero".to_owned()) };
    let slew = fields.optional(
        "slew",
        "How much faster or slower its clocks run to make up for a difference.",
        drift().try_map(above_zero),
        "500ppm",
    );
    let step_threshold = fields.optional(
        "step_threshold",
        "A difference above this is made up for at once, by a step of the wall clock.",
        duration(),
        "128ms",
    );
    Some(ClockSync { poll: poll?, error: error?, slew: slew?, step_threshold: step_threshold? })
}

fn disk(fields: &mut Fields<'_>) -> Option<(DiskTiming, u64)> {
    let read = fields.optional("read", "How long a read takes.", distribution(), "100us");
    let write = fields.optional("write", "How long a write into the cache takes.", distribution(), "20us");
    let sync = fields.optional("sync", "How long it takes to make writes durable.", distribution(), "1ms");
    let capacity = fields.optional("capacity", "How much it holds.", size(), "1GiB");
    Some((DiskTiming { read: read?, write: write?, sync: sync? }, capacity?))
}
