//! Many families of faults by one word: `chaos` has all that a service tolerates, `swarm` draws some of them.
//!
//! Swarm testing: Groce, Zhang, Eide, Chen and Regehr, Swarm Testing, ISSTA 2012. A configuration that leaves features
//! out finds what one with all of them hides, because faults also suppress each other.

mod families;

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::kernel::{Draw, Purpose, Span, Stream, Streams};

use super::document::Document;
use super::file::Scenario;
use super::input::{Fields, Shape, either, object, one_of};
use super::layout::Layout;
use super::nemesis::{Generator, generators, nemeses};
use super::points::{self, Switch};
use super::problem::Problems;
use super::registry::Deployable;
use super::vary::{self, vary};
use families::{Keeps, Knob, Subject};

/// How much breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    Calm,
    Realistic,
    Harsh,
}

/// What breaks besides the faults and nemeses of a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Chaos {
    /// Every family, at a level.
    Preset(Level),
    /// Each family or not, with a probability of one half; its intensity is drawn, on a logarithmic scale, from calm up
    /// to a level.
    Swarm(Level),
}

/// What the fields `chaos` and `swarm` say.
#[derive(Default)]
pub(super) struct Written {
    pub(super) chaos: Option<Chaos>,
    /// What else the seed draws.
    pub(super) vary: vary::Written,
}

/// What chaos comes to in a run.
pub(super) struct Unleashed {
    /// What makes its faults.
    pub(super) generators: Vec<Generator>,
    /// The points that it switches on; none that the file does.
    pub(super) points: Vec<Switch>,
    /// By service: the settings that faults bring, those of the file first.
    pub(super) others: Vec<Vec<Arc<dyn Deployable>>>,
    /// What it is, in words.
    pub(super) words: String,
}

/// The fields `chaos` and `swarm`, of which a scenario has one at most.
pub(super) fn chaos(fields: &mut Fields<'_>) -> Written {
    let preset =
        fields.maybe("chaos", "Every family of faults that the services tolerate, so much of each.", level());
    let doc = "Some of these families, drawn by the seed, each as intense as the seed draws, up to so much; and other \
               values of this file.";
    let swarm = fields.maybe("swarm", doc, either(level().map(|level| (Some(level), Vec::new())), object(swarm)));
    let (preset, swarm) = (preset.flatten(), swarm.flatten());
    if preset.is_some() && swarm.is_some() {
        fields.refuse("swarm", "a scenario has \"chaos\" or a \"swarm\", not both");
    }
    let (level, vary) = swarm.unwrap_or_default();
    Written { chaos: level.map(Chaos::Swarm).or(preset.map(Chaos::Preset)), vary }
}

fn swarm(fields: &mut Fields<'_>) -> Option<(Option<Level>, vary::Written)> {
    let level = fields.maybe("level", "How intense faults are at most; without it, there are none.", level());
    let doc = "What else the seed draws: the value at each JSON Pointer, one of a list, or a number of a range on a \
               logarithmic scale.";
    let vary = fields.optional("vary", doc, vary(), json!({}));
    Some((level?, vary?))
}

fn level() -> Shape<Level> {
    one_of([("calm", Level::Calm), ("realistic", Level::Realistic), ("harsh", Level::Harsh)])
}

/// The nemesis to which all of these faults belong.
pub(super) const CHAOS: &str = "chaos";

/// Where the numbers of one family come from.
enum Dial {
    Fixed(Level),
    Drawn(Box<Stream>, Level),
}

impl Dial {
    fn read(&mut self, knob: Knob) -> u64 {
        match self {
            Self::Fixed(level) => knob[*level as usize],
            Self::Drawn(stream, level) => stream.log_uniform(knob[0], knob[*level as usize]),
        }
    }
}

const SWARM: Purpose = Purpose::new("swarm");
/// Points are drawn apart from families: neither shifts the other.
const SWARM_POINTS: Purpose = Purpose::new("swarm points");

/// How many of a thousand passes of a point do its rare thing.
const PERMILLE: Knob = [1, 10, 100];

/// A part of the run without faults of chaos: a tenth before, for the steady state, and two after, to recover in.
const PARTS: u64 = 10;

impl Chaos {
    const fn level(self) -> Level {
        match self {
            Self::Preset(level) | Self::Swarm(level) => level,
        }
    }

    /// The dial of a family or a point; `None` if the swarm leaves it out.
    fn dial(self, streams: &mut Streams, purpose: Purpose, name: &str) -> Option<Dial> {
        match self {
            Self::Preset(level) => Some(Dial::Fixed(level)),
            Self::Swarm(level) => {
                let mut stream = streams.open(purpose, name).ok()?;
                // Drawn in any case, so that a family draws the same whether its neighbours take part or not.
                (stream.below(2) == 0).then_some(Dial::Drawn(Box::new(stream), level))
            }
        }
    }

    /// With every family that a swarm may draw.
    pub(super) const fn whole(self) -> Self {
        Self::Preset(self.level())
    }

    /// What it comes to under a seed.
    ///
    /// # Errors
    /// What is wrong with the nemeses that it makes: our mistake, or settings of a kind that cannot be what its tolerance
    /// says.
    pub(super) fn unleashed(self, scenario: &Scenario, seed: u64) -> Result<Unleashed, Problems> {
        let mut streams = Streams::new(seed);
        let measured = scenario.duration.as_nanos() - scenario.warm_up.as_nanos();
        let part = Span::from_nanos(measured / PARTS);
        let start = scenario.warm_up + part;
        let chaos = part.times(PARTS - 3);
        let stop = start + chaos;
        let mut layout = Layout::new(None, scenario.duration);
        let mut written = serde_json::Map::new();
        let mut words = Vec::new();
        for service in &scenario.services {
            layout.add_service(&service.name, &service.placement);
            layout.set_kind(&service.name, &service.what);
            for other in &service.others {
                // They were accepted when the file was read.
                drop(layout.add_settings(&service.name, other));
            }
            let subject = Subject::of(service, scenario);
            for family in families::all().filter(|family| (family.tolerated)(&subject)) {
                let name = format!("{CHAOS}-{}-{}", service.name, family.name);
                let Some(mut dial) = self.dial(&mut streams, SWARM, &name) else { continue };
                let every = chaos.as_nanos() / dial.read(family.faults);
                let every = Span::from_millis((every / 1_000_000).max(1));
                let lasts = family.lasts_ms.map(|knob| Span::from_millis(dial.read(knob)));
                let strength = family.strength.map(|(knob, unit)| (dial.read(knob), unit));
                let mut nemesis = (family.settings)(&subject, strength.map_or(0, |(strength, _)| strength));
                let mut described = format!("{} {} about every {every}", service.name, family.name);
                nemesis["every"] = json!({ "exponential": { "mean": every.to_string() } });
                if let Some(lasts) = lasts {
                    nemesis["for"] = json!({ "exponential": { "mean": lasts.to_string(), "floor": "1ms" } });
                    described += &format!(" for {lasts}");
                }
                if family.one_at_a_time {
                    nemesis["gap"] = json!("1ms");
                }
                if let Some((strength, unit)) = strength {
                    described += &format!(", {strength} {unit}");
                }
                words.push(described);
                let is_kept = match (family.keeps)(&subject) {
                    Keeps::Always => true,
                    Keeps::UnlessHarsh => self.level() != Level::Harsh,
                    Keeps::Needless => false,
                };
                if is_kept {
                    nemesis["keep"] = json!("majority");
                }
                nemesis["start"] = json!(start.to_string());
                nemesis["stop"] = json!(stop.to_string());
                written.insert(name, nemesis);
            }
        }
        for client in &scenario.clients {
            layout.add_node(client.name.clone(), client.zone);
        }
        let points = self.points(&mut streams, scenario, start, stop);
        words.extend(points_in_words(&points));
        let words = if words.is_empty() { "no family takes part".to_owned() } else { words.join("; ") };
        let generators = read(&Value::Object(written), scenario, &mut layout)?;
        let others = scenario.services.iter().map(|service| layout.other_settings(&service.name).to_vec()).collect();
        Ok(Unleashed { generators, points, others, words: format!("{self}: {words}.") })
    }
}

impl Chaos {
    /// The points of the services' kinds, switched on while there is chaos.
    fn points(self, streams: &mut Streams, scenario: &Scenario, start: Span, stop: Span) -> Vec<Switch> {
        let known = points::all(scenario.services.iter().map(|service| service.what.rare_points()));
        let names = known.iter().map(|point| point.name);
        names
            .filter(|name| !scenario.points.iter().any(|switch| switch.name == *name))
            .filter_map(|name| {
                let permille = self.dial(streams, SWARM_POINTS, name)?.read(PERMILLE);
                Some(Switch::drawn(name, permille, start, stop))
            })
            .collect()
    }
}

fn points_in_words(points: &[Switch]) -> Option<String> {
    let each: Vec<_> = points.iter().map(|point| format!("{} {}", point.name, point.percentage())).collect();
    (!each.is_empty()).then(|| format!("points {}", each.join(", ")))
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset(level) => write!(f, "Chaos, {}", name(*level)),
            Self::Swarm(level) => write!(f, "Swarm, up to {}", name(*level)),
        }
    }
}

/// Reads nemeses as if they stood in the scenario's file.
fn read(written: &Value, scenario: &Scenario, layout: &mut Layout) -> Result<Vec<Generator>, Problems> {
    let document = Document::from_value(CHAOS, written)?;
    let mut problems = document.problems();
    let Some(reading) = nemeses(scenario.kinds.clone()).read(&document, &mut problems) else { return Err(problems) };
    let mut generators =
        generators(&reading.value, &reading.resolved, (scenario.warm_up, None), layout, &mut problems);
    generators.iter_mut().for_each(|generator| generator.belongs_to(CHAOS));
    if problems.is_empty() { Ok(generators) } else { Err(problems) }
}

const fn name(level: Level) -> &'static str {
    match level {
        Level::Calm => "calm",
        Level::Realistic => "realistic",
        Level::Harsh => "harsh",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Registry;

    fn scenario(service: Value, chaos: Value) -> Scenario {
        let mut value = json!({
            "version": 1, "title": "Chaos", "duration": "21s", "warm_up": "1s", "services": { "store": service }
        });
        value.as_object_mut().expect("an object").extend(chaos.as_object().cloned().unwrap_or_default());
        let document = Document::from_value("test", &value).expect("not too deep");
        Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// What no register of a majority is for: its disks may not lie, its hosts have no time servers, and it asks for no time.
    /// Neither are there clients, objects of theirs and zones here.
    const OF_OTHERS: [&str; 14] = [
        "step",
        "offset",
        "strobe",
        "no-time",
        "sure",
        "rot",
        "astray",
        "cut-off",
        "client-pause",
        "client-crash",
        "memory",
        "zone",
        "wiped",
        "restored",
    ];

    fn unleashed(scenario: &Scenario, seed: u64) -> Vec<Generator> {
        let unleashed = scenario.chaos.expect("chaos").unleashed(scenario, seed);
        unleashed.unwrap_or_else(|problems| panic!("{problems}")).generators
    }

    fn names(generators: &[Generator]) -> Vec<&str> {
        generators.iter().map(|generator| generator.nemesis.name.as_str()).collect()
    }

    #[test]
    fn every_family_has_a_nemesis_in_a_preset() {
        for level in ["calm", "realistic", "harsh"] {
            let scenario = scenario(json!({ "majority_register": { "replicas": 5 } }), json!({ "chaos": level }));
            let generators = unleashed(&scenario, 1);
            let others = |name: &&str| !OF_OTHERS.contains(name);
            let expected: Vec<_> = families::all()
                .map(|family| family.name)
                .filter(others)
                .map(|name| format!("chaos-store-{name}"))
                .collect();
            assert_eq!(names(&generators), expected);
            for Generator { nemesis, .. } in &generators {
                let times = (nemesis.start.as_nanos(), nemesis.stop.as_nanos());
                assert_eq!(times, (3_000_000_000, 17_000_000_000));
                assert_eq!(nemesis.keep.is_some(), nemesis.what.takes_out() && level != "harsh", "{}", nemesis.name);
            }
        }
    }

    #[test]
    fn a_swarm_has_each_family_in_half_of_its_seeds() {
        let scenario = scenario(json!({ "majority_register": { "replicas": 5 } }), json!({ "swarm": "harsh" }));
        let mut counts = std::collections::BTreeMap::<String, u32>::new();
        for seed in 0..400 {
            for generator in unleashed(&scenario, seed) {
                *counts.entry(generator.nemesis.name.clone()).or_default() += 1;
            }
        }
        assert_eq!(counts.len(), families::all().count() - OF_OTHERS.len());
        // The deviation of 400 tosses is 10.
        assert!(counts.values().all(|count| count.abs_diff(200) < 50), "{counts:?}");
    }
}
