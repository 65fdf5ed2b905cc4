// @ts-check
// What the network cannot pass on at an instant, and into which sides that parts the nodes.

import { TAG } from './model.js';

/**
 * A stretch of the run in which the same links are cut: `cut` holds `from * nodes + to` of each. Those on one side are cut off
 * from the same nodes; who is on no side reaches everybody.
 * @typedef {{ from: number, to: number, cut: Set<number>, sides: number[][] }} Parting
 */

/** Whether a fault cuts links. @param {import('./model.js').Fault} fault */
export const isParting = (fault) => fault.started && fault.cuts.length > 0;

/** By run, its partings in the order of time. @type {WeakMap<import('./model.js').Run, Parting[]>} */
const PARTINGS = new WeakMap();

/**
 * All partings of a run, in the order of time.
 * @param {import('./model.js').Run} run
 */
export function partingsOf(run) {
    let known = PARTINGS.get(run);
    if (!known) PARTINGS.set(run, (known = findPartings(run)));
    return known;
}

/**
 * When each fault cuts its links: once, or again and again, as the trace tells it.
 * @param {import('./model.js').Run} run
 * @returns {{ at: number, fault: number, cuts: boolean }[]}
 */
function changesOf(run) {
    const { events, faults } = run;
    const told = new Set();
    const changes = [];
    for (let i = 0; i < events.count; i++) {
        const cuts = events.tag[i] === TAG.cut;
        if (!cuts && events.tag[i] !== TAG.heal) continue;
        const fault = events.number[i];
        if (!faults[fault] || !isParting(faults[fault])) continue;
        told.add(fault);
        changes.push({ at: events.t[i], fault, cuts });
    }
    faults.forEach((fault, number) => {
        if (!isParting(fault)) return;
        if (!told.has(number)) changes.push({ at: fault.from, fault: number, cuts: true });
        changes.push({ at: fault.to, fault: number, cuts: false });
    });
    return changes.sort((a, b) => a.at - b.at);
}

/**
 * @param {import('./model.js').Run} run
 * @returns {Parting[]}
 */
function findPartings(run) {
    const changes = changesOf(run);
    /** @type {Map<string, { cut: Set<number>, sides: number[][] }>} */
    const known = new Map();
    /** @type {Set<number>} */
    const active = new Set();
    const partings = [];
    for (let i = 0; i < changes.length; i++) {
        if (changes[i].cuts) active.add(changes[i].fault);
        else active.delete(changes[i].fault);
        const [from, to] = [changes[i].at, changes[i + 1]?.at ?? run.end];
        if (active.size === 0 || from >= to) continue;
        const key = [...active].sort((a, b) => a - b).join();
        let parted = known.get(key);
        if (!parted) {
            const count = run.nodes.length;
            const cut = new Set([...active].flatMap((fault) => run.faults[fault].cuts.map(([a, b]) => a * count + b)));
            known.set(key, (parted = { cut, sides: sidesOf(cut, count) }));
        }
        partings.push({ from, to, ...parted });
    }
    return partings;
}

/**
 * @param {Set<number>} cut
 * @param {number} count how many nodes there are
 */
function sidesOf(cut, count) {
    /** @type {Map<string, number[]>} */
    const sides = new Map();
    for (let node = 0; node < count; node++) {
        let key = '';
        for (let other = 0; other < count; other++) {
            const [there, back] = [cut.has(node * count + other), cut.has(other * count + node)];
            if (there || back) key += `${other}${there ? '>' : ''}${back ? '<' : ''} `;
        }
        if (key) sides.set(key, [...(sides.get(key) ?? []), node]);
    }
    return [...sides.values()];
}

/**
 * What is cut at an instant, if something is.
 * @param {import('./model.js').Run} run
 * @param {number} time
 * @returns {Parting | undefined}
 */
export function partingAt(run, time) {
    const partings = partingsOf(run);
    let [low, high] = [0, partings.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if (partings[middle].from <= time) low = middle + 1;
        else high = middle;
    }
    const last = partings[low - 1];
    return last && time < last.to ? last : undefined;
}

/**
 * Whether what one node sends to another dies at an instant.
 * @param {import('./model.js').Run} run
 * @param {number} from
 * @param {number} to
 * @param {number} time
 */
export function isCut(run, from, to, time) {
    return partingAt(run, time)?.cut.has(from * run.nodes.length + to) ?? false;
}
