// @ts-check
// What is selected, in full: its data, what led to it, what it led to. And the window as a table.

import { element, table } from './bus.js';
import { lightOf, messageOf } from './light.js';
import { OUTCOMES, deathWords, eventWords, lowerBound, nodeName, operationId, operationWords, timeWords } from './model.js';

/** How many causes, effects and rows are listed. */
const LISTED = 14;
const ROWS = 250;

/** A moment, exactly. @param {number} time */
const exactly = (time) => timeWords(time, 1);

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @returns {{ place: HTMLElement, end: () => void }}
 */
export function inspector(run, bus) {
    const place = element('aside', { class: 'inspector', 'aria-label': 'What is selected', 'aria-live': 'polite' });
    const show = (/** @type {import('./bus.js').Selection | null} */ selection) =>
        place.replaceChildren(...(selection ? about(run, bus, selection) : hints(run)));
    show(bus.get('selection'));
    return { place, end: bus.on('selection', show) };
}

/** @param {import('./model.js').Run} run */
function hints(run) {
    const keys = [
        ['click', 'an arrow, a bar, a lane: its data, its causes, its effects'],
        ['wheel, + −', 'zoom'],
        ['drag, ← →', 'move; ↑ ↓ from lane to lane'],
        ['shift-drag', 'zoom to a part'],
        ['space', 'play; click the axis to scrub'],
        ['. ,', 'next and previous event'],
        ['c  e', 'to the cause, to the first effect'],
        ['o  O', 'next and previous operation'],
        ['/  n', 'search, next found'],
        ['t', 'axis by time or by event'],
        ['0  esc', 'the whole run; let go'],
    ];
    const shown = run.events.count < run.eventsTotal ? `${run.events.count} of ${run.eventsTotal} events are in this page.` : '';
    return [
        element('h3', {}, 'Point at something'),
        element('dl', { class: 'keys' }, ...keys.flatMap(([key, does]) => [element('dt', {}, key), element('dd', {}, does)])),
        element('p', { class: 'quiet' }, shown),
    ];
}

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @param {import('./bus.js').Selection} selection
 * @returns {HTMLElement[]}
 */
function about(run, bus, selection) {
    switch (selection.kind) {
        case 'event':
            return aboutEvent(run, bus, selection.index);
        case 'operation':
            return aboutOperation(run, bus, selection.index);
        case 'fault':
            return aboutFault(run, selection.index);
        default:
            return aboutNode(run, bus, selection.index);
    }
}

/** @param {[string, string][]} pairs */
const facts = (pairs) =>
    element('dl', { class: 'facts' }, ...pairs.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @param {number} event
 */
function aboutEvent(run, bus, event) {
    const { line, content } = eventWords(run, event);
    const message = messageOf(run, event);
    const { messages, events } = run;
    /** @type {[string, string][]} */
    const pairs = [['at', exactly(events.t[event])], ['event', `#${event}`]];
    if (message >= 0) {
        const fate = messages.fate[message] === 0 ? 'delivered' : `lost: ${deathWords(run, messages.event[message])}`;
        pairs.push(['sent', exactly(messages.sent[message])], ['took', timeWords(events.t[event] - messages.sent[message])], ['fate', fate]);
    }
    const operation = operationOf(run, event);
    const light = lightOf(run, event);
    return [
        element('p', { class: 'kind' }, (run.tags[events.tag[event] - 1] ?? 'event').replaceAll('_', ' ')),
        element('h3', {}, line),
        facts(pairs),
        operation >= 0 ? element('p', {}, 'part of ', choose(bus, 'operation', operation, operationId(run, operation))) : element('span', {}),
        content ? element('pre', { tabindex: '0' }, indented(content)) : element('span', {}),
        chain(run, bus, 'Led to it', light.causes, 'nothing in the run: it began here'),
        chain(run, bus, 'What it led to', light.effects, 'nothing'),
    ];
}

/**
 * @param {import('./bus.js').Bus} bus
 * @param {import('./bus.js').Selection['kind']} kind
 * @param {number} index
 * @param {string} words
 */
const choose = (bus, kind, index, words) =>
    element('button', { class: 'link', 'data-kind': kind, 'data-index': index, onclick: () => bus.set('selection', { kind, index }) }, words);

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @param {string} title
 * @param {number[]} list
 * @param {string} none
 */
function chain(run, bus, title, list, none) {
    const rows = list.slice(0, LISTED).map((event) =>
        element('li', {}, element('span', { class: 'when' }, timeWords(run.events.t[event], 1e4)), ' ', choose(bus, 'event', event, eventWords(run, event).line)),
    );
    const more = list.length - rows.length;
    return element(
        'section',
        { class: 'chain' },
        element('h4', {}, `${title} (${list.length})`),
        rows.length > 0 ? element('ol', {}, ...rows) : element('p', { class: 'quiet' }, none),
        more > 0 ? element('p', { class: 'quiet' }, `and ${more} more, lit in the diagram`) : null,
    );
}

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @param {number} operation
 */
function aboutOperation(run, bus, operation) {
    const { operations } = run;
    const events = operations.calls[operation].flatMap((call) => run.callEvents.get(call) ?? []);
    /** @type {[string, string][]} */
    const pairs = [
        ['outcome', OUTCOMES[operations.outcome[operation]]],
        ['meant for', exactly(operations.intended[operation])],
        ['invoked', exactly(operations.invoked[operation])],
        ['completed', exactly(operations.completed[operation])],
        ['took', timeWords(operations.completed[operation] - operations.invoked[operation])],
        ['attempts', String(operations.calls[operation].length)],
    ];
    return [
        element('p', { class: 'kind' }, 'operation'),
        element('h3', {}, operationId(run, operation)),
        element('p', {}, operationWords(run, operation)),
        facts(pairs),
        operations.byDesign.has(operation) ? element('p', { class: 'quiet' }, 'No replica within reach could have served it: unavailable by design.') : element('span', {}),
        chain(run, bus, 'Its calls', events, 'none is in this page'),
    ];
}

/**
 * @param {import('./model.js').Run} run
 * @param {number} index
 */
function aboutFault(run, index) {
    const fault = run.faults[index];
    return [
        element('p', { class: 'kind' }, 'fault'),
        element('h3', {}, `${fault.kind} “${fault.id}”`),
        facts([
            ['from', fault.started ? exactly(fault.from) : 'never triggered'],
            ['to', fault.isOpen ? 'the end' : exactly(fault.to)],
            ['whom', fault.targets.map((node) => nodeName(run, node)).join(', ') || 'nobody'],
            ['touched', fault.touches || '0'],
        ]),
        element('pre', { tabindex: '0' }, JSON.stringify(fault.settings, null, 2)),
    ];
}

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @param {number} node
 */
function aboutNode(run, bus, node) {
    const { service, zone, calls } = run.nodes[node];
    const { roles, down, paused } = run.lanes[node];
    const [sent, received] = [run.messages.from, run.messages.to].map((ends) => ends.reduce((sum, end) => sum + Number(end === node), 0));
    const faults = run.faults.flatMap((fault, index) => (fault.targets.includes(node) ? [index] : []));
    /** @type {[string, string][]} */
    const pairs = [
        [service ? 'replica of' : 'calls', service ?? calls ?? '?'],
        ['zone', zone ?? 'the only one'],
        ['sends', `${sent} messages in this page`],
        ['is sent', `${received} messages`],
        ['was down', down.map((span) => `${timeWords(span.from, 1e6)} to ${timeWords(span.to, 1e6)}`).join('; ') || 'never'],
        ['was paused', paused.map((span) => `${timeWords(span.from, 1e6)} to ${timeWords(span.to, 1e6)}`).join('; ') || 'never'],
        ['roles', roles.slice(-8).map((role) => `${role.role} ${role.epoch} from ${timeWords(role.from, 1e6)}`).join('; ') || 'none'],
    ];
    return [
        element('p', { class: 'kind' }, service ? 'replica' : 'client'),
        element('h3', {}, nodeName(run, node)),
        facts(pairs),
        element('ul', {}, ...faults.slice(0, LISTED).map((index) => element('li', {}, choose(bus, 'fault', index, `${run.faults[index].kind} “${run.faults[index].id}”`)))),
    ];
}

/** By run, the operation of each call. @type {WeakMap<import('./model.js').Run, Map<number | string, number>>} */
const OPERATION_OF = new WeakMap();

/**
 * The operation that an event belongs to by its call, or the calls before it; or -1.
 * @param {import('./model.js').Run} run
 * @param {number} event
 */
export function operationOf(run, event) {
    let byCall = OPERATION_OF.get(run);
    if (!byCall) {
        byCall = new Map();
        for (let i = 0; i < run.operations.count; i++) for (const call of run.operations.calls[i]) byCall.set(call, i);
        OPERATION_OF.set(run, byCall);
    }
    for (let i = event; i >= 0; i = run.events.cause[i]) {
        const name = run.tags[run.events.tag[i] - 1];
        if (name === 'request' || name === 'answer' || name === 'call_timeout') return byCall.get(run.events.number[i]) ?? -1;
    }
    return -1;
}

/**
 * A value as Rust prints it, with a line for each field.
 * @param {string} content
 */
function indented(content) {
    let [text, depth] = ['', 0];
    for (let i = 0; i < content.length; i++) {
        const c = content[i];
        const isEmpty = (c === '[' && content[i + 1] === ']') || (c === '{' && content[i + 1] === '}');
        if (isEmpty) {
            text += c + content[++i];
        } else if (c === '{' || c === '[') {
            depth++;
            text += `${c}\n${'  '.repeat(depth)}`;
            if (content[i + 1] === ' ') i++;
        } else if (c === '}' || c === ']') {
            depth = Math.max(0, depth - 1);
            text = `${text.trimEnd()}\n${'  '.repeat(depth)}${c}`;
        } else if (c === ',' && depth > 0 && content[i + 1] === ' ') {
            text += `,\n${'  '.repeat(depth)}`;
            i++;
        } else {
            text += c;
        }
    }
    return text;
}

/**
 * The operations that the window shows as a table.
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 */
function operationTable(run, bus) {
    const { invoked, completed, node, count } = run.operations;
    const { from, to } = bus.get('window');
    const all = Array.from({ length: count }, (_, i) => i).filter((i) => completed[i] >= from && invoked[i] <= to);
    const rows = all.slice(0, ROWS).map((i) => [choose(bus, 'operation', i, operationId(run, i)), nodeName(run, node[i]), operationWords(run, i), exactly(invoked[i]), timeWords(completed[i] - invoked[i])]);
    const caption = rows.length < all.length ? `The first ${rows.length} of ${all.length} operations` : `${rows.length} operations`;
    return element('div', { class: 'operations' }, table(caption, ['operation', 'client', 'what', 'invoked', 'took'], rows));
}

/**
 * The events of the window as a table, for those who do not see the diagram.
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @returns {{ place: HTMLElement, end: () => void }}
 */
export function eventTable(run, bus) {
    const rows = element('div', { class: 'scroll' });
    const copy = element('button', { class: 'tool', onclick: () => navigator.clipboard?.writeText(lines().join('\n')) }, 'Copy as text');
    const place = /** @type {HTMLDetailsElement} */ (element('details', { class: 'twin' }, element('summary', {}, 'The events and operations of this window as tables'), copy, rows));
    const range = () => [bus.get('window').from, bus.get('window').to].map((time) => lowerBound(run.events.t, time));
    const lines = () => {
        const [first, last] = range();
        const line = (/** @type {number} */ i) => `${exactly(run.events.t[i])}\t${eventWords(run, i).line}\t${eventWords(run, i).content}`;
        return Array.from({ length: Math.min(last - first, 10_000) }, (_, i) => line(first + i));
    };
    const show = () => {
        if (!place.open) return;
        const [first, last] = range();
        const shown = Math.min(last - first, ROWS);
        const row = (/** @type {number} */ i) => [exactly(run.events.t[i]), choose(bus, 'event', i, eventWords(run, i).line), eventWords(run, i).content.slice(0, 160)];
        const caption = shown < last - first ? `The first ${shown} of ${last - first} events; zoom in for the others` : `${shown} events`;
        rows.replaceChildren(table(caption, ['when', 'what', 'with'], Array.from({ length: shown }, (_, i) => row(first + i))), operationTable(run, bus));
    };
    place.addEventListener('toggle', show);
    return { place, end: bus.on('window', show) };
}
