//! Faults with a timetable, as a scenario file writes them, and as a resolved one does.

use std::sync::Arc;

use serde_json::{Value, json};

use super::settings::other_settings;
use super::{AT, Services, Timing, What, When, Where, at, crash, hit, selector};
use crate::fault::{Effect, NodeEffect, Program, Stage, Stages};
use crate::host::{CrashSettings, NodeId};
use crate::kernel::Span;
use crate::scenario::distribution::distribution;
use crate::scenario::input::{Fields, Kind, Spanned, duration, kind, list, name, object, positive_duration, ratio};
use crate::scenario::layout::Layout;
use crate::scenario::problem::Problems;
use crate::scenario::registry::Deployable;

/// A fault with a timetable, as written.
#[derive(Clone)]
pub(in crate::scenario) struct StagedWhat {
    stages: StagesWritten,
    program: Programme,
}

#[derive(Clone)]
enum StagesWritten {
    Drawn(Where),
    Explicit(Vec<(Spanned<String>, Span, Span)>),
}

#[derive(Clone)]
enum Programme {
    Ready(Program),
    Upgrade { how: CrashSettings, to: Spanned<Arc<dyn Deployable>>, down: Span, gap: Span },
}

pub(super) fn families(timing: Timing, services: &Services) -> Vec<Kind<(What, When)>> {
    vec![
        staged(
            timing,
            "pauses",
            "Stops processes again and again, each by itself, as garbage collection does.",
            |fields| {
                let gap = fields.required("every", "How long it runs before each pause.", distribution());
                let length = fields.required("length", "How long each pause is.", distribution());
                Some(Programme::Ready(Program::Pauses { gap: gap?, length: length? }))
            },
        ),
        staged(timing, "crash_loop", "Kills processes again and again, each by itself.", |fields| {
            let how = crash(fields);
            let up = fields.required("up", "How long it is up each time.", distribution());
            let down = fields.required("down", "How long it is down.", distribution());
            Some(Programme::Ready(Program::CrashLoop { how: how?, up: up?, down: down? }))
        }),
        staged(
            timing,
            "correlated_crash",
            "Kills processes for one cause: some of them, soon after each other.",
            |fields| {
                let how = crash(fields);
                let likelihood = fields.required("likelihood", "How likely each is hit.", ratio());
                let within = fields.required("within", "How soon: at a random instant up to this.", duration());
                let (likelihood_ppb, within) = (likelihood?, within?);
                Some(Programme::Ready(Program::CorrelatedCrash { how: how?, likelihood_ppb, within }))
            },
        ),
        staged(timing, "clock_strobe", "Lets wall clocks jump ahead and back, again and again.", |fields| {
            let by = super::shift(fields, "How far ahead; behind, if negative.");
            let period = fields.required("period", "How long until each jump.", positive_duration());
            Some(Programme::Ready(Program::ClockStrobe { nanos: by?, period: period? }))
        }),
        rolling(timing, "rolling_restart", "Restarts processes one after the other.", |fields| {
            let (how, (down, gap)) = (crash(fields), pace(fields));
            Some(Programme::Ready(Program::RollingRestart { how: how?, down: down?, gap: gap? }))
        }),
        rolling(
            timing,
            "rolling_upgrade",
            "Restarts processes one after the other, with other settings of their service.",
            {
                let services = services.clone();
                move |fields| {
                    let (how, (down, gap)) = (crash(fields), pace(fields));
                    let to = other_settings(fields, &services);
                    Some(Programme::Upgrade { how: how?, to: to?, down: down?, gap: gap? })
                }
            },
        ),
    ]
}

fn pace(fields: &mut Fields<'_>) -> (Option<Span>, Option<Span>) {
    let down = fields.optional("down", "How long each is down.", duration(), "0s");
    let gap = fields.optional("every", "How long after one is back it is the next one's turn.", duration(), "1s");
    (down, gap)
}

/// A family that lasts as long as it is told.
fn staged(
    timing: Timing,
    name: &str,
    doc: &str,
    program: impl Fn(&mut Fields<'_>) -> Option<Programme> + Send + Sync + 'static,
) -> Kind<(What, When)> {
    let lasts = move |fields: &mut Fields<'_>| match timing {
        Timing::Own => fields.required("for", "How long it lasts.", positive_duration()).map(Some),
        Timing::Nemesis => Some(None),
    };
    family(timing, name, doc, program, lasts)
}

/// A family that is over when it has been everybody's turn.
fn rolling(
    timing: Timing,
    name: &str,
    doc: &str,
    program: impl Fn(&mut Fields<'_>) -> Option<Programme> + Send + Sync + 'static,
) -> Kind<(What, When)> {
    family(timing, name, doc, program, |_| Some(None))
}

fn family(
    timing: Timing,
    name: &str,
    doc: &str,
    program: impl Fn(&mut Fields<'_>) -> Option<Programme> + Send + Sync + 'static,
    lasts: impl Fn(&mut Fields<'_>) -> Option<Option<Span>> + Send + Sync + 'static,
) -> Kind<(What, When)> {
    let read = move |fields: &mut Fields<'_>| {
        let (stages, program) = (stages(fields), program(fields));
        let (at, lasts) = (at(fields, timing, AT), lasts(fields));
        Some((What::Staged(StagedWhat { stages: stages?, program: program? }), (at?, lasts?)))
    };
    kind(name, doc, object(read))
}

fn stages(fields: &mut Fields<'_>) -> Option<StagesWritten> {
    let whom = fields.maybe("where", "Whom it hits.", selector());
    let steps = fields.maybe("steps", "Instead: whose turn it is, and when.", list(object(step)));
    match (whom?, steps?) {
        (Some(whom), None) => Some(StagesWritten::Drawn(whom)),
        (None, Some(steps)) => Some(StagesWritten::Explicit(steps)),
        _ => {
            fields.refuse("where", "it has either \"where\" or \"steps\"");
            None
        }
    }
}

fn step(fields: &mut Fields<'_>) -> Option<(Spanned<String>, Span, Span)> {
    let node = fields.required("node", "Whose turn it is.", name().spanned());
    let from = fields.required("from", "When it begins, from the start of the fault.", duration());
    let until = fields.required("until", "When it ends, from the start of the fault.", positive_duration());
    let (node, from, until) = (node?, from?, until?);
    if until <= from {
        fields.refuse("until", "it has to end after it begins");
        return None;
    }
    Some((node, from, until))
}

impl StagedWhat {
    pub(super) fn effect(&self, layout: &mut Layout, problems: &mut Problems) -> Effect {
        let what = match &self.program {
            Programme::Ready(program) => program.effect(),
            &Programme::Upgrade { how, .. } => NodeEffect::Upgrade { how, settings: 0 },
        };
        let stages = match &self.stages {
            StagesWritten::Drawn(whom) => Stages::Drawn(hit(whom, what, layout, problems)),
            StagesWritten::Explicit(steps) => {
                let stage = |(node, from, until): &(Spanned<String>, Span, Span)| {
                    let node = layout.node(node, problems)?;
                    Some(Stage { node, from: *from, until: *until })
                };
                Stages::Explicit(steps.iter().filter_map(stage).collect())
            }
        };
        let program = match &self.program {
            Programme::Ready(program) => program.clone(),
            &Programme::Upgrade { how, ref to, down, gap } => {
                let nodes = match &stages {
                    Stages::Drawn(selector) => layout.meant_by(selector),
                    Stages::Explicit(stages) => stages.iter().map(|stage| stage.node).collect(),
                };
                let settings = super::settings::number(&nodes, to, layout, problems);
                Program::RollingUpgrade { how, settings, down, gap }
            }
        };
        Effect::Staged { stages, program }
    }
}

/// The fields of a resolved fault that has started: its timetable.
pub(in crate::scenario) fn explicit_stages(
    stages: &Stages,
    name: &dyn Fn(NodeId) -> String,
) -> Vec<(&'static str, Option<Value>)> {
    let Stages::Explicit(stages) = stages else { return Vec::new() };
    let step = |&Stage { node, from, until }: &Stage| json!({ "node": name(node), "from": from.to_string(), "until": until.to_string() });
    vec![("where", None), ("steps", Some(stages.iter().map(step).collect()))]
}
