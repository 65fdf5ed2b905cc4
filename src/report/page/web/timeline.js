// @ts-check
// Operations as intervals below each other, with arrows between them: a part of an anomaly, drawn. Each operation has a line
// for its words and one for its bar; arrows keep to the lines of the bars and to the uprights between them.

import { holds } from './contradiction.js';
import { operationId, operationWords, timeWords } from './model.js';
import { svg } from './plot.js';

/** Heights and widths, in pixels. */
const STEP_TALL = 48;
const NAME_TALL = 15;
const END_ROOM = 26;
const LETTER_WIDE = 7.25;

/** @typedef {{ x: number, top: number, bottom: number }} Upright a vertical part of an arrow */

/**
 * A scale on which long pauses are short.
 * @param {number[]} instants
 * @param {number} left
 * @param {number} right
 */
function scaleOf(instants, left, right) {
    const sorted = [...new Set(instants)].sort((a, b) => a - b);
    const gaps = sorted.slice(1).map((instant, i) => instant - sorted[i]);
    const typical = [...gaps].sort((a, b) => a - b)[gaps.length >> 1] ?? 1;
    const longest = typical * 6;
    const places = [0];
    gaps.forEach((gap, i) => places.push(places[i] + Math.min(gap, longest) + typical * 0.4));
    const whole = places[places.length - 1] || 1;
    const room = right - left - 32;
    const at = (/** @type {number} */ time) => {
        const next = sorted.findIndex((instant) => instant >= time);
        if (next === 0) return time < sorted[0] ? -12 : 0;
        if (next < 0) return room + 12;
        const share = (time - sorted[next - 1]) / (sorted[next] - sorted[next - 1]);
        return ((places[next - 1] + share * (places[next] - places[next - 1])) / whole) * room;
    };
    return { x: (/** @type {number} */ time) => left + 16 + at(time), isBent: gaps.some((gap) => gap > longest) };
}

/** Draws a part of an anomaly. */
export class Timeline {
    /**
     * @param {import('./model.js').Run} run
     * @param {import('./bus.js').Bus} bus
     * @param {import('./contradiction.js').Story} story
     * @param {number} width
     */
    constructor(run, bus, story, width) {
        this.run = run;
        this.bus = bus;
        this.story = story;
        this.width = width;
        this.left = width < 640 ? 128 : 190;
        const dependencies = story.arrows.filter(({ kind }) => kind === 'dependency').length;
        /** Between the uprights of dependencies, which stand at the right. */
        this.spacing = Math.min(74, (width * 0.4) / Math.max(dependencies, 1));
        this.right = width - END_ROOM - (dependencies > 0 ? dependencies * this.spacing + 12 : 0);
        const { invoked, completed } = run.operations;
        const own = story.rows.flatMap(({ at, operation }) => (at === 'operation' ? [invoked[operation], completed[operation]] : at === 'end' ? [run.end] : []));
        const crosses = story.arrows.flatMap(({ cross }) => (cross === undefined ? [] : [cross]));
        const scale = scaleOf([...own, ...crosses], this.left, this.right);
        this.x = scale.x;
        this.isBent = scale.isBent;
        const values = [...new Set(story.rows.flatMap(({ wrote, found }) => [wrote, found]).filter((value) => value !== null))];
        this.tint = (/** @type {string | null} */ value) => `var(--k${[0, 4, 2, 3, 5, 6][Math.max(0, values.indexOf(value ?? '')) % 6]})`;
        const { bands, lines } = this.bands([Math.min(...own), Math.max(...own)]);
        this.top = 6 + lines * NAME_TALL;
        this.height = this.top + story.rows.length * STEP_TALL + 8;
        /** @type {Upright[]} */
        this.uprights = [];
        const arrows = story.arrows.flatMap((arrow, number) => this.arrow(arrow, number));
        const threads = story.arrows.some(({ kind }) => kind === 'order') ? this.threads() : [];
        const rows = story.rows.map((row, place) => this.row(row, place));
        this.picture = svg('svg', { width, height: this.height, viewBox: `0 0 ${width} ${this.height}`, role: 'group', 'aria-label': this.words() });
        this.picture.append(tips(), ...bands.map((band) => band(this.height)), ...threads, ...rows.map(({ bar }) => bar), ...arrows, ...rows.map(({ text }) => text));
    }

    /** All of it as a text. */
    words() {
        return this.story.rows.map((row) => (row.at === 'operation' ? `${operationId(this.run, row.operation)} ${row.stage}: ${operationWords(this.run, row.operation)}` : `${row.stage}: ${row.label}`)).join('; ');
    }

    /** The height of a row's bar. @param {number} place */
    y(place) {
        return this.top + place * STEP_TALL + 32;
    }

    /** Where the bar of a row begins and ends. @param {number} place @returns {[number, number]} */
    ends(place) {
        const { at, operation } = this.story.rows[place];
        if (at === 'first') return [this.left, this.left + 10];
        if (at === 'end') return [this.right - 16, this.right - 6];
        const { invoked, completed, outcome } = this.run.operations;
        const [from, to] = [this.x(invoked[operation]), this.x(completed[operation])];
        return [from, outcome[operation] === 3 ? this.right : Math.max(to, from + 6)];
    }

    /**
     * @param {import('./contradiction.js').Arrow} arrow
     * @param {number} number
     * @returns {Element[]}
     */
    arrow({ from, to, kind, says, cross }, number) {
        if (from < 0 || to < 0 || from === to) return [];
        const shifted = kind === 'dependency' ? 4 : 0;
        const [y0, y1] = [this.y(from) - shifted, this.y(to) + shifted];
        const [[start, end], [goal, goalEnd]] = [this.ends(from), this.ends(to)];
        const badge = (/** @type {number} */ x, /** @type {number} */ y) => [svg('circle', { class: 'number', cx: x, cy: y, r: 9 }), svg('text', { class: 'number', x, y: y + 4 }, String(number + 1))];
        if (kind === 'dependency') {
            const x = this.right + 18 + number * this.spacing;
            const middle = (y0 + y1) / 2;
            const line = svg('path', { class: 'order', d: elbow([[end, y0], [x, y0], [x, y1], [goalEnd + 3, y1]]), 'marker-end': 'url(#tip)', 'data-arrow': says });
            return [line, ...badge(x, middle), svg('text', { class: 'edge', x: x + 13, y: middle + 4 }, says)];
        }
        // Two arrows to one bar come down beside each other.
        const taken = this.uprights.map(({ x }) => x);
        let x = end + 10 < goal ? Math.max(end + 5, goal - 14) : Math.min(Math.max(goal - 12, start), end);
        while (taken.some((other) => Math.abs(other - x) < 7) && x - 8 > start) x -= 8;
        this.uprights.push({ x, top: Math.min(y0, y1), bottom: Math.max(y0, y1) });
        const isBeside = x >= end;
        /** @type {[number, number][]} */
        const points = isBeside ? [[end, y0], [x, y0], [x, y1], [goal - 2, y1]] : [[x, y0 + 8 * Math.sign(y1 - y0)], [x, y1], [goal - 2, y1]];
        const line = svg('path', { class: kind, d: elbow(points), 'marker-end': `url(#${kind === 'life' ? 'tip-life' : 'tip'})`, style: kind === 'life' ? `stroke: ${this.tint(this.story.rows[0].wrote)}` : undefined });
        if (kind === 'order') return [line, ...(isBeside && x - end > 26 ? badge(end + 13, y0) : badge(x, (y0 + y1) / 2 + 6))];
        if (kind === 'life') return [line];
        const at = cross === undefined ? (end + x) / 2 : Math.max(end + 8, Math.min(this.x(cross), Math.max(x, end + 8)));
        return [line, svg('path', { class: 'death-cross', d: `M${at - 6} ${y0 - 6}l12 12m0 -12l-12 12` })];
    }

    /** From each write to those who found it. */
    threads() {
        const { rows } = this.story;
        return rows.flatMap(({ wrote }, from) =>
            rows.flatMap(({ found }, to) => {
                if (wrote === null || from === to || !holds(found, wrote)) return [];
                const [[x0], [x1]] = [this.ends(from), this.ends(to)];
                const [y0, y1] = [this.y(from) + 7, this.y(to)];
                return [svg('path', { class: 'reads-from', d: `M${x0 + 3} ${y0}C${x0 + 3} ${(y0 + y1) / 2} ${Math.min(x0, x1) - 26} ${y1} ${x1 - 1} ${y1}`, style: `stroke: ${this.tint(wrote)}` })];
            }),
        );
    }

    /**
     * @param {import('./contradiction.js').Row} row
     * @param {number} place
     */
    row(row, place) {
        const { run, bus } = this;
        const y = this.y(place);
        const [x0, x1] = this.ends(place);
        const tint = this.tint(row.wrote ?? row.found);
        if (row.at !== 'operation') {
            const name = svg('text', { class: 'id', x: 0, y: y + 4 }, row.stage);
            const bar = svg('circle', { class: 'instant', cx: (x0 + x1) / 2, cy: y, r: 5.5, style: `stroke: ${tint}` });
            return { bar, text: svg('g', { class: 'deed still' }, name, this.label('', row.label, place)) };
        }
        const { operation } = row;
        const [from, to] = [run.operations.invoked[operation], run.operations.completed[operation]];
        const isOpen = run.operations.outcome[operation] === 3;
        const words = wordsOf(run, operation);
        const when = `${timeWords(from, 1e4)}, took ${timeWords(to - from)}`;
        const choose = () => bus.set('selection', { kind: 'operation', index: operation });
        const press = (/** @type {KeyboardEvent} */ event) => (event.key === 'Enter' || event.key === ' ') && (event.preventDefault(), choose());
        const bar = svg('rect', { class: isOpen ? 'interval open' : 'interval', x: x0, y: y - 7, width: x1 - x0, height: 14, rx: 4, style: `fill: ${tint}; stroke: ${tint}`, onclick: choose });
        const letters = Math.floor((this.left - 8) / 7.6);
        const text = svg(
            'g',
            { class: 'deed', tabindex: 0, role: 'button', 'aria-label': `${operationId(run, operation)} ${row.stage} ${words}, ${when}`, 'data-operation': operation, onclick: choose, onkeydown: press },
            svg('title', {}, words),
            svg('text', { class: 'id', x: 0, y: y - 3 }, operationId(run, operation).slice(0, letters)),
            svg('text', { class: 'when', x: 0, y: y + 11 }, this.left < 180 ? timeWords(from, 1e4) : when),
            this.label(row.stage, isOpen ? `${words.slice(0, 60)} …` : words, place),
        );
        return { bar, text };
    }

    /**
     * The words of a row, above its bar, beside the arrows that cross their line.
     * @param {string} stage
     * @param {string} words
     * @param {number} place
     */
    label(stage, words, place) {
        const lead = stage ? `${stage}: ` : '';
        const isBeside = this.story.arrows.some(({ kind }) => kind === 'dependency');
        const most = isBeside ? this.right : this.width;
        const room = Math.floor((most - this.left - 4) / LETTER_WIDE) - lead.length;
        const shown = words.length > room ? `${words.slice(0, Math.max(room - 1, 8))}…` : words;
        const wide = (lead.length + shown.length) * LETTER_WIDE + 4;
        const y = this.y(place) - 13;
        const crossing = this.uprights.filter(({ top, bottom }) => top < y && y - 10 < bottom).map(({ x }) => x);
        const [x0] = this.ends(place);
        const fits = (/** @type {number} */ x) => x >= this.left - 16 && x + wide <= most && crossing.every((line) => line < x - 4 || line > x + wide + 4);
        const tries = [x0, ...crossing.flatMap((line) => [line + 10, line - 10 - wide])].sort((a, b) => Math.abs(a - x0) - Math.abs(b - x0));
        const x = tries.find(fits) ?? Math.max(this.left, Math.min(x0, most - wide));
        return svg('text', { class: 'words', x, y }, ...(lead ? [svg('tspan', { class: 'stage' }, lead)] : []), shown);
    }

    /**
     * The faults of these instants, behind everything, with their names in as many lines as that takes.
     * @param {number[]} instants
     */
    bands([first, last]) {
        const faults = this.run.faults.filter((fault) => fault.started && fault.from <= last && fault.to >= first).slice(0, 8);
        /** Where each line of names is free. @type {number[]} */
        const free = [];
        const bands = faults.map((fault) => {
            const [x0, x1] = [Math.max(this.left, this.x(fault.from)), Math.min(this.width, this.x(fault.to))];
            const name = `${fault.kind} ${fault.id}`.slice(0, 40);
            const wide = name.length * 6.9 + 10;
            const x = Math.max(this.left, Math.min(x0 + 4, this.width - wide));
            let line = free.findIndex((from) => from <= x);
            if (line < 0) line = free.length;
            free[line] = x + wide;
            const y = line * NAME_TALL;
            return (/** @type {number} */ height) => svg('g', {}, svg('rect', { class: 'fault', x: x0, y: y + 2, width: Math.max(x1 - x0, 3), height: height - y - 6 }), svg('text', { class: 'fault', x, y: y + 13 }, name));
        });
        return { bands, lines: free.length };
    }
}

/**
 * What was asked and answered; of a transaction each read with what it found, and of long lists the end.
 * @param {import('./model.js').Run} run
 * @param {number} operation
 */
function wordsOf(run, operation) {
    const { request, answer, outcome } = run.operations;
    const asked = /^transaction \[(.*)\]$/.exec(run.text(request[operation]));
    if (!asked || outcome[operation] > 0) return operationWords(run, operation).replace(/: ok$/, '').replace(/^transaction /, '');
    const found = run.text(answer[operation]).replace(/^\(|\)$/g, '').split('; ');
    const brief = (/** @type {string} */ value) => value.replace(/^\[.*, ([^,]+, [^,]+)\](?: \(\d+ elements\))?$/, '[…, $1]');
    const parts = asked[1].split('; ').map((part) => (part.startsWith('read ') && found.length > 0 ? `${part} → ${brief(found.shift() ?? '')}` : part));
    return parts.join('; ');
}

/** The tips of arrows. */
function tips() {
    const tip = (/** @type {string} */ id, /** @type {string} */ fill) =>
        svg('marker', { id, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: 'userSpaceOnUse', orient: 'auto' }, svg('path', { d: 'M0 0L8 4L0 8z', style: `fill: ${fill}` }));
    return svg('defs', {}, tip('tip', 'var(--loss)'), tip('tip-life', 'var(--soft)'));
}

/**
 * A way through some points with round corners.
 * @param {[number, number][]} points
 */
function elbow(points) {
    let path = `M${points[0][0].toFixed(1)} ${points[0][1].toFixed(1)}`;
    for (let i = 1; i + 1 < points.length; i++) {
        const [[ax, ay], [bx, by], [cx, cy]] = [points[i - 1], points[i], points[i + 1]];
        const round = Math.min(6, Math.hypot(bx - ax, by - ay) / 2, Math.hypot(cx - bx, cy - by) / 2);
        const near = (/** @type {number} */ x, /** @type {number} */ y) => {
            const far = Math.hypot(x - bx, y - by) || 1;
            return `${(bx + ((x - bx) / far) * round).toFixed(1)} ${(by + ((y - by) / far) * round).toFixed(1)}`;
        };
        path += `L${near(ax, ay)}Q${bx.toFixed(1)} ${by.toFixed(1)} ${near(cx, cy)}`;
    }
    const [x, y] = points[points.length - 1];
    return `${path}L${x.toFixed(1)} ${y.toFixed(1)}`;
}

/**
 * The same story as a table.
 * @param {import('./model.js').Run} run
 * @param {import('./contradiction.js').Story} story
 */
export function storyTable(run, story) {
    return story.rows.map((row) => {
        if (row.at !== 'operation') return [row.stage, '', row.label, ''];
        const [from, to] = [run.operations.invoked[row.operation], run.operations.completed[row.operation]];
        return [operationId(run, row.operation), row.stage, operationWords(run, row.operation), `${timeWords(from, 1e3)} to ${timeWords(to, 1e3)}`];
    });
}
