// @ts-check
// Where things stand in the space-time diagram: lanes from top to bottom, time or steps from left to right. Nothing is drawn
// here, so that tests and other views can ask where something is.

import { lowerBound } from './model.js';

/** The width of the names at the left, and the height of the axis, in pixels. */
export const GUTTER = 132;
export const AXIS = 30;

const ROW = 7;
const MOST_ROWS = 8;

/**
 * A lane: `y` is that of its line; operations of a client stand above it, in `rows` rows of `rowHeight` pixels.
 * @typedef {{ node: number, y: number, top: number, bottom: number, rows: number, rowHeight: number }} PlacedLane
 *
 * A horizontal axis: positions are nanoseconds or numbers of events.
 * @typedef {object} Axis
 * @property {'time' | 'step'} kind
 * @property {number} end the last position
 * @property {number} least the smallest window that makes sense
 * @property {ArrayLike<number>} sent the position of each message's sending
 * @property {ArrayLike<number>} ended the position of each message's end
 * @property {Float64Array} reach the furthest end of each message and those before it
 * @property {(time: number) => number} at the position of an instant
 * @property {(position: number) => number} time the instant at a position
 * @property {(event: number) => number} of the position of an event
 */

/**
 * The axes of a run.
 * @param {import('./model.js').Run} run
 * @returns {{ time: Axis, step: Axis }}
 */
export function axesOf(run) {
    const { events, messages, end } = run;
    const last = Math.max(events.count - 1, 1);
    return {
        time: {
            kind: 'time',
            end,
            least: 100,
            sent: messages.sent,
            ended: messages.ended,
            reach: furthest(messages.ended),
            at: (time) => time,
            time: (position) => position,
            of: (event) => events.t[event],
        },
        step: {
            kind: 'step',
            end: last,
            least: 4,
            sent: messages.start,
            ended: messages.event,
            reach: furthest(messages.event),
            at: (time) => Math.min(last, lowerBound(events.t, time)),
            time: (position) => timeAtStep(events, position),
            of: (event) => event,
        },
    };
}

/** @param {ArrayLike<number>} ended */
function furthest(ended) {
    const reach = new Float64Array(ended.length);
    let most = -Infinity;
    for (let i = 0; i < reach.length; i++) reach[i] = most = Math.max(most, ended[i]);
    return reach;
}

/**
 * @param {import('./model.js').Events} events
 * @param {number} step
 */
function timeAtStep(events, step) {
    if (events.count === 0) return 0;
    const before = Math.max(0, Math.min(events.count - 1, Math.floor(step)));
    const after = Math.min(events.count - 1, before + 1);
    const [t0, t1] = [events.t[before], events.t[after]];
    return t0 + (t1 - t0) * Math.max(0, Math.min(1, step - before));
}

export class Scene {
    /**
     * @param {import('./model.js').Run} run
     * @param {Axis} axis
     */
    constructor(run, axis) {
        this.run = run;
        this.axis = axis;
        this.width = 800;
        /** The window, in positions of the axis. */
        this.from = 0;
        this.to = axis.end;
        this.lanes = placeLanes(run);
        /** The lane of each node. @type {PlacedLane[]} */
        this.laneOf = [];
        for (const lane of this.lanes) this.laneOf[lane.node] = lane;
        /** The place of each node's lane, from the top. @type {number[]} */
        this.order = [];
        this.lanes.forEach((lane, place) => (this.order[lane.node] = place));
        this.height = (this.lanes.at(-1)?.bottom ?? AXIS) + 10;
        this.stub = typicalLatency(run);
        this.completed = furthest(run.operations.completed);
    }

    /** The pixel of a position. @param {number} position */
    x(position) {
        return GUTTER + ((position - this.from) / (this.to - this.from)) * (this.width - GUTTER);
    }

    /** The position of a pixel. @param {number} x */
    position(x) {
        return this.from + ((x - GUTTER) / (this.width - GUTTER)) * (this.to - this.from);
    }

    /** The pixel of an instant. @param {number} time */
    xOfTime(time) {
        return this.x(this.axis.at(time));
    }

    /**
     * The messages that may be in the window: a range, and whether one of it is.
     * @returns {{ first: number, last: number }}
     */
    messageRange() {
        const first = lowerBound(this.axis.reach, this.from);
        const last = lowerBound(this.axis.sent, this.to);
        return { first, last: Math.max(first, last) };
    }

    /** The events in the window, as a range. @returns {{ first: number, last: number }} */
    eventRange() {
        const { events } = this.run;
        const first = this.axis.kind === 'time' ? lowerBound(events.t, this.from) : Math.max(0, Math.ceil(this.from));
        const last = this.axis.kind === 'time' ? lowerBound(events.t, this.to) : Math.min(events.count, Math.floor(this.to) + 1);
        return { first, last: Math.max(first, last) };
    }

    /** The operations that may be in the window, as a range. @returns {{ first: number, last: number }} */
    operationRange() {
        const first = lowerBound(this.completed, this.axis.time(this.from));
        const last = lowerBound(this.run.operations.invoked, this.axis.time(this.to));
        return { first, last: Math.max(first, last) };
    }

    /**
     * Where a message is drawn: from its sender's lane to where it ended. One that died when it was sent ends half way.
     * @param {number} message
     * @returns {[number, number, number, number]} x and y of both ends
     */
    segment(message) {
        const { messages } = this.run;
        const [from, to] = [this.laneOf[messages.from[message]], this.laneOf[messages.to[message]]];
        const x0 = this.x(this.axis.sent[message]);
        let x1 = this.x(this.axis.ended[message]);
        const [y0, y1] = [from?.y ?? AXIS, to?.y ?? AXIS];
        if (messages.fate[message] === 0) return [x0, y0, x1, y1];
        if (messages.ended[message] > messages.sent[message]) return [x0, y0, x1, y1 - Math.sign(y1 - y0) * 9];
        const slope = this.axis.kind === 'time' ? (this.stub / (this.to - this.from)) * (this.width - GUTTER) : 14;
        // Several to different lanes, all lost at one instant, spread like a fan.
        const away = Math.max(1, Math.abs((this.order[messages.to[message]] ?? 0) - (this.order[messages.from[message]] ?? 0)));
        x1 = x0 + Math.max(16, Math.min(slope, 90) / 2) * (0.4 + 0.6 / away);
        return [x0, y0, x1, y0 + (y1 - y0) * 0.45];
    }

    /**
     * Where an operation's bar is.
     * @param {number} operation
     * @returns {[number, number, number, number] | null} x, y, width, height
     */
    bar(operation) {
        const { operations } = this.run;
        const lane = this.laneOf[operations.node[operation]];
        if (!lane || lane.rows === 0) return null;
        const [x0, x1] = [this.xOfTime(operations.invoked[operation]), this.xOfTime(operations.completed[operation])];
        const row = Math.min(operations.row[operation], lane.rows - 1);
        return [x0, lane.y - 8 - (row + 1) * lane.rowHeight, Math.max(x1 - x0, 2), lane.rowHeight - 2];
    }

    /** The lane at a height. @param {number} y */
    laneAt(y) {
        return this.lanes.find((lane) => lane.top <= y && y < lane.bottom);
    }
}

/**
 * Clients stand above the services that they call. A client's lane has room for its operations.
 * @param {import('./model.js').Run} run
 * @returns {PlacedLane[]}
 */
function placeLanes(run) {
    const order = run.nodes.map((_, node) => node);
    order.sort((a, b) => Number(run.nodes[a].service !== null) - Number(run.nodes[b].service !== null) || a - b);
    const many = order.length > 14;
    let top = AXIS + 8;
    return order.map((node) => {
        const rows = Math.min(MOST_ROWS, rowsOf(run, node));
        const spacing = many ? 30 : order.length > 8 ? 46 : 62;
        const above = rows > 0 ? 10 + rows * ROW + 6 : spacing / 2;
        const y = top + above;
        const bottom = y + (rows > 0 ? 18 : spacing / 2);
        const lane = { node, y, top, bottom, rows, rowHeight: ROW };
        top = bottom;
        return lane;
    });
}

/**
 * @param {import('./model.js').Run} run
 * @param {number} node
 */
function rowsOf(run, node) {
    const { node: nodes, row } = run.operations;
    let most = 0;
    for (let i = 0; i < nodes.length; i++) if (nodes[i] === node) most = Math.max(most, row[i] + 1);
    return most;
}

/**
 * What a message took that arrived, in the middle of a sample: how far one that is lost at once is drawn.
 * @param {import('./model.js').Run} run
 */
function typicalLatency({ messages }) {
    const took = [];
    const step = Math.max(1, Math.floor(messages.count / 500));
    for (let i = 0; i < messages.count; i += step) if (messages.fate[i] === 0) took.push(messages.ended[i] - messages.sent[i]);
    took.sort((a, b) => a - b);
    return took[took.length >> 1] ?? 1e6;
}
