//! Faults that bring other settings of a service: a wrong configuration, an upgrade.

use std::sync::Arc;

use super::{Services, Timing, What, When, Where, hit, when, whom};
use crate::fault::{Effect, NodeEffect};
use crate::host::NodeId;
use crate::scenario::input::{Fields, Kind, Spanned, kind, named, object};
use crate::scenario::layout::Layout;
use crate::scenario::problem::{Problem, Problems};
use crate::scenario::registry::Deployable;

pub(super) fn families(timing: Timing, services: &Services) -> Vec<Kind<(What, When)>> {
    let services = services.clone();
    let wrong = move |fields: &mut Fields<'_>| {
        let whom = whom(fields);
        let to = other_settings(fields, &services);
        let when = when(fields, timing);
        Some((What::Settings { whom: whom?, to: to? }, when?))
    };
    let doc = "Restarts processes with other settings of their service, and with their own when it ends.";
    vec![kind("wrong_settings", doc, object(wrong))]
}

/// The settings that replace a service's own.
pub(super) fn other_settings(fields: &mut Fields<'_>, services: &Services) -> Option<Spanned<Arc<dyn Deployable>>> {
    let services = services.clone();
    let other = named("settings", move || {
        let services = services.clone();
        object(move |fields| fields.kind("service", services.clone()))
    });
    let other = other.spanned();
    fields.required("to", "The other settings: the same kind of service, and as many replicas.", other)
}

pub(super) fn effect(
    whom: &Where,
    to: &Spanned<Arc<dyn Deployable>>,
    layout: &mut Layout,
    problems: &mut Problems,
) -> Effect {
    // Which settings matters to nobody who is only looked for.
    let whom = hit(whom, NodeEffect::Settings { settings: 0 }, layout, problems);
    let settings = number(&layout.meant_by(&whom), to, layout, problems);
    Effect::Nodes { whom, what: NodeEffect::Settings { settings } }
}

/// The number by which these nodes know these settings. The nodes have to be replicas of one service, of the same kind.
pub(super) fn number(
    nodes: &[NodeId],
    to: &Spanned<Arc<dyn Deployable>>,
    layout: &mut Layout,
    problems: &mut Problems,
) -> u32 {
    let mut refuse = |says: String| problems.add(Problem::new(&to.place, says));
    let mut services: Vec<_> = nodes.iter().filter_map(|&node| layout.service_of(node)).collect();
    services.dedup();
    let [service] = &services[..] else {
        // Names that are wrong were reported already.
        if !services.is_empty() {
            refuse("settings are of one service, and this hits several".to_owned());
        }
        return 0;
    };
    let service = service.to_owned();
    match layout.add_settings(&service, &to.value) {
        Ok(number) => number,
        Err(why) => {
            refuse(format!("\"{service}\" {why}"));
            0
        }
    }
}
