// @ts-check
// What is lit: an event, all that led to it, and all that it led to.

/** With more effects than this, the later ones are not lit. */
const MOST_EFFECTS = 4000;

/**
 * @typedef {{ center: number, causes: number[], effects: number[], all: Set<number> }} Light
 *   `causes` backward from the event, `effects` forward in the order of their happening.
 */

/**
 * Causes and effects of an event.
 * @param {import('./model.js').Run} run
 * @param {number} event
 * @returns {Light}
 */
export function lightOf(run, event) {
    const causes = [];
    for (let i = run.events.cause[event]; i >= 0; i = run.events.cause[i]) causes.push(i);
    const effects = [];
    const queue = [event];
    for (let next = 0; next < queue.length && effects.length < MOST_EFFECTS; next++) {
        for (const effect of run.effects(queue[next])) {
            effects.push(effect);
            queue.push(effect);
        }
    }
    effects.sort((a, b) => a - b);
    return { center: event, causes, effects, all: new Set([event, ...causes, ...effects]) };
}

/**
 * What an operation brought about: from the sending of its first request to its last answer.
 * @param {import('./model.js').Run} run
 * @param {number} operation
 * @returns {Light}
 */
export function lightOfOperation(run, operation) {
    const own = run.operations.calls[operation].flatMap((call) => run.callEvents.get(call) ?? []);
    const until = run.operations.completed[operation];
    const all = new Set(own);
    for (const event of own) {
        for (let i = run.events.cause[event]; i >= 0 && run.events.t[i] >= run.operations.invoked[operation]; i = run.events.cause[i]) all.add(i);
    }
    const queue = [...all];
    for (let next = 0; next < queue.length && all.size < MOST_EFFECTS; next++) {
        for (const effect of run.effects(queue[next])) {
            if (run.events.t[effect] > until || all.has(effect) || isOthers(run, effect, own)) continue;
            all.add(effect);
            queue.push(effect);
        }
    }
    const ordered = [...all].sort((a, b) => a - b);
    return { center: own[0] ?? -1, causes: [], effects: ordered, all };
}

/**
 * Whether an event belongs to another call than these events do.
 * @param {import('./model.js').Run} run
 * @param {number} event
 * @param {number[]} own
 */
function isOthers(run, event, own) {
    const name = run.tags[run.events.tag[event] - 1];
    return (name === 'request' || name === 'answer' || name === 'call_timeout') && !own.includes(event);
}

/** By run, the message that ends with each event. @type {WeakMap<import('./model.js').Run, Int32Array>} */
const MESSAGE_OF = new WeakMap();

/**
 * The message that ends with an event, or -1.
 * @param {import('./model.js').Run} run
 * @param {number} event
 */
export function messageOf(run, event) {
    let table = MESSAGE_OF.get(run);
    if (!table) {
        table = new Int32Array(run.events.count).fill(-1);
        for (let i = 0; i < run.messages.count; i++) table[run.messages.event[i]] = i;
        MESSAGE_OF.set(run, table);
    }
    return table[event] ?? -1;
}

