// @ts-check
// What lies behind the messages of the space-time diagram: bands of faults, lanes with roles, operations.

import { mark } from './ink.js';
import { partingsOf } from './partitions.js';
import { AXIS, GUTTER } from './scene.js';

/** With more operations than this in the window, columns of their outcomes are drawn. */
export const MOST_BARS = 1500;

/**
 * Bands: the sides of a partition on the lanes, other faults below those whom they hit; a flag at the top.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 */
export function paintFaults(ctx, scene, ink) {
    const flags = [];
    for (const { from, to, sides } of partingsInView(scene)) {
        const [x0, x1] = [scene.xOfTime(from), scene.xOfTime(to)];
        sides.forEach((side, number) => side.forEach((node) => {
            const lane = scene.laneOf[node];
            ctx.fillStyle = ink.sides[number % ink.sides.length];
            if (lane) ctx.fillRect(x0, lane.top + 1, Math.max(x1 - x0, 1), lane.bottom - lane.top - 2);
        }));
    }
    for (const fault of scene.run.faults) {
        if (!fault.started) continue;
        const [x0, x1] = [scene.xOfTime(fault.from), Math.max(scene.xOfTime(fault.to), scene.xOfTime(fault.from) + 2)];
        if (x1 < GUTTER || x0 > scene.width) continue;
        flags.push({ fault, x0, x1 });
        if (fault.cuts.length > 0) continue;
        ctx.fillStyle = ink.fault;
        ctx.globalAlpha = 0.55;
        for (const node of fault.targets) {
            const lane = scene.laneOf[node];
            if (lane) ctx.fillRect(x0, lane.bottom - 5, x1 - x0, 3);
        }
        ctx.globalAlpha = 1;
    }
    ctx.font = '600 11px system-ui, sans-serif';
    ctx.textBaseline = 'middle';
    let free = -Infinity;
    for (const { fault, x0, x1 } of flags) {
        ctx.fillStyle = ink.fault;
        ctx.fillRect(x0, AXIS, Math.max(x1 - x0, 2), 3);
        const label = `${fault.kind} ${fault.id}`.slice(0, 60);
        const at = Math.max(x0 + 4, GUTTER + 4);
        if (at < free || ctx.measureText(label).width > Math.max(x1 - at, 40) + 60) continue;
        ctx.fillText(label, at, AXIS + 11);
        free = at + ctx.measureText(label).width + 8;
    }
}

/**
 * What is cut in the window.
 * @param {import('./scene.js').Scene} scene
 */
function partingsInView(scene) {
    const [first, last] = [scene.axis.time(scene.from), scene.axis.time(scene.to)];
    return partingsOf(scene.run).filter(({ from, to }) => to >= first && from <= last);
}

/**
 * Names of sides and roles, on top of everything that stands on the lanes.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 */
export function paintLabels(ctx, scene, ink) {
    ctx.textBaseline = 'alphabetic';
    /** Where each lane's line of sides is free, and what it said last. @type {{ x: number, name: string }[]} */
    const said = [];
    ctx.font = '600 10px system-ui, sans-serif';
    for (const { from, to, sides } of partingsInView(scene)) {
        const [x0, x1] = [Math.max(scene.xOfTime(from), GUTTER) + 4, scene.xOfTime(to)];
        sides.forEach((side, number) => side.forEach((node) => {
            const [lane, last] = [scene.laneOf[node], said[node]];
            const name = `side ${'ABCDEFGH'[number % 8]}`;
            const width = ctx.measureText(name).width;
            if (!lane || x0 + width + 4 > x1 || (last && x0 < last.x + (last.name === name ? 90 : 0))) return;
            plate(ctx, ink, name, x0, lane.bottom - 4, ink.soft);
            said[node] = { x: x0 + width + 8, name };
        }));
    }
    for (const lane of scene.lanes) {
        for (const role of scene.run.lanes[lane.node].roles) {
            const [x0, x1] = [Math.max(scene.xOfTime(role.from), GUTTER), Math.min(scene.xOfTime(role.to), scene.width)];
            if (x1 - x0 < 30) continue;
            const leads = LEADING.test(role.role);
            const label = `${role.role} ${role.epoch}`;
            ctx.font = `${leads ? '600 ' : ''}10px system-ui, sans-serif`;
            if (ctx.measureText(label).width + 10 <= x1 - x0) plate(ctx, ink, label, x0 + 4, lane.y - 7, leads ? ink.accent : ink.soft);
        }
    }
}

/**
 * A text on a plate that keeps it readable.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./ink.js').Ink} ink
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} fill
 */
function plate(ctx, ink, text, x, y, fill) {
    ctx.globalAlpha = 0.86;
    ctx.fillStyle = ink.sheet;
    ctx.fillRect(x - 2.5, y - 9, ctx.measureText(text).width + 5, 12);
    ctx.globalAlpha = 1;
    ctx.fillStyle = fill;
    ctx.fillText(text, x, y);
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 */
export function paintLanes(ctx, scene, ink) {
    for (const lane of scene.lanes) {
        const { roles, down, paused } = scene.run.lanes[lane.node];
        ctx.strokeStyle = ink.rule;
        ctx.lineWidth = 1.2;
        ctx.beginPath();
        ctx.moveTo(GUTTER, lane.y);
        ctx.lineTo(scene.width, lane.y);
        ctx.stroke();
        roles.forEach((role) => paintRole(ctx, scene, ink, lane, role));
        for (const span of down) {
            box(ctx, scene, lane, span, ink.sheet, 1);
            box(ctx, scene, lane, span, ink.down, 0.5);
            mark(ctx, scene.xOfTime(span.from), lane.y, ink.bad);
        }
        for (const span of paused) box(ctx, scene, lane, span, ink.paused, 0.9);
    }
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./scene.js').PlacedLane} lane
 * @param {import('./model.js').Span} span
 * @param {CanvasPattern | string} fill
 * @param {number} alpha
 */
function box(ctx, scene, lane, span, fill, alpha) {
    const [x0, x1] = [scene.xOfTime(span.from), scene.xOfTime(span.to)];
    if (x1 < GUTTER || x0 > scene.width) return;
    ctx.globalAlpha = alpha;
    ctx.fillStyle = fill;
    ctx.fillRect(x0, lane.y - 11, Math.max(x1 - x0, 2), 22);
    ctx.globalAlpha = 1;
}

/** Roles of those who lead. */
export const LEADING = /^(leader|primary|coordinator|master)$/;

/**
 * A role: whoever leads has a thick line, a candidate a dashed one.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./scene.js').PlacedLane} lane
 * @param {import('./model.js').Role} role
 */
function paintRole(ctx, scene, ink, lane, role) {
    const [x0, x1] = [Math.max(scene.xOfTime(role.from), GUTTER), Math.min(scene.xOfTime(role.to), scene.width)];
    if (x1 <= x0) return;
    const leads = LEADING.test(role.role);
    const isQuiet = role.role === 'follower';
    ctx.strokeStyle = leads ? ink.accent : isQuiet ? ink.rule : ink.unsure;
    ctx.lineWidth = leads ? 6 : isQuiet ? 1.6 : 4;
    ctx.setLineDash(leads || isQuiet ? [] : [5, 3]);
    ctx.beginPath();
    ctx.moveTo(x0, lane.y);
    ctx.lineTo(x1, lane.y);
    ctx.stroke();
    ctx.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 */
export function paintOperations(ctx, scene, ink, look) {
    const { operations } = scene.run;
    const { first, last } = scene.operationRange();
    if (last - first > MOST_BARS) return paintOutcomes(ctx, scene, ink, first, last);
    /** @type {Path2D[]} */
    const bars = [0, 1, 2, 3].map(() => new Path2D());
    for (let i = first; i < last; i++) {
        const bar = scene.bar(i);
        if (bar && bar[0] + bar[2] >= GUTTER) bars[operations.outcome[i]].rect(bar[0] + 0.5, bar[1] + 0.5, Math.max(bar[2] - 1, 1), bar[3] - 1);
    }
    const [ok, no, fail, info] = bars;
    ctx.globalAlpha = look.light ? 0.3 : 0.85;
    ctx.fillStyle = ink.good;
    ctx.fill(ok);
    ctx.fillStyle = ink.kinds[3];
    ctx.fill(no);
    ctx.lineWidth = 1.4;
    ctx.strokeStyle = ink.bad;
    ctx.stroke(fail);
    ctx.fillStyle = ink.unknown;
    ctx.fill(info);
    ctx.lineWidth = 1;
    ctx.strokeStyle = ink.unsure;
    ctx.stroke(info);
    ctx.globalAlpha = 1;
}

/**
 * Many operations: by client and column how many there were, those without an answer on top.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {number} first
 * @param {number} last
 */
function paintOutcomes(ctx, scene, ink, first, last) {
    const { operations } = scene.run;
    const columns = Math.ceil((scene.width - GUTTER) / 3) + 1;
    const lanes = scene.lanes.filter((lane) => lane.rows > 0);
    const place = new Map(lanes.map((lane, i) => [lane.node, i]));
    const answered = new Uint16Array(columns * lanes.length);
    const not = new Uint16Array(columns * lanes.length);
    let most = 1;
    for (let i = first; i < last; i++) {
        const lane = place.get(operations.node[i]);
        const column = Math.floor((scene.xOfTime(operations.invoked[i]) - GUTTER) / 3);
        if (lane === undefined || column < 0 || column >= columns) continue;
        const cell = lane * columns + column;
        if (operations.outcome[i] < 2) answered[cell]++;
        else not[cell]++;
        most = Math.max(most, answered[cell] + not[cell]);
    }
    lanes.forEach((lane, number) => {
        const scale = (lane.rows * lane.rowHeight) / most;
        for (let column = 0; column < columns; column++) {
            const [good, bad] = [answered[number * columns + column] * scale, not[number * columns + column] * scale];
            const x = GUTTER + column * 3;
            ctx.fillStyle = ink.good;
            if (good > 0) ctx.fillRect(x, lane.y - 8 - good, 2.4, good);
            ctx.fillStyle = ink.unsure;
            if (bad > 0) ctx.fillRect(x, lane.y - 8 - good - bad, 2.4, bad);
        }
    });
}
