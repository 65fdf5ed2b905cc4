// @ts-check
// The anomaly, drawn: for each check that is refuted its operations as intervals with their values, and the order that cannot be.

import { element } from './bus.js';
import { circleOf, deedsOf, holds, orderWords } from './contradiction.js';
import { operationId, operationWords, timeWords } from './model.js';
import { badge } from './verdict.js';

const DEED = 42;
const HEAD_ROOM = 44;
const ID_ROOM = 190;
const END_ROOM = 24;

/**
 * A scale on which long pauses are short.
 * @param {number[]} instants
 * @param {number} width
 */
function scaleOf(instants, width) {
    const sorted = [...new Set(instants)].sort((a, b) => a - b);
    const gaps = sorted.slice(1).map((instant, i) => instant - sorted[i]);
    const typical = [...gaps].sort((a, b) => a - b)[gaps.length >> 1] ?? 1;
    const longest = typical * 6;
    const places = [0];
    gaps.forEach((gap, i) => places.push(places[i] + Math.min(gap, longest) + typical * 0.4));
    const whole = places[places.length - 1] || 1;
    const room = width - ID_ROOM - END_ROOM - 30;
    const at = (/** @type {number} */ time) => {
        const next = sorted.findIndex((instant) => instant >= time);
        if (next === 0) return time < sorted[0] ? -12 : 0;
        if (next < 0) return room + 12;
        const share = (time - sorted[next - 1]) / (sorted[next] - sorted[next - 1]);
        return ((places[next - 1] + share * (places[next] - places[next - 1])) / whole) * room;
    };
    return { x: (/** @type {number} */ time) => ID_ROOM + 16 + at(time), isBent: gaps.some((gap) => gap > longest) };
}

/**
 * An element of a drawing.
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
function shape(tag, attributes, ...children) {
    const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
    made.append(...children);
    return made;
}

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @param {import('./contradiction.js').Deed[]} deeds
 * @param {import('./contradiction.js').Order[]} circle
 * @param {number} width
 */
function drawing(run, bus, deeds, circle, width) {
    const { invoked, completed, outcome } = run.operations;
    const { x, isBent } = scaleOf(deeds.flatMap(({ operation }) => [invoked[operation], completed[operation]]), width);
    const height = HEAD_ROOM + deeds.length * DEED + 16;
    const described = deeds.map(({ operation }) => `${operationId(run, operation)}: ${operationWords(run, operation)}`).join('; ');
    const picture = shape('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': described });
    picture.append(arrowTip(), ...faultBands(run, deeds, x, width, height));
    const values = [...new Set(deeds.flatMap(({ wrote, found }) => [wrote, found]).filter((value) => value !== null))];
    const tint = (/** @type {string | null} */ value) => `var(--k${[0, 4, 2, 3, 5, 6][Math.max(0, values.indexOf(value ?? '')) % 6]})`;
    const middle = (/** @type {number} */ place) => HEAD_ROOM + place * DEED + 20;
    readsFrom(deeds).forEach(([from, to]) => {
        const [x0, x1] = [x(invoked[deeds[from].operation]) + 4, x(invoked[deeds[to].operation]) + 4];
        const path = `M${x0} ${middle(from) + 10} C${x0} ${(middle(from) + middle(to)) / 2} ${x1} ${(middle(from) + middle(to)) / 2} ${x1} ${middle(to) - 10}`;
        picture.append(shape('path', { d: path, class: 'reads-from', style: `stroke: ${tint(deeds[from].wrote)}` }));
    });
    /** @type {Node[]} */
    const numbers = [];
    circle.forEach(({ before, after }, number) => {
        if (before < 0) return;
        const [x0, x1] = [x(completed[deeds[before].operation]), x(invoked[deeds[after].operation])];
        const [y0, y1] = [middle(before), middle(after)];
        const bend = Math.max(24, Math.abs(x1 - x0) / 2);
        picture.append(shape('path', { d: `M${x0} ${y0} C${x0 + bend} ${y0} ${x1 - bend} ${y1} ${x1 - 2} ${y1}`, class: 'order', 'marker-end': 'url(#tip)' }));
        const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
        numbers.push(shape('circle', { cx, cy, r: 10, class: 'number' }), shape('text', { x: cx, y: cy + 4, class: 'number' }, String(number + 1)));
    });
    deeds.forEach((deed, place) => picture.append(row(run, bus, deed, middle(place), x, width, tint(deed.wrote ?? deed.found), outcome[deed.operation])));
    picture.append(...numbers);
    return { picture, isBent };
}

function arrowTip() {
    const tip = shape('path', { d: 'M0 0 L8 4 L0 8 z', style: 'fill: var(--loss)' });
    return shape('defs', {}, shape('marker', { id: 'tip', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: 'userSpaceOnUse', orient: 'auto' }, tip));
}

/**
 * Which write each read found: pairs of places.
 * @param {import('./contradiction.js').Deed[]} deeds
 * @returns {[number, number][]}
 */
function readsFrom(deeds) {
    return deeds.flatMap(({ wrote }, from) =>
        wrote === null ? [] : deeds.flatMap(({ found }, to) => (from !== to && holds(found, wrote) ? [/** @type {[number, number]} */ ([from, to])] : [])),
    );
}

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @param {import('./contradiction.js').Deed} deed
 * @param {number} y
 * @param {(time: number) => number} x
 * @param {number} width
 * @param {string} tint
 * @param {number} outcome
 */
function row(run, bus, deed, y, x, width, tint, outcome) {
    const { operation, isTold } = deed;
    const [from, to] = [run.operations.invoked[operation], run.operations.completed[operation]];
    const open = outcome === 3;
    const [x0, x1] = [x(from), open ? width - 6 : Math.max(x(to), x(from) + 5)];
    const words = operationWords(run, operation).replace(/: ok$/, '').slice(0, 90);
    const isInside = words.length * 7.2 < x1 - x0 - 12;
    const isLeft = !isInside && x1 + words.length * 7.2 > width;
    const when = `${timeWords(from, 1e4)}, took ${timeWords(to - from)}`;
    const choose = () => bus.set('selection', { kind: 'operation', index: operation });
    const whole = shape(
        'g',
        { class: isTold ? 'deed told' : 'deed', tabindex: 0, role: 'button', 'aria-label': `${operationId(run, operation)} ${words}, ${when}`, 'data-operation': operation },
        shape('text', { x: 0, y: y - 2, class: 'id' }, operationId(run, operation).slice(0, 26)),
        shape('text', { x: 0, y: y + 12, class: 'when' }, when),
        shape('rect', { x: x0, y: y - 11, width: Math.max(x1 - x0, 5), height: 22, rx: 4, class: open ? 'open' : 'bar', style: `fill: ${tint}; stroke: ${tint}` }),
        shape('text', { x: isInside ? x0 + 8 : isLeft ? x0 - 6 : x1 + 7, y: y + 4, class: isInside && !open ? 'inside' : 'outside', 'text-anchor': isLeft ? 'end' : 'start' }, open ? `${words.slice(0, 60)} …` : words),
    );
    whole.addEventListener('click', choose);
    whole.addEventListener('keydown', (event) => {
        if (event instanceof KeyboardEvent && (event.key === 'Enter' || event.key === ' ')) choose();
    });
    return whole;
}

/**
 * @param {import('./model.js').Run} run
 * @param {import('./contradiction.js').Deed[]} deeds
 * @param {(time: number) => number} x
 * @param {number} width
 * @param {number} height
 */
function faultBands(run, deeds, x, width, height) {
    const { invoked, completed } = run.operations;
    const first = Math.min(...deeds.map(({ operation }) => invoked[operation]));
    const last = Math.max(...deeds.map(({ operation }) => completed[operation]));
    const bands = run.faults.filter((fault) => fault.started && fault.from <= last && fault.to >= first).slice(0, 8);
    return bands.flatMap((fault, number) => {
        const [x0, x1] = [Math.max(ID_ROOM, x(fault.from)), Math.min(width, x(fault.to))];
        return [
            shape('rect', { x: x0, y: 22, width: Math.max(x1 - x0, 3), height: height - 26, class: 'fault' }),
            shape('text', { x: x0 + 4, y: 12 + (number % 2) * 13, class: 'fault' }, `${fault.kind} ${fault.id}`.slice(0, 40)),
        ];
    });
}

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @param {import('./model.js').Check} check
 */
function figure(run, bus, check) {
    const deeds = deedsOf(run, check);
    const circle = check.name.startsWith('linearizable') ? circleOf(run, deeds) : [];
    const place = element('div', { class: 'picture' });
    const remark = element('p', { class: 'quiet' });
    const sentences = circle.map((order) => element('li', {}, orderWords(run, deeds, order)));
    const whole = element(
        'figure',
        { class: 'anomaly' },
        element('figcaption', {}, badge(check.verdict), element('h3', {}, check.name), element('span', {}, check.observed)),
        place,
        sentences.length > 0 ? element('ol', {}, ...sentences) : element('p', {}, check.explanation),
        sentences.length > 0 ? element('p', {}, 'Each follows from real time, and together they go round in a circle: no order of these operations explains what they saw.') : null,
        remark,
    );
    const draw = () => {
        const { picture, isBent } = drawing(run, bus, deeds, circle, Math.max(place.clientWidth, 480));
        place.replaceChildren(picture);
        const hints = ['A bar reaches from the invocation of an operation to its answer; a hollow one was never answered.', 'A thin line leads from a write to who found it.'];
        remark.textContent = [...hints, isBent ? 'Long pauses are drawn short.' : ''].join(' ');
    };
    return { whole, draw };
}

/** @type {import('./bus.js').View} */
export const ANOMALY = {
    id: 'anomaly',
    title: 'The anomaly',
    lead: 'The operations that show what went wrong, with what they wrote and found. Choose one to see its messages below.',
    isWanted: (run) => anomalies(run).length > 0,
    mount(place, run, bus) {
        const figures = anomalies(run).slice(0, 4).map((check) => figure(run, bus, check));
        place.append(...figures.map(({ whole }) => whole));
        const redraw = () => figures.forEach(({ draw }) => draw());
        const resize = new ResizeObserver(redraw);
        resize.observe(place);
        redraw();
        return () => resize.disconnect();
    },
};

/** The checks that have something to draw. @param {import('./model.js').Run} run */
function anomalies(run) {
    const isDrawn = (/** @type {import('./model.js').Check} */ check) => check.verdict.class === 'safety' && check.operations.length > 0;
    return run.checks.filter((check) => check.verdict.name === 'refuted' && isDrawn(check));
}
