//! A whole scenario file.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::fault::Plan;
use crate::host::{HostSettings, Limits, Link, NodeId, PrioritySettings, ZoneId};
use crate::kernel::{Span, Time};
use crate::load::Workload;
use crate::store::RarePoint;

use super::chaos::{self, Chaos, chaos};
use super::clients::{self, client};
use super::document::Document;
use super::faults::{self, Services, faults};
use super::grid::{Grid, WrittenGrid, grid};
use super::hypothesis::{Hypothesis, hypothesis};
use super::input::{Fields, Shape, Spanned, boolean, count, duration, map, object, one_of, positive_duration, text};
use super::layout::Layout;
use super::nemesis::{self, Generator, nemeses};
use super::network::{self, Hosts, LinkChanges, empty, hosts, machine, network};
use super::points::{self, Switch};
use super::problem::{Problem, Problems};
use super::recovery::{Heal, heal};
use super::registry::{Deployable, Registry};
use super::scheduling::scheduling;
use super::vary::{self, Varied};

/// The version of the format.
pub const VERSION: u32 = 1;

/// A scenario, read and checked: what runs, who calls it, what breaks, what is expected to hold.
#[derive(Clone)]
pub struct Scenario {
    /// One line about it.
    pub title: String,
    /// What it is about, in prose.
    pub story: String,
    /// What a reader may predict before it runs.
    pub question: String,
    /// The seed unless another is asked for.
    pub seed: u64,
    /// Operations meant to start before this are not measured.
    pub warm_up: Span,
    /// When the last operation may start.
    pub duration: Span,
    /// How long the run goes on after the last operation has ended and everything was healed.
    pub settle: Span,
    /// Whether every key is read once more through every replica after that.
    pub final_reads: bool,
    /// What is expected.
    pub hypothesis: Hypothesis,
    /// The file with every default filled in, without its grid.
    pub resolved: Value,
    /// The values and seeds with which the file asks to be run, besides as it stands.
    pub grid: Option<Grid>,
    pub(super) shuffle_ties: bool,
    /// How messages are scheduled, if not by their latencies alone.
    pub(super) priorities: Option<PrioritySettings>,
    pub(super) heal: Heal,
    pub(super) limits: Limits,
    /// The names of the zones; of the only one, which need not have any, perhaps the empty name.
    pub(super) zones: Vec<String>,
    pub(super) link: Link,
    pub(super) zone_links: Vec<(ZoneId, ZoneId, Link)>,
    pub(super) node_links: Vec<(NodeId, NodeId, Link)>,
    pub(super) services: Vec<Service>,
    pub(super) clients: Vec<Client>,
    pub(super) plan: Plan,
    pub(super) nemeses: Vec<Generator>,
    pub(super) chaos: Option<Chaos>,
    /// The kinds that other settings of a service may be of.
    pub(super) kinds: Services,
    /// The file, if a seed draws some of its values.
    pub(super) varied: Option<Varied>,
    /// The points of `Context::maybe` that are switched on.
    pub(super) points: Vec<Switch>,
}

#[derive(Clone)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) what: Arc<dyn Deployable>,
    pub(super) host: HostSettings,
    pub(super) placement: Vec<ZoneId>,
    /// Other settings of the same kind, which faults bring.
    pub(super) others: Vec<Arc<dyn Deployable>>,
}

#[derive(Clone)]
pub(super) struct Client {
    pub(super) name: String,
    pub(super) zone: ZoneId,
    pub(super) node: NodeId,
    /// The service that it calls, as an index.
    pub(super) service: usize,
    pub(super) targets: Vec<NodeId>,
    pub(super) prefer: Option<NodeId>,
    pub(super) written: clients::Written,
}

/// A scenario as it stands in its file, and what the file says of other values than those.
pub(super) struct Base {
    pub(super) scenario: Scenario,
    grid: Option<WrittenGrid>,
    vary: vary::Written,
}

/// A service as written: what it is, and the machines that it runs on.
type Deployed = (Arc<dyn Deployable>, HostSettings);

/// The parts of a file, as written. A part with problems is missing, or reads as its default: the file is refused
/// anyway, and the names in the rest can still be checked.
struct Written {
    title: String,
    story: String,
    question: String,
    seed: u64,
    warm_up: Span,
    duration: Span,
    settle: Span,
    final_reads: bool,
    shuffle_ties: bool,
    priorities: Option<PrioritySettings>,
    heal: Heal,
    limits: Limits,
    hosts: Option<Hosts>,
    network: network::Network,
    services: Option<Vec<(Spanned<String>, Option<Deployed>)>>,
    clients: Option<Vec<(Spanned<String>, Option<clients::Written>)>>,
    breaks: Breaks,
    hypothesis: Hypothesis,
    grid: Option<WrittenGrid>,
}

/// What breaks, as written.
struct Breaks {
    faults: Vec<faults::Written>,
    nemeses: Vec<(Spanned<String>, Option<nemesis::Written>)>,
    chaos: chaos::Written,
    points: Vec<(Spanned<String>, points::Written)>,
}

fn file(registry: &Registry) -> Shape<Written> {
    let registry = registry.clone();
    object(move |fields| read(fields, &registry))
}

fn read(fields: &mut Fields<'_>, registry: &Registry) -> Option<Written> {
    let kinds = registry.kinds();
    let of_services = kinds.clone();
    let service = object(move |fields| {
        let what = fields.kind("service", of_services.clone());
        let host = fields.optional("host", "The machines that its replicas run on.", machine(), empty());
        Some((what?, host?))
    });
    let schema = fields.maybe("$schema", "The JSON Schema of this file, for editors.", text());
    let version = fields.required("version", "The version of this format.", count(VERSION..=VERSION));
    let title = fields.required("title", "One line about the scenario.", text());
    let story = fields.optional("story", "What it is about, and what one should expect to see.", text(), "");
    let question = fields.optional("question", "What to predict before it runs.", text(), "");
    let seed = fields.optional("seed", "Decides everything that is left to chance.", count(0..=u64::MAX), 1);
    let warm_up =
        fields.optional("warm_up", "Operations meant to start before this are not measured.", duration(), "0s");
    let length =
        fields.required("duration", "How long operations are started, warm-up included.", positive_duration());
    let settle =
        fields.optional("settle", "How long the run goes on after that, with everything healed.", duration(), "1s");
    let final_reads = fields.optional(
        "final_reads",
        "Whether every key is then read once through every replica, and the run settles again.",
        boolean(),
        false,
    );
    let ties = fields.optional(
        "ties",
        "What happens first of two things of one kind at one instant.",
        one_of([("first_in_first_out", false), ("shuffled", true)]),
        "first_in_first_out",
    );
    let priorities = fields.maybe("scheduling", "Who goes first, besides the order of time.", scheduling());
    let heal = heal(fields);
    let limits = fields.optional("limits", "How much a run may do before it is given up.", object(limits), empty());
    let hosts = fields.optional("hosts", "Zones, and which service lives where.", hosts(), empty());
    let network = fields.optional("network", "How links behave.", network(), empty());
    let services = fields.required("services", "What runs, by name.", map(service.lenient()));
    let clients = fields.optional("clients", "Who calls it, by name.", map(client().lenient()), empty());
    let breaks = breaks(fields, kinds, &points::all(registry.rare_points().map(|(_, points)| points)));
    let hypothesis = fields.optional("hypothesis", "What is expected to hold.", hypothesis(), empty());
    let grid = fields.maybe("sweep", "The values and seeds that `sweep` runs; `run` ignores it.", grid());
    if let (Some(warm_up), Some(length)) = (warm_up, length)
        && warm_up >= length
    {
        fields.refuse("warm_up", format!("the warm-up ({warm_up}) leaves nothing of the duration ({length})"));
    }
    if services.as_ref().is_some_and(Vec::is_empty) {
        fields.refuse("services", "a scenario needs a service");
    }
    if let (Some(Heal::Nothing), Some(hypothesis)) = (heal, &hypothesis)
        && let Some((_, expectation)) = hypothesis.expectations.iter().find(|(_, it)| it.needs_healing())
    {
        let says = format!("\"{}\" is about what follows after everything has healed", expectation.name());
        fields.refuse("heal", says);
    }
    // These two are only checked.
    drop((schema, version));
    Some(Written {
        title: title.unwrap_or_default(),
        story: story.unwrap_or_default(),
        question: question.unwrap_or_default(),
        seed: seed.unwrap_or_default(),
        warm_up: warm_up.unwrap_or_default(),
        duration: length.unwrap_or(Span::MAX),
        settle: settle.unwrap_or_default(),
        final_reads: final_reads.unwrap_or_default(),
        shuffle_ties: ties.unwrap_or_default(),
        priorities: priorities.flatten(),
        heal: heal.unwrap_or_default(),
        limits: limits.unwrap_or_default(),
        hosts,
        network: network.unwrap_or_default(),
        services,
        clients,
        breaks,
        hypothesis: hypothesis.unwrap_or_default(),
        grid: grid.flatten(),
    })
}

fn breaks(fields: &mut Fields<'_>, services: Services, known: &[RarePoint]) -> Breaks {
    let faults = fields.optional("faults", "What breaks.", faults(services.clone()), json!([]));
    let nemeses = fields.optional("nemesis", "What makes faults, by name.", nemeses(services), empty());
    let chaos = chaos(fields);
    let points = fields.optional(
        "maybe",
        "Points in the code of nodes where a rare thing may happen, by name, and how often it does.",
        points::points(known),
        empty(),
    );
    Breaks {
        faults: faults.unwrap_or_default().into_iter().flatten().collect(),
        nemeses: nemeses.unwrap_or_default(),
        chaos,
        points: points.unwrap_or_default(),
    }
}

fn limits(fields: &mut Fields<'_>) -> Option<Limits> {
    let default = Limits::default();
    let events = fields.optional("events", "Events in all.", count(1..=1 << 36), default.events);
    let at_once = fields.optional(
        "events_at_one_instant",
        "Events at one instant; more are an endless loop.",
        count(1..=1 << 36),
        default.events_at_one_instant,
    );
    Some(Limits { events: events?, events_at_one_instant: at_once? })
}

impl Scenario {
    /// Reads a scenario. `name` is what messages call the file.
    ///
    /// # Errors
    /// A syntax error alone, or every other problem at once.
    pub fn parse(name: &str, bytes: &[u8], registry: &Registry) -> Result<Self, Problems> {
        Self::read(&Document::parse(name, bytes)?, registry)
    }

    /// Reads a scenario from a document.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn read(document: &Document, registry: &Registry) -> Result<Self, Problems> {
        let Base { mut scenario, grid, vary } = Self::read_base(document, registry)?;
        let mut problems = document.problems();
        if let Some(grid) = &grid {
            grid.check(document, registry, &mut problems);
        }
        if !vary.is_empty() {
            scenario.varied = Some(Varied::new(document, registry, vary, &mut problems));
        }
        scenario.grid = grid.map(Into::into);
        if problems.is_empty() { Ok(scenario) } else { Err(problems) }
    }

    /// The scenario as it stands, and what its file says of other values, unchecked.
    pub(super) fn read_base(document: &Document, registry: &Registry) -> Result<Base, Problems> {
        let mut problems = document.problems();
        let reading = file(registry).read(document, &mut problems);
        let read = reading.map(|mut reading| {
            let grid = reading.value.grid.take();
            let vary = std::mem::take(&mut reading.value.breaks.chaos.vary);
            // A resolved scenario is one run.
            reading.resolved.as_object_mut().and_then(|resolved| resolved.shift_remove("sweep"));
            let scenario = assemble(reading.value, reading.resolved, registry.kinds(), &mut problems);
            Base { scenario, grid, vary }
        });
        match read {
            Some(read) if problems.is_empty() => Ok(read),
            _ => Err(problems),
        }
    }

    /// The JSON Schema of scenario files with these kinds of service.
    #[must_use]
    pub fn schema(registry: &Registry) -> Value {
        file(registry)
            .schema("Partita scenario", "Which services run, who calls them, what breaks, what is expected to hold.")
    }

    /// The longest that an operation of any client may take by the client's clock.
    pub(super) fn longest_timeout(&self) -> Span {
        self.clients.iter().map(|client| client.written.timeout).max().unwrap_or_default()
    }

    /// When operations that are still open are waited for no longer: the longest of them has had twice its time.
    pub(super) fn patience(&self) -> Time {
        Time::ZERO + self.duration + self.longest_timeout().times(2)
    }

    /// The services that somebody calls, as indices.
    pub(super) fn called(&self) -> Vec<usize> {
        let is_called = |&service: &usize| self.clients.iter().any(|client| client.service == service);
        (0..self.services.len()).filter(is_called).collect()
    }

    /// The service that a client of a history calls: one of the scenario's clients, or behind them, in the order of
    /// [`Self::called`], those of the final reads.
    pub(super) fn service_of(&self, client: u32) -> Option<usize> {
        let client = client as usize;
        match self.clients.get(client) {
            Some(client) => Some(client.service),
            None => self.called().get(client - self.clients.len()).copied(),
        }
    }

    /// What the services promise and tolerate, by the services' names.
    pub fn services(&self) -> impl Iterator<Item = (&str, &dyn Deployable)> {
        self.services.iter().map(|service| (service.name.as_str(), &*service.what))
    }
}

/// Gives names their meaning.
fn assemble(written: Written, resolved: Value, kinds: Services, problems: &mut Problems) -> Scenario {
    let name = |zone: &Spanned<String>| zone.value.clone();
    let zones = written.hosts.as_ref().map(|hosts| hosts.zones.iter().map(name).collect());
    let mut layout = Layout::new(zones, written.duration);
    if written.services.is_none() || written.clients.is_none() {
        layout.mark_incomplete();
    }
    let written_services = written.services.as_deref().unwrap_or_default();
    let written_clients = written.clients.as_deref().unwrap_or_default();
    let written_placement = written.hosts.as_ref().map(|hosts| hosts.placement.as_slice()).unwrap_or_default();
    let placement = placement(written_placement, written_services, &layout, problems);
    let mut services = services(written_services, &placement, &mut layout, problems);
    let clients = clients(written_clients, written_services, &mut layout, problems);
    let link = written.network.base.applied_to(&Link::default());
    let (zone_links, node_links) = links(&written.network, &link, &layout, problems);
    let names: Vec<_> = written.breaks.nemeses.iter().map(|(name, _)| name.value.as_str()).collect();
    let plan = faults::plan(&written.breaks.faults, &names, &mut layout, problems);
    let times = (written.warm_up, Some(written.seed));
    let nemeses = nemesis::generators(&written.breaks.nemeses, &resolved["nemesis"], times, &mut layout, problems);
    roles(&written.hypothesis.roles, written.services.as_deref(), problems);
    let are_known = written_services.iter().all(|(_, deployed)| deployed.is_some());
    let known = are_known.then(|| services.iter().map(|service| &*service.what).collect::<Vec<_>>());
    let points = points::switches(&written.breaks.points, known.as_deref(), problems);
    for service in &mut services {
        service.others = layout.other_settings(&service.name).to_vec();
    }
    Scenario {
        title: written.title,
        story: written.story,
        question: written.question,
        seed: written.seed,
        warm_up: written.warm_up,
        duration: written.duration,
        settle: written.settle,
        final_reads: written.final_reads,
        hypothesis: written.hypothesis,
        resolved,
        grid: None,
        shuffle_ties: written.shuffle_ties,
        priorities: written.priorities,
        heal: written.heal,
        limits: written.limits,
        zones: layout.zone_names(),
        link,
        zone_links,
        node_links,
        services,
        clients,
        plan,
        nemeses,
        chaos: written.breaks.chaos.chaos,
        kinds,
        varied: None,
        points,
    }
}

/// Finds roles that no service has. Where no kind declares any, whoever takes one on shows it only when it runs.
fn roles(
    named: &[Spanned<String>],
    services: Option<&[(Spanned<String>, Option<Deployed>)]>,
    problems: &mut Problems,
) {
    let read = services.map(|services| services.iter().map(|(_, deployed)| deployed.as_ref()).collect());
    let Some(Some(read)) = read.map(|read: Vec<_>| read.into_iter().collect::<Option<Vec<_>>>()) else { return };
    let declared: BTreeSet<&str> = read.iter().flat_map(|(what, _)| what.roles()).copied().collect();
    for role in named.iter().filter(|role| !declared.is_empty() && !declared.contains(role.value.as_str())) {
        problems.add(Problem::unknown_name(&role.place, "role", &role.value, declared.iter().copied()));
    }
}

/// Zones by service.
fn placement<'a>(
    written: &'a [(Spanned<String>, Vec<Spanned<String>>)],
    services: &[(Spanned<String>, Option<Deployed>)],
    layout: &Layout,
    problems: &mut Problems,
) -> Vec<(&'a str, Vec<ZoneId>)> {
    let mut placement = Vec::new();
    for (service, zones) in written {
        let known = services.iter().map(|(name, _)| name.value.as_str());
        if !services.is_empty() && !known.clone().any(|name| name == service.value) {
            problems.add(Problem::unknown_name(&service.place, "service", &service.value, known));
        }
        let zones = zones.iter().filter_map(|zone| layout.zone(zone, problems)).collect();
        placement.push((service.value.as_str(), zones));
    }
    placement
}

fn services(
    written: &[(Spanned<String>, Option<Deployed>)],
    placement: &[(&str, Vec<ZoneId>)],
    layout: &mut Layout,
    problems: &mut Problems,
) -> Vec<Service> {
    let mut services = Vec::new();
    for (name, deployed) in written {
        let Some((what, host)) = deployed else {
            layout.add_broken_service(&name.value);
            continue;
        };
        let zones = placement.iter().find(|(service, _)| *service == name.value).map(|(_, zones)| zones.as_slice());
        let zones = zones.filter(|zones| !zones.is_empty()).unwrap_or(&[ZoneId(0)]);
        let placement: Vec<_> = zones.iter().copied().cycle().take(what.replicas() as usize).collect();
        if !layout.add_service(&name.value, &placement) {
            problems.add(name_taken(name));
        }
        layout.set_kind(&name.value, what);
        let (what, host) = (Arc::clone(what), host.clone());
        services.push(Service { name: name.value.clone(), what, host, placement, others: Vec::new() });
    }
    services
}

fn name_taken(name: &Spanned<String>) -> Problem {
    Problem::new(&name.place, format!("the name \"{}\" is taken by a replica or a client", name.value))
}

fn clients(
    written: &[(Spanned<String>, Option<clients::Written>)],
    services: &[(Spanned<String>, Option<Deployed>)],
    layout: &mut Layout,
    problems: &mut Problems,
) -> Vec<Client> {
    let mut zones = Vec::new();
    for (name, client) in written {
        let zone = client.as_ref().and_then(|client| client.zone.as_ref());
        let zone = zone.and_then(|zone| layout.zone(zone, problems)).unwrap_or(ZoneId(0));
        if !layout.add_node(name.value.clone(), zone) {
            problems.add(name_taken(name));
        }
        zones.push(zone);
    }
    let mut clients = Vec::new();
    for ((name, client), zone) in written.iter().zip(zones) {
        let Some(client) = client else { continue };
        let Some(targets) = layout.service(&client.calls, problems) else { continue };
        let service = services.iter().position(|(service, _)| service.value == client.calls.value);
        let mut replica = |name: &_| replica(name, client, &targets, layout, problems);
        let prefer = client.prefer.as_ref().and_then(&mut replica);
        let mut written = client.clone();
        if let Workload::Scripted(script) = &mut written.workload {
            for (operation, asks) in script.iter_mut().zip(&client.asks) {
                operation.asks = asks.as_ref().and_then(&mut replica);
            }
        }
        let (Some(node), Some(service)) = (layout.node(name, problems), service) else { continue };
        clients.push(Client { name: name.value.clone(), zone, node, service, targets, prefer, written });
    }
    clients
}

/// The replica of this name of the service that a client calls.
fn replica(
    name: &Spanned<String>,
    client: &clients::Written,
    targets: &[NodeId],
    layout: &Layout,
    problems: &mut Problems,
) -> Option<NodeId> {
    let node = layout.node(name, problems)?;
    if !targets.contains(&node) {
        let says = format!("\"{}\" is no replica of \"{}\"", name.value, client.calls.value);
        problems.add(Problem::new(&name.place, says));
    }
    Some(node)
}

/// Settings of links between zones, and of single links.
type Links = (Vec<(ZoneId, ZoneId, Link)>, Vec<(NodeId, NodeId, Link)>);

fn links(network: &network::Network, base: &Link, layout: &Layout, problems: &mut Problems) -> Links {
    let mut zone_links = Vec::new();
    for ([one, other], changes) in &network.between {
        let (one, other) = (layout.zone(one, problems), layout.zone(other, problems));
        let (Some(one), Some(other)) = (one, other) else { continue };
        let link = changes.applied_to(base);
        zone_links.push((one, other, link.clone()));
        zone_links.push((other, one, link));
    }
    let mut node_links = Vec::new();
    for (from, to, changes) in &network.links {
        let changes: &LinkChanges = changes;
        if let (Some(from), Some(to)) = (layout.node(from, problems), layout.node(to, problems)) {
            node_links.push((from, to, changes.applied_to(base)));
        }
    }
    (zone_links, node_links)
}
