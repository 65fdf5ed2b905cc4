//! The `faults` part of a scenario: what breaks, where and when.

mod links;
mod nodes;
mod settings;
mod staged;

use std::sync::Arc;

use crate::fault::{
    Effect, Fault, Group, Keep, MOST_TURNS, NodeEffect, Pattern, Plan, Program, Selector, Shape as Sides, Stages,
    Which,
};
use crate::host::{CrashKeeps, CrashSettings, CutAt, NodeId};
use crate::kernel::{Span, Time};

use super::input::{
    Fields, Kind, Shape, Spanned, boolean, count, drift, duration, either, kind, list, name, named, object, one_of,
    positive_duration, ratio, signed_duration,
};
use super::layout::Layout;
use super::problem::{Place, Problem, Problems};
use super::registry::Deployable;
use super::trigger::{Begins, begins};
use links::{LinksWhat, LinksWritten};
pub(super) use links::{explicit, explicit_links};
use staged::StagedWhat;
pub(super) use staged::explicit_stages;

/// One fault as written: names are still names.
#[derive(Clone)]
pub(super) struct Written {
    id: Option<Spanned<String>>,
    what: What,
    begins: Begins,
    lasts: Option<Span>,
    may_miss: bool,
    nemesis: Option<String>,
    keep: Option<Spanned<Keep>>,
    place: Place,
}

/// What a fault does, as written: names are still names.
#[derive(Clone)]
pub(super) enum What {
    Nodes { whom: Where, what: NodeEffect },
    Groups { groups: Vec<Side>, cut_at: CutAt },
    OneWay { from: Side, to: Side, cut_at: CutAt },
    CutLinks { links: LinksWritten, cut_at: CutAt },
    Pattern { of: Spanned<String>, pattern: Pattern, cut_at: CutAt },
    Links(LinksWhat),
    Staged(StagedWhat),
    Settings { whom: Where, to: Spanned<Arc<dyn Deployable>> },
}

/// Whom a fault hits, as written.
#[derive(Clone, Debug)]
pub(super) enum Where {
    Names(Vec<Spanned<String>>),
    Replicas { of: Spanned<String>, which: Which },
    Zone(Spanned<String>),
}

/// A side of a partition, as written.
#[derive(Clone, Debug)]
pub(super) enum Side {
    Of(Where),
    Rest,
}

/// When a fault starts, and how long it lasts. Zero and nothing where a nemesis decides.
pub(super) type When = (Begins, Option<Span>);

/// Who says when a fault happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Timing {
    /// The fault itself.
    Own,
    /// The nemesis that makes it.
    Nemesis,
}

/// The kinds of service, for faults that bring other settings.
pub(super) type Services = Vec<Kind<Arc<dyn Deployable>>>;

pub(super) fn faults(services: Services) -> Shape<Vec<Option<Written>>> {
    let fault = object(move |fields| {
        let id = fields.maybe("id", "Its name in reports; by default the family and a number.", name().spanned());
        let may_miss = fields.maybe("may_miss", "Whether it may touch nothing; otherwise it has to.", boolean());
        let nemesis = fields.maybe(
            "nemesis",
            "The nemesis that made it: of all its faults one has to touch something.",
            name(),
        );
        let keep = keep(fields);
        let read = fields.kind("fault", families(Timing::Own, &services));
        let mut place = None;
        fields.check(|here, _| place = Some(here.clone()));
        let (what, (begins, lasts)) = read?;
        let (may_miss, nemesis, keep) = (may_miss?.unwrap_or_default(), nemesis?, keep?);
        Some(Written { id: id?, what, begins, lasts, may_miss, nemesis, keep, place: place? })
    });
    list(fault.lenient())
}

/// The fault budget of a fault or a nemesis.
pub(super) fn keep(fields: &mut Fields<'_>) -> Option<Option<Spanned<Keep>>> {
    fields.maybe(
        "keep",
        "How many replicas of each service are never down, paused or cut off at once; what would take more of them is \
         left out.",
        either(one_of([("majority", Keep::Majority)]), count(1..=u32::MAX).map(Keep::Replicas)).spanned(),
    )
}

/// Every family of faults. Where it is up to the fault, its settings say when it happens.
pub(super) fn families(timing: Timing, services: &Services) -> Vec<Kind<(What, When)>> {
    let on_nodes = |name, doc, effect: fn(&mut Fields<'_>) -> Option<NodeEffect>| on_nodes(timing, name, doc, effect);
    let mut families = vec![
        kind(
            "partition",
            "Cuts the links between groups of nodes, or in one direction only.",
            object(move |fields| partition(fields, timing)),
        ),
        on_nodes("crash", "Kills processes; each starts again from its disk when the fault ends.", |fields| {
            Some(NodeEffect::Crash(crash(fields)?))
        }),
        kind("restart", "Kills processes and starts them again.", object(move |fields| restart(fields, timing))),
        on_nodes("pause", "Stops processes for a while, as a long garbage collection does: nothing is lost.", |_| {
            Some(NodeEffect::Pause)
        }),
        on_nodes("clock_offset", "Sets wall clocks wrong for a while.", |fields| {
            let by = shift(fields, "How far ahead; behind, if negative.");
            Some(NodeEffect::ClockOffset { nanos: by? })
        }),
        on_nodes("clock_drift", "Lets clocks run fast or slow for a while.", |fields| {
            let rate = fields.required("rate", "How fast; slow, if negative.", drift())?;
            if rate.ppb() == 0 {
                fields.refuse("rate", "a drift of nothing changes nothing");
                return None;
            }
            Some(NodeEffect::ClockDrift(rate))
        }),
        kind(
            "clock_step",
            "Moves wall clocks once.",
            object(move |fields| {
                let whom = whom(fields);
                let at = at(fields, timing, "When.");
                let by = shift(fields, "How far forwards; backwards, if negative.");
                Some((What::Nodes { whom: whom?, what: NodeEffect::ClockStep { nanos: by? } }, (at?, None)))
            }),
        ),
    ];
    families.extend(links::families(timing));
    families.extend(nodes::families(timing));
    families.extend(staged::families(timing, services));
    families.extend(settings::families(timing, services));
    families
}

/// By how much a wall clock is moved.
fn shift(fields: &mut Fields<'_>, doc: &str) -> Option<i64> {
    let by = fields.required("by", doc, signed_duration())?;
    if by == 0 {
        fields.refuse("by", "a clock that is moved by nothing shows what it showed");
        return None;
    }
    Some(by)
}

/// A family that does the same to each of some nodes, for a while.
fn on_nodes(
    timing: Timing,
    name: &str,
    doc: &str,
    effect: fn(&mut Fields<'_>) -> Option<NodeEffect>,
) -> Kind<(What, When)> {
    kind(
        name,
        doc,
        object(move |fields| {
            let whom = whom(fields);
            let effect = effect(fields);
            let when = when(fields, timing);
            Some((What::Nodes { whom: whom?, what: effect? }, when?))
        }),
    )
}

const AT: &str = "When it starts: an instant from the start of the run, or what triggers it.";

fn when(fields: &mut Fields<'_>, timing: Timing) -> Option<When> {
    let at = at(fields, timing, AT);
    let lasts = match timing {
        Timing::Own => {
            fields.maybe("for", "How long it lasts; without it, to the end of the run.", positive_duration())
        }
        Timing::Nemesis => Some(None),
    };
    Some((at?, lasts?))
}

fn at(fields: &mut Fields<'_>, timing: Timing, doc: &str) -> Option<Begins> {
    match timing {
        Timing::Own => fields.required("at", doc, begins()),
        Timing::Nemesis => Some(Begins::At(Time::ZERO)),
    }
}

fn whom(fields: &mut Fields<'_>) -> Option<Where> {
    fields.required("where", "Whom it hits.", selector())
}

fn crash(fields: &mut Fields<'_>) -> Option<CrashSettings> {
    let silent = fields.optional(
        "silent",
        "A loss of power: nobody is told. Otherwise the host refuses requests and resets open calls.",
        boolean(),
        false,
    );
    let keeps = fields.optional(
        "disk_keeps",
        "What remains of writes that were not synced: any of their sectors, the first so many, these with the last one \
         torn, none, or everything; or nothing at all of what the disk held; or what a backup held.",
        named("disk_keeps", || either(one_of(KEEPS), object(backup))),
        "some",
    );
    Some(CrashSettings { silent: silent?, keeps: keeps? })
}

const KEEPS: [(&str, CrashKeeps); 6] = [
    ("some", CrashKeeps::Independent),
    ("prefix", CrashKeeps::Prefix { torn: false }),
    ("torn_prefix", CrashKeeps::Prefix { torn: true }),
    ("nothing", CrashKeeps::Nothing),
    ("everything", CrashKeeps::Everything),
    ("wiped", CrashKeeps::Wiped),
];

fn backup(fields: &mut Fields<'_>) -> Option<CrashKeeps> {
    let taken = fields.required("backup", "When the backup was taken that the disk is restored from.", duration());
    Some(CrashKeeps::Backup { taken: Time::ZERO + taken? })
}

fn restart(fields: &mut Fields<'_>, timing: Timing) -> Option<(What, When)> {
    let whom = whom(fields);
    let how = crash(fields);
    let at = at(fields, timing, "When it is killed.");
    let after = fields.optional("after", "How long until it starts again.", duration(), "0s");
    Some((What::Nodes { whom: whom?, what: NodeEffect::Restart { how: how?, after: after? } }, (at?, None)))
}

fn partition(fields: &mut Fields<'_>, timing: Timing) -> Option<(What, When)> {
    let groups = fields.maybe(
        "groups",
        "Nodes of two groups cannot talk; nodes in no group keep all their links.",
        list(side()),
    );
    let from = fields.maybe("from", "Instead of groups: those who are not heard ...", side());
    let to = fields.maybe("to", "... by these, in that direction only.", side());
    let links = fields.maybe("links", "Instead of groups: just these links.", links::links());
    let pattern = fields.maybe(
        "pattern",
        "Instead of groups: the replicas of a service are split by chance.",
        object(|fields| fields.kind("pattern", links::patterns())),
    );
    let cut_at = fields.optional(
        "cut",
        "A message dies if its link is cut when it is sent or when it arrives, or only when it is sent.",
        one_of([("send_and_arrival", CutAt::SendAndArrival), ("send", CutAt::Send)]),
        "send_and_arrival",
    );
    let when = when(fields, timing);
    let (groups, from, to, links, pattern, cut_at) = (groups?, from?, to?, links?, pattern?, cut_at?);
    let what = match (groups, (from, to), links, pattern) {
        (Some(groups), (None, None), None, None) if groups.len() >= 2 => What::Groups { groups, cut_at },
        (Some(_), (None, None), None, None) => {
            fields.refuse("groups", "a partition needs two groups or more");
            return None;
        }
        (None, (Some(from), Some(to)), None, None) => What::OneWay { from, to, cut_at },
        (None, (None, None), Some(links), None) => What::CutLinks { links, cut_at },
        (None, (None, None), None, Some((of, pattern))) => What::Pattern { of, pattern, cut_at },
        _ => {
            let says = "a partition has \"groups\", or \"from\" and \"to\", or \"links\", or a \"pattern\"";
            fields.refuse("groups", says);
            return None;
        }
    };
    Some((what, when?))
}

fn side() -> Shape<Side> {
    either(one_of([("rest", Side::Rest)]), selector().map(Side::Of))
}

fn selector() -> Shape<Where> {
    named("selector", || {
        either(list(name().spanned()).map(Where::Names), object(|fields| fields.kind("selector", selectors())))
    })
}

fn selectors() -> Vec<Kind<Where>> {
    let of = |which: Which| object(move |fields| Some(Where::Replicas { of: of(fields)?, which }));
    vec![
        kind("all", "Every replica of a service.", of(Which::All)),
        kind("one", "One replica, at random.", of(Which::One)),
        kind(
            "count",
            "So many replicas, at random.",
            object(|fields| {
                let of = self::of(fields);
                let n = fields.required("n", "How many.", count(1..=u32::MAX));
                Some(Where::Replicas { of: of?, which: Which::Count(n?) })
            }),
        ),
        kind(
            "share",
            "A share of the replicas, at random, rounded to the nearest number, but at least one.",
            object(|fields| {
                let of = self::of(fields);
                let part = fields.required("part", "Which share.", ratio());
                Some(Where::Replicas { of: of?, which: Which::Share(part?) })
            }),
        ),
        kind("leader", "Whoever leads when the fault starts.", of(Which::Leader)),
        kind("followers", "Everyone but the leader.", of(Which::Followers)),
        kind("minority", "The largest minority, at random.", of(Which::Minority)),
        kind("majority", "The smallest majority, at random.", of(Which::Majority)),
        kind(
            "minority_third",
            "As many, at random, as may be arbitrarily faulty where agreement needs more than three times as many.",
            of(Which::MinorityThird),
        ),
        kind("zone", "Everything in a zone.", name().spanned().map(Where::Zone)),
    ]
}

fn of(fields: &mut Fields<'_>) -> Option<Spanned<String>> {
    fields.required("of", "The service.", name().spanned())
}

/// Makes a plan of what was written; unknown names and ids that are taken are problems. What is named after one of the
/// `nemeses` and a number is theirs.
pub(super) fn plan(written: &[Written], nemeses: &[&str], layout: &mut Layout, problems: &mut Problems) -> Plan {
    let mut ids = std::collections::BTreeSet::new();
    let mut faults = Vec::new();
    for fault in written {
        let before = problems.len();
        let what = fault.what.resolve(layout, problems);
        let id = match &fault.id {
            Some(id) => {
                if !ids.insert(id.value.clone()) {
                    problems.add(Problem::new(&id.place, format!("two faults have the id \"{}\"", id.value)));
                }
                if let Some(nemesis) = nemeses.iter().find(|nemesis| is_of(&id.value, nemesis)) {
                    let says = format!("a fault of the nemesis \"{nemesis}\" may have the id \"{}\"", id.value);
                    problems.add(Problem::new(&id.place, says));
                }
                id.value.clone()
            }
            None => {
                let free = (1u32..).map(|n| format!("{}-{n}", what.kind())).find(|id| !taken(written, &ids, id));
                let id = free.unwrap_or_default();
                ids.insert(id.clone());
                id
            }
        };
        let start = fault.begins.resolve(layout, problems);
        match (what.backup_taken(), start.instant()) {
            (Some(taken), Some(at)) if taken >= at => {
                let says = format!("the backup is taken at {taken}, but the fault starts at {at}");
                problems.add(Problem::new(&fault.place, says).help("take it before"));
            }
            (Some(_), None) => {
                let says =
                    "a fault that restores a backup cannot wait for a trigger, which may come before the backup";
                problems.add(Problem::new(&fault.place, says).help("let it start at an instant"));
            }
            _ => {}
        }
        if let Some(at) = start.instant().filter(|&at| at >= Time::ZERO + layout.duration) {
            let says = format!("the fault would start at {at}, but the run ends at {}", layout.duration);
            problems.add(Problem::new(&fault.place, says).help("move it, or lengthen \"duration\""));
        }
        let keep = budget(fault.keep.as_ref(), &what, problems);
        let (may_miss, nemesis) = (fault.may_miss, fault.nemesis.clone());
        let planned = Fault { id, what, start, lasts: fault.lasts, may_miss, nemesis, keep };
        if problems.len() == before {
            check(&planned, &fault.place, layout, problems);
        }
        faults.push(planned);
    }
    Plan { faults }
}

/// Reports what is wrong with a fault although each of its parts reads well.
pub(super) fn check(fault: &Fault, place: &Place, layout: &Layout, problems: &mut Problems) {
    if let (true, Err(mistake)) = (layout.is_whole(), crate::fault::check(fault, layout)) {
        problems.add(Problem::new(place, mistake.to_string()));
    }
    let Effect::Staged { program: Program::ClockStrobe { period, .. }, stages: Stages::Drawn(_) } = &fault.what
    else {
        return;
    };
    let lasts = fault.lasts.unwrap_or_default().min(layout.duration);
    if lasts.as_nanos() / period.as_nanos().max(1) / 2 > MOST_TURNS {
        let says = format!("clocks would jump more than {MOST_TURNS} times: every {period} for {lasts}");
        problems.add(Problem::new(place, says).help("lengthen \"period\", or shorten \"for\""));
    }
}

/// The budget of a fault, which has to be one that takes replicas out.
pub(super) fn budget(keep: Option<&Spanned<Keep>>, what: &Effect, problems: &mut Problems) -> Option<Keep> {
    let keep = keep?;
    if !what.takes_out() {
        let says = format!("\"keep\" is of faults that stop nodes or cut them off; \"{}\" does not", what.kind());
        problems.add(Problem::new(&keep.place, says));
    }
    Some(keep.value)
}

/// Whether an id is used, by an earlier fault or by one that names itself so.
fn taken(written: &[Written], ids: &std::collections::BTreeSet<String>, id: &str) -> bool {
    ids.contains(id) || written.iter().filter_map(|fault| fault.id.as_ref()).any(|named| named.value == id)
}

/// Whether a nemesis of this name may give a fault this id.
fn is_of(id: &str, nemesis: &str) -> bool {
    let number = id.strip_prefix(nemesis).and_then(|rest| rest.strip_prefix('-'));
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

impl What {
    /// With its names resolved; unknown ones are problems.
    pub(super) fn resolve(&self, layout: &mut Layout, problems: &mut Problems) -> Effect {
        match self {
            Self::Nodes { whom, what } => Effect::Nodes { whom: hit(whom, *what, layout, problems), what: *what },
            Self::Groups { groups, cut_at } => {
                let groups = groups.iter().map(|side| group(side, layout, problems)).collect();
                Effect::Partition { shape: Sides::Groups(groups), cut_at: *cut_at }
            }
            Self::OneWay { from, to, cut_at } => {
                let (from, to) = (group(from, layout, problems), group(to, layout, problems));
                Effect::Partition { shape: Sides::OneWay { from, to }, cut_at: *cut_at }
            }
            Self::CutLinks { links, cut_at } => {
                let links = links::selected(links, layout, problems);
                Effect::Partition { shape: Sides::Links(links), cut_at: *cut_at }
            }
            Self::Pattern { of, pattern, cut_at } => {
                layout.service(of, problems);
                let shape = Sides::Drawn { of: of.value.clone(), pattern: *pattern };
                Effect::Partition { shape, cut_at: *cut_at }
            }
            Self::Links(what) => links::effect(what, layout, problems),
            Self::Staged(what) => what.effect(layout, problems),
            Self::Settings { whom, to } => settings::effect(whom, to, layout, problems),
        }
    }
}

fn group(side: &Side, layout: &Layout, problems: &mut Problems) -> Group {
    match side {
        Side::Rest => Group::Rest,
        Side::Of(whom) => Group::Of(resolve(whom, layout, problems)),
    }
}

/// Whom an effect on nodes hits. A client that is named has to be one that it can hit.
fn hit(whom: &Where, what: NodeEffect, layout: &Layout, problems: &mut Problems) -> Selector {
    let is_client = |node: &NodeId| layout.service_of(*node).is_none();
    match (whom, resolve(whom, layout, problems)) {
        (Where::Zone(_), Selector::Nodes(nodes)) if what.spares_clients_of_zones() => {
            Selector::Nodes(nodes.into_iter().filter(|node| !is_client(node)).collect())
        }
        (Where::Names(names), selector) if what.needs_process() => {
            for name in names.iter().filter(|name| layout.is_client(&name.value)) {
                let says = format!("\"{}\" is a client: it has neither a disk nor a replica's process", name.value);
                let help = "clients can crash, stand still, have wrong clocks, or be cut off";
                problems.add(Problem::new(&name.place, says).help(help));
            }
            selector
        }
        (_, selector) => selector,
    }
}

fn resolve(whom: &Where, layout: &Layout, problems: &mut Problems) -> Selector {
    match whom {
        Where::Names(names) => Selector::Nodes(names.iter().filter_map(|name| layout.node(name, problems)).collect()),
        Where::Replicas { of, which } => {
            layout.service(of, problems);
            Selector::Replicas { of: of.value.clone(), which: *which }
        }
        Where::Zone(zone) => Selector::Nodes(layout.nodes_in(zone, problems)),
    }
}
