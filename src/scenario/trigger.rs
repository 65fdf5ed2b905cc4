//! When a fault starts, as written: an instant, or what triggers it.

use crate::fault::{Start, Trigger};
use crate::host::Sign;
use crate::kernel::Time;

use super::input::{Fields, Kind, Shape, Spanned, count, duration, either, kind, name, named, object, text};
use super::layout::Layout;
use super::problem::Problems;

/// The start of a fault as written: names are still names.
#[derive(Clone, Debug)]
pub(super) enum Begins {
    At(Time),
    When { sign: Sign, of: Option<Spanned<String>>, times: u64 },
}

/// An instant, or a trigger.
pub(super) fn begins() -> Shape<Begins> {
    named("start", || {
        let instant = duration().map(|at| Begins::At(Time::ZERO + at));
        either(instant, object(|fields| fields.kind("trigger", triggers())))
    })
}

fn triggers() -> Vec<Kind<Begins>> {
    vec![
        kind(
            "leader",
            "When a replica becomes the leader.",
            object(|fields| at_replica(fields, |_| Some(Sign::Role("leader".to_owned())))),
        ),
        kind(
            "role",
            "When a replica takes on a role.",
            object(|fields| {
                let role = |fields: &mut Fields<'_>| fields.required("role", "The role.", text()).map(Sign::Role);
                at_replica(fields, role)
            }),
        ),
        kind(
            "message",
            "When a replica begins to handle a message of a kind.",
            object(|fields| {
                let kind = |fields: &mut Fields<'_>| fields.required("kind", "The kind.", text()).map(Sign::Message);
                at_replica(fields, kind)
            }),
        ),
        kind(
            "notes",
            "When a replica notes something.",
            object(|fields| {
                let note =
                    |fields: &mut Fields<'_>| fields.required("text", "What it notes.", text()).map(Sign::Note);
                at_replica(fields, note)
            }),
        ),
        kind(
            "reached",
            "When a replica reaches a rare path that has a name.",
            object(|fields| {
                let path = |fields: &mut Fields<'_>| fields.required("path", "Its name.", text()).map(Sign::Reached);
                at_replica(fields, path)
            }),
        ),
        kind(
            "acknowledged",
            "When clients have learned so many answers: yes, or a definite no.",
            object(|fields| {
                let times = fields.required("operations", "How many.", count(1..=u64::MAX));
                Some(Begins::When { sign: Sign::Acknowledgement, of: None, times: times? })
            }),
        ),
    ]
}

fn at_replica(fields: &mut Fields<'_>, sign: impl FnOnce(&mut Fields<'_>) -> Option<Sign>) -> Option<Begins> {
    let of = fields.required("of", "The service.", name().spanned());
    let sign = sign(fields);
    let nth = fields.optional("nth", "Which time, counted from 1.", count(1..=u64::MAX), 1);
    Some(Begins::When { sign: sign?, of: Some(of?), times: nth? })
}

impl Begins {
    /// With its service resolved; an unknown one is a problem. Nothing is triggered when operations start no more.
    pub(super) fn resolve(&self, layout: &Layout, problems: &mut Problems) -> Start {
        match self {
            Self::At(at) => Start::At(*at),
            Self::When { sign, of, times } => {
                if let Some(of) = of {
                    layout.service(of, problems);
                }
                let of = of.as_ref().map(|of| of.value.clone());
                Start::When(Trigger { sign: sign.clone(), of, times: *times, until: Time::ZERO + layout.duration })
            }
        }
    }
}
