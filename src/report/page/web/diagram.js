// @ts-check
// The space-time diagram: what is in the window, what is pointed at, what plays.

import { MOST_BARS } from './bands.js';
import { element } from './bus.js';
import { find } from './find.js';
import { hitWords } from './frame.js';
import { handle } from './hands.js';
import { inkOf, styleOfKind } from './ink.js';
import { eventTable, inspector } from './inspector.js';
import { legendOfMarks } from './legend.js';
import { lightOf, lightOfOperation, messageOf } from './light.js';
import { lowerBound, timeWords } from './model.js';
import { Overview } from './overview.js';
import { svg } from './plot.js';
import { MOST_ARROWS, arrowStep, paint } from './paint.js';
import { AXIS, GUTTER, Scene, axesOf } from './scene.js';

/** How long a window takes to play, in milliseconds, at speed 1. */
const PLAYS = 12_000;

/** How near the pointer has to be, in pixels. */
const NEAR = 6;

export class Diagram {
    /**
     * @param {HTMLElement} place
     * @param {import('./model.js').Run} run
     * @param {import('./bus.js').Bus} bus
     */
    constructor(place, run, bus) {
        this.run = run;
        this.bus = bus;
        this.axes = axesOf(run);
        this.scene = new Scene(run, this.axes.time);
        this.ink = inkOf();
        /** @type {import('./ink.js').Look} */
        this.look = { hidden: new Set(), light: null, hits: new Set(), hover: null, selection: null, playhead: 0, replay: false };
        /** @type {import('./bus.js').Selection[]} */
        this.found = [];
        this.foundAt = -1;
        this.speed = 1;
        /** The last frame: what was drawn, and how long that took in milliseconds. */
        this.frame = { messages: 0, arrows: 0, took: 0, count: 0 };
        this.isDue = false;
        this.canvas = /** @type {HTMLCanvasElement} */ (element('canvas', { tabindex: '0', role: 'application', 'aria-label': 'Space-time diagram. Arrow keys move, plus and minus zoom, full stop goes to the next event; the table below says the same.' }));
        this.tip = element('div', { class: 'tip', hidden: true });
        this.status = element('p', { class: 'status quiet', 'aria-live': 'polite' });
        this.overview = new Overview(this);
        const detail = inspector(run, bus);
        const twin = eventTable(run, bus);
        this.stage = element('div', { class: 'stage' }, this.canvas, this.tip);
        const left = element('div', { class: 'drawing' }, this.toolbar(), this.stage, this.overview.canvas, this.legend(), this.status, twin.place);
        place.append(element('div', { class: 'workbench' }, left, detail.place));
        this.ends = [
            detail.end,
            twin.end,
            handle(this),
            bus.on('theme', () => this.repaint(true)),
            bus.on('printing', () => this.print()),
            bus.on('window', (window) => this.follow(window)),
            bus.on('selection', (selection) => this.select(selection)),
            bus.on('playhead', (playhead) => this.seek(playhead)),
            bus.on('playing', (playing) => this.play(playing)),
        ];
        const resize = new ResizeObserver(() => this.resize());
        resize.observe(this.stage);
        this.ends.push(() => resize.disconnect());
        this.resize();
        this.moveTo(...this.opening());
        this.select(bus.get('selection'));
    }

    /** Where the diagram opens: what refutes, else the first fault, else everything. @returns {[number, number]} */
    opening() {
        const { checks, operations, faults, end } = this.run;
        const { from, to } = this.bus.get('window');
        if (from > 0 || to < end) return [from, to];
        const telling = checks.find((check) => check.verdict.name === 'refuted' && check.operations.length > 0)?.operations.slice(0, 6);
        if (telling) {
            const [first, last] = [Math.min(...telling.map((i) => operations.invoked[i])), Math.max(...telling.map((i) => operations.completed[i]))];
            if (last - first < end / 8) return [first - (last - first) * 0.35, last + (last - first) * 0.35];
        }
        const fault = faults.find((fault) => fault.started && fault.from > 0 && fault.from < end);
        if (fault && this.run.messages.count > 2000) return [fault.from - this.scene.stub * 20, fault.from + this.scene.stub * 60];
        return [0, end];
    }

    toolbar() {
        const tool = (/** @type {string} */ words, /** @type {string} */ title, /** @type {() => void} */ act, /** @type {string} */ name = '') =>
            element('button', { class: 'tool', title, 'data-tool': name, onclick: act }, words);
        this.playButton = tool('▶ play', 'Play (space)', () => this.bus.set('playing', !this.bus.get('playing')), 'play');
        this.axisButton = tool('by time', 'Axis by time or by event (t)', () => this.switchAxis(), 'axis');
        this.search = /** @type {HTMLInputElement} */ (element('input', { type: 'search', placeholder: 'search: append store-1', 'aria-label': 'Search events and operations' }));
        this.count = element('span', { class: 'quiet count', 'aria-live': 'polite' });
        const speeds = ['0.1', '0.25', '1', '4'].map((speed) => element('option', { value: speed, selected: speed === '1' }, `${speed}×`));
        const speed = /** @type {HTMLSelectElement} */ (element('select', { 'aria-label': 'Speed' }, ...speeds));
        speed.addEventListener('change', () => (this.speed = Number(speed.value)));
        return element(
            'div',
            { class: 'tools', role: 'toolbar', 'aria-label': 'Diagram' },
            this.playButton,
            speed,
            tool('−', 'Zoom out (-)', () => this.zoom(2), 'out'),
            tool('+', 'Zoom in (+)', () => this.zoom(0.5), 'in'),
            tool('whole run', 'The whole run (0)', () => this.moveTo(0, this.scene.axis.end), 'whole'),
            this.axisButton,
            this.search,
            tool('next', 'Next found (n)', () => this.nextFound(1), 'next'),
            this.count,
        );
    }

    /** The kinds of message, to be hidden and shown. */
    legend() {
        const chips = this.run.kinds.slice(0, 24).map(({ name, count }, kind) => {
            const { tone, dash } = styleOfKind(this.run, this.ink, kind);
            const sample = svg('svg', { width: 26, height: 8, 'aria-hidden': 'true' }, svg('path', { d: 'M0 4H26', style: `stroke: var(--${tone}); stroke-width: 2.5`, 'stroke-dasharray': dash.join(' ') || undefined }));
            const chip = element('button', { class: 'chip', 'data-kind': name, 'aria-pressed': 'true', title: 'Show or hide' }, sample, `${name.slice(0, 40)} `, element('span', { class: 'quiet' }, String(count)));
            chip.addEventListener('click', () => {
                const hides = !this.look.hidden.delete(kind);
                if (hides) this.look.hidden.add(kind);
                chip.setAttribute('aria-pressed', String(!hides));
                this.repaint();
            });
            return chip;
        });
        const lost = element('span', { class: 'chip still' }, element('span', { class: 'sample lost' }), 'lost');
        const kinds = element('div', { class: 'legend' }, ...chips, ...(this.run.messages.fate.some((fate) => fate > 0) ? [lost] : []));
        return element('div', {}, kinds, legendOfMarks(this.run, MOST_ARROWS));
    }

    resize() {
        const width = Math.max(this.stage.clientWidth, 320);
        const ratio = window.devicePixelRatio || 1;
        this.scene.width = width;
        this.canvas.width = Math.round(width * ratio);
        this.canvas.height = Math.round(this.scene.height * ratio);
        this.canvas.style.height = `${this.scene.height}px`;
        this.overview.resize(width);
        // At once, since a canvas of another size is black, and paper does not wait for the next frame.
        this.paintNow();
    }

    /** Draws for paper, or again for the screen, at once. */
    print() {
        this.ink = inkOf();
        this.resize();
    }

    /** Draws again, soon. @param {boolean} [inks] whether colours have changed */
    repaint(inks = false) {
        if (inks) {
            this.ink = inkOf();
            this.overview.forget();
        }
        if (this.isDue) return;
        this.isDue = true;
        requestAnimationFrame(() => {
            this.isDue = false;
            this.paintNow();
        });
    }

    paintNow() {
        const ctx = this.canvas.getContext('2d', { alpha: false });
        if (!ctx) return;
        const start = performance.now();
        const ratio = window.devicePixelRatio || 1;
        ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
        const { messages, arrows } = paint(ctx, this.scene, this.ink, this.look);
        this.overview.paint();
        this.frame = { messages, arrows, took: performance.now() - start, count: this.frame.count + 1 };
        const part = arrows < messages && messages > MOST_ARROWS ? `a sample of ${arrows} drawn as arrows: zoom in for all` : 'all drawn';
        const share = this.run.events.count < this.run.eventsTotal ? `; the page holds ${this.run.events.count} of ${this.run.eventsTotal} events` : '';
        this.status.textContent = `${timeWords(this.bus.get('window').to - this.bus.get('window').from)} in view, ${messages} messages, ${part}${share}`;
    }

    /** Moves the window, in positions of the axis. @param {number} from @param {number} to */
    moveTo(from, to) {
        const { axis } = this.scene;
        const span = Math.min(Math.max(to - from, axis.least), axis.end * 1.02);
        const middle = (from + to) / 2;
        const start = Math.max(-axis.end * 0.01, Math.min(middle - span / 2, axis.end * 1.01 - span));
        this.scene.from = start;
        this.scene.to = start + span;
        this.bus.set('window', { from: axis.time(start), to: axis.time(start + span) });
        this.repaint();
    }

    /** Takes up a window that another view has chosen. @param {{ from: number, to: number }} window */
    follow({ from, to }) {
        const { axis } = this.scene;
        const isOurs = axis.time(this.scene.from) === from && axis.time(this.scene.to) === to;
        if (!isOurs) this.moveTo(axis.at(from), axis.at(to));
    }

    /** Zooms about a position. @param {number} by @param {number} [about] */
    zoom(by, about = (this.scene.from + this.scene.to) / 2) {
        const { from, to, axis } = this.scene;
        const least = axis.least / (to - from);
        const factor = Math.max(by, least);
        this.moveTo(about - (about - from) * factor, about + (to - about) * factor);
    }

    /** Moves by a share of the window. @param {number} share */
    pan(share) {
        const by = (this.scene.to - this.scene.from) * share;
        this.moveTo(this.scene.from + by, this.scene.to + by);
    }

    switchAxis() {
        const { from, to } = this.bus.get('window');
        this.scene.axis = this.scene.axis.kind === 'time' ? this.axes.step : this.axes.time;
        if (this.axisButton) this.axisButton.textContent = `by ${this.scene.axis.kind === 'time' ? 'time' : 'event'}`;
        this.moveTo(this.scene.axis.at(from), this.scene.axis.at(to));
    }

    /** @param {import('./bus.js').Selection | null} selection */
    select(selection) {
        this.look.selection = selection;
        this.look.light = null;
        if (selection?.kind === 'event') {
            this.look.light = lightOf(this.run, selection.index);
            this.reveal(this.run.events.t[selection.index], this.run.events.t[selection.index]);
        } else if (selection?.kind === 'operation') {
            this.look.light = lightOfOperation(this.run, selection.index);
            this.reveal(this.run.operations.invoked[selection.index], this.run.operations.completed[selection.index]);
        } else if (selection?.kind === 'fault') {
            const { from, to } = this.run.faults[selection.index];
            this.reveal(from, to);
        }
        this.repaint();
    }

    /** Moves so that these instants are in view, and big enough to be seen. @param {number} from @param {number} to */
    reveal(from, to) {
        const window = this.bus.get('window');
        const span = window.to - window.from;
        const isIn = window.from <= from && to <= window.to;
        const isSmall = to - from < span / 60 && this.frame.messages > MOST_ARROWS;
        if (isIn && !isSmall) return;
        const around = to > from ? (to - from) * 0.6 : Math.min(span / 2, this.scene.stub * 12);
        this.follow({ from: from - around, to: to + around });
    }

    /** What is at a pixel. @param {number} x @param {number} y @returns {import('./ink.js').Hit | null} */
    hitAt(x, y) {
        const { scene, run } = this;
        if (x < GUTTER) {
            const lane = scene.laneAt(y);
            return lane ? { kind: 'node', index: lane.node } : null;
        }
        if (y < AXIS) return null;
        if (y < AXIS + 18) {
            const fault = run.faults.findIndex((fault) => fault.started && scene.xOfTime(fault.from) - 2 <= x && x <= Math.max(scene.xOfTime(fault.to), scene.xOfTime(fault.from) + 6));
            if (fault >= 0) return { kind: 'fault', index: fault };
        }
        const below = scene.laneAt(y);
        if (below && below.bottom - 7 <= y) {
            const time = scene.axis.time(scene.position(x));
            const fault = run.faults.findLastIndex(({ from, to, targets, cuts }) => cuts.length === 0 && from <= time && time <= to && targets.includes(below.node));
            if (fault >= 0) return { kind: 'fault', index: fault };
        }
        const { first, last } = scene.operationRange();
        for (let i = first; i < last && last - first <= MOST_BARS; i++) {
            const bar = scene.bar(i);
            if (bar && bar[0] - 1 <= x && x <= bar[0] + bar[2] + 1 && bar[1] - 1 <= y && y <= bar[1] + bar[3] + 1) return { kind: 'operation', index: i };
        }
        return this.nearest(x, y);
    }

    /** The message or event nearest to a pixel. @param {number} x @param {number} y @returns {import('./ink.js').Hit | null} */
    nearest(x, y) {
        const { scene, run } = this;
        let best = NEAR;
        /** @type {import('./ink.js').Hit | null} */
        let hit = null;
        const messages = scene.messageRange();
        // Only what is drawn can be pointed at.
        for (let i = messages.first; i < messages.last; i += arrowStep(messages.last - messages.first)) {
            if (this.look.hidden.has(run.messages.kind[i])) continue;
            const away = distance(scene.segment(i), x, y);
            if (away < best) [best, hit] = [away, { kind: 'message', index: i }];
        }
        const events = scene.eventRange();
        const lane = scene.laneAt(y);
        for (let i = events.first; lane && i < events.last && events.last - events.first < 5000; i++) {
            if (run.events.node[i] !== lane.node || messageOf(run, i) >= 0) continue;
            const away = Math.hypot(scene.x(scene.axis.of(i)) - x, lane.y - y) - 1;
            if (away < best) [best, hit] = [away, { kind: 'event', index: i }];
        }
        return hit;
    }

    /** Selects what was hit. @param {import('./ink.js').Hit | null} hit */
    choose(hit) {
        if (!hit) this.bus.set('selection', null);
        else if (hit.kind === 'message') this.bus.set('selection', { kind: 'event', index: this.run.messages.event[hit.index] });
        else this.bus.set('selection', { kind: hit.kind, index: hit.index });
    }

    /** Points at something. @param {import('./ink.js').Hit | null} hit @param {number} x @param {number} y */
    point(hit, x, y) {
        const isSame = hit?.kind === this.look.hover?.kind && hit?.index === this.look.hover?.index;
        if (!isSame) {
            this.look.hover = hit;
            this.tip.replaceChildren(...(hit ? hitWords(this.run, hit) : []).map((line) => element('div', {}, line)));
            this.repaint();
        }
        this.tip.hidden = hit === null;
        this.tip.style.left = `${Math.min(x + 14, this.scene.width - 330)}px`;
        this.tip.style.top = `${y + 16}px`;
    }

    /** The next or previous event that is in the window, or beyond it. @param {1 | -1} by */
    step(by) {
        const { selection } = this.look;
        const { first } = this.scene.eventRange();
        const next = selection?.kind === 'event' ? selection.index + by : first;
        if (next >= 0 && next < this.run.events.count) this.bus.set('selection', { kind: 'event', index: next });
    }

    /** The next or previous operation: of the same client, if one is selected. @param {1 | -1} by */
    stepOperation(by) {
        const { operations } = this.run;
        const { selection } = this.look;
        const isChosen = selection?.kind === 'operation';
        let next = isChosen ? selection.index + by : lowerBound(operations.invoked, this.bus.get('window').from);
        while (isChosen && operations.node[next] !== undefined && operations.node[next] !== operations.node[selection.index]) next += by;
        if (next >= 0 && next < operations.count) this.bus.set('selection', { kind: 'operation', index: next });
    }

    /** To the lane above or below. @param {1 | -1} by */
    stepLane(by) {
        const { lanes } = this.scene;
        const { selection } = this.look;
        const place = selection?.kind === 'node' ? lanes.findIndex((lane) => lane.node === selection.index) + by : by > 0 ? 0 : lanes.length - 1;
        if (lanes[place]) this.bus.set('selection', { kind: 'node', index: lanes[place].node });
    }

    /** To the cause of what is selected, or to its first effect. @param {boolean} back */
    followCause(back) {
        if (this.look.selection?.kind !== 'event') return;
        const { index } = this.look.selection;
        const next = back ? this.run.events.cause[index] : (this.run.effects(index)[0] ?? -1);
        if (next >= 0) this.bus.set('selection', { kind: 'event', index: next });
    }

    /** @param {string} query */
    searchFor(query) {
        this.bus.set('query', query);
        this.found = find(this.run, query);
        this.foundAt = -1;
        this.look.hits = new Set(this.found.filter((hit) => hit.kind === 'event').map((hit) => hit.index));
        if (this.count) this.count.textContent = query.trim() === '' ? '' : `${this.found.length} found`;
        this.repaint();
    }

    /** @param {1 | -1} by */
    nextFound(by) {
        if (this.found.length === 0) return;
        this.foundAt = (this.foundAt + by + this.found.length) % this.found.length;
        if (this.count) this.count.textContent = `${this.foundAt + 1} of ${this.found.length}`;
        this.bus.set('selection', this.found[this.foundAt]);
    }

    /** @param {number} playhead */
    seek(playhead) {
        this.look.playhead = playhead;
        this.look.replay = true;
        const { axis, from, to } = this.scene;
        const at = axis.at(playhead);
        if (this.bus.get('playing') && (at > to || at < from)) this.moveTo(at - (to - from) * 0.1, at + (to - from) * 0.9);
        this.repaint();
    }

    /** @param {boolean} playing */
    play(playing) {
        if (this.playButton) this.playButton.textContent = playing ? '❚❚ pause' : '▶ play';
        if (!playing) return;
        const window = this.bus.get('window');
        if (this.look.playhead < window.from || this.look.playhead >= window.to) this.bus.set('playhead', Math.max(window.from, 0));
        let last = performance.now();
        const tick = (/** @type {number} */ now) => {
            if (!this.bus.get('playing')) return;
            const { from, to, axis } = this.scene;
            const by = ((to - from) / PLAYS) * this.speed * Math.min(now - last, 100);
            last = now;
            const next = axis.kind === 'time' ? this.look.playhead + by : axis.time(axis.at(this.look.playhead) + Math.max(by, 1));
            this.bus.set('playhead', Math.min(next, this.run.end));
            if (next >= this.run.end) this.bus.set('playing', false);
            else requestAnimationFrame(tick);
        };
        requestAnimationFrame(tick);
    }

    /** Lets go of everything. */
    release() {
        this.bus.set('playing', false);
        this.look.replay = false;
        this.bus.set('selection', null);
        this.repaint();
    }

    end() {
        this.bus.set('playing', false);
        this.ends.forEach((end) => end());
    }
}

/**
 * How far a point is from a line.
 * @param {[number, number, number, number]} line
 * @param {number} x
 * @param {number} y
 */
function distance([x0, y0, x1, y1], x, y) {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const share = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1)));
    return Math.hypot(x0 + share * dx - x, y0 + share * dy - y);
}

/** @type {import('./bus.js').View & { diagram: Diagram | null }} */
export const DIAGRAM = {
    id: 'diagram',
    title: 'Space and time',
    lead: 'A lane for each client and replica, time from left to right, an arrow for each message. An arrow that ends in a mark is a message that died there; the mark says why.',
    diagram: null,
    isWanted: (run) => run.events.count > 0,
    mount(place, run, bus) {
        const diagram = new Diagram(place, run, bus);
        DIAGRAM.diagram = diagram;
        return () => diagram.end();
    },
};
