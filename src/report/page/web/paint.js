// @ts-check
// Draws the space-time diagram.

import { paintFaults, paintLabels, paintLanes, paintOperations } from './bands.js';
import { paintAxis, paintNames } from './frame.js';
import { deaths, diamond, dot, heads, lines, ring, styleOfKind } from './ink.js';
import { messageOf } from './light.js';
import { TAG, lowerBound } from './model.js';
import { AXIS, GUTTER } from './scene.js';

/** With more messages than this in the window, a sample of arrows and ribbons of their number are drawn. */
export const MOST_ARROWS = 2500;
const SAMPLE = 900;

/** With more events than this in the window, those that are no messages are not drawn. */
const MOST_MARKS = 1200;

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 * @returns {{ messages: number, arrows: number }} how many messages are in the window, and of how many arrows are drawn
 */
export function paint(ctx, scene, ink, look) {
    const { first, last } = scene.messageRange();
    const isMuch = last - first > MOST_ARROWS;
    const drawn = isMuch ? paintKept(ctx, scene, ink, look) : paintGround(ctx, scene, ink, look);
    ctx.save();
    clip(ctx, scene);
    if (isMuch && look.replay) veil(ctx, scene, ink, look);
    if (look.light) paintLight(ctx, scene, ink, look.light);
    paintPointed(ctx, scene, ink, look);
    if (look.replay) paintReplay(ctx, scene, ink, look);
    ctx.restore();
    paintAxis(ctx, scene, ink);
    paintNames(ctx, scene, ink, look);
    return drawn;
}

/**
 * To the right of the names.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 */
function clip(ctx, scene) {
    ctx.beginPath();
    ctx.rect(GUTTER, 0, scene.width - GUTTER, scene.height);
    ctx.clip();
}

/**
 * All that stays while something is pointed at or played.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 */
function paintGround(ctx, scene, ink, look) {
    ctx.globalAlpha = 1;
    ctx.fillStyle = ink.sheet;
    ctx.fillRect(0, 0, scene.width, scene.height);
    ctx.save();
    clip(ctx, scene);
    paintFaults(ctx, scene, ink);
    paintLanes(ctx, scene, ink);
    paintOperations(ctx, scene, ink, look);
    const drawn = paintMessages(ctx, scene, ink, look);
    paintMarks(ctx, scene, ink, look);
    paintLabels(ctx, scene, ink);
    ctx.restore();
    return drawn;
}

/** The ground of a scene with many messages, as it was drawn last, and of what. @type {WeakMap<import('./scene.js').Scene, { of: any[], canvas: HTMLCanvasElement, drawn: { messages: number, arrows: number } }>} */
const GROUNDS = new WeakMap();

/**
 * Draws the ground once for each window, and copies it as long as the window stays.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 */
function paintKept(ctx, scene, ink, look) {
    const { from, to, axis, width } = scene;
    const { width: wide, height: tall } = ctx.canvas;
    const of = [from, to, axis, width, wide, tall, ink, look.light, look.hits, [...look.hidden].join()];
    let kept = GROUNDS.get(scene);
    if (!kept || of.some((value, i) => value !== kept?.of[i])) {
        const canvas = kept?.canvas ?? document.createElement('canvas');
        [canvas.width, canvas.height] = [wide, tall];
        const own = canvas.getContext('2d', { alpha: false });
        if (!own) return paintGround(ctx, scene, ink, look);
        own.setTransform(ctx.getTransform());
        kept = { of, canvas, drawn: paintGround(own, scene, ink, look) };
        GROUNDS.set(scene, kept);
    }
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.globalAlpha = 1;
    ctx.drawImage(kept.canvas, 0, 0);
    ctx.restore();
    return kept.drawn;
}

/**
 * Over what is not yet played.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 */
function veil(ctx, scene, ink, look) {
    const x = Math.max(scene.x(scene.axis.at(look.playhead)), GUTTER);
    ctx.globalAlpha = 0.6;
    ctx.fillStyle = ink.sheet;
    ctx.fillRect(x, AXIS, scene.width - x, scene.height);
    ctx.globalAlpha = 1;
}

/**
 * Of so many messages in the window every so manieth has an arrow.
 * @param {number} count
 */
export function arrowStep(count) {
    return count > MOST_ARROWS ? Math.ceil(count / SAMPLE) : 1;
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 */
function paintMessages(ctx, scene, ink, look) {
    const { messages, kinds } = scene.run;
    const { first, last } = scene.messageRange();
    const count = last - first;
    const step = arrowStep(count);
    if (step > 1) paintRibbons(ctx, scene, ink, look, first, last);
    const now = scene.axis.at(look.playhead);
    let arrows = 0;
    /** @type {number[][]} */
    const seen = kinds.map(() => []);
    const lost = [];
    const later = [];
    for (let i = first; i < last; i += step) {
        if (look.hidden.has(messages.kind[i]) || scene.axis.ended[i] < scene.from) continue;
        arrows++;
        if (look.replay && step === 1 && scene.axis.sent[i] > now) later.push(i);
        else if (messages.fate[i] > 0) lost.push(i);
        else seen[messages.kind[i]].push(i);
    }
    const faded = look.light ? 0.1 : 1;
    const thick = step > 1 ? 0.28 : arrows > 1500 ? 0.5 : 0.85;
    ctx.lineWidth = step > 1 ? 0.8 : arrows > 1500 ? 0.9 : 1.2;
    seen.forEach((list, kind) => {
        const { stroke, dash } = styleOfKind(scene.run, ink, kind);
        ctx.strokeStyle = ctx.fillStyle = stroke;
        ctx.globalAlpha = thick * faded;
        ctx.setLineDash(dash);
        lines(ctx, scene, list);
        ctx.setLineDash([]);
        if (arrows <= 900) heads(ctx, scene, list);
    });
    ctx.globalAlpha = faded * (step > 1 ? 0.5 : 0.95);
    ctx.strokeStyle = ink.loss;
    // Dashes are slow to draw; the marks of their deaths are there in any case.
    ctx.setLineDash(lost.length <= 1500 ? [4, 3] : []);
    lines(ctx, scene, lost);
    ctx.setLineDash([]);
    deaths(ctx, scene, lost, ink.loss);
    ctx.globalAlpha = 0.1;
    ctx.strokeStyle = ink.soft;
    lines(ctx, scene, later);
    ctx.globalAlpha = 1;
    return { messages: count, arrows };
}

/**
 * Many messages: by lane and column how many were sent (below the line) and ended (above it), the lost ones apart.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 * @param {number} first
 * @param {number} last
 */
function paintRibbons(ctx, scene, ink, look, first, last) {
    const { messages } = scene.run;
    const { sent, ended } = scene.axis;
    const nodes = scene.run.nodes.length;
    const columns = Math.ceil((scene.width - GUTTER) / 2) + 1;
    const perColumn = (scene.width - GUTTER) / 2 / (scene.to - scene.from);
    const [out, into, lost] = [0, 1, 2].map(() => new Uint16Array(columns * nodes));
    let most = 1;
    for (let i = first; i < last; i++) {
        if (look.hidden.has(messages.kind[i])) continue;
        const [a, b] = [((sent[i] - scene.from) * perColumn) | 0, ((ended[i] - scene.from) * perColumn) | 0];
        if (a >= 0 && a < columns) most = Math.max(most, ++out[messages.from[i] * columns + a]);
        if (b < 0 || b >= columns) continue;
        const cell = messages.to[i] * columns + b;
        most = Math.max(most, messages.fate[i] > 0 ? ++lost[cell] : ++into[cell]);
    }
    /** One colour after the other; a path of all rectangles would take three times as long. */
    const ribbon = (/** @type {string} */ fill, /** @type {Uint16Array} */ counts, /** @type {(y: number, tall: number, cell: number, room: number) => number} */ top) => {
        ctx.fillStyle = fill;
        for (const lane of scene.lanes) {
            const room = Math.min(20, (lane.bottom - lane.y) * 0.8) / Math.sqrt(most);
            for (let column = 0, cell = lane.node * columns; column < columns; column++, cell++) {
                const tall = Math.sqrt(counts[cell]) * room;
                if (tall > 0) ctx.fillRect(GUTTER + column * 2, top(lane.y, tall, cell, room), 1.6, tall);
            }
        }
    };
    ctx.globalAlpha = look.light ? 0.25 : 0.75;
    ribbon(ink.kinds[0], out, (y) => y + 1);
    ribbon(ink.kinds[2], into, (y, tall) => y - 1 - tall);
    ribbon(ink.loss, lost, (y, tall, cell, room) => y - 1 - Math.sqrt(into[cell]) * room - tall);
    ctx.globalAlpha = 1;
}

/**
 * What happens on lanes besides messages, where there is room for it.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 */
function paintMarks(ctx, scene, ink, look) {
    const { first, last } = scene.eventRange();
    const { tag, node } = scene.run.events;
    const hasRoom = last - first <= MOST_MARKS;
    paintClocks(ctx, scene, ink, first, last);
    ctx.globalAlpha = look.light ? 0.3 : 1;
    for (let i = first; i < last; i++) {
        const lane = scene.laneOf[node[i]];
        const isTold = tag[i] === TAG.note || tag[i] === TAG.reached || tag[i] === TAG.maybe;
        const isHit = look.hits.has(i);
        if (!lane || (!hasRoom && !isHit)) continue;
        const x = scene.x(scene.axis.of(i));
        if (isHit) ring(ctx, x, lane.y, 6, ink.accent, 2);
        if (isTold) diamond(ctx, x, lane.y, ink.unsure);
        else if (tag[i] === TAG.timer || tag[i] === TAG.call_timeout) dot(ctx, x, lane.y, 2.4, ink.soft);
        else if (tag[i] === TAG.disk || tag[i] === TAG.work_done) dot(ctx, x, lane.y, 1.5, ink.soft);
    }
    ctx.globalAlpha = 1;
}

/**
 * Where a clock was changed, however much else there is.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {number} first
 * @param {number} last
 */
function paintClocks(ctx, scene, ink, first, last) {
    const { events } = scene.run;
    let free = -Infinity;
    for (let i = first; i < last; i++) {
        const lane = events.tag[i] === TAG.clock ? scene.laneOf[events.node[i]] : undefined;
        if (!lane) continue;
        const x = scene.x(scene.axis.of(i));
        if (x < free) continue;
        ring(ctx, x, lane.y, 6, ink.fault, 1.6);
        ctx.beginPath();
        ctx.moveTo(x, lane.y - 4);
        ctx.lineTo(x, lane.y);
        ctx.lineTo(x + 3, lane.y);
        ctx.stroke();
        free = x + 1;
    }
}

/**
 * Causes and effects: their messages, and the way along the lanes.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./light.js').Light} light
 */
function paintLight(ctx, scene, ink, light) {
    const { events, messages } = scene.run;
    const isCause = new Set(light.causes);
    const isLost = (/** @type {number} */ message) => message >= 0 && messages.fate[message] > 0;
    const ways = (/** @type {boolean} */ back, /** @type {boolean} */ lost) => {
        ctx.setLineDash(lost ? [5, 4] : []);
        ctx.beginPath();
        for (const event of light.all) {
            if ((isCause.has(event) || event === light.center) !== back) continue;
            const cause = events.cause[event];
            if (cause < 0 || !light.all.has(cause) || events.node[event] < 0) continue;
            const lane = scene.laneOf[events.node[event]];
            const [x0, x1] = [scene.x(scene.axis.of(cause)), scene.x(scene.axis.of(event))];
            if (!lane || x1 < GUTTER || x0 > scene.width) continue;
            const message = messageOf(scene.run, event);
            if (isLost(message) !== lost) continue;
            if (message >= 0) {
                const [ax, ay, bx, by] = scene.segment(message);
                ctx.moveTo(ax, ay);
                ctx.lineTo(bx, by);
            } else if (events.node[cause] === events.node[event] || events.node[cause] < 0) {
                ctx.moveTo(x0, lane.y);
                ctx.lineTo(x1, lane.y);
            }
        }
        ctx.stroke();
        ctx.setLineDash([]);
    };
    ctx.lineCap = 'round';
    for (const [back, stroke] of /** @type {[boolean, string][]} */ ([[false, ink.kinds[2]], [true, ink.kinds[4]]])) {
        for (const lost of [false, true]) {
            ctx.strokeStyle = ink.sheet;
            ctx.lineWidth = 5;
            ways(back, lost);
            ctx.strokeStyle = stroke;
            ctx.lineWidth = 2.4;
            ways(back, lost);
        }
    }
    ctx.lineCap = 'butt';
    for (const event of light.all) {
        const lane = scene.laneOf[events.node[event]];
        const message = messageOf(scene.run, event);
        // What died has reached nobody.
        if (isLost(message)) deaths(ctx, scene, [message], ink.loss, 1.1);
        else if (lane) dot(ctx, scene.x(scene.axis.of(event)), lane.y, event === light.center ? 5 : 3, isCause.has(event) ? ink.kinds[4] : ink.kinds[2]);
    }
}

/**
 * What is selected or pointed at.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 */
function paintPointed(ctx, scene, ink, look) {
    const hits = [look.hover, look.selection].filter((hit) => hit !== null);
    for (const hit of hits) {
        const message = hit.kind === 'message' ? hit.index : hit.kind === 'event' ? messageOf(scene.run, hit.index) : -1;
        ctx.strokeStyle = ctx.fillStyle = ink.ink;
        ctx.lineWidth = 2.4;
        if (message >= 0 && scene.run.messages.fate[message] > 0) {
            ctx.setLineDash([5, 4]);
            lines(ctx, scene, [message]);
            ctx.setLineDash([]);
            deaths(ctx, scene, [message], ink.loss, 1.4);
        } else if (message >= 0) {
            lines(ctx, scene, [message]);
            heads(ctx, scene, [message], 9);
        } else if (hit.kind === 'event') {
            const lane = scene.laneOf[scene.run.events.node[hit.index]];
            if (lane) ring(ctx, scene.x(scene.axis.of(hit.index)), lane.y, 7, ink.ink, 2.4);
        } else if (hit.kind === 'operation') {
            const bar = scene.bar(hit.index);
            if (bar) ctx.strokeRect(bar[0] - 2, bar[1] - 2, bar[2] + 4, bar[3] + 4);
        }
    }
}

/**
 * The play head, and the messages that are under way.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 */
function paintReplay(ctx, scene, ink, look) {
    const { messages } = scene.run;
    const now = scene.axis.at(look.playhead);
    const x = scene.x(now);
    ctx.strokeStyle = ink.accent;
    ctx.lineWidth = 1.6;
    ctx.beginPath();
    ctx.moveTo(x, 0);
    ctx.lineTo(x, scene.height);
    ctx.stroke();
    const [first, last] = [lowerBound(scene.axis.reach, now), lowerBound(scene.axis.sent, now)];
    let drawn = 0;
    for (let i = first; i < last && drawn < 2000; i++) {
        if (scene.axis.ended[i] < now || look.hidden.has(messages.kind[i])) continue;
        const [x0, y0, x1, y1] = scene.segment(i);
        const share = x1 > x0 ? (x - x0) / (x1 - x0) : 1;
        dot(ctx, x, y0 + (y1 - y0) * Math.max(0, Math.min(1, share)), 3.4, messages.fate[i] > 0 ? ink.loss : styleOfKind(scene.run, ink, messages.kind[i]).stroke);
        drawn++;
    }
}
