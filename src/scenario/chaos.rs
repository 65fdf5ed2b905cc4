//! Many families of faults by one word: `chaos` has all that a service tolerates, `swarm` draws some of them.
//!
//! Swarm testing: Groce, Zhang, Eide, Chen and Regehr, Swarm Testing, ISSTA 2012. A configuration that leaves features
//! out finds what one with all of them hides, because faults also suppress each other.

use std::fmt;

use serde_json::{Value, json};

use crate::kernel::{Draw, Purpose, Span, Stream, Streams};
use crate::store::{Crashes, Tolerance};

use super::document::Document;
use super::faults::Services;
use super::file::Scenario;
use super::input::{Fields, Shape, one_of};
use super::layout::Layout;
use super::nemesis::{Generator, generators, nemeses};

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

/// The fields `chaos` and `swarm`, of which a scenario has one at most.
pub(super) fn chaos(fields: &mut Fields<'_>) -> Option<Chaos> {
    let preset =
        fields.maybe("chaos", "Every family of faults that the services tolerate, so much of each.", level());
    let swarm = fields.maybe(
        "swarm",
        "Some of these families, drawn by the seed, each as intense as the seed draws, up to so much.",
        level(),
    );
    if let (Some(Some(_)), Some(Some(_))) = (preset, swarm) {
        fields.refuse("swarm", "a scenario has \"chaos\" or a \"swarm\", not both");
    }
    swarm.flatten().map(Chaos::Swarm).or(preset.flatten().map(Chaos::Preset))
}

fn level() -> Shape<Level> {
    one_of([("calm", Level::Calm), ("realistic", Level::Realistic), ("harsh", Level::Harsh)])
}

/// The nemesis to which all of these faults belong.
pub(super) const CHAOS: &str = "chaos";

/// A number that is calm, realistic, or harsh.
type Knob = [u64; 3];

/// A family of faults, for one service.
struct Family {
    /// Its name in the names of nemeses.
    name: &'static str,
    tolerated: fn(&Tolerance) -> bool,
    /// About how many faults there are in the time of chaos.
    faults: Knob,
    /// About how long each lasts, in milliseconds; `None` if it ends by itself.
    lasts_ms: Option<Knob>,
    /// How strong each is; what that means, the settings say.
    strength: Option<(Knob, &'static str)>,
    /// Whether even harsh chaos lets a majority of the service be.
    keeps: fn(&Tolerance) -> Keeps,
    /// Its settings in a scenario file, for a service and a strength.
    settings: fn(&str, u64) -> Value,
}

/// Whether a majority of a service is let be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Always,
    /// Unless the chaos is harsh.
    UnlessHarsh,
    /// It takes nobody out.
    Needless,
}

const fn crashes(tolerance: &Tolerance) -> Keeps {
    match tolerance.crashes {
        Crashes::All => Keeps::UnlessHarsh,
        Crashes::None | Crashes::Minority => Keeps::Always,
    }
}

fn one(of: &str) -> Value {
    json!({ "one": { "of": of } })
}

fn all(of: &str) -> Value {
    json!({ "all": { "of": of } })
}

/// Every family. A row is what `docs/chaos.md` says of it.
const FAMILIES: [Family; 14] = [
    Family {
        name: "crash",
        tolerated: |tolerance| tolerance.crashes != Crashes::None,
        faults: [1, 4, 16],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: None,
        keeps: crashes,
        settings: |of, _| json!({ "crash": { "where": one(of) } }),
    },
    Family {
        name: "power",
        tolerated: |tolerance| tolerance.crashes != Crashes::None,
        faults: [1, 2, 8],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: None,
        keeps: crashes,
        settings: |of, _| json!({ "crash": { "where": one(of), "silent": true, "disk_keeps": "torn_prefix" } }),
    },
    Family {
        name: "restart",
        tolerated: |tolerance| tolerance.crashes != Crashes::None,
        faults: [1, 4, 16],
        lasts_ms: None,
        strength: Some(([1, 50, 500], "ms until it starts again")),
        keeps: crashes,
        settings: |of, ms| json!({ "restart": { "where": one(of), "after": format!("{ms}ms") } }),
    },
    Family {
        name: "pause",
        tolerated: |tolerance| tolerance.pauses,
        faults: [2, 8, 32],
        lasts_ms: Some([50, 300, 2_000]),
        strength: None,
        keeps: |_| Keeps::UnlessHarsh,
        settings: |of, _| json!({ "pause": { "where": one(of) } }),
    },
    Family {
        name: "split",
        tolerated: |tolerance| tolerance.partitions,
        faults: [1, 4, 12],
        lasts_ms: Some([200, 1_500, 4_000]),
        strength: None,
        keeps: |_| Keeps::UnlessHarsh,
        settings: |of, _| json!({ "partition": { "groups": [{ "minority": { "of": of } }, "rest"] } }),
    },
    Family {
        name: "one-way",
        tolerated: |tolerance| tolerance.partitions,
        faults: [1, 4, 12],
        lasts_ms: Some([200, 1_500, 4_000]),
        strength: None,
        keeps: |_| Keeps::UnlessHarsh,
        settings: |of, _| json!({ "partition": { "from": one(of), "to": "rest" } }),
    },
    Family {
        name: "drift",
        tolerated: |tolerance| tolerance.clocks,
        faults: [1, 2, 6],
        lasts_ms: Some([2_000, 5_000, 10_000]),
        strength: Some(([50, 500, 50_000], "ppm too fast")),
        keeps: |_| Keeps::Needless,
        settings: |of, ppm| json!({ "clock_drift": { "where": one(of), "rate": format!("{ppm}ppm") } }),
    },
    Family {
        name: "step",
        tolerated: |tolerance| tolerance.clocks,
        faults: [1, 3, 10],
        lasts_ms: None,
        strength: Some(([5, 100, 5_000], "ms backwards")),
        keeps: |_| Keeps::Needless,
        settings: |of, ms| json!({ "clock_step": { "where": one(of), "by": format!("-{ms}ms") } }),
    },
    Family {
        name: "clog",
        tolerated: |tolerance| tolerance.messages,
        faults: [1, 4, 12],
        lasts_ms: Some([100, 500, 3_000]),
        strength: None,
        keeps: |_| Keeps::Needless,
        settings: |of, _| json!({ "clog": { "links": { "of": one(of) } } }),
    },
    Family {
        name: "swizzle",
        tolerated: |tolerance| tolerance.messages,
        faults: [1, 2, 6],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: None,
        keeps: |_| Keeps::Needless,
        settings: |of, _| json!({ "swizzle_clog": { "where": all(of) } }),
    },
    Family {
        name: "loss",
        tolerated: |tolerance| tolerance.messages,
        faults: [1, 4, 12],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: Some(([1, 5, 30], "% of the messages")),
        keeps: |_| Keeps::Needless,
        settings: |of, percent| json!({ "loss": { "links": { "among": all(of) }, "share": format!("{percent}%") } }),
    },
    Family {
        name: "copies",
        tolerated: |tolerance| tolerance.messages,
        faults: [1, 4, 12],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: Some(([1, 10, 50], "% of the messages")),
        keeps: |_| Keeps::Needless,
        settings: |of, percent| {
            json!({ "duplication": {
                "links": { "among": all(of) }, "share": format!("{percent}%"), "after": { "exponential": { "mean": "200ms" } }
            } })
        },
    },
    Family {
        name: "slow",
        tolerated: |tolerance| tolerance.messages,
        faults: [1, 4, 12],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: Some(([2, 5, 50], "times the latency")),
        keeps: |_| Keeps::Needless,
        settings: |of, factor| json!({ "latency": { "links": { "of": one(of) }, "factor": factor } }),
    },
    Family {
        name: "calls",
        tolerated: |tolerance| tolerance.messages,
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: Some(([1, 10, 50], "% of the replies")),
        keeps: |_| Keeps::Needless,
        settings: |of, percent| json!({ "connections": { "links": { "to": all(of) }, "how": "half_open", "share": format!("{percent}%") } }),
    },
];

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

/// A part of the run without faults of chaos: a tenth before, for the steady state, and two after, to recover in.
const PARTS: u64 = 10;

impl Chaos {
    const fn level(self) -> Level {
        match self {
            Self::Preset(level) | Self::Swarm(level) => level,
        }
    }

    /// The dial of a family; `None` if the swarm leaves it out.
    fn dial(self, streams: &mut Streams, name: &str) -> Option<Dial> {
        match self {
            Self::Preset(level) => Some(Dial::Fixed(level)),
            Self::Swarm(level) => {
                let mut stream = streams.open(SWARM, name).ok()?;
                // Drawn in any case, so that a family draws the same whether its neighbours take part or not.
                (stream.below(2) == 0).then_some(Dial::Drawn(Box::new(stream), level))
            }
        }
    }

    /// What makes the faults of a run, and what that is in words.
    pub(super) fn generators(self, scenario: &Scenario, seed: u64) -> (Vec<Generator>, String) {
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
            let tolerance = service.what.tolerates();
            for family in FAMILIES.iter().filter(|family| (family.tolerated)(&tolerance)) {
                let name = format!("{CHAOS}-{}-{}", service.name, family.name);
                let Some(mut dial) = self.dial(&mut streams, &name) else { continue };
                let every = chaos.as_nanos() / dial.read(family.faults);
                let every = Span::from_millis((every / 1_000_000).max(1));
                let lasts = family.lasts_ms.map(|knob| Span::from_millis(dial.read(knob)));
                let strength = family.strength.map(|(knob, unit)| (dial.read(knob), unit));
                let mut nemesis = (family.settings)(&service.name, strength.map_or(0, |(strength, _)| strength));
                let mut described = format!("{} {} about every {every}", service.name, family.name);
                nemesis["every"] = json!({ "exponential": { "mean": every.to_string() } });
                if let Some(lasts) = lasts {
                    nemesis["for"] = json!({ "exponential": { "mean": lasts.to_string(), "floor": "1ms" } });
                    described += &format!(" for {lasts}");
                }
                if let Some((strength, unit)) = strength {
                    described += &format!(", {strength} {unit}");
                }
                words.push(described);
                let is_kept = match (family.keeps)(&tolerance) {
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
        let words = if words.is_empty() { "no family takes part".to_owned() } else { words.join("; ") };
        (read(&Value::Object(written), scenario, &mut layout), format!("{self}: {words}."))
    }
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
fn read(written: &Value, scenario: &Scenario, layout: &mut Layout) -> Vec<Generator> {
    let Ok(document) = Document::from_value(CHAOS, written) else { return Vec::new() };
    let mut problems = document.problems();
    // None of chaos's families brings other settings of a service.
    let Some(reading) = nemeses(Services::new()).read(&document, &mut problems) else { return Vec::new() };
    let mut generators = generators(&reading.value, &reading.resolved, scenario.warm_up, layout, &mut problems);
    generators.iter_mut().for_each(|generator| generator.belongs_to(CHAOS));
    generators
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

    fn names(generators: &[Generator]) -> Vec<&str> {
        generators.iter().map(|generator| generator.nemesis.name.as_str()).collect()
    }

    #[test]
    fn every_family_has_a_nemesis_in_a_preset() {
        for level in ["calm", "realistic", "harsh"] {
            let scenario = scenario(json!({ "majority_register": { "replicas": 5 } }), json!({ "chaos": level }));
            let generators = scenario.chaos.expect("chaos").generators(&scenario, 1).0;
            let expected: Vec<_> = FAMILIES.iter().map(|family| format!("chaos-store-{}", family.name)).collect();
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
            for generator in scenario.chaos.expect("a swarm").generators(&scenario, seed).0 {
                *counts.entry(generator.nemesis.name.clone()).or_default() += 1;
            }
        }
        assert_eq!(counts.len(), FAMILIES.len());
        // The deviation of 400 tosses is 10.
        assert!(counts.values().all(|count| count.abs_diff(200) < 50), "{counts:?}");
    }

    #[test]
    fn only_what_is_tolerated_takes_part() {
        let check = |tolerance: Tolerance, expected: &[&str]| {
            let families = FAMILIES.iter().filter(|family| (family.tolerated)(&tolerance));
            assert_eq!(families.map(|family| family.name).collect::<Vec<_>>(), expected);
        };
        check(Tolerance::NOTHING, &[]);
        check(Tolerance { clocks: true, ..Tolerance::NOTHING }, &["drift", "step"]);
        check(Tolerance { partitions: true, pauses: true, ..Tolerance::NOTHING }, &["pause", "split", "one-way"]);
        let messages = Tolerance { messages: true, ..Tolerance::NOTHING };
        check(messages, &["clog", "swizzle", "loss", "copies", "slow", "calls"]);
        let minority = Tolerance { crashes: Crashes::Minority, ..Tolerance::NOTHING };
        check(minority, &["crash", "power", "restart"]);
        assert!(FAMILIES[..3].iter().all(|family| (family.keeps)(&minority) == Keeps::Always));
    }

    #[test]
    fn the_page_says_what_the_table_says() {
        let page = include_str!("../../docs/chaos.md");
        for family in &FAMILIES {
            let knob = |knob: Knob| format!("{} / {} / {}", knob[0], knob[1], knob[2]);
            let lasts = family.lasts_ms.map_or("-".to_owned(), knob);
            let strength =
                family.strength.map_or("-".to_owned(), |(numbers, what)| format!("{} {what}", knob(numbers)));
            let row = format!("| `{}` | {} | {lasts} | {strength} |", family.name, knob(family.faults));
            assert!(page.contains(&row), "docs/chaos.md lacks the row {row}");
        }
    }
}
