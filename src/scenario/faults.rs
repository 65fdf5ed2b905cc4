//! The `faults` part of a scenario: what breaks, where and when.

mod links;
mod nodes;
mod settings;
mod staged;

use std::sync::Arc;

use crate::fault::{Effect, Fault, Group, NodeEffect, Pattern, Plan, Selector, Shape as Sides, Which};
use crate::host::{CrashKeeps, CrashSettings, CutAt};
use crate::kernel::{Span, Time};

use super::input::{
    Fields, Kind, Shape, Spanned, boolean, count, drift, duration, either, kind, list, name, named, object, one_of,
    positive_duration, ratio, signed_duration,
};
use super::layout::Layout;
use super::problem::{Place, Problem, Problems};
use super::registry::Deployable;
use links::{LinksWhat, LinksWritten};
pub(super) use links::{explicit, explicit_links};
use staged::StagedWhat;
pub(super) use staged::explicit_stages;

/// One fault as written: names are still names.
#[derive(Clone)]
pub(super) struct Written {
    id: Option<Spanned<String>>,
    what: What,
    at: Time,
    lasts: Option<Span>,
    place: Place,
}

#[derive(Clone)]
enum What {
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
enum Where {
    Names(Vec<Spanned<String>>),
    Replicas { of: Spanned<String>, which: Which },
    Zone(Spanned<String>),
}

/// A side of a partition, as written.
#[derive(Clone, Debug)]
enum Side {
    Of(Where),
    Rest,
}

/// When a fault starts, and how long it lasts.
type When = (Time, Option<Span>);

/// The kinds of service, for faults that bring other settings.
type Services = Vec<Kind<Arc<dyn Deployable>>>;

pub(super) fn faults(services: Services) -> Shape<Vec<Option<Written>>> {
    let fault = object(move |fields| {
        let id = fields.maybe("id", "Its name in reports; by default the family and a number.", name().spanned());
        let read = fields.kind("fault", families(&services));
        let mut place = None;
        fields.check(|here, _| place = Some(here.clone()));
        let (what, (at, lasts)) = read?;
        Some(Written { id: id?, what, at, lasts, place: place? })
    });
    list(fault.lenient())
}

fn families(services: &Services) -> Vec<Kind<(What, When)>> {
    let mut families = vec![
        kind("partition", "Cuts the links between groups of nodes, or in one direction only.", object(partition)),
        on_nodes("crash", "Kills processes; each starts again from its disk when the fault ends.", |fields| {
            Some(NodeEffect::Crash(crash(fields)?))
        }),
        kind("restart", "Kills processes and starts them again.", object(restart)),
        on_nodes("pause", "Stops processes for a while, as a long garbage collection does: nothing is lost.", |_| {
            Some(NodeEffect::Pause)
        }),
        on_nodes("clock_offset", "Sets wall clocks wrong for a while.", |fields| {
            let by = fields.required("by", "How far ahead; behind, if negative.", signed_duration());
            Some(NodeEffect::ClockOffset { nanos: by? })
        }),
        on_nodes("clock_drift", "Lets clocks run fast or slow for a while.", |fields| {
            let rate = fields.required("rate", "How fast; slow, if negative.", drift());
            Some(NodeEffect::ClockDrift(rate?))
        }),
        kind(
            "clock_step",
            "Moves wall clocks once.",
            object(|fields| {
                let whom = whom(fields);
                let at = fields.required("at", "When.", duration());
                let by = fields.required("by", "How far forwards; backwards, if negative.", signed_duration());
                Some((
                    What::Nodes { whom: whom?, what: NodeEffect::ClockStep { nanos: by? } },
                    (Time::ZERO + at?, None),
                ))
            }),
        ),
    ];
    families.extend(links::families());
    families.extend(nodes::families());
    families.extend(staged::families(services));
    families.extend(settings::families(services));
    families
}

/// A family that does the same to each of some nodes, for a while.
fn on_nodes(
    name: &str,
    doc: &str,
    effect: impl Fn(&mut Fields<'_>) -> Option<NodeEffect> + Send + Sync + 'static,
) -> Kind<(What, When)> {
    kind(
        name,
        doc,
        object(move |fields| {
            let whom = whom(fields);
            let effect = effect(fields);
            let when = when(fields);
            Some((What::Nodes { whom: whom?, what: effect? }, when?))
        }),
    )
}

fn when(fields: &mut Fields<'_>) -> Option<When> {
    let at = fields.required("at", "When it starts, from the start of the run.", duration());
    let lasts = fields.maybe("for", "How long it lasts; without it, to the end of the run.", positive_duration());
    Some((Time::ZERO + at?, lasts?))
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

fn restart(fields: &mut Fields<'_>) -> Option<(What, When)> {
    let whom = whom(fields);
    let how = crash(fields);
    let at = fields.required("at", "When it is killed.", duration());
    let after = fields.optional("after", "How long until it starts again.", duration(), "0s");
    Some((
        What::Nodes { whom: whom?, what: NodeEffect::Restart { how: how?, after: after? } },
        (Time::ZERO + at?, None),
    ))
}

fn partition(fields: &mut Fields<'_>) -> Option<(What, When)> {
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
    let when = when(fields);
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
        kind("zone", "Everything in a zone.", name().spanned().map(Where::Zone)),
    ]
}

fn of(fields: &mut Fields<'_>) -> Option<Spanned<String>> {
    fields.required("of", "The service.", name().spanned())
}

/// Makes a plan of what was written; unknown names and ids that are taken are problems.
pub(super) fn plan(written: &[Written], layout: &mut Layout, problems: &mut Problems) -> Plan {
    let mut ids = std::collections::BTreeSet::new();
    let mut faults = Vec::new();
    for fault in written {
        let what = match &fault.what {
            What::Nodes { whom, what } => Effect::Nodes { whom: resolve(whom, layout, problems), what: *what },
            What::Groups { groups, cut_at } => {
                let groups = groups.iter().map(|side| group(side, layout, problems)).collect();
                Effect::Partition { shape: Sides::Groups(groups), cut_at: *cut_at }
            }
            What::Staged(what) => what.effect(layout, problems),
            What::Settings { whom, to } => settings::effect(whom, to, layout, problems),
            What::OneWay { from, to, cut_at } => {
                let (from, to) = (group(from, layout, problems), group(to, layout, problems));
                Effect::Partition { shape: Sides::OneWay { from, to }, cut_at: *cut_at }
            }
            What::CutLinks { links, cut_at } => {
                let links = links::selected(links, layout, problems);
                Effect::Partition { shape: Sides::Links(links), cut_at: *cut_at }
            }
            What::Pattern { of, pattern, cut_at } => {
                layout.service(of, problems);
                let shape = Sides::Drawn { of: of.value.clone(), pattern: *pattern };
                Effect::Partition { shape, cut_at: *cut_at }
            }
            What::Links(what) => links::effect(what, layout, problems),
        };
        let id = match &fault.id {
            Some(id) => {
                if !ids.insert(id.value.clone()) {
                    problems.add(Problem::new(&id.place, format!("two faults have the id \"{}\"", id.value)));
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
        if let Some(taken) = what.backup_taken().filter(|&taken| taken >= fault.at) {
            let says = format!("the backup is taken at {taken}, but the fault starts at {}", fault.at);
            problems.add(Problem::new(&fault.place, says).help("take it before"));
        }
        if fault.at + Span::from_nanos(1) > Time::ZERO + layout.duration {
            let says = format!("the fault would start at {}, but the run ends at {}", fault.at, layout.duration);
            problems.add(Problem::new(&fault.place, says).help("move it, or lengthen \"duration\""));
        }
        faults.push(Fault { id, what, at: fault.at, lasts: fault.lasts });
    }
    Plan { faults }
}

/// Whether an id is used, by an earlier fault or by one that names itself so.
fn taken(written: &[Written], ids: &std::collections::BTreeSet<String>, id: &str) -> bool {
    ids.contains(id) || written.iter().filter_map(|fault| fault.id.as_ref()).any(|named| named.value == id)
}

fn group(side: &Side, layout: &Layout, problems: &mut Problems) -> Group {
    match side {
        Side::Rest => Group::Rest,
        Side::Of(whom) => Group::Of(resolve(whom, layout, problems)),
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
