//! Faults of links as a scenario file writes them, and as a resolved one does.

use serde_json::{Value, json};

use super::{Begins, Timing, What, When, Where, at, resolve, selector, when};
use crate::fault::{Clogging, Effect, LinkEffect, LinkSelector, Pattern, Selector, Swizzle};
use crate::host::{BurstLoss, ConnectionFault, LinkFault, MessageDeed, MessageFault, NodeId, OldPlace};
use crate::kernel::{Sampler, Span, Time};
use crate::scenario::distribution::{distribution, weight_ppb};
use crate::scenario::input::{
    Fields, Kind, Shape, Spanned, bandwidth, boolean, count, duration, either, kind, list, name, named, number,
    object, one_of, positive_duration, ratio, text,
};
use crate::scenario::layout::Layout;
use crate::scenario::problem::Problems;

/// Which links, as written.
#[derive(Clone, Debug)]
pub(in crate::scenario) enum LinksWritten {
    All,
    /// Whoever is left out is everyone.
    Pairs(Vec<(Option<Where>, Option<Where>)>),
    Between(Where, Where),
    Among(Where),
    Of(Where),
}

/// What a fault does to links, as written.
#[derive(Clone, Debug)]
pub(in crate::scenario) enum LinksWhat {
    Disturb { links: LinksWritten, what: LinkFault },
    Flap { links: LinksWritten, down: Span, up: Span },
    SwizzleAmong(Where),
    Swizzle(Vec<(Spanned<String>, Span, Span)>),
    StaleName { links: LinksWritten, old_place: OldPlaceWritten },
    Message { from: Spanned<String>, to: Spanned<String>, kind: Option<String>, nth: u64, deed: MessageDeed },
}

/// What is where a node was, as written.
#[derive(Clone, Debug)]
pub(in crate::scenario) enum OldPlaceWritten {
    Empty,
    Host,
    Taken(Spanned<String>),
}

/// A set of links.
pub(in crate::scenario) fn links() -> Shape<LinksWritten> {
    named("links", || {
        let some = either(list(object(pair)).map(LinksWritten::Pairs), object(some_links));
        either(one_of([("all", LinksWritten::All)]), some)
    })
}

fn pair(fields: &mut Fields<'_>) -> Option<(Option<Where>, Option<Where>)> {
    let from = fields.maybe("from", "The senders; everyone, if left out.", selector());
    let to = fields.maybe("to", "The receivers; everyone, if left out.", selector());
    Some((from?, to?))
}

fn some_links(fields: &mut Fields<'_>) -> Option<LinksWritten> {
    let two = |sides: Vec<Where>| <[Where; 2]>::try_from(sides).map_err(|_| "name two sides".to_owned());
    let pair = pair(fields);
    let between = fields.maybe(
        "between",
        "Instead: two selectors; the links between them, in both directions.",
        list(selector()).try_map(two),
    );
    let among = fields.maybe("among", "Instead: the links among these.", selector());
    let of = fields.maybe("of", "Instead: every link that starts or ends at one of these.", selector());
    match (pair?, between?, among?, of?) {
        (pair @ ((Some(_), _) | (_, Some(_))), None, None, None) => Some(LinksWritten::Pairs(vec![pair])),
        ((None, None), Some([one, other]), None, None) => Some(LinksWritten::Between(one, other)),
        ((None, None), None, Some(nodes), None) => Some(LinksWritten::Among(nodes)),
        ((None, None), None, None, Some(nodes)) => Some(LinksWritten::Of(nodes)),
        _ => {
            fields.refuse("between", "links are given by \"from\" and \"to\", by \"between\", \"among\", or \"of\"");
            None
        }
    }
}

/// The ways to split a service by chance.
pub(in crate::scenario) fn patterns() -> Vec<Kind<(Spanned<String>, Pattern)>> {
    let of = |pattern: Pattern| object(move |fields| Some((super::of(fields)?, pattern)));
    vec![
        kind("halves", "Two halves.", of(Pattern::Halves)),
        kind("split_one", "One replica against the rest.", of(Pattern::SplitOne)),
        kind("majority", "The smallest majority against the rest.", of(Pattern::Majority)),
        kind(
            "groups",
            "So many groups, as equal as can be.",
            object(|fields| {
                let of = super::of(fields);
                let n = fields.required("n", "How many.", count(2..=u32::MAX));
                Some((of?, Pattern::Groups(n?)))
            }),
        ),
        kind("bridge", "Two halves and one replica that both can talk to.", of(Pattern::Bridge)),
        kind(
            "majorities_ring",
            "Every replica hears a majority, and no two hear the same one.",
            of(Pattern::MajoritiesRing),
        ),
    ]
}

/// The families that act on links. No nemesis makes a fault of one message, which counts from the start of the run.
pub(super) fn families(timing: Timing) -> Vec<Kind<(What, When)>> {
    let on_links = |name, doc, read: fn(&mut Fields<'_>) -> Option<LinkFault>| on_links(timing, name, doc, read);
    let mut families = vec![
        on_links("clog", "Holds what would arrive, and releases it in order when the fault ends.", |_| {
            Some(LinkFault::Clog)
        }),
        family("swizzle_clog", "Clogs nodes one by one, and lets them go in another order.", move |fields| {
            swizzle(fields, timing)
        }),
        on_links("loss", "Loses messages, each independently of the others.", |fields| {
            Some(LinkFault::Loss { ppb: share(fields)? })
        }),
        on_links("burst_loss", "Loses messages in bursts, by Gilbert's and Elliott's chain.", burst_loss),
        on_links("duplication", "Messages arrive once more. Calls do not.", |fields| {
            let ppb = share(fields);
            let after = fields.optional(
                "after",
                "How long after the original.",
                distribution(),
                json!({ "exponential": { "mean": "50ms" } }),
            );
            Some(LinkFault::Duplication { ppb: ppb?, after: after? })
        }),
        on_links("reordering", "Holds messages back, so that later ones overtake them.", |fields| {
            let ppb = share(fields);
            let within = fields.optional("within", "For how long at most, uniformly.", positive_duration(), "10ms");
            Some(LinkFault::Reordering { ppb: ppb?, within: within? })
        }),
        on_links("corruption", "Damages messages on the way.", |fields| {
            let ppb = share(fields);
            let checksums = fields.optional(
                "checksums",
                "Whether damage is found, so that the message is dropped.",
                boolean(),
                true,
            );
            Some(LinkFault::Corruption { ppb: ppb?, checksums: checksums? })
        }),
        on_links("latency", "Messages take longer.", latency),
        on_links("bandwidth", "Each link carries less.", |fields| {
            let rate = fields.required("rate", "How much one link carries.", bandwidth());
            let queue = fields.maybe(
                "queue",
                "The longest wait; messages beyond it are dropped. Without it there is no limit.",
                duration(),
            );
            Some(LinkFault::Bandwidth { rate: rate?, queue: queue?.unwrap_or(Span::MAX) })
        }),
        family("flapping", "Cuts links and heals them again and again.", move |fields| flapping(fields, timing)),
        on_links("connections", "Calls go wrong; messages do not.", |fields| {
            let ppb = fields.optional("share", "Which share of the calls.", ratio(), 1);
            let how = fields.required(
                "how",
                "Refused: certainly not done. Reset: done, and the caller learns only of the reset. Half-open: done, \
                 and the caller waits in vain.",
                one_of([
                    ("refuse", ConnectionFault::Refuse),
                    ("reset", ConnectionFault::Reset),
                    ("half_open", ConnectionFault::HalfOpen),
                ]),
            );
            Some(LinkFault::Connections { ppb: ppb?, how: how? })
        }),
        on_links("tampering", "Somebody on the way changes what messages and calls say.", |fields| {
            Some(LinkFault::Tampering { ppb: share(fields)? })
        }),
        family("stale_name", "Names still point to where nodes were before a move.", move |fields| {
            stale_name(fields, timing)
        }),
    ];
    if timing == Timing::Own {
        families.push(kind("message", "One message meets a fate of its own.", object(message)));
    }
    families
}

fn family(
    name: &str,
    doc: &str,
    read: impl Fn(&mut Fields<'_>) -> Option<(LinksWhat, When)> + Send + Sync + 'static,
) -> Kind<(What, When)> {
    kind(name, doc, object(move |fields| read(fields).map(|(what, when)| (What::Links(what), when))))
}

/// A family that does the same to some links, for a while.
fn on_links(
    timing: Timing,
    name: &str,
    doc: &str,
    read: fn(&mut Fields<'_>) -> Option<LinkFault>,
) -> Kind<(What, When)> {
    family(name, doc, move |fields| {
        let links = which(fields);
        let what = read(fields);
        let when = when(fields, timing);
        Some((LinksWhat::Disturb { links: links?, what: what? }, when?))
    })
}

fn which(fields: &mut Fields<'_>) -> Option<LinksWritten> {
    fields.optional("links", "Which links.", links(), "all")
}

fn share(fields: &mut Fields<'_>) -> Option<u64> {
    fields.required("share", "Which share of the messages.", ratio())
}

fn burst_loss(fields: &mut Fields<'_>) -> Option<LinkFault> {
    let starts = fields.required("starts", "How likely a message starts a burst.", ratio());
    let ends = fields.required("ends", "How likely a message within a burst ends it.", ratio());
    let within = fields.optional("within", "How likely a message within a burst is lost.", ratio(), 1);
    let between = fields.optional("between", "How likely any other message is lost.", ratio(), 0);
    Some(LinkFault::BurstLoss(BurstLoss { starts: starts?, ends: ends?, within: within?, between: between? }))
}

fn latency(fields: &mut Fields<'_>) -> Option<LinkFault> {
    let ppb = fields.optional("share", "Which share of the messages.", ratio(), 1);
    let factor =
        fields.optional("factor", "The latency is so many times what it would be ...", number(1.0..=10_000.0), 1);
    let add = fields.optional("add", "... and so much more.", distribution(), "0s");
    let (ppb, factor_ppb, add) = (ppb?, weight_ppb(factor?), add?);
    if factor_ppb == weight_ppb(1.0) && add == Sampler::constant(Span::ZERO) {
        fields.refuse("factor", "nothing takes longer: say \"factor\" or \"add\"");
        return None;
    }
    Some(LinkFault::Latency { ppb, factor_ppb, add })
}

fn flapping(fields: &mut Fields<'_>, timing: Timing) -> Option<(LinksWhat, When)> {
    let links = which(fields);
    let down = fields.required("down", "How long they are cut each time.", positive_duration());
    let up = fields.required("up", "How long they are whole each time.", positive_duration());
    let window = window(fields, timing);
    Some((LinksWhat::Flap { links: links?, down: down?, up: up? }, window?))
}

fn swizzle(fields: &mut Fields<'_>, timing: Timing) -> Option<(LinksWhat, When)> {
    let among = fields.maybe("where", "Among whom: each with probability one half, at least one.", selector());
    let steps = fields.maybe("steps", "Instead: whom, and when.", list(object(step)));
    let window = window(fields, timing);
    let (among, steps, window) = (among?, steps?, window?);
    let what = match (among, steps) {
        (Some(among), None) => LinksWhat::SwizzleAmong(among),
        (None, Some(steps)) => LinksWhat::Swizzle(steps),
        _ => {
            fields.refuse("steps", "a swizzle-clog has either \"where\" or \"steps\"");
            return None;
        }
    };
    Some((what, window))
}

/// When a fault happens that goes by steps: it has an end.
fn window(fields: &mut Fields<'_>, timing: Timing) -> Option<When> {
    let at = at(fields, timing, "When it starts: an instant from the start of the run, or what triggers it.");
    let lasts = match timing {
        Timing::Own => fields.required("for", "How long it lasts.", positive_duration()).map(Some),
        Timing::Nemesis => Some(None),
    };
    Some((at?, lasts?))
}

fn step(fields: &mut Fields<'_>) -> Option<(Spanned<String>, Span, Span)> {
    let node = fields.required("node", "Whose links.", name().spanned());
    let from = fields.required("from", "From when on, counted from the start of the fault.", duration());
    let until = fields.required("until", "Until when, counted from the start of the fault.", duration());
    let (node, from, until) = (node?, from?, until?);
    if until < from {
        fields.refuse("until", format!("it would end before it begins, at {from}"));
        return None;
    }
    Some((node, from, until))
}

fn stale_name(fields: &mut Fields<'_>, timing: Timing) -> Option<(LinksWhat, When)> {
    let links = fields.required("links", "From those who go by the old name to those who have moved.", links());
    let taken = object(|fields| fields.required("taken_by", "Another node.", name().spanned()));
    let old_place = fields.optional(
        "old_place",
        "What is where these were: nothing, a host without the process, or another node, which takes what comes for its \
         own.",
        either(
            one_of([("empty", OldPlaceWritten::Empty), ("host", OldPlaceWritten::Host)]),
            taken.map(OldPlaceWritten::Taken),
        ),
        "empty",
    );
    let when = when(fields, timing);
    Some((LinksWhat::StaleName { links: links?, old_place: old_place? }, when?))
}

fn message(fields: &mut Fields<'_>) -> Option<(What, When)> {
    let from = fields.required("from", "Its sender.", name().spanned());
    let to = fields.required("to", "Its receiver.", name().spanned());
    let kind = fields.maybe("kind", "What it is, as the trace names it; without it, anything.", text());
    let nth =
        fields.required("nth", "Which one of these, from 1, counted from the start of the run.", count(1..=1 << 36));
    let drop = fields.maybe("drop", "It is lost.", one_true());
    let delay = fields.maybe("delay", "It takes so much longer.", positive_duration());
    let duplicate = fields.maybe("duplicate", "It arrives once more, so long after the original.", duration());
    let (from, to, kind, nth) = (from?, to?, kind?, nth?);
    let deed = match (drop?, delay?, duplicate?) {
        (Some(()), None, None) => MessageDeed::Drop,
        (None, Some(span), None) => MessageDeed::Delay(span),
        (None, None, Some(span)) => MessageDeed::Duplicate(span),
        _ => {
            fields.refuse("drop", "a message has one of \"drop\", \"delay\" and \"duplicate\"");
            return None;
        }
    };
    if from.value == to.value {
        fields.refuse("to", "a message of a node to itself crosses no link");
        return None;
    }
    Some((What::Links(LinksWhat::Message { from, to, kind, nth, deed }), (Begins::At(Time::ZERO), None)))
}

fn one_true() -> Shape<()> {
    boolean().try_map(|said| if said { Ok(()) } else { Err("leave it out instead".to_owned()) })
}

/// The links that were meant; unknown names are problems.
pub(in crate::scenario) fn selected(links: &LinksWritten, layout: &Layout, problems: &mut Problems) -> LinkSelector {
    let mut resolve = |whom: &Where| resolve(whom, layout, problems);
    match links {
        LinksWritten::All => LinkSelector::All,
        LinksWritten::Pairs(pairs) => {
            let mut side = |side: &Option<Where>| match side {
                Some(whom) => resolve(whom),
                None => Selector::Nodes(layout.everyone()),
            };
            LinkSelector::Pairs(pairs.iter().map(|(from, to)| (side(from), side(to))).collect())
        }
        LinksWritten::Between(one, other) => LinkSelector::Between(resolve(one), resolve(other)),
        LinksWritten::Among(nodes) => LinkSelector::Among(resolve(nodes)),
        LinksWritten::Of(nodes) => LinkSelector::Of(resolve(nodes)),
    }
}

/// The effect that was meant; unknown names are problems.
pub(super) fn effect(what: &LinksWhat, layout: &Layout, problems: &mut Problems) -> Effect {
    // A file with an unknown name is refused, whatever stands for it.
    let mut node = |name: &Spanned<String>| layout.node(name, problems).unwrap_or(NodeId(0));
    Effect::Links(match what {
        LinksWhat::Disturb { links, what } => {
            LinkEffect::Disturb { links: selected(links, layout, problems), what: what.clone() }
        }
        &LinksWhat::Flap { ref links, down, up } => {
            LinkEffect::Flap { links: selected(links, layout, problems), down, up }
        }
        LinksWhat::SwizzleAmong(among) => LinkEffect::SwizzleClog(Swizzle::Among(resolve(among, layout, problems))),
        LinksWhat::StaleName { links, old_place } => {
            let old_place = match old_place {
                OldPlaceWritten::Empty => OldPlace::Empty,
                OldPlaceWritten::Host => OldPlace::Host,
                OldPlaceWritten::Taken(name) => OldPlace::Taken(node(name)),
            };
            let links = selected(links, layout, problems);
            LinkEffect::Disturb { links, what: LinkFault::StaleName { old_place } }
        }
        LinksWhat::Swizzle(steps) => {
            let steps =
                steps.iter().map(|(name, from, until)| Clogging { node: node(name), from: *from, until: *until });
            LinkEffect::SwizzleClog(Swizzle::Explicit(steps.collect()))
        }
        LinksWhat::Message { from, to, kind, nth, deed } => {
            let (from, to) = (node(from), node(to));
            LinkEffect::Message(MessageFault { from, to, kind: kind.clone(), nth: *nth, deed: *deed })
        }
    })
}

/// What a resolved scenario says instead of what was written: fields and their values, `None` for those that go.
pub(in crate::scenario) fn explicit(
    effect: &LinkEffect,
    listed: &impl Fn(&Selector) -> Value,
) -> Vec<(&'static str, Option<Value>)> {
    match effect {
        LinkEffect::Disturb { links, .. } | LinkEffect::Flap { links, .. } => explicit_links(links, listed),
        LinkEffect::SwizzleClog(Swizzle::Explicit(steps)) => {
            let step = |clogging: &Clogging| {
                let node = listed(&Selector::Nodes(vec![clogging.node]))[0].take();
                json!({ "node": node, "from": clogging.from.to_string(), "until": clogging.until.to_string() })
            };
            vec![("where", None), ("steps", Some(steps.iter().map(step).collect()))]
        }
        LinkEffect::SwizzleClog(Swizzle::Among(_)) | LinkEffect::Message(_) => Vec::new(),
    }
}

/// The same of links alone, if the fault has started.
pub(in crate::scenario) fn explicit_links(
    links: &LinkSelector,
    listed: &impl Fn(&Selector) -> Value,
) -> Vec<(&'static str, Option<Value>)> {
    let LinkSelector::Pairs(pairs) = links else { return Vec::new() };
    let pair = |(from, to): &(Selector, Selector)| json!({ "from": listed(from), "to": listed(to) });
    let pairs: Vec<_> = pairs.iter().map(pair).collect();
    let is_resolved = pairs.iter().all(|pair| !pair["from"].is_null() && !pair["to"].is_null());
    if is_resolved { vec![("links", Some(pairs.into()))] } else { Vec::new() }
}
