//! Points in the code of nodes where a rare thing may happen: which a scenario switches on, and which there are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::host::{Builder, Simulation};
use crate::kernel::{Span, Time};
use crate::store::RarePoint;

use super::input::{Shape, Spanned, boolean, duration, either, named, object, point_names, ratio};
use super::problem::{Problem, Problems};
use super::registry::{Deployable, Registry};

/// A point that is switched on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Switch {
    pub(super) name: String,
    /// How many of 10^9 passes do the rare thing.
    ppb: u64,
    start: Time,
    stop: Time,
    /// Whether a run says something in which nobody took it.
    may_miss: bool,
}

/// What a file says of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    ppb: u64,
    start: Span,
    stop: Option<Span>,
    may_miss: bool,
}

/// Points by name, each with a ratio or more. Editors are told of those that are `known`.
pub(super) fn points(known: &[RarePoint]) -> Shape<Vec<(Spanned<String>, Written)>> {
    let plain = ratio().map(|ppb| Written { ppb, start: Span::ZERO, stop: None, may_miss: false });
    let settings = object(|fields| {
        let ppb = fields.required("ratio", "How often it does its rare thing when a node comes by.", ratio());
        let start = fields.optional("start", "From here on it is switched on.", duration(), "0s");
        let stop = fields.maybe("stop", "From here on it is not; without it, to the end of the run.", duration());
        let may_miss = fields.optional(
            "may_miss",
            "Whether nobody needs to take it; otherwise somebody has to.",
            boolean(),
            false,
        );
        let (ppb, start, stop, may_miss) = (ppb?, start?, stop?, may_miss?);
        if let Some(stop) = stop.filter(|stop| *stop <= start) {
            fields.refuse("stop", format!("it ends at {stop}, and begins at {start}"));
            return None;
        }
        Some(Written { ppb, start, stop, may_miss })
    });
    let point = named("point", move || either(plain.clone(), settings.clone()));
    point_names(known.iter().map(|point| (point.name.to_owned(), point.doc.to_owned())), point)
}

/// Every point that some kind declares, by name.
pub(super) fn all<'a>(of_kinds: impl IntoIterator<Item = &'a [RarePoint]>) -> Vec<RarePoint> {
    let by_name: BTreeMap<_, _> = of_kinds.into_iter().flatten().map(|point| (point.name, *point)).collect();
    by_name.into_values().collect()
}

/// Gives what is written its meaning: a name has to be declared, if every kind of service declares its points. `services` are
/// none if some are not known.
pub(super) fn switches(
    written: &[(Spanned<String>, Written)],
    services: Option<&[&dyn Deployable]>,
    problems: &mut Problems,
) -> Vec<Switch> {
    let of_kinds = services.unwrap_or_default().iter().map(|service| service.rare_points());
    if of_kinds.len() > 0 && of_kinds.clone().all(|points| !points.is_empty()) {
        let known = all(of_kinds);
        let names = || known.iter().map(|point| point.name);
        for (name, _) in written.iter().filter(|(name, _)| !names().any(|known| known == name.value)) {
            problems.add(Problem::unknown_name(&name.place, "point", &name.value, names().collect::<Vec<_>>()));
        }
    }
    let switch = |(name, written): &(Spanned<String>, Written)| Switch {
        name: name.value.clone(),
        ppb: written.ppb,
        start: Time::ZERO + written.start,
        stop: written.stop.map_or(Time::MAX, |stop| Time::ZERO + stop),
        may_miss: written.may_miss,
    };
    written.iter().map(switch).collect()
}

impl Switch {
    /// Switched on for a while by chaos, so many times in a thousand: what is drawn may miss.
    pub(super) fn drawn(name: &str, permille: u64, start: Span, stop: Span) -> Self {
        let (start, stop) = (Time::ZERO + start, Time::ZERO + stop);
        Self { name: name.to_owned(), ppb: permille * PPB_OF_PERMILLE, start, stop, may_miss: true }
    }

    /// How often, in percent.
    pub(super) fn percentage(&self) -> String {
        let permille = self.ppb / PPB_OF_PERMILLE;
        if permille.is_multiple_of(10) {
            format!("{}%", permille / 10)
        } else {
            format!("{}.{}%", permille / 10, permille % 10)
        }
    }

    /// What a file says of one that was drawn.
    pub(super) fn entry(&self) -> Value {
        json!({
            "ratio": self.percentage(), "start": self.start.to_string(), "stop": self.stop.to_string(), "may_miss": self.may_miss,
        })
    }

    pub(super) fn switch_on(&self, builder: &mut Builder) {
        builder.switch_on_between(&self.name, self.ppb, self.start, self.stop);
    }

    pub(super) const fn has_to_be_taken(&self) -> bool {
        !self.may_miss
    }
}

const PPB_OF_PERMILLE: u64 = 1_000_000;

/// The points that may miss and were never taken: what held was not held against them.
pub(super) fn note(simulation: &Simulation, written: &[Switch]) -> Option<String> {
    let may_miss = |name: &str| !written.iter().any(|switch| switch.name == name && switch.has_to_be_taken());
    let idle: Vec<_> = simulation
        .maybes()
        .filter(|(name, point)| point.taken == 0 && may_miss(name))
        .map(|(name, _)| name)
        .collect();
    (!idle.is_empty()).then(|| format!("Points that were switched on and never taken: {}.", idle.join(", ")))
}

/// The page `docs/points.md`: the points of every kind that declares some.
#[must_use]
pub fn points_page(registry: &Registry) -> String {
    let mut page = String::from(
        "# Points\n\nA point is a place in the code of a kind's nodes where a rare thing may happen \
         (`cx.maybe(\"name\")`), as FoundationDB's BUGGIFY:\nlegal, but seldom met. Printed from the code by `partita list \
         --points`. A scenario switches points on in\n[`maybe`](scenario-format.md#points); \
         [`chaos` and a `swarm`](chaos.md#points) do it on their own. Whatever a kind promises it keeps\nwith any of them \
         switched on, however often; what a ratio near 1 leaves of its availability is another matter.\n",
    );
    for (kind, points) in registry.rare_points().filter(|(_, points)| !points.is_empty()) {
        let _ = write!(page, "\n## `{kind}`\n\n| point | what happens |\n|---|---|\n");
        for RarePoint { name, doc } in points {
            let _ = writeln!(page, "| `{name}` | {doc} |");
        }
    }
    page
}
