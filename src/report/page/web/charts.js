// @ts-check
// Charts of the run over time, below each other on one clock, and how long operations took.

import { element, table } from './bus.js';
import { timeWords } from './model.js';
import { faultBandsOf, hatching, numberWords, powersAround, shareWords, svg, ticksUpTo } from './plot.js';

/** Room at the left and right of a chart, above and below. */
const MARGIN = { left: 64, right: 14, top: 6, bottom: 22 };

/** The height of a chart. */
const TALL = 128;

/** Where the names of faults stand, above the first chart; and where each latency's marks of "never" do, within its own. */
const NAMES_TALL = 18;
const NEVER_TALL = 9;

/**
 * A line or a layer of a chart: a value per slice; null where there is none, infinite where nothing was answered.
 * @typedef {{ name: string, values: (number | null)[], tone: string, dash?: string, hatched?: boolean }} Strand
 *
 * A chart: lines, or layers on top of each other. `top` is the greatest value of its scale, if that is fixed.
 * @typedef {{ id: string, title: string, form: 'lines' | 'layers', isLog?: boolean, top?: number, strands: Strand[],
 *   words: (value: number) => string }} Chart
 */

/**
 * The charts of a run.
 * @param {import('./model.js').Run} run
 * @returns {Chart[]}
 */
export function chartsOf(run) {
    const { series } = run;
    const seconds = series.width / 1e9;
    const rate = (/** @type {number[]} */ counts) => counts.map((count) => count / seconds);
    const latency = (/** @type {import('./model.js').Latency[]} */ values) => values.map((value) => (value === 'never' ? Infinity : value));
    const perSecond = (/** @type {number} */ value) => `${numberWords(value)}/s`;
    const causes = Object.entries(series.dropped).map(([cause, counts], i) => ({ name: cause.replaceAll('_', ' '), values: rate(counts), tone: i === 0 ? 'loss' : `k${3 + (i % 5)}`, hatched: i > 0 }));
    /** @type {Chart[]} */
    const charts = [
        { id: 'availability', title: 'Availability', form: 'lines', top: 1, words: shareWords, strands: [{ name: 'answered', values: series.availability, tone: 'good' }] },
        {
            id: 'rate', title: 'Operations', form: 'layers', words: perSecond,
            strands: [
                { name: 'ok', values: rate(series.ok), tone: 'k0' },
                { name: 'no', values: rate(series.no), tone: 'k1' },
                { name: 'failed', values: rate(series.fail), tone: 'loss' },
                { name: 'unknown', values: rate(series.info), tone: 'unsure', hatched: true },
            ],
        },
        {
            id: 'latency', title: 'Latency', form: 'lines', isLog: true, words: (value) => timeWords(value, value / 100),
            strands: [
                { name: 'p50', values: latency(series.p50), tone: 'k0' },
                { name: 'p90', values: latency(series.p90), tone: 'k2', dash: '6 3' },
                { name: 'p99', values: latency(series.p99), tone: 'k3', dash: '2 2.5' },
            ],
        },
        { id: 'staleness', title: 'Stale reads', form: 'layers', words: shareWords, strands: [{ name: 'of the reads', values: series.reads.map((reads, i) => (reads > 0 ? series.stale[i] / reads : null)), tone: 'unsure', hatched: true }] },
        { id: 'messages', title: 'Messages', form: 'layers', words: perSecond, strands: [...causes, { name: 'delivered', values: rate(series.delivered), tone: 'soft' }] },
    ];
    const says = (/** @type {Strand} */ strand) => strand.values.some((value) => value !== null && value > 0);
    return charts
        .map((chart) => (chart.form === 'layers' ? { ...chart, strands: chart.strands.filter(says) } : chart))
        .filter((chart) => chart.strands.some(says));
}

export class Charts {
    /**
     * @param {HTMLElement} place
     * @param {import('./model.js').Run} run
     * @param {import('./bus.js').Bus} bus
     */
    constructor(place, run, bus) {
        this.run = run;
        this.bus = bus;
        this.charts = chartsOf(run);
        this.slices = run.series.invoked.length;
        /** The slice that is read off, or -1. */
        this.cursor = -1;
        this.width = 800;
        this.stack = element('div', { class: 'charts', tabindex: '0', role: 'group', 'aria-label': 'Charts over time. Arrow keys read off a slice, enter shows it in the diagram, escape the whole run; the table below says the same.' });
        this.reading = element('p', { class: 'status quiet', 'aria-live': 'polite' });
        place.append(this.stack, this.reading, this.below());
        this.listen();
        const resize = new ResizeObserver(() => this.draw());
        resize.observe(this.stack);
        this.ends = [() => resize.disconnect(), bus.on('printing', () => this.draw()), bus.on('window', () => this.showWindow()), bus.on('playhead', () => this.showWindow())];
        this.draw();
    }

    below() {
        const histogram = histogramOf(this.run);
        const rows = this.run.series.invoked.map((_, slice) => [timeWords(slice * this.run.series.width, 1e6), ...this.charts.flatMap((chart) => chart.strands.map((strand) => valueWords(chart, strand.values[slice])))]);
        const names = ['from', ...this.charts.flatMap((chart) => chart.strands.map((strand) => `${chart.title}: ${strand.name}`))];
        const twin = element('details', { class: 'twin' }, element('summary', {}, 'The charts as a table'), element('div', { class: 'scroll' }, table(`Slices of ${timeWords(this.run.series.width)}`, names, rows)));
        return element('div', {}, histogram, twin);
    }

    /** The pixel of an instant. @param {number} time */
    x(time) {
        return MARGIN.left + (time / this.run.end) * (this.width - MARGIN.left - MARGIN.right);
    }

    /** The instant at a pixel. @param {number} x */
    time(x) {
        return Math.max(0, Math.min(1, (x - MARGIN.left) / (this.width - MARGIN.left - MARGIN.right))) * this.run.end;
    }

    draw() {
        this.width = Math.max(this.stack.clientWidth, 320);
        this.stack.replaceChildren(...this.charts.map((chart, number) => this.figure(chart, number)));
        this.showWindow();
    }

    /**
     * @param {Chart} chart
     * @param {number} number
     */
    figure(chart, number) {
        const isLast = number === this.charts.length - 1;
        const above = number === 0 && this.run.faults.some((fault) => fault.started) ? NAMES_TALL : 0;
        const height = TALL + (isLast ? MARGIN.bottom : 8) + above;
        const picture = svg('svg', { width: this.width, height, viewBox: `0 ${-above} ${this.width} ${height}`, 'data-chart': chart.id, 'aria-hidden': 'true' });
        const y = scaleFor(chart);
        picture.append(svg('defs', {}, ...chart.strands.filter((strand) => strand.hatched).map((strand) => hatching(`hatch-${chart.id}-${strand.tone}`, `var(--${strand.tone})`))));
        picture.append(...faultBandsOf(this.run, (time) => this.x(time), MARGIN.top, TALL, number === 0, this.width));
        for (const tick of y.ticks) {
            picture.append(svg('line', { class: 'grid', x1: MARGIN.left, x2: this.width - MARGIN.right, y1: y.at(tick), y2: y.at(tick) }));
            picture.append(svg('text', { class: 'tick', x: MARGIN.left - 8, y: y.at(tick) + 4, 'text-anchor': 'end' }, chart.words(tick)));
        }
        picture.append(...(chart.form === 'lines' ? this.lines(chart, y) : this.layers(chart, y)));
        if (isLast) picture.append(...this.clock());
        picture.append(svg('rect', { class: 'shown', y: MARGIN.top, height: TALL - MARGIN.top }), svg('line', { class: 'cursor', y1: MARGIN.top, y2: TALL, visibility: 'hidden' }), svg('line', { class: 'playhead', y1: MARGIN.top, y2: TALL, visibility: 'hidden' }));
        const key = chart.strands.map((strand) => element('span', { class: 'key' }, sampleOf(chart, strand), `${strand.name} `, element('output', { 'data-strand': `${chart.id} ${strand.name}` })));
        return element('figure', { class: 'chart' }, element('figcaption', {}, element('strong', {}, chart.title), ...key), picture);
    }

    /** The axis of time. */
    clock() {
        const { end } = this.run;
        return ticksUpTo(end, Math.max(3, Math.floor(this.width / 130)))
            .filter((tick) => tick <= end)
            .map((tick) => svg('text', { class: 'tick', x: this.x(tick), y: TALL + 16, 'text-anchor': tick === 0 ? 'start' : 'middle' }, timeWords(tick, 1e6)));
    }

    /**
     * @param {Chart} chart
     * @param {Scale} y
     */
    lines(chart, y) {
        const { width } = this.run.series;
        return chart.strands.flatMap(({ values, tone, dash }, number) => {
            const top = MARGIN.top + 1 + number * NEVER_TALL;
            let path = '';
            const alone = [];
            let isDown = false;
            const never = [];
            for (let slice = 0; slice < values.length; slice++) {
                const value = values[slice];
                const x = this.x(Math.min((slice + 0.5) * width, this.run.end));
                if (value === Infinity) never.push(svg('path', { class: 'never', d: `M${(x - 3).toFixed(1)} ${top + 6}l3 -5.5l3 5.5z`, style: `stroke: var(--${tone})` }));
                if (value === null || value === Infinity) {
                    isDown = false;
                    continue;
                }
                const after = values[slice + 1] ?? null;
                const [here, next] = [`${x.toFixed(1)} ${y.at(value).toFixed(1)}`, after !== null && after !== Infinity];
                if (isDown || next) path += `${isDown ? 'L' : 'M'}${here}`;
                else alone.push(svg('circle', { class: 'alone', cx: x.toFixed(1), cy: y.at(value).toFixed(1), r: 1.8, style: `fill: var(--${tone})` }));
                isDown = true;
            }
            return [svg('path', { class: 'strand', d: path, style: `stroke: var(--${tone})`, 'stroke-dasharray': dash }), ...alone, ...never];
        });
    }

    /**
     * @param {Chart} chart
     * @param {Scale} y
     */
    layers(chart, y) {
        const { width } = this.run.series;
        const bars = [];
        for (let slice = 0; slice < this.slices; slice++) {
            const [x0, x1] = [this.x(slice * width), this.x(Math.min((slice + 1) * width, this.run.end))];
            let below = 0;
            for (const { values, tone, hatched } of chart.strands) {
                const value = values[slice] ?? 0;
                if (value <= 0) continue;
                const [low, high] = [y.at(below), y.at(below + value)];
                const place = { x: x0, y: high, width: Math.max(x1 - x0 - 0.6, 0.6), height: Math.max(low - high, 0.5) };
                if (hatched) bars.push(svg('rect', { class: 'layer wash', ...place, style: `fill: var(--${tone})` }));
                bars.push(svg('rect', { class: 'layer', ...place, style: `fill: ${hatched ? `url(#hatch-${chart.id}-${tone})` : `var(--${tone})`}` }));
                below += value;
            }
        }
        return bars;
    }

    /** What the diagram shows, what is read off, and the play head. */
    showWindow() {
        const { from, to } = this.bus.get('window');
        const [x0, x1] = [this.x(Math.max(from, 0)), this.x(Math.min(to, this.run.end))];
        const isAll = from <= 0 && to >= this.run.end;
        for (const shown of this.stack.querySelectorAll('.shown')) {
            shown.setAttribute('x', String(x0));
            shown.setAttribute('width', String(Math.max(x1 - x0, 2)));
            shown.setAttribute('visibility', isAll ? 'hidden' : 'visible');
        }
        const playhead = this.bus.get('playhead');
        this.upright('.playhead', playhead > 0 ? this.x(playhead) : null);
        this.upright('.cursor', this.cursor < 0 ? null : this.x((this.cursor + 0.5) * this.run.series.width));
    }

    /** @param {string} which @param {number | null} x */
    upright(which, x) {
        for (const line of this.stack.querySelectorAll(which)) {
            line.setAttribute('visibility', x === null ? 'hidden' : 'visible');
            line.setAttribute('x1', String(x ?? 0));
            line.setAttribute('x2', String(x ?? 0));
        }
    }

    /** Reads off a slice. @param {number} slice */
    readOff(slice) {
        this.cursor = slice < 0 ? -1 : Math.min(slice, this.slices - 1);
        for (const chart of this.charts) {
            for (const strand of chart.strands) {
                const place = this.stack.querySelector(`[data-strand="${chart.id} ${strand.name}"]`);
                if (place) place.textContent = this.cursor < 0 ? '' : valueWords(chart, strand.values[this.cursor]);
            }
        }
        const { width } = this.run.series;
        this.reading.textContent = this.cursor < 0 ? '' : `${timeWords(this.cursor * width, 1e6)} to ${timeWords((this.cursor + 1) * width, 1e6)}`;
        this.showWindow();
    }

    /** Shows a part of the run in the diagram. @param {number} from @param {number} to */
    show(from, to) {
        this.bus.set('window', { from: Math.max(0, Math.min(from, to)), to: Math.min(this.run.end, Math.max(from, to)) });
    }

    listen() {
        let began = -1;
        const sliceAt = (/** @type {PointerEvent} */ event) => Math.floor(this.time(this.pixel(event)) / this.run.series.width);
        this.stack.addEventListener('pointerdown', (event) => {
            began = this.time(this.pixel(event));
            this.stack.setPointerCapture(event.pointerId);
        });
        this.stack.addEventListener('pointermove', (event) => {
            this.readOff(sliceAt(event));
            const now = this.time(this.pixel(event));
            if (event.buttons & 1 && began >= 0 && Math.abs(this.x(now) - this.x(began)) > 4) this.show(began, now);
        });
        this.stack.addEventListener('pointerup', () => (began = -1));
        this.stack.addEventListener('pointerleave', () => this.readOff(-1));
        this.stack.addEventListener('keydown', (event) => {
            const by = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
            const { width } = this.run.series;
            if (by) this.readOff(Math.max(0, this.cursor + by));
            else if (event.key === 'Home') this.readOff(0);
            else if (event.key === 'End') this.readOff(this.slices - 1);
            else if (event.key === 'Enter' && this.cursor >= 0) this.show((this.cursor - 1) * width, (this.cursor + 2) * width);
            else if (event.key === 'Escape') this.show(0, this.run.end);
            else return;
            event.preventDefault();
        });
    }

    /** @param {PointerEvent} event */
    pixel(event) {
        return event.clientX - this.stack.getBoundingClientRect().left;
    }
}

/** @typedef {{ at: (value: number) => number, ticks: number[] }} Scale */

/**
 * The vertical scale of a chart.
 * @param {Chart} chart
 * @returns {Scale}
 */
function scaleFor(chart) {
    const known = chart.strands.map((strand) => strand.values.map((value) => (value === Infinity ? null : value)));
    // Lines do not reach up to the marks of what was never answered.
    const hasNever = chart.strands.some((strand) => strand.values.includes(Infinity));
    const room = TALL - MARGIN.top - 4 - (hasNever ? chart.strands.length * NEVER_TALL : 0);
    const place = (/** @type {number} */ share) => TALL - share * room;
    if (chart.isLog) {
        const all = known.flat().filter((value) => value !== null && value > 0).map(Number);
        const ticks = powersAround(all.reduce((least, value) => Math.min(least, value), Infinity), all.reduce((most, value) => Math.max(most, value), 1));
        const [low, high] = [Math.log10(ticks[0]), Math.log10(ticks[ticks.length - 1])];
        return { ticks, at: (value) => place((Math.log10(Math.max(value, ticks[0])) - low) / (high - low)) };
    }
    const sums = (known[0] ?? []).map((_, slice) => known.reduce((sum, values) => (chart.form === 'layers' ? sum + (values[slice] ?? 0) : Math.max(sum, values[slice] ?? 0)), 0));
    const ticks = ticksUpTo(chart.top ?? sums.reduce((most, sum) => Math.max(most, sum), 0), chart.top ? 2 : 3);
    return { ticks, at: (value) => place(value / ticks[ticks.length - 1]) };
}

/**
 * @param {Chart} chart
 * @param {number | null | undefined} value
 */
function valueWords(chart, value) {
    if (value === null || value === undefined) return '–';
    return value === Infinity ? 'never' : chart.words(value);
}

/**
 * @param {Chart} chart
 * @param {Strand} strand
 */
function sampleOf(chart, strand) {
    const line = svg('line', { x1: 0, x2: 22, y1: 6, y2: 6, class: 'strand', style: `stroke: var(--${strand.tone})`, 'stroke-dasharray': strand.dash });
    const fill = strand.hatched ? `url(#hatch-${chart.id}-${strand.tone})` : `var(--${strand.tone})`;
    const box = svg('rect', { x: 2, y: 0.5, width: 18, height: 11, rx: 2, style: `fill: ${fill}` });
    return svg('svg', { width: 22, height: 12, 'aria-hidden': 'true' }, chart.form === 'lines' ? line : box);
}

/**
 * How long answered operations took: how many for each length, on a logarithmic scale.
 * @param {import('./model.js').Run} run
 */
function histogramOf(run) {
    const { bounds, counts, never } = run.series.histogram;
    const most = counts.reduce((most, count) => Math.max(most, count), 0);
    if (most === 0) return '';
    const [wide, tall, left, bottom] = [760, 190, 46, 160];
    const step = (wide - left - 10) / counts.length;
    const ticks = ticksUpTo(most, 3);
    const high = (/** @type {number} */ count) => (count / ticks[ticks.length - 1]) * (bottom - 10);
    const picture = svg('svg', { width: wide, height: tall, viewBox: `0 0 ${wide} ${tall}`, role: 'img', class: 'histogram', 'aria-label': 'Histogram of latencies; the table says the same' });
    for (const tick of ticks) {
        picture.append(svg('line', { class: 'grid', x1: left, x2: wide - 10, y1: bottom - high(tick), y2: bottom - high(tick) }));
        picture.append(svg('text', { class: 'tick', x: left - 8, y: bottom - high(tick) + 4, 'text-anchor': 'end' }, numberWords(tick)));
    }
    const every = Math.max(1, Math.ceil(counts.length / 9));
    counts.forEach((count, i) => {
        const says = `${timeWords(bounds[i])} to ${timeWords(bounds[i + 1])}: ${count}`;
        picture.append(svg('rect', { class: 'layer', x: left + i * step, y: bottom - high(count), width: Math.max(step - 1.5, 1), height: high(count), style: 'fill: var(--k0)' }, svg('title', {}, says)));
        if (i % every === 0) picture.append(svg('text', { class: 'tick', x: left + i * step, y: bottom + 18, 'text-anchor': 'middle' }, timeWords(bounds[i])));
    });
    const rows = counts.map((count, i) => [timeWords(bounds[i]), timeWords(bounds[i + 1]), String(count)]);
    const twin = element('details', { class: 'twin' }, element('summary', {}, 'The histogram as a table'), element('div', { class: 'scroll' }, table('Latencies', ['from', 'below', 'operations'], rows)));
    const missing = never > 0 ? `; ${never} more were never answered` : '';
    return element('figure', { class: 'chart latencies' }, element('figcaption', {}, element('strong', {}, 'How long operations took'), `answered ones, on a logarithmic scale${missing}`), picture, twin);
}

/** @type {import('./bus.js').View & { charts: Charts | null }} */
export const CHARTS = {
    id: 'charts',
    title: 'Charts',
    lead: 'The run over time, with its faults as bands. The frame is what the diagram shows: drag to choose another part.',
    charts: null,
    isWanted: (run) => run.operations.total > 0,
    mount(place, run, bus) {
        const charts = new Charts(place, run, bus);
        CHARTS.charts = charts;
        return () => charts.ends.forEach((end) => end());
    },
};
