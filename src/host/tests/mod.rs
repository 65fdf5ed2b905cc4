//! What hosts do to nodes. Nodes are functions, deeds happen at instants, and the trace tells the story.

mod clock;
mod clock_sync;
mod disk;
mod life;
mod links;
mod misled;
mod network;
mod priorities;
mod process;
mod run;

use std::collections::BTreeMap;

use crate::kernel::{Span, Time};

use super::record::Tag;
use super::tally::Touch;
use super::{
    Builder, CallError, Context, CrashKeeps, CrashSettings, DiskId, DiskResult, End, FaultId, HostSettings, Link,
    Message, Node, NodeId, Reply, Request, RequestId, Simulation, Step, View, ZoneId, class,
};

/// A message: a number, which is also its size in bytes.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Word(pub(crate) u32);

impl Message for Word {
    fn kind(&self) -> &'static str {
        "word"
    }

    fn size_bytes(&self) -> u32 {
        self.0
    }

    fn corrupt(&mut self, draw: u64) -> bool {
        self.0 ^= 1 << (draw % 32);
        true
    }
}

/// What a node hears.
pub(crate) enum Heard<'a> {
    Start,
    Word(NodeId, u32),
    Request(RequestId),
    Answer(Result<&'a Reply, CallError>),
    Disk(&'a DiskResult),
    Timer(u8),
}

/// What a node does about it; the list is its memory.
pub(crate) type Play = fn(&mut Vec<u32>, Heard<'_>, &mut Context<'_, Actor>);

#[derive(Clone)]
pub(crate) struct Actor {
    play: Play,
    memory: Vec<u32>,
}

impl Node for Actor {
    type Message = Word;
    type Timer = u8;

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        (self.play)(&mut self.memory, Heard::Start, cx);
    }

    fn receive(&mut self, from: NodeId, message: &Word, cx: &mut Context<'_, Self>) {
        (self.play)(&mut self.memory, Heard::Word(from, message.0), cx);
    }

    fn request(&mut self, id: RequestId, _: &Request, cx: &mut Context<'_, Self>) {
        (self.play)(&mut self.memory, Heard::Request(id), cx);
    }

    fn answer(&mut self, _: super::CallId, result: Result<&Reply, CallError>, cx: &mut Context<'_, Self>) {
        (self.play)(&mut self.memory, Heard::Answer(result), cx);
    }

    fn disk(&mut self, _: DiskId, result: &DiskResult, cx: &mut Context<'_, Self>) {
        (self.play)(&mut self.memory, Heard::Disk(result), cx);
    }

    fn timer(&mut self, timer: u8, cx: &mut Context<'_, Self>) {
        (self.play)(&mut self.memory, Heard::Timer(timer), cx);
    }

    fn observe(&self, view: &mut View) {
        view.applied(self.memory.iter().map(|&word| u64::from(word)).sum());
    }
}

/// Adds a service of actors in zone 0 to a builder.
pub(crate) fn actors(builder: &mut Builder, name: &str, count: usize, settings: &HostSettings, play: Play) {
    builder.service(name, &vec![ZoneId(0); count], settings, move |_| Actor { play, memory: Vec::new() });
}

/// Nodes 0 .. `count` of the service "n", and then a client.
fn stage_with(count: usize, settings: &HostSettings, link: Link, play: Play) -> Simulation {
    let mut builder = Builder::new(1);
    builder.links(link).keep_trace();
    actors(&mut builder, "n", count, settings, play);
    builder.client("client", ZoneId(0));
    builder.finish().expect("names are unique")
}

fn stage(count: usize, play: Play) -> Simulation {
    stage_with(count, &HostSettings::default(), Link::default(), play)
}

fn busy(settings: impl FnOnce(&mut HostSettings)) -> HostSettings {
    let mut changed = HostSettings::default();
    settings(&mut changed);
    changed
}

pub(crate) const fn ms(milliseconds: u64) -> Span {
    Span::from_millis(milliseconds)
}

/// What is done from outside, and at which millisecond.
type Deed<'a> = (u64, &'a dyn Fn(&mut Simulation));

/// Runs to the end with deeds, before all else at their instants; answers how each call of a client ended.
fn run(simulation: &mut Simulation, deeds: &[Deed<'_>]) -> Vec<String> {
    for (&(at, _), token) in deeds.iter().zip(0..) {
        simulation.tell_at(Time::ZERO + ms(at), class::FAULT_START, token);
    }
    let mut answers = Vec::new();
    loop {
        match simulation.run() {
            Step::Ran | Step::Turned { .. } => {}
            Step::Token { token, .. } => deeds[token as usize].1(simulation),
            Step::Answer { tag, result, .. } => answers.push(match result {
                Ok(reply) => format!("{} #{tag} {reply:?}", simulation.now()),
                Err(error) => format!("{} #{tag} {}", simulation.now(), error.name()),
            }),
            Step::Ended(end) => {
                assert_eq!(end, End::Quiet);
                assert!(simulation.census().balances(), "{:?}", simulation.census());
                return answers;
            }
        }
    }
}

/// What happened to a node, of the given kinds: time, kind, label.
fn story(simulation: &Simulation, node: u32, tags: &[Tag]) -> Vec<String> {
    let trace = simulation.trace();
    let tells = |tag: u8| tags.iter().any(|&wanted| wanted as u8 == tag);
    let records = trace.records().iter().filter(|record| record.fact.a == node && tells(record.fact.tag));
    let line = |record: &crate::kernel::Record| {
        let name = Tag::from_number(record.fact.tag).map_or("?", Tag::name);
        let label = trace.label(record.label);
        let text = label.split_once('\t').map_or(label, |(_, text)| text);
        format!("{} {name} {text}", record.fact.time).trim_end().to_owned()
    };
    records.map(line).collect()
}

fn dropped(simulation: &Simulation) -> BTreeMap<&'static str, u64> {
    simulation.census().dropped
}

const FIRST: FaultId = FaultId(1);
const SECOND: FaultId = FaultId(2);
const DIES: CrashSettings = CrashSettings { silent: false, keeps: CrashKeeps::Nothing };
const LOSES_POWER: CrashSettings = CrashSettings { silent: true, keeps: CrashKeeps::Nothing };
