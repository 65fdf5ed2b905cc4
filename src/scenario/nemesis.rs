//! The `nemesis` part of a scenario: what makes faults.

use serde_json::{Value, json};

use crate::fault::{Effect, Fault, Keep, Nemesis, PlanError};
use crate::kernel::{Sampler, Span, Streams, Time};

use super::distribution::distribution;
use super::faults::{self, Services, Timing, What, budget, families, keep};
use super::input::{Fields, Shape, Spanned, duration, map, object};
use super::layout::Layout;
use super::problem::{Place, Problem, Problems};

/// A nemesis as written: names are still names.
pub(super) struct Written {
    what: What,
    every: Sampler,
    lasts: Option<Sampler>,
    gap: Option<Sampler>,
    start: Option<Span>,
    stop: Option<Span>,
    keep: Option<Spanned<Keep>>,
    place: Place,
}

/// A nemesis, and what its faults look like in a file.
#[derive(Clone)]
pub(super) struct Generator {
    pub(super) nemesis: Nemesis,
    /// The settings of a fault, without its times.
    settings: Value,
    /// What its faults are said to be of: itself, unless it is a part of something.
    group: String,
}

pub(super) fn nemeses(services: Services) -> Shape<Vec<(Spanned<String>, Option<Written>)>> {
    map(object(move |fields| nemesis(fields, &services)).lenient())
}

fn nemesis(fields: &mut Fields<'_>, services: &Services) -> Option<Written> {
    let every = fields.required(
        "every",
        "From the start of one fault to the start of the next; the first starts so long after \"start\".",
        distribution(),
    );
    let lasts = fields.maybe("for", "How long each lasts; without it, to the end of the run.", distribution());
    let gap = fields.maybe(
        "gap",
        "At least so long passes from the end of one fault to the start of the next; without it they may overlap.",
        distribution(),
    );
    let start =
        fields.maybe("start", "No fault starts before; without it, before the end of the warm-up.", duration());
    let stop = fields.maybe("stop", "No fault starts from here on; without it, to the end of the run.", duration());
    let keep = keep(fields);
    let read = fields.kind("fault", families(Timing::Nemesis, services));
    let mut place = None;
    fields.check(|here, _| place = Some(here.clone()));
    let (what, _) = read?;
    Some(Written {
        what,
        every: every?,
        lasts: lasts?,
        gap: gap?,
        start: start?,
        stop: stop?,
        keep: keep?,
        place: place?,
    })
}

/// Gives the names in nemeses their meaning. `resolved` is how they are written, with every default filled in; `seed` the one
/// under which they are tried, if they are.
pub(super) fn generators(
    written: &[(Spanned<String>, Option<Written>)],
    resolved: &Value,
    (warm_up, seed): (Span, Option<u64>),
    layout: &mut Layout,
    problems: &mut Problems,
) -> Vec<Generator> {
    let mut generators = Vec::new();
    for (name, written) in written {
        if families(Timing::Nemesis, &Services::new()).iter().any(|family| family.name == name.value) {
            let says = format!("\"{}\" is a family of faults, and its faults without an id are named so", name.value);
            problems.add(Problem::new(&name.place, says).help("give the nemesis another name"));
        }
        let Some(written) = written else { continue };
        let before = problems.len();
        let what = written.what.resolve(layout, problems);
        let ends_by_itself = what.ends_by_itself();
        if ends_by_itself && written.lasts.is_some() {
            let says = format!("\"{}\" ends by itself and takes no \"for\"", what.kind());
            problems.add(Problem::new(&written.place, says));
        } else if what.needs_length() && written.lasts.is_none() {
            let says = format!("\"{}\" takes its steps over its length, and has none", what.kind());
            problems.add(Problem::new(&written.place, says).help("say how long its faults last: \"for\""));
        } else if matches!(what, Effect::Staged { .. }) && ends_by_itself && written.gap.is_some() {
            let says = format!("how long \"{}\" takes follows from whom it hits: no gap can follow it", what.kind());
            problems.add(Problem::new(&written.place, says).help("space its faults by \"every\" alone"));
        } else if !ends_by_itself && written.lasts.is_none() && written.gap.is_some() {
            let says = "a gap after a fault that lasts to the end of the run never comes";
            problems.add(Problem::new(&written.place, says).help("say how long its faults last: \"for\""));
        }
        let start = written.start.unwrap_or(warm_up);
        let stop = written.stop.unwrap_or(layout.duration);
        if start >= stop || stop > layout.duration {
            let says = format!("the nemesis starts at {start} and stops at {stop}, in a run of {}", layout.duration);
            problems
                .add(Problem::new(&written.place, says).help("let it start before it stops, within \"duration\""));
        }
        if let Some(taken) = what.backup_taken().filter(|&taken| taken >= Time::ZERO + start) {
            let says = format!("the backup is taken at {taken}, but faults may start at {start}");
            problems.add(Problem::new(&written.place, says).help("take it before \"start\""));
        }
        let keep = budget(written.keep.as_ref(), &what, problems);
        let settings = resolved[name.value.as_str()][what.kind()].clone();
        let nemesis = Nemesis {
            name: name.value.clone(),
            what,
            every: written.every.clone(),
            lasts: written.lasts.clone(),
            gap: written.gap.clone(),
            start: Time::ZERO + start,
            stop: Time::ZERO + stop,
            keep,
        };
        if problems.len() == before {
            check_made(&nemesis, seed, &written.place, layout, problems);
        }
        generators.push(Generator { group: nemesis.name.clone(), nemesis, settings });
    }
    generators
}

/// Reports what is wrong with the faults that a nemesis would make.
fn check_made(nemesis: &Nemesis, seed: Option<u64>, place: &Place, layout: &Layout, problems: &mut Problems) {
    let lasts = nemesis.lasts.as_ref().map(|_| Span::from_nanos(1));
    let fault =
        Fault { keep: nemesis.keep, ..Fault::new(nemesis.name.clone(), nemesis.what.clone(), nemesis.start, lasts) };
    faults::check(&fault, place, layout, problems);
    if let Some(Err(error)) = seed.map(|seed| nemesis.faults(&mut Streams::new(seed))) {
        problems.add(Problem::new(place, error.mistake.to_string()));
    }
}

impl Generator {
    /// Makes it a part of something: of all the faults of that one has to touch something.
    pub(super) fn belongs_to(&mut self, group: &str) {
        group.clone_into(&mut self.group);
    }

    /// Its faults in one run. See [`Nemesis::faults`].
    pub(super) fn faults(&self, streams: &mut Streams) -> Result<Vec<Fault>, PlanError> {
        let mut faults = self.nemesis.faults(streams)?;
        faults.iter_mut().for_each(|fault| fault.nemesis = Some(self.group.clone()));
        Ok(faults)
    }

    /// One of its faults as an entry of `faults`.
    pub(super) fn entry(&self, fault: &Fault) -> Value {
        let mut settings = self.settings.clone();
        settings["at"] = json!(fault.start.instant().map(|at| at.to_string()));
        if let Some(lasts) = fault.lasts {
            settings["for"] = json!(lasts.to_string());
        }
        json!({ "id": fault.id, "nemesis": fault.nemesis, fault.what.kind(): settings })
    }
}
