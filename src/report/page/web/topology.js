// @ts-check
// The topology at an instant: hosts in their zones, services and who talks to whom; what a partition has parted stands apart.

import { element, table } from './bus.js';
import { LEADING } from './bands.js';
import { lowerBound, nodeName, timeWords } from './model.js';
import { isCut, partingAt, partingsOf } from './partitions.js';
import { hatching, prefersStillness, svg } from './plot.js';

/** The size of the drawing, in its own units. */
const SPACE = { width: 1000, height: 476 };

/** How long nodes take to their new places, in milliseconds. */
const MOVES = 420;

/** More messages than these are not drawn at once. */
const MOST_DOTS = 160;

/** @typedef {{ x: number, y: number }} Spot */

/**
 * Where the nodes stand: zones, or the sides of a partition, beside each other, replicas above in an ellipse, clients below.
 * @param {import('./model.js').Run} run
 * @param {number[][] | null} sides
 * @returns {{ spots: Spot[], groups: { nodes: number[], name: string }[] }}
 */
function placesOf(run, sides) {
    const nodes = run.nodes.map((_, node) => node);
    const inSides = new Set(sides?.flat() ?? []);
    const rest = nodes.filter((node) => !inSides.has(node));
    const zones = [...new Set(run.nodes.map((node) => node.zone))];
    const groups = sides
        ? [...sides.map((side, i) => ({ nodes: side, name: `side ${'ABCDEFGH'[i % 8]}` })), ...(rest.length > 0 ? [{ nodes: rest, name: 'reaches all' }] : [])]
        : zones.map((zone) => ({ nodes: nodes.filter((node) => run.nodes[node].zone === zone), name: zone ?? '' }));
    const gap = sides ? 90 : groups.length > 1 ? 40 : 0;
    const room = SPACE.width - 80 - gap * (groups.length - 1);
    const weight = groups.map((group) => Math.max(1.2, Math.sqrt(group.nodes.length)));
    const whole = weight.reduce((sum, one) => sum + one, 0);
    const spots = nodes.map(() => ({ x: 0, y: 0 }));
    let left = 40;
    groups.forEach((group, i) => {
        const width = (room * weight[i]) / whole;
        const middle = left + width / 2;
        const replicas = group.nodes.filter((node) => run.nodes[node].service !== null);
        const clients = group.nodes.filter((node) => run.nodes[node].service === null);
        const [rx, ry] = [Math.min(width / 2 - 50, 60 + replicas.length * 26), replicas.length > 2 ? 108 : 60];
        replicas.forEach((node, place) => {
            const turn = (place / replicas.length) * 2 * Math.PI - (replicas.length === 2 ? Math.PI - 0.5 : Math.PI / 2);
            spots[node] = replicas.length === 1 ? { x: middle, y: 180 } : { x: middle + Math.max(rx, 40) * Math.cos(turn), y: 180 + ry * Math.sin(turn) };
        });
        clients.forEach((node, place) => (spots[node] = { x: middle + (place - (clients.length - 1) / 2) * Math.min(130, width / clients.length), y: 392 }));
        left += width + gap;
    });
    return { spots, groups };
}

/** A drawing of the topology, which goes to any instant. */
export class Map2D {
    /**
     * @param {import('./model.js').Run} run
     * @param {((node: number) => void) | null} choose what a node does, if it does something
     */
    constructor(run, choose) {
        this.run = run;
        this.time = -1;
        this.isStill = choose === null;
        /** @type {number[][] | null | undefined} */
        this.sides = undefined;
        this.united = placesOf(run, null);
        this.spots = this.united.spots.map((spot) => ({ ...spot }));
        this.goal = this.united;
        /** The frame that is asked for while nodes move, else 0. */
        this.moving = 0;
        this.pairs = pairsOf(run);
        this.longest = run.messages.ended.reduce((longest, ended, i) => Math.max(longest, ended - run.messages.sent[i]), 0);
        this.hulls = svg('g', {});
        this.links = this.pairs.map(() => svg('line', { class: 'wire' }));
        this.dots = svg('g', { class: 'flying' });
        this.nodes = run.nodes.map((node, number) => this.nodeShape(node, number, choose));
        this.picture = svg('svg', { class: 'topology', viewBox: `0 0 ${SPACE.width} ${SPACE.height}`, role: 'group', 'aria-label': 'Topology; the table below says the same' });
        this.picture.append(svg('defs', {}, hatching('down-hatch', 'var(--soft)')), this.hulls, svg('g', {}, ...this.links), this.dots, ...this.nodes);
    }

    /**
     * @param {import('./model.js').Node} node
     * @param {number} number
     * @param {((node: number) => void) | null} choose
     */
    nodeShape(node, number, choose) {
        const services = this.run.services.map((service) => service.name);
        const tone = node.service === null ? 'soft' : `k${[0, 2, 3, 5, 4, 6][Math.max(0, services.indexOf(node.service)) % 6]}`;
        const body = node.service === null ? svg('rect', { class: 'body', x: -40, y: -16, width: 80, height: 32, rx: 16 }) : svg('circle', { class: 'body', r: 26 });
        const cover = node.service === null ? svg('rect', { class: 'cover', x: -40, y: -16, width: 80, height: 32, rx: 16 }) : svg('circle', { class: 'cover', r: 26 });
        const label = svg('text', { class: 'name', y: node.service === null ? 4.5 : 44 }, node.name.slice(0, 18));
        const state = svg('text', { class: 'state', y: node.service === null ? 34 : 60 });
        const act = () => choose?.(number);
        const acts = choose ? { tabindex: 0, role: 'button' } : {};
        const press = (/** @type {KeyboardEvent} */ event) => {
            if (event.key !== 'Enter' && event.key !== ' ') return;
            event.preventDefault();
            event.stopPropagation();
            act();
        };
        return svg('g', { class: choose ? 'node' : 'node still', ...acts, 'data-node': number, style: `--tone: var(--${tone})`, 'aria-label': node.name, onclick: act, onkeydown: press }, body, svg('circle', { class: 'crown', r: 31 }), cover, label, state);
    }

    /** Goes to an instant. @param {number} time */
    goTo(time) {
        this.time = time;
        const sides = partingAt(this.run, time)?.sides ?? null;
        if (JSON.stringify(sides) !== JSON.stringify(this.sides)) {
            const isFirst = this.sides === undefined;
            this.sides = sides;
            this.goal = sides ? placesOf(this.run, sides) : this.united;
            this.move(isFirst || prefersStillness() || document.hidden);
        }
        this.paint();
    }

    /** Nodes go to their new places. @param {boolean} atOnce */
    move(atOnce) {
        cancelAnimationFrame(this.moving);
        const start = this.spots.map((spot) => ({ ...spot }));
        const began = performance.now();
        const tick = (/** @type {number} */ now) => {
            const share = atOnce ? 1 : Math.min(1, Math.max(0, (now - began) / MOVES));
            const eased = 1 - (1 - share) ** 3;
            this.spots.forEach((spot, node) => {
                spot.x = start[node].x + (this.goal.spots[node].x - start[node].x) * eased;
                spot.y = start[node].y + (this.goal.spots[node].y - start[node].y) * eased;
            });
            this.paint();
            this.moving = share < 1 ? requestAnimationFrame(tick) : 0;
        };
        tick(began);
    }

    paint() {
        const { run, spots, time } = this;
        const stop = run.lanes.map((lane) => ({ down: lane.down.some((span) => span.from <= time && time < span.to), paused: lane.paused.some((span) => span.from <= time && time < span.to) }));
        this.hulls.replaceChildren(...this.goal.groups.flatMap((group, i) => this.hull(group, i)));
        this.pairs.forEach(([a, b], i) => {
            const [there, back] = [isCut(run, a, b, time), isCut(run, b, a, time)];
            const state = there && back ? 'cut' : there || back ? 'half cut' : stop[a].down || stop[b].down ? 'dead' : '';
            const link = this.links[i];
            link.setAttribute('class', `wire ${state}`);
            for (const [name, value] of Object.entries({ x1: spots[a].x, y1: spots[a].y, x2: spots[b].x, y2: spots[b].y })) link.setAttribute(name, value.toFixed(1));
        });
        this.nodes.forEach((shape, node) => {
            const { down, paused } = stop[node];
            const role = run.lanes[node].roles.find((role) => role.from <= time && time < role.to);
            const leads = role !== undefined && LEADING.test(role.role);
            shape.setAttribute('transform', `translate(${spots[node].x.toFixed(1)} ${spots[node].y.toFixed(1)})`);
            shape.setAttribute('class', `node${this.isStill ? ' still' : ''}${down ? ' down' : ''}${paused ? ' paused' : ''}${leads ? ' leads' : ''}`);
            const said = shape.querySelector('.state');
            if (said) said.textContent = stateWords(run, node, time);
        });
        this.dots.replaceChildren(...this.flying());
    }

    /**
     * The outline of a zone or side.
     * @param {{ nodes: number[], name: string }} group
     * @param {number} number
     */
    hull(group, number) {
        if (!group.name || group.nodes.length === 0) return [];
        const [xs, ys] = [group.nodes.map((node) => this.spots[node].x), group.nodes.map((node) => this.spots[node].y)];
        const [x, y] = [Math.min(...xs) - 62, Math.min(...ys) - 56];
        const [width, height] = [Math.max(...xs) - x + 62, Math.max(...ys) - y + 74];
        const tone = this.sides ? `var(--side${number % 4})` : 'var(--faint)';
        return [svg('rect', { class: this.sides ? 'hull side' : 'hull', x, y, width, height, rx: 26, style: `fill: ${tone}` }), svg('text', { class: 'hull-name', x: x + 20, y: y + 22 }, group.name.slice(0, 30))];
    }

    /** The same as a table. */
    table() {
        const { run, time, pairs } = this;
        const rows = run.nodes.map((node, number) => {
            const cut = pairs.filter(([a, b]) => (a === number || b === number) && (isCut(run, a, b, time) || isCut(run, b, a, time))).map(([a, b]) => nodeName(run, a === number ? b : a));
            return [node.name, node.zone ?? '', node.service ?? `asks ${node.calls}`, stateWords(run, number, time), cut.join(', ')];
        });
        return table(`At ${timeWords(time, 1e6)}`, ['node', 'zone', 'service', 'state', 'cut off from'], rows);
    }

    /** The messages that are on their way. */
    flying() {
        const { run, spots, time } = this;
        const { sent, ended, from, to, fate } = run.messages;
        const dots = [];
        for (let i = lowerBound(sent, time - this.longest); i < sent.length && sent[i] <= time && dots.length < MOST_DOTS; i++) {
            if (ended[i] < time || ended[i] === sent[i]) continue;
            const share = ((time - sent[i]) / (ended[i] - sent[i])) * (fate[i] > 0 ? 0.6 : 1);
            const [a, b] = [spots[from[i]], spots[to[i]]];
            if (!a || !b) continue;
            const [x, y] = [a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share];
            dots.push(fate[i] > 0 ? svg('path', { class: 'lost', d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` }) : svg('circle', { class: 'dot', cx: x, cy: y, r: 3.6 }));
        }
        return dots;
    }

    end() {
        cancelAnimationFrame(this.moving);
    }
}

/**
 * The pairs of nodes that talk to each other.
 * @param {import('./model.js').Run} run
 * @returns {[number, number][]}
 */
function pairsOf(run) {
    const { from, to, count } = run.messages;
    const known = new Set();
    for (let i = 0; i < count; i++) known.add(Math.min(from[i], to[i]) * run.nodes.length + Math.max(from[i], to[i]));
    return [...known].sort((a, b) => a - b).slice(0, 4000).map((pair) => [Math.floor(pair / run.nodes.length), pair % run.nodes.length]);
}

/**
 * What a node is at an instant.
 * @param {import('./model.js').Run} run
 * @param {number} node
 * @param {number} time
 */
export function stateWords(run, node, time) {
    const at = (/** @type {import('./model.js').Span} */ span) => span.from <= time && time < span.to;
    const lane = run.lanes[node];
    if (lane.down.some(at)) return 'down';
    if (lane.paused.some(at)) return 'paused';
    const role = lane.roles.find(at);
    return role ? `${role.role} ${role.epoch}` : '';
}

export class Topology {
    /**
     * @param {HTMLElement} place
     * @param {import('./model.js').Run} run
     * @param {import('./bus.js').Bus} bus
     */
    constructor(place, run, bus) {
        this.run = run;
        this.bus = bus;
        this.map = new Map2D(run, (node) => bus.set('selection', { kind: 'node', index: node }));
        this.slider = /** @type {HTMLInputElement} */ (element('input', { type: 'range', min: 0, max: 2000, step: 1, 'aria-label': 'Instant' }));
        this.slider.addEventListener('input', () => bus.set('playhead', (Number(this.slider.value) / 2000) * run.end));
        this.when = element('output', { class: 'when' });
        this.play = element('button', { class: 'tool', onclick: () => bus.set('playing', !bus.get('playing')) }, '▶ play');
        const jumps = run.faults.filter((fault) => fault.started).slice(0, 8).map((fault) => {
            // Before the first healing of links that flap.
            const first = partingsOf(run).find(({ from, to }) => from <= fault.from && fault.from < to) ?? fault;
            const at = fault.from + Math.min(first.to - fault.from, run.end / 50) / 2;
            return element('button', { class: 'tool', 'data-jump': fault.id, onclick: () => bus.set('playhead', at) }, `${fault.kind} ${fault.id}`.slice(0, 36));
        });
        this.twin = element('div', { class: 'scroll' });
        const details = element('details', { class: 'twin' }, element('summary', {}, 'The topology as a table'), this.twin);
        details.addEventListener('toggle', () => this.tell());
        this.details = /** @type {HTMLDetailsElement} */ (details);
        const tools = element('div', { class: 'tools' }, this.play, this.slider, this.when, ...jumps);
        place.append(tools, element('div', { class: 'card' }, this.map.picture), this.legend(), details);
        this.ends = [
            bus.on('playhead', () => this.goTo(this.instant())),
            bus.on('window', () => this.goTo(this.instant())),
            bus.on('playing', (playing) => (this.play.textContent = playing ? '❚❚ pause' : '▶ play')),
            () => this.map.end(),
        ];
        this.goTo(this.instant());
    }

    /** The play head; before anybody has moved it, the middle of what the diagram shows. */
    instant() {
        const { from, to } = this.bus.get('window');
        return this.bus.get('playhead') || Math.max(0, Math.min(this.run.end, (from + to) / 2));
    }

    /** @param {number} time */
    goTo(time) {
        this.map.goTo(time);
        this.slider.value = String(Math.round((time / this.run.end) * 2000));
        this.when.textContent = timeWords(time, 1e6);
        this.slider.setAttribute('aria-valuetext', timeWords(time, 1e6));
        this.tell();
    }

    legend() {
        const chip = (/** @type {string} */ kind, /** @type {string} */ says) => element('span', { class: 'chip still' }, element('span', { class: `sample ${kind}` }), says);
        return element('div', { class: 'legend' }, chip('whole', 'talk to each other'), chip('lost', 'cut by a partition'), chip('ring', 'leads'), chip('hatched', 'down'));
    }

    /** The same as a table, while somebody looks at that. */
    tell() {
        if (!this.details.open) return;
        this.twin.replaceChildren(this.map.table());
    }
}

/** @type {import('./bus.js').View & { topology: Topology | null }} */
export const TOPOLOGY = {
    id: 'topology',
    title: 'Topology',
    lead: 'Who talks to whom at an instant. It plays with the diagram; when the network is parted, the sides move apart.',
    topology: null,
    isWanted: (run) => run.messages.count > 0 && run.nodes.length <= 60,
    mount(place, run, bus) {
        const topology = new Topology(place, run, bus);
        TOPOLOGY.topology = topology;
        return () => topology.ends.forEach((end) => end());
    },
};
