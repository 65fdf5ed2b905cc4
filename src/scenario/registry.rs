//! The registry of kinds: which kinds of service a scenario file can name.
//!
//! A kind is one entry: its name, what it is, how its settings are read, and the [`Protocol`] that they make. The
//! built-in kinds have nothing that a user's cannot have.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use crate::check::{AnyModel, Model};
use crate::host::{Builder, HostSettings, Invariants, Key, NodeId, NodeSet, Request, ZoneId};
use crate::store::{Promise, Protocol, RarePoint, Tolerance};

use super::input::{Fields, Kind, count, kind, object};

/// What is watched of a service while it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Watched {
    /// What must never be true of its replicas. See [`Protocol::invariants`].
    pub invariants: bool,
    /// In which order requests take effect. See [`Protocol::order`].
    pub order: bool,
}

/// A configured service, ready to be deployed, whatever its protocol.
pub trait Deployable: Send + Sync {
    /// How many replicas it has.
    fn replicas(&self) -> u32;
    /// This, to find out which kind it is.
    fn as_any(&self) -> &dyn Any;
    /// Whether another is of the same kind.
    fn is_like(&self, other: &dyn Deployable) -> bool;
    /// Adds its replicas to a simulation, one for each zone in `placement`, and answers their numbers. What is `watched` is
    /// looked at after every event. Faults may bring the replicas `others` of the same kind.
    fn deploy(
        &self,
        name: &str,
        placement: &[ZoneId],
        host: &HostSettings,
        watched: Watched,
        others: &[Arc<dyn Deployable>],
        builder: &mut Builder,
    ) -> Range<u32>;
    /// Whether it has invariants. See [`Protocol::invariants`].
    fn has_invariants(&self) -> bool;
    /// Its rare paths. See [`Protocol::rare_paths`].
    fn rare_paths(&self) -> &'static [&'static str];
    /// Its points. See [`Protocol::rare_points`].
    fn rare_points(&self) -> &'static [RarePoint];
    /// Its roles. See [`Protocol::roles`].
    fn roles(&self) -> &'static [&'static str];
    /// Whether it recovers. See [`Protocol::recovers`].
    fn recovers(&self) -> bool;
    /// What it promises. See [`Protocol::promises`].
    fn promises(&self) -> Vec<Promise>;
    /// Under which faults. See [`Protocol::tolerates`].
    fn tolerates(&self) -> Tolerance;
    /// Whether its replicas ask what time it is. See [`Protocol::reads_wall_clock`].
    fn reads_wall_clock(&self) -> bool;
    /// About how much memory a replica needs. See [`Protocol::memory_bytes`].
    fn memory_bytes(&self, objects: u64) -> Option<u64>;
    /// Whether a replica is to hold an object. See [`Protocol::holds`].
    fn holds(&self, key: Key, replica: NodeId, replicas: &[NodeId]) -> bool;
    /// Whether a request is about objects. See [`Protocol::is_about_objects`].
    fn is_about_objects(&self, request: &Request) -> bool;
    /// What its objects are, if its kind has a model of its own: see [`Registry::with_model`].
    fn model(&self) -> Option<&AnyModel>;
    /// Whether a request could be served. See [`Protocol::can_serve`].
    fn can_serve(&self, request: &Request, contact: NodeId, reachable: &NodeSet, replicas: &[NodeId]) -> bool;
}

struct Deployment<P> {
    protocol: Arc<P>,
    replicas: u32,
    model: Option<AnyModel>,
}

impl<P: Protocol> Deployable for Deployment<P> {
    fn replicas(&self) -> u32 {
        self.replicas
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn is_like(&self, other: &dyn Deployable) -> bool {
        other.as_any().is::<Self>()
    }

    fn deploy(
        &self,
        name: &str,
        placement: &[ZoneId],
        host: &HostSettings,
        watched: Watched,
        others: &[Arc<dyn Deployable>],
        builder: &mut Builder,
    ) -> Range<u32> {
        let others = others.iter().filter_map(|other| other.as_any().downcast_ref::<Self>());
        let protocols: Vec<_> = [self].into_iter().chain(others).map(|one| Arc::clone(&one.protocol)).collect();
        let order = if watched.order { self.protocol.order() } else { None };
        let invariants = if watched.invariants { self.protocol.invariants() } else { None };
        let watch = Invariants::together(order.into_iter().chain(invariants).collect());
        builder.watched_service(
            name,
            placement,
            host,
            move |birth| protocols[birth.settings as usize].node(birth),
            watch,
        )
    }

    fn has_invariants(&self) -> bool {
        self.protocol.invariants().is_some()
    }

    fn rare_paths(&self) -> &'static [&'static str] {
        self.protocol.rare_paths()
    }

    fn rare_points(&self) -> &'static [RarePoint] {
        P::rare_points()
    }

    fn roles(&self) -> &'static [&'static str] {
        self.protocol.roles()
    }

    fn recovers(&self) -> bool {
        self.protocol.recovers()
    }

    fn promises(&self) -> Vec<Promise> {
        self.protocol.promises()
    }

    fn tolerates(&self) -> Tolerance {
        self.protocol.tolerates()
    }

    fn reads_wall_clock(&self) -> bool {
        self.protocol.reads_wall_clock()
    }

    fn memory_bytes(&self, objects: u64) -> Option<u64> {
        self.protocol.memory_bytes(objects)
    }

    fn holds(&self, key: Key, replica: NodeId, replicas: &[NodeId]) -> bool {
        self.protocol.holds(key, replica, replicas)
    }

    fn is_about_objects(&self, request: &Request) -> bool {
        self.protocol.is_about_objects(request)
    }

    fn model(&self) -> Option<&AnyModel> {
        self.model.as_ref()
    }

    fn can_serve(&self, request: &Request, contact: NodeId, reachable: &NodeSet, replicas: &[NodeId]) -> bool {
        self.protocol.can_serve(request, contact, reachable, replicas)
    }
}

/// Which kinds of service there are. [`Registry::standard`] has the built-in ones; add your own.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<String, Kind<Arc<dyn Deployable>>>,
    points: BTreeMap<String, &'static [RarePoint]>,
}

impl Registry {
    /// No kinds at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every built-in kind.
    #[must_use]
    pub fn standard() -> Self {
        super::kinds::add_to(Self::new())
    }

    /// Adds a kind: `name` is its key in scenario files and `doc` one sentence about it; a service has as many
    /// `replicas` as its file says within this range, by default its start; `read` asks for the kind's own
    /// settings and makes the protocol. A kind of the same name is replaced.
    #[must_use]
    pub fn with<P: Protocol>(
        self,
        name: &str,
        doc: &str,
        replicas: RangeInclusive<u32>,
        read: impl Fn(&mut Fields<'_>) -> Option<P> + Send + Sync + 'static,
    ) -> Self {
        self.add(name, doc, replicas, None, read)
    }

    /// As [`Registry::with`], for a kind whose objects are none of those that Partita knows: `model` says what they are, and
    /// by it the expectation `linearizable` judges them. With [`Model::object`] they may be asked for by custom requests.
    #[must_use]
    pub fn with_model<P: Protocol>(
        self,
        name: &str,
        doc: &str,
        replicas: RangeInclusive<u32>,
        model: impl Model + Send + Sync + 'static,
        read: impl Fn(&mut Fields<'_>) -> Option<P> + Send + Sync + 'static,
    ) -> Self {
        self.add(name, doc, replicas, Some(AnyModel::new(model)), read)
    }

    fn add<P: Protocol>(
        mut self,
        name: &str,
        doc: &str,
        replicas: RangeInclusive<u32>,
        model: Option<AnyModel>,
        read: impl Fn(&mut Fields<'_>) -> Option<P> + Send + Sync + 'static,
    ) -> Self {
        let settings = object(move |fields| {
            let default = *replicas.start();
            let replicas = fields.optional("replicas", "How many replicas it has.", count(replicas.clone()), default);
            let protocol = read(fields);
            let (protocol, replicas) = (protocol?, replicas?);
            if let Some(reason) = protocol.refuses(replicas) {
                fields.refuse("replicas", format!("there cannot be {replicas} replicas: {reason}"));
                return None;
            }
            let (protocol, model) = (Arc::new(protocol), model.clone());
            let deployment: Arc<dyn Deployable> = Arc::new(Deployment { protocol, replicas, model });
            Some(deployment)
        });
        self.kinds.insert(name.to_owned(), kind(name, doc, settings));
        self.points.insert(name.to_owned(), P::rare_points());
        self
    }

    /// The kinds in the order of their names.
    pub(super) fn kinds(&self) -> Vec<Kind<Arc<dyn Deployable>>> {
        self.kinds.values().cloned().collect()
    }

    /// The kinds' names and the points that each declares, in the order of the names. See [`Protocol::rare_points`].
    pub fn rare_points(&self) -> impl Iterator<Item = (&str, &'static [RarePoint])> {
        self.points.iter().map(|(name, &points)| (name.as_str(), points))
    }

    /// The kinds' names and what each is, in the order of the names.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kinds.values().map(|kind| (kind.name.as_str(), kind.doc.as_str()))
    }
}
