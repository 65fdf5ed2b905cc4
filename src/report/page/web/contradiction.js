// @ts-check
// What makes an anomaly one: which operations to show, which values they saw, and the order that cannot be.

import { operationId, timeWords } from './model.js';

/** How many lost writes or stale reads are drawn. */
const MOST_LOST = 3;

/** What a dependency means. @type {Record<string, string>} */
const DEPENDENCIES = {
    ww: 'the second overwrites what the first wrote',
    wr: 'the second reads what the first wrote',
    rw: 'the second replaces what the first read',
    session: 'one session ran the first before the second',
    realtime: 'the first was over when the second began',
};

/** Kinds of fault that can take away what was written. */
const TAKES_AWAY = /crash|kill|power|disk|torn|rot|lose|forget|wipe/;

/**
 * A line of a drawing: an operation with the value that it wrote or found (or both), in words; or the beginning or the end.
 * @typedef {{ at: 'operation' | 'first' | 'end', operation: number, wrote: string | null, found: string | null, stage: string, label: string }} Row
 *   `stage` is its part in the story; `label` stands at an instant that is no operation.
 *
 * From a row to another: a circle's `order` in time, a `dependency` of transactions, the `life` of a value and its `death`,
 * with a `cross` at an instant.
 * @typedef {{ from: number, to: number, kind: 'order' | 'dependency' | 'life' | 'death', says: string, cross?: number }} Arrow
 *
 * A part of an anomaly. A sentence belongs to each numbered arrow, in their order.
 * @typedef {{ rows: Row[], arrows: Arrow[], sentences: string[], close: string }} Story
 *
 * One value was there before another: `before` had ended when `after` began; without them it is the initial value.
 * @typedef {{ first: string, then: string, before: number, after: number }} Order
 *   `before` and `after` are places among the deeds, or -1.
 */

/**
 * What an operation wrote and found.
 * @param {import('./model.js').Run} run
 * @param {number} operation
 */
function valuesOf(run, operation) {
    const { kind, request, answer, outcome } = run.operations;
    const [asked, said] = [run.text(request[operation]), run.text(answer[operation])];
    const isAnswered = outcome[operation] < 2;
    const isOk = outcome[operation] === 0;
    switch (run.text(kind[operation])) {
        case 'read':
            return { wrote: null, found: isAnswered ? said : null };
        case 'write':
            return { wrote: asked.split(' = ')[1] ?? null, found: null };
        case 'compare_and_set': {
            const [expected, wanted] = (asked.split(': ')[1] ?? '').split(' -> ');
            return { wrote: outcome[operation] === 1 ? null : (wanted ?? null), found: isOk ? (expected ?? null) : isAnswered ? said : null };
        }
        case 'append':
        case 'insert':
        case 'enqueue':
            return { wrote: asked.split(' ')[1] ?? null, found: null };
        default:
            return { wrote: null, found: isAnswered ? said : null };
    }
}

/**
 * Whether what was found holds a value: is it, or is a list with it.
 * @param {string | null} found
 * @param {string} value
 */
export function holds(found, value) {
    if (found === null) return false;
    return found === value || (/[[|]/.test(found) && found.split(/[^-\w]+/).includes(value));
}

/**
 * What is drawn of a check that did not hold, each part on its own.
 * @param {import('./model.js').Run} run
 * @param {import('./model.js').Check} check
 * @returns {Story[]}
 */
export function storiesOf(run, check) {
    const lost = check.edges.filter(({ kind }) => kind === 'lost');
    if (lost.length > 0) return lost.slice(0, MOST_LOST).map((edge) => lifeAndDeath(run, edge));
    if (check.edges.length > 0) return [cycle(run, check.edges)];
    if (check.name.startsWith('linearizable')) return [contradiction(run, check.operations.slice(0, 16))];
    if (check.name.startsWith('stale_reads')) return check.operations.filter((operation) => valuesOf(run, operation).wrote === null).slice(0, MOST_LOST).map((read) => stale(run, read));
    return [{ rows: storyLines(run, check.operations.slice(0, 6)), arrows: [], sentences: [], close: check.explanation }];
}

/**
 * Operations as rows, in the order of their invocation.
 * @param {import('./model.js').Run} run
 * @param {Iterable<number>} operations
 * @param {Map<number, string>} [stages]
 * @returns {Row[]}
 */
function storyLines(run, operations, stages = new Map()) {
    const sorted = [...new Set(operations)].sort((a, b) => run.operations.invoked[a] - run.operations.invoked[b]);
    return sorted.map((operation) => ({ at: 'operation', operation, ...valuesOf(run, operation), stage: stages.get(operation) ?? '', label: '' }));
}

/**
 * What stands for an instant and no operation: the beginning or the end.
 * @param {'first' | 'end'} at
 * @param {string} stage
 * @param {string} label
 * @param {string | null} found
 * @returns {Row}
 */
const instant = (at, stage, label, found = null) => ({ at, operation: -1, wrote: null, found, stage, label });

/**
 * The operations that cannot be put in order, who wrote what they found, and the circle, if there is one.
 * @param {import('./model.js').Run} run
 * @param {number[]} told
 * @returns {Story}
 */
function contradiction(run, told) {
    const operations = storyLines(run, [...told, ...writersOf(run, told)]);
    const circle = circleOf(run, operations);
    const hasFirst = circle.some(({ before }) => before < 0);
    const rows = hasFirst ? [instant('first', 'at first', 'nil', 'nil'), ...operations] : operations;
    const shift = hasFirst ? 1 : 0;
    const holding = (/** @type {string} */ value) => operations.findIndex(({ wrote, found }) => wrote === value || found === value);
    /** @type {Arrow[]} */
    const arrows = circle.map(({ then, before, after }) => ({ from: before + shift, to: (before < 0 ? holding(then) : after) + shift, kind: 'order', says: '' }));
    const close = circle.length > 0 ? 'Each follows from real time, and together they go round in a circle: no order of these operations explains what they saw.' : '';
    return { rows, arrows, sentences: circle.map((order) => orderWords(run, operations, order)), close };
}

/**
 * A cycle of dependencies between transactions.
 * @param {import('./model.js').Run} run
 * @param {import('./model.js').Edge[]} edges
 * @returns {Story}
 */
function cycle(run, edges) {
    const rows = storyLines(run, edges.flatMap(({ from, to }) => (to === null ? [from] : [from, to])));
    const place = (/** @type {number | null} */ operation) => rows.findIndex((row) => row.operation === operation);
    /** @type {Arrow[]} */
    const arrows = edges.map(({ from, to, kind, key }) => ({ from: place(from), to: place(to), kind: 'dependency', says: [kind, key].filter(Boolean).join(' ') }));
    const used = Object.entries(DEPENDENCIES).filter(([kind]) => edges.some((edge) => edge.kind === kind));
    const close = `Each has to come before the next, and the last before the first: they go round in a circle. ${used.map(([kind, says]) => `${kind}: ${says}`).join('; ')}.`;
    return { rows, arrows, sentences: edges.map(({ words }) => words), close };
}

/**
 * The operations on the same object, in the order of their invocation.
 * @param {import('./model.js').Run} run
 * @param {number} operation
 */
function companions(run, operation) {
    const { key, count } = run.operations;
    return Array.from({ length: count }, (_, i) => i).filter((i) => i !== operation && key[i] === key[operation] && key[i] !== null);
}

/**
 * Who wrote what these found.
 * @param {import('./model.js').Run} run
 * @param {number[]} told
 */
function writersOf(run, told) {
    const found = told.map((operation) => valuesOf(run, operation).found).filter((value) => value !== null);
    const others = told.length > 0 ? companions(run, told[0]) : [];
    const wanted = others.filter((other) => !told.includes(other) && found.includes(valuesOf(run, other).wrote ?? '?'));
    return wanted.slice(0, 6);
}

/**
 * Of a lost write: when it was acknowledged, the first and the last who found it, and the first who came later and did not,
 * or what the replicas hold at the end.
 * @param {import('./model.js').Run} run
 * @param {import('./model.js').Edge} edge
 * @returns {Story}
 */
function lifeAndDeath(run, { from: write, to: shownBy, words }) {
    const { invoked, completed } = run.operations;
    const value = valuesOf(run, write).wrote ?? '';
    const reads = companions(run, write).filter((other) => valuesOf(run, other).found !== null);
    const alive = reads.filter((other) => holds(valuesOf(run, other).found, value));
    const seen = Math.max(completed[write], ...alive.map((other) => completed[other]));
    // Of a long list only the ends are told, so that nothing is known of what it lacks.
    const lacks = (/** @type {string | null} */ found) => !holds(found, value) && !found?.includes('...');
    const dead = reads.find((other) => invoked[other] >= seen && lacks(valuesOf(run, other).found)) ?? shownBy;
    const last = alive[alive.length - 1] ?? write;
    const stages = new Map([[alive[0], 'first seen'], [last, 'last seen'], [write, 'acknowledged'], [dead ?? -1, 'missing']]);
    const shown = storyLines(run, [write, ...alive.slice(0, 1), ...alive.slice(-1), ...(dead === null ? [] : [dead])], stages);
    // The replicas' final state is told after `but at the end`, up to why that counts as older.
    const held = /, but at the end (.*?)(?:, and |\.$|: )/.exec(words)?.[1] ?? 'it is gone';
    const rows = dead === null ? [...shown, instant('end', 'missing at the end', held, held)] : shown;
    const gone = dead === null ? run.end : invoked[dead];
    const faults = run.faults.filter((fault) => fault.started && fault.from <= gone && fault.to >= seen);
    const fault = faults.find(({ kind }) => TAKES_AWAY.test(kind)) ?? faults[0];
    const sentences = [words, ...(fault ? [`In between, at ${timeWords(fault.from, 1e4)}, ${fault.kind} “${fault.id}” began.`] : [])];
    /** @type {Arrow[]} */
    const arrows = rows.slice(1).map((_, i) => ({ from: i, to: i + 1, kind: i + 2 < rows.length ? 'life' : 'death', says: '', cross: fault?.from }));
    return { rows, arrows, sentences, close: '' };
}

/**
 * Of a stale read: who wrote what it found, and the newest acknowledged write that it missed.
 * @param {import('./model.js').Run} run
 * @param {number} read
 * @returns {Story}
 */
function stale(run, read) {
    const { invoked, completed, outcome } = run.operations;
    const writes = companions(run, read).filter((other) => valuesOf(run, other).wrote !== null);
    const missed = writes.filter((other) => outcome[other] === 0 && completed[other] < invoked[read]);
    const newest = missed.reduce((best, other) => (best < 0 || invoked[other] > invoked[best] ? other : best), -1);
    const source = writersOf(run, [read])[0];
    const stages = new Map([[source ?? -1, 'older'], [newest, 'newer'], [read, 'stale']]);
    const rows = storyLines(run, [...(source === undefined ? [] : [source]), ...(newest < 0 ? [] : [newest]), read], stages);
    const place = (/** @type {number} */ operation) => rows.findIndex((row) => row.operation === operation);
    /** @type {Arrow[]} */
    const arrows = newest < 0 ? [] : [{ from: place(newest), to: place(read), kind: 'order', says: '' }];
    return { rows, arrows, sentences: newest < 0 ? [] : [`${operationId(run, newest)} was acknowledged before ${operationId(run, read)} began, which missed it.`], close: '' };
}

/**
 * A circle of values of which each was there before the next, by operations that do not overlap. What a register held it
 * held without interruption if its writes differ, so such values have no order. None if the contradiction is of another kind.
 * @param {import('./model.js').Run} run
 * @param {Row[]} deeds
 * @returns {Order[]}
 */
export function circleOf(run, deeds) {
    /** @type {Map<string, number[]>} */
    const byValue = new Map([['nil', []]]);
    deeds.forEach(({ wrote, found }, place) => {
        for (const value of new Set([wrote, found])) {
            if (value !== null) byValue.set(value, [...(byValue.get(value) ?? []), place]);
        }
    });
    const values = [...byValue.keys()];
    /** @type {Map<string, Order[]>} */
    const orders = new Map();
    for (const first of values) {
        const known = values.flatMap((then) => (first === then ? [] : (orderOf(run, deeds, byValue, first, then) ?? [])));
        orders.set(first, known);
    }
    return values.map((value) => shortestCircle(orders, value)).reduce((best, circle) => (best.length === 0 || (circle.length > 0 && circle.length < best.length) ? circle : best), []);
}

/**
 * @param {import('./model.js').Run} run
 * @param {Row[]} deeds
 * @param {Map<string, number[]>} byValue
 * @param {string} first
 * @param {string} then
 * @returns {Order | null}
 */
function orderOf(run, deeds, byValue, first, then) {
    const { invoked, completed, outcome } = run.operations;
    const earliest = (byValue.get(first) ?? []).filter((place) => outcome[deeds[place].operation] < 2);
    earliest.sort((a, b) => completed[deeds[a].operation] - completed[deeds[b].operation]);
    const latest = [...(byValue.get(then) ?? [])].sort((a, b) => invoked[deeds[b].operation] - invoked[deeds[a].operation]);
    // Whoever changes one value into another belongs to both.
    const pair = earliest.flatMap((before) => latest.filter((after) => before !== after).map((after) => [before, after]));
    const [before, after] = pair.find(([a, b]) => completed[deeds[a].operation] < invoked[deeds[b].operation]) ?? [-1, -1];
    if (before >= 0) return { first, then, before, after };
    return first === 'nil' && latest.length > 0 ? { first, then, before: -1, after: -1 } : null;
}

/**
 * @param {Map<string, Order[]>} orders
 * @param {string} start
 * @returns {Order[]}
 */
function shortestCircle(orders, start) {
    /** @type {Order[][]} */
    const ways = (orders.get(start) ?? []).map((order) => [order]);
    const seen = new Set();
    for (let next = 0; next < ways.length; next++) {
        const last = ways[next][ways[next].length - 1].then;
        if (last === start) return ways[next];
        if (seen.has(last)) continue;
        seen.add(last);
        for (const order of orders.get(last) ?? []) ways.push([...ways[next], order]);
    }
    return [];
}

/**
 * An order in words.
 * @param {import('./model.js').Run} run
 * @param {Row[]} deeds
 * @param {Order} order
 */
export function orderWords(run, deeds, { first, then, before, after }) {
    if (before < 0) return `${first} comes before ${then}: every object begins with it.`;
    const [a, b] = [operationId(run, deeds[before].operation), operationId(run, deeds[after].operation)];
    return `${first} comes before ${then}: ${a} had ended when ${b} began.`;
}
