// @ts-check
// Two runs beside each other on one clock: their topologies, what each has answered so far, and where they differ in the end.

import { element, foldedTable, table } from './bus.js';
import { lowerBound, timeWords } from './model.js';
import { faultBandsOf, numberWords, svg, ticksUpTo } from './plot.js';
import { Map2D } from './topology.js';
import { HEADLINES, badge } from './verdict.js';

/** How long both runs take to play, in milliseconds, at speed 1. */
const BOTH_PLAY = 40_000;

/** What is counted on the way: its name, and the instants at which it happens. @typedef {{ name: string, at: Float64Array }} Count */

/**
 * What happens to the clients of a run, and to its messages, in the order of time. Operations of the warm-up and what is read
 * again at the end count as little here as in the figures.
 * @param {import('./model.js').Run} run
 * @returns {Count[]}
 */
export function countsOf(run) {
    const { outcome, completed, intended, client, stale, count } = run.operations;
    const own = new Set(run.nodes.map(({ name }) => name));
    const counts = (/** @type {number} */ i) => intended[i] >= run.warmUp && own.has(run.clients[client[i]]);
    const all = Array.from({ length: count }, (_, i) => i).filter(counts);
    const when = (/** @type {number[]} */ some, /** @type {Float64Array} */ times) => Float64Array.from(some, (i) => times[i]).sort();
    const lost = Array.from({ length: run.messages.count }, (_, i) => i).filter((i) => run.messages.fate[i] > 0);
    return [
        { name: 'answered', at: when(all.filter((i) => outcome[i] <= 1), completed) },
        { name: 'not answered', at: when(all.filter((i) => outcome[i] > 1), completed) },
        { name: 'stale reads', at: when(stale.filter(counts), completed) },
        { name: 'messages lost', at: when(lost, run.messages.ended) },
    ];
}

export class Both {
    /**
     * @param {HTMLElement} place
     * @param {import('./model.js').Run[]} runs
     * @param {import('./bus.js').Bus} bus
     */
    constructor(place, runs, bus) {
        this.runs = runs;
        this.bus = bus;
        this.end_ = Math.max(...runs.map((run) => run.end));
        this.counts = runs.map(countsOf);
        this.maps = runs.map((run) => new Map2D(run, null));
        this.speed = 1;
        this.slider = /** @type {HTMLInputElement} */ (element('input', { type: 'range', min: 0, max: 2000, step: 1, 'aria-label': 'Instant of both runs' }));
        this.slider.addEventListener('input', () => bus.set('playhead', (Number(this.slider.value) / 2000) * this.end_));
        this.when = element('output', { class: 'when' });
        this.button = element('button', { class: 'tool', 'data-tool': 'play-both', onclick: () => bus.set('playing', !bus.get('playing')) }, '▶ play both');
        const speeds = ['0.1', '0.5', '1', '4'].map((speed) => element('option', { value: speed, selected: speed === '1' }, `${speed}×`));
        const speed = /** @type {HTMLSelectElement} */ (element('select', { 'aria-label': 'Speed' }, ...speeds));
        speed.addEventListener('change', () => (this.speed = Number(speed.value)));
        this.cells = runs.map((_, side) => this.counts[side].map(() => element('output', {})));
        this.race = element('div', { class: 'charts races' });
        this.twin = /** @type {HTMLDetailsElement} */ (element('details', { class: 'twin' }, element('summary', {}, 'Both at this instant, and the counts so far, as tables'), element('div', { class: 'beside' })));
        this.twin.addEventListener('toggle', () => this.tell());
        place.append(
            element('div', { class: 'tools' }, this.button, speed, this.slider, this.when),
            element('div', { class: 'beside' }, ...runs.map((run, side) => this.side(run, side))),
            this.race,
            this.twin,
            this.differences(),
        );
        const resize = new ResizeObserver(() => this.draw());
        resize.observe(this.race);
        this.ends = [() => resize.disconnect(), bus.on('printing', () => this.draw()), bus.on('playhead', () => this.goTo()), bus.on('playing', (playing) => this.play(playing)), ...this.maps.map((map) => () => map.end())];
        if (bus.get('playhead') === 0) bus.set('playhead', this.opening());
        this.draw();
        this.goTo();
    }

    /** In the middle of the first fault. */
    opening() {
        const fault = this.runs[0].faults.find((fault) => fault.started && fault.from > 0);
        return fault ? (fault.from + Math.min(fault.to, this.end_)) / 2 : this.end_ / 2;
    }

    /**
     * @param {import('./model.js').Run} run
     * @param {number} side
     */
    side(run, side) {
        const counters = this.counts[side].map(({ name }, i) => element('div', { class: 'counter', 'data-count': name }, this.cells[side][i], element('span', {}, name)));
        const title = element('header', {}, element('span', { class: `letter letter${side}` }, 'AB'[side]), element('h3', {}, run.title));
        return element('article', { class: 'card' }, title, element('p', { class: 'quiet' }, `${run.services.map((service) => service.kind).join(', ')} · seed ${run.seed} `, element('span', { class: 'verdict-of' }, badge(run.verdict))), this.maps[side].picture, element('div', { class: 'counters' }, ...counters));
    }

    goTo() {
        const time = this.bus.get('playhead');
        this.maps.forEach((map, side) => {
            map.goTo(Math.min(time, this.runs[side].end));
            this.counts[side].forEach(({ at }, i) => (this.cells[side][i].textContent = String(lowerBound(at, time))));
        });
        this.slider.value = String(Math.round((time / this.end_) * 2000));
        this.slider.setAttribute('aria-valuetext', timeWords(time, 1e6));
        this.when.textContent = timeWords(time, 1e6);
        this.tell();
        for (const line of this.race.querySelectorAll('.playhead')) {
            const x = String(this.x(time));
            line.setAttribute('x1', x);
            line.setAttribute('x2', x);
        }
    }

    /** All of it as tables, while somebody looks at them. */
    tell() {
        if (!this.twin.open) return;
        const instants = [...Array.from({ length: 21 }, (_, i) => (i / 20) * this.end_), this.bus.get('playhead')].sort((a, b) => a - b);
        const sides = this.maps.map((map, side) => {
            const counts = this.counts[side];
            const rows = instants.map((time) => [timeWords(time, 1e6), ...counts.map(({ at }) => String(lowerBound(at, time)))]);
            return element('div', {}, map.table(), table(`${'AB'[side]}, so far`, ['until', ...counts.map(({ name }) => name)], rows));
        });
        this.twin.lastElementChild?.replaceChildren(...sides);
    }

    /** @param {number} time */
    x(time) {
        return 60 + (time / this.end_) * (this.width() - 74);
    }

    width() {
        return Math.max(this.race.clientWidth, 320);
    }

    /** What was counted so far, of both, over time. */
    draw() {
        const names = this.counts[0].map(({ name }) => name).filter((_, i) => this.counts.some((counts) => counts[i].at.length > 0));
        this.race.replaceChildren(...names.map((name, number) => this.figure(name, number === 0, number === names.length - 1)));
        this.goTo();
    }

    /**
     * @param {string} name
     * @param {boolean} isFirst
     * @param {boolean} isLast
     */
    figure(name, isFirst, isLast) {
        const tall = 96;
        const above = isFirst && this.runs[0].faults.some((fault) => fault.started) ? 16 : 0;
        const [width, height] = [this.width(), tall + (isLast ? 22 : 8) + above];
        const series = this.counts.map((counts) => counts.find((count) => count.name === name)?.at ?? new Float64Array());
        const ticks = ticksUpTo(Math.max(...series.map((at) => at.length), 1), 2);
        const y = (/** @type {number} */ count) => tall - (count / ticks[ticks.length - 1]) * (tall - 10);
        const picture = svg('svg', { width, height, viewBox: `0 ${-above} ${width} ${height}`, role: 'img', 'aria-label': `${name}, so far; the tables below say the same`, 'data-race': name });
        picture.append(...faultBandsOf(this.runs[0], (time) => this.x(time), 6, tall, isFirst, width));
        for (const tick of ticks) picture.append(svg('line', { class: 'grid', x1: 60, x2: width - 14, y1: y(tick), y2: y(tick) }), svg('text', { class: 'tick', x: 52, y: y(tick) + 4, 'text-anchor': 'end' }, numberWords(tick)));
        series.forEach((at, side) => {
            const steps = Math.min(at.length, Math.ceil(width));
            let path = `M${this.x(0)} ${y(0)}`;
            for (let step = 1; step <= steps; step++) {
                const count = Math.round((step / steps) * at.length);
                path += `L${this.x(at[count - 1]).toFixed(1)} ${y(count).toFixed(1)}`;
            }
            picture.append(svg('path', { class: `strand side${side}`, d: `${path}H${this.x(this.end_).toFixed(1)}` }));
        });
        if (isLast) for (const tick of ticksUpTo(this.end_, Math.max(3, Math.floor(width / 130))).filter((tick) => tick <= this.end_)) picture.append(svg('text', { class: 'tick', x: this.x(tick), y: tall + 16, 'text-anchor': tick === 0 ? 'start' : 'middle' }, timeWords(tick, 1e6)));
        picture.append(svg('line', { class: 'playhead', y1: 6, y2: tall }));
        const key = this.runs.map((_, side) => element('span', { class: 'key' }, element('span', { class: `letter letter${side}` }, 'AB'[side]), ` ${series[side].length}`));
        return element('figure', { class: 'chart' }, element('figcaption', {}, element('strong', {}, `${name}, so far`), ...key), picture);
    }

    /** The figures and checks that differ: also what a screen reader has of this view. */
    differences() {
        const differing = (/** @type {[string, string][][]} */ both) => {
            const [one, other] = both.map((pairs) => new Map(pairs));
            return [...new Set([...one.keys(), ...other.keys()])].map((name) => [name, one.get(name) ?? '–', other.get(name) ?? '–']).filter(([, a, b]) => a !== b);
        };
        const checks = differing(this.runs.map((run) => run.checks.map((check) => [`${check.name} (${check.phase})`, `${check.verdict.name}: ${check.observed}`])));
        const counts = differing(this.counts.map((counts) => counts.map(({ name, at }) => [name, String(at.length)])));
        const figures = differing(this.runs.map((run) => run.figures));
        const isHeadline = (/** @type {string[]} */ [name]) => HEADLINES.includes(name);
        const first = [...checks, ...counts, ...figures.filter(isHeadline)];
        const head = ['', `A  ${this.runs[0].name}`, `B  ${this.runs[1].name}`];
        return element('div', { class: 'verdict-of' }, foldedTable('What differs when all is over', head, [...first, ...figures.filter((row) => !isHeadline(row))], first.length));
    }

    /** @param {boolean} playing */
    play(playing) {
        this.button.textContent = playing ? '❚❚ pause' : '▶ play both';
        if (!playing) return;
        if (this.bus.get('playhead') >= this.end_) this.bus.set('playhead', 0);
        let last = performance.now();
        const tick = (/** @type {number} */ now) => {
            if (!this.bus.get('playing')) return;
            const next = this.bus.get('playhead') + (this.end_ / BOTH_PLAY) * this.speed * Math.min(now - last, 100);
            last = now;
            this.bus.set('playhead', Math.min(next, this.end_));
            if (next >= this.end_) this.bus.set('playing', false);
            else requestAnimationFrame(tick);
        };
        requestAnimationFrame(tick);
    }

    end() {
        this.bus.set('playing', false);
        this.ends.forEach((end) => end());
    }
}
