// @ts-check
// Single operations, the slowest and those that failed, each as a waterfall of its legs.

import { element, table } from './bus.js';
import { nodeName, operationId, operationWords, timeWords } from './model.js';
import { hatching, svg, ticksUpTo } from './plot.js';

/** Heights and widths of a waterfall. */
const ROW_TALL = 24;
const NAMES_WIDE = 250;

/** What each kind of leg looks like and is called. @type {Record<string, { tone: string, says: string }>} */
const LEG_KINDS = {
    call: { tone: 'k0', says: 'call' },
    serve: { tone: 'k2', says: 'work on it' },
    message: { tone: 'k4', says: 'message' },
    disk: { tone: 'k3', says: 'disk' },
    work: { tone: 'k5', says: 'processor' },
};

/**
 * What a leg is, in words.
 * @param {import('./model.js').Run} run
 * @param {import('./model.js').Leg} leg
 */
function legWords(run, leg) {
    const [node, peer] = [nodeName(run, leg.node), nodeName(run, leg.peer)];
    switch (leg.kind) {
        case 'call':
            return `${node} asks ${peer}`;
        case 'serve':
            return `${node} serves`;
        case 'message':
            return `${leg.said}: ${node} → ${peer}`;
        default:
            return `${leg.kind} of ${node}`;
    }
}

/**
 * How deep a leg stands below the operation.
 * @param {import('./model.js').Leg[]} legs
 * @param {number} place
 */
function depthOf(legs, place) {
    let depth = 0;
    for (let at = legs[place].parent; at !== null && depth < 12; at = legs[at].parent) depth++;
    return depth;
}

/** Legs below what they are part of, those of one part by their start. @param {import('./model.js').Leg[]} legs */
function inOrder(legs) {
    /** @type {Map<number | null, number[]>} */
    const parts = new Map();
    legs.forEach((leg, place) => parts.set(leg.parent, [...(parts.get(leg.parent) ?? []), place]));
    /** @type {number[]} */
    const order = [];
    const open = [...(parts.get(null) ?? [])].reverse();
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
        order.push(place);
        open.push(...(parts.get(place) ?? []).sort((a, b) => legs[b].start - legs[a].start));
    }
    return order;
}

class Requests {
    /**
     * @param {HTMLElement} place
     * @param {import('./model.js').Run} run
     * @param {import('./bus.js').Bus} bus
     */
    constructor(place, run, bus) {
        this.run = run;
        this.bus = bus;
        this.chosen = 0;
        this.width = 900;
        this.stage = element('div', { class: 'card waterfall' });
        this.buttons = run.requests.map((request, number) => this.button(request, number));
        const group = (/** @type {string} */ title, /** @type {string} */ why) => {
            const own = this.buttons.filter((_, number) => run.requests[number].why === why);
            return own.length > 0 ? element('div', {}, element('h3', {}, title), element('ul', {}, ...own.map((button) => element('li', {}, button)))) : null;
        };
        const list = element('nav', { class: 'requests', 'aria-label': 'Operations' }, group('The slowest', 'slow'), group('Not answered', 'unanswered'));
        list.addEventListener('keydown', (event) => this.arrow(event));
        place.append(element('div', { class: 'split' }, list, this.stage));
        const resize = new ResizeObserver(() => this.draw());
        resize.observe(this.stage);
        this.ends = [() => resize.disconnect(), bus.on('printing', () => this.draw()), bus.on('selection', (selection) => this.follow(selection))];
        this.choose(0);
    }

    /**
     * @param {import('./model.js').Requested} request
     * @param {number} number
     */
    button(request, number) {
        const { operations } = this.run;
        const took = timeWords(operations.completed[request.operation] - operations.invoked[request.operation]);
        return element('button', { class: 'request', 'data-request': number, onclick: () => this.choose(number) }, element('strong', {}, operationId(this.run, request.operation)), element('span', { class: 'when' }, took), element('span', { class: 'quiet' }, this.run.text(operations.request[request.operation]).slice(0, 60)));
    }

    /** Up and down go through the list. @param {KeyboardEvent} event */
    arrow(event) {
        const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!by) return;
        event.preventDefault();
        this.choose(Math.max(0, Math.min(this.buttons.length - 1, this.chosen + by)));
        this.buttons[this.chosen].focus();
    }

    /** Another view has selected an operation. @param {import('./bus.js').Selection | null} selection */
    follow(selection) {
        const number = selection?.kind === 'operation' ? this.run.requests.findIndex((request) => request.operation === selection.index) : -1;
        if (number >= 0 && number !== this.chosen) this.choose(number);
    }

    /** @param {number} number */
    choose(number) {
        this.chosen = number;
        this.buttons.forEach((button, other) => button.setAttribute('aria-pressed', String(other === number)));
        this.draw();
    }

    /** Shows the operation in the diagram. */
    show() {
        const { operation } = this.run.requests[this.chosen];
        const { invoked, completed } = this.run.operations;
        const around = (completed[operation] - invoked[operation]) * 0.3 + 1;
        this.bus.set('window', { from: Math.max(0, invoked[operation] - around), to: Math.min(this.run.end, completed[operation] + around) });
        this.bus.set('selection', { kind: 'operation', index: operation });
    }

    draw() {
        const request = this.run.requests[this.chosen];
        if (!request) return;
        this.width = Math.max(this.stage.clientWidth - 32, 320);
        const { operation, legs } = request;
        const head = element('header', {}, element('strong', {}, operationId(this.run, operation)), ` ${operationWords(this.run, operation)} `, element('button', { class: 'tool', onclick: () => this.show() }, 'show in the diagram'));
        const used = Object.entries(LEG_KINDS).filter(([kind]) => legs.some((leg) => leg.kind === kind));
        const key = used.map(([, { tone, says }]) => element('span', { class: 'chip still' }, element('span', { class: 'swatch', style: `background: var(--${tone})` }), says));
        const order = inOrder(legs);
        const zero = this.run.operations.invoked[operation];
        const rows = order.map((place) => {
            const leg = legs[place];
            return [legWords(this.run, leg), timeWords(leg.start - zero), timeWords(leg.end - leg.start), leg.failure ?? ''];
        });
        const twin = element('details', { class: 'twin' }, element('summary', {}, 'The legs as a table'), table(operationWords(this.run, operation), ['leg', 'after', 'took', 'came to nothing by'], rows));
        this.stage.replaceChildren(head, this.waterfall(operation, legs, order), element('div', { class: 'legend' }, ...key), twin);
    }

    /**
     * @param {number} operation
     * @param {import('./model.js').Leg[]} legs
     * @param {number[]} order
     */
    waterfall(operation, legs, order) {
        const { invoked, completed } = this.run.operations;
        const zero = invoked[operation];
        const length = Math.max(legs.reduce((last, leg) => Math.max(last, leg.end), completed[operation]) - zero, 1);
        const names = Math.min(NAMES_WIDE, this.width * 0.4);
        const x = (/** @type {number} */ time) => names + ((time - zero) / length) * (this.width - names - 70);
        const height = 30 + (order.length + 1) * ROW_TALL + 6;
        const picture = svg('svg', { width: this.width, height, viewBox: `0 0 ${this.width} ${height}`, role: 'img', 'aria-label': `The legs of ${operationId(this.run, operation)}; the table says the same` });
        picture.append(svg('defs', {}, hatching('leg-failed', 'var(--loss)')));
        for (const tick of ticksUpTo(length, Math.max(2, Math.floor((this.width - names) / 120))).filter((tick) => tick <= length)) {
            picture.append(svg('line', { class: 'grid', x1: x(zero + tick), x2: x(zero + tick), y1: 24, y2: height }), svg('text', { class: 'tick', x: x(zero + tick), y: 16, 'text-anchor': 'middle' }, timeWords(tick)));
        }
        picture.append(...this.bar('the operation', 0, 0, x(zero), x(completed[operation]), 'ink', null, completed[operation] - zero));
        order.forEach((place, row) => {
            const leg = legs[place];
            picture.append(...this.bar(legWords(this.run, leg), depthOf(legs, place) + 1, row + 1, x(leg.start), x(leg.end), LEG_KINDS[leg.kind].tone, leg.failure, leg.end - leg.start));
        });
        return picture;
    }

    /**
     * @param {string} words
     * @param {number} depth
     * @param {number} row
     * @param {number} x0
     * @param {number} x1
     * @param {string} tone
     * @param {string | null} failure
     * @param {number} took
     */
    bar(words, depth, row, x0, x1, tone, failure, took) {
        const y = 30 + row * ROW_TALL;
        const indent = Math.min(depth, 8) * 12;
        const room = Math.floor((Math.min(NAMES_WIDE, this.width * 0.4) - indent - 8) / 6.6);
        const shown = words.length > room ? `${words.slice(0, Math.max(room - 1, 4))}…` : words;
        const place = { x: x0, y: y + 4, width: Math.max(x1 - x0, 2.5), height: ROW_TALL - 9, rx: 3 };
        const says = svg('title', {}, `${words}: ${timeWords(took)}${failure ? `, ${failure}` : ''}`);
        const parts = [svg('text', { class: 'leg-name', x: indent, y: y + 16 }, shown)];
        if (failure) parts.push(svg('rect', { class: 'leg failed', ...place, style: 'fill: url(#leg-failed)' }, says));
        else parts.push(svg('rect', { class: 'leg', ...place, style: `fill: var(--${tone})` }, says));
        parts.push(svg('text', { class: 'tick', x: Math.min(x1 + 6, this.width - 62), y: y + 16 }, failure ? `✕ ${failure}`.slice(0, 26) : timeWords(took, took / 100)));
        return parts;
    }
}

/** @type {import('./bus.js').View & { requests: Requests | null }} */
export const REQUESTS = {
    id: 'requests',
    title: 'Requests',
    lead: 'The slowest operations and those that were not answered, each with its legs: the client’s calls, the work on them, messages between replicas, disks.',
    requests: null,
    isWanted: (run) => run.requests.length > 0,
    mount(place, run, bus) {
        const requests = new Requests(place, run, bus);
        REQUESTS.requests = requests;
        return () => requests.ends.forEach((end) => end());
    },
};
