// @ts-check
// What makes an anomaly one: which operations to show, which values they saw, and the order that cannot be.

import { operationId } from './model.js';

/**
 * An operation of an anomaly: the value that it wrote or found (or both), in words.
 * @typedef {{ operation: number, wrote: string | null, found: string | null, isTold: boolean }} Deed
 *   `isTold`: the checker names it; the others are its surroundings.
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
 * The operations of a check that did not hold, with those that explain them, in the order of their invocation.
 * @param {import('./model.js').Run} run
 * @param {import('./model.js').Check} check
 * @returns {Deed[]}
 */
export function deedsOf(run, check) {
    const told = check.operations.slice(0, check.name.startsWith('linearizable') ? 16 : 3);
    const shown = new Set(told);
    for (const operation of told) {
        if (check.name.startsWith('lost_writes')) lifeAndDeath(run, operation).forEach((other) => shown.add(other));
        else if (check.name.startsWith('stale_reads')) overwriting(run, operation).forEach((other) => shown.add(other));
        if (shown.size > 14) break;
    }
    if (check.name.startsWith('linearizable')) writersOf(run, told).forEach((other) => shown.add(other));
    const deeds = [...shown].map((operation) => ({ operation, ...valuesOf(run, operation), isTold: told.includes(operation) }));
    return deeds.sort((a, b) => run.operations.invoked[a.operation] - run.operations.invoked[b.operation]);
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
 * Of a lost write: the first and the last who found it, and the first who came later and did not.
 * @param {import('./model.js').Run} run
 * @param {number} operation
 */
function lifeAndDeath(run, operation) {
    const value = valuesOf(run, operation).wrote;
    if (value === null) return [];
    const { invoked, completed } = run.operations;
    const reads = companions(run, operation).filter((other) => valuesOf(run, other).found !== null);
    const alive = reads.filter((other) => holds(valuesOf(run, other).found, value));
    const seen = Math.max(completed[operation], ...alive.map((other) => completed[other]));
    const dead = reads.filter((other) => invoked[other] >= seen && !holds(valuesOf(run, other).found, value)).slice(0, 2);
    return [...alive.slice(0, 1), ...alive.slice(-1), ...dead, ...writersOf(run, dead)];
}

/**
 * Of a stale read: who wrote what it found, and the newest acknowledged write that it missed.
 * @param {import('./model.js').Run} run
 * @param {number} operation
 */
function overwriting(run, operation) {
    const { invoked, completed, outcome } = run.operations;
    const writes = companions(run, operation).filter((other) => valuesOf(run, other).wrote !== null);
    const missed = writes.filter((other) => outcome[other] === 0 && completed[other] < invoked[operation]);
    const newest = missed.reduce((best, other) => (best < 0 || invoked[other] > invoked[best] ? other : best), -1);
    return [...writersOf(run, [operation]).slice(0, 1), ...(newest >= 0 ? [newest] : [])];
}

/**
 * A circle of values of which each was there before the next, by operations that do not overlap. What a register held it
 * held without interruption if its writes differ, so such values have no order. None if the contradiction is of another kind.
 * @param {import('./model.js').Run} run
 * @param {Deed[]} deeds
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
 * @param {Deed[]} deeds
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
 * @param {Deed[]} deeds
 * @param {Order} order
 */
export function orderWords(run, deeds, { first, then, before, after }) {
    if (before < 0) return `${first} comes before ${then}: every object begins with it.`;
    const [a, b] = [operationId(run, deeds[before].operation), operationId(run, deeds[after].operation)];
    return `${first} comes before ${then}: ${a} had ended when ${b} began.`;
}
