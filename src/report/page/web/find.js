// @ts-check
// The search: events and operations whose words hold all that is asked for.

import { nodeName, operationId, operationWords } from './model.js';

/** No more than this many are found. */
const MOST_FOUND = 20_000;

/**
 * @param {import('./model.js').Run} run
 * @param {string} query words, all of which have to be found; `#12` is event 12
 * @returns {import('./bus.js').Selection[]} in the order of time
 */
export function find(run, query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    const number = /^#(\d+)$/.exec(words[0]);
    if (number) return Number(number[1]) < run.events.count ? [{ kind: 'event', index: Number(number[1]) }] : [];
    const found = [...findEvents(run, words), ...findOperations(run, words)];
    const time = (/** @type {import('./bus.js').Selection} */ { kind, index }) =>
        kind === 'event' ? run.events.t[index] : run.operations.invoked[index];
    return found.sort((a, b) => time(a) - time(b));
}

/**
 * @param {import('./model.js').Run} run
 * @param {string[]} words
 * @returns {import('./bus.js').Selection[]}
 */
function findEvents(run, words) {
    const { label, tag, node, peer, count } = run.events;
    const has = (/** @type {string} */ text, /** @type {string} */ word) => text.toLowerCase().includes(word);
    // Each text is looked at once, however many events say it.
    const tests = words.map((word) => ({
        tags: run.tags.map((name) => has(name.replaceAll('_', ' '), word) || has(name, word)),
        nodes: run.nodes.map((node) => has(node.name, word)),
        labels: /** @type {(boolean | undefined)[]} */ ([]),
        word,
    }));
    /** @type {import('./bus.js').Selection[]} */
    const found = [];
    for (let i = 0; i < count && found.length < MOST_FOUND; i++) {
        const isFound = tests.every(({ tags, nodes, labels, word }) => {
            if (tags[tag[i] - 1] || nodes[node[i]] || nodes[peer[i]]) return true;
            return (labels[label[i]] ??= has(run.text(label[i]), word));
        });
        if (isFound) found.push({ kind: 'event', index: i });
    }
    return found;
}

/**
 * @param {import('./model.js').Run} run
 * @param {string[]} words
 * @returns {import('./bus.js').Selection[]}
 */
function findOperations(run, words) {
    /** @type {import('./bus.js').Selection[]} */
    const found = [];
    for (let i = 0; i < run.operations.count && found.length < MOST_FOUND; i++) {
        const text = `${operationId(run, i)} ${operationWords(run, i)} ${nodeName(run, run.operations.node[i])}`.toLowerCase();
        if (words.every((word) => text.includes(word))) found.push({ kind: 'operation', index: i });
    }
    return found;
}
