// @ts-check
// Colours, hatches and the small shapes of the diagrams.

import { colour } from './bus.js';

const COLOURS = 8;

/**
 * The colours of a theme, and its hatches.
 * @typedef {{ sheet: string, paper: string, ink: string, soft: string, rule: string, faint: string, accent: string,
 *   good: string, bad: string, unsure: string, loss: string, kinds: string[], sides: string[], fault: string,
 *   down: CanvasPattern | string, paused: CanvasPattern | string, unknown: CanvasPattern | string }} Ink
 *
 * What is to be seen besides the run itself.
 * @typedef {{ hidden: Set<number>, light: import('./light.js').Light | null, hits: Set<number>, hover: Hit | null,
 *   selection: import('./bus.js').Selection | null, playhead: number, replay: boolean }} Look
 *
 * Something that can be pointed at.
 * @typedef {{ kind: 'message' | 'event' | 'operation' | 'node' | 'fault', index: number }} Hit
 */

/** @returns {Ink} */
export function inkOf() {
    const [sheet, soft, unsure, rule] = [colour('sheet'), colour('soft'), colour('unsure'), colour('rule')];
    return {
        sheet,
        paper: colour('paper'),
        ink: colour('ink'),
        soft,
        rule,
        faint: colour('faint'),
        accent: colour('accent'),
        good: colour('good'),
        bad: colour('bad'),
        unsure,
        loss: colour('loss'),
        kinds: Array.from({ length: COLOURS }, (_, i) => colour(`k${i}`)),
        sides: [0, 1, 2, 3].map((i) => colour(`side${i}`)),
        fault: colour('fault'),
        down: hatch(soft, 6, 1.4),
        paused: hatch(rule, 9, 2),
        unknown: hatch(unsure, 4, 1.4),
    };
}

/**
 * Slanted lines.
 * @param {string} stroke
 * @param {number} size
 * @param {number} width
 */
function hatch(stroke, size, width) {
    const tile = document.createElement('canvas');
    tile.width = tile.height = size;
    const ctx = tile.getContext('2d');
    if (!ctx) return stroke;
    ctx.strokeStyle = stroke;
    ctx.lineWidth = width;
    ctx.beginPath();
    for (const shift of [-size, 0, size]) {
        ctx.moveTo(shift, size);
        ctx.lineTo(shift + size, 0);
    }
    ctx.stroke();
    return ctx.createPattern(tile, 'repeat') ?? stroke;
}

/**
 * The colour of a kind of message, and the dashes that tell it from others of that colour. Requests and replies of clients
 * have colours of their own.
 * @param {import('./model.js').Run} run
 * @param {Ink} ink
 * @param {number} kind
 * @returns {{ stroke: string, tone: string, dash: number[] }} `tone` is the colour's name in the style sheet
 */
export function styleOfKind(run, ink, kind) {
    const name = run.kinds[kind]?.name;
    const style = (/** @type {number} */ tone, /** @type {number[]} */ dash) => ({ stroke: ink.kinds[tone], tone: `k${tone}`, dash });
    if (name === 'request') return style(0, []);
    if (name === 'reply') return style(1, []);
    const place = run.kinds.slice(0, kind).filter((other) => other.name !== 'request' && other.name !== 'reply').length;
    const own = COLOURS - 2;
    return style(2 + (place % own), place < 2 ? [] : place < own ? [10, 3] : [7, 3, 1.5, 3]);
}

/**
 * What stands where a message died, by the cause's number, around 0 0: a cross; two walls; an empty place; a full stack; no entry;
 * a star; a question.
 */
export const DEATHS = [
    'M-4 -4L4 4M-4 4L4 -4',
    'M-2 -5V5M2 -5V5',
    'M-4.5 -3.5H4.5L0 4.5z',
    'M-4.5 -4H4.5M-4.5 0H4.5M-4.5 4H4.5',
    'M4.8 0a4.8 4.8 0 1 0 -9.6 0a4.8 4.8 0 1 0 9.6 0M-3.4 3.4L3.4 -3.4',
    'M0 -5V5M-4.4 -2.5L4.4 2.5M-4.4 2.5L4.4 -2.5',
    'M0 -5L5 0L0 5L-5 0z',
];

/** The same as paths, made when they are first drawn. @type {Path2D[]} */
const DEATH_PATHS = [];

/**
 * Marks where messages died.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {ArrayLike<number>} list
 * @param {string} stroke
 * @param {number} [size] 1: 5 pixels to each side
 */
export function deaths(ctx, scene, list, stroke, size = 0.8) {
    const { fate } = scene.run.messages;
    if (DEATH_PATHS.length === 0) DEATH_PATHS.push(...DEATHS.map((path) => new Path2D(path)));
    const all = new Path2D();
    for (let i = 0; i < list.length; i++) {
        const [, , x, y] = scene.segment(list[i]);
        if (x < -20 || x > scene.width + 20) continue;
        all.addPath(DEATH_PATHS[fate[list[i]] - 1] ?? DEATH_PATHS[0], { a: size, d: size, e: x, f: y });
    }
    ctx.strokeStyle = stroke;
    ctx.lineWidth = 1.7;
    ctx.stroke(all);
}

/**
 * A cross.
 * @param {CanvasRenderingContext2D} ctx
 * @param {number} x
 * @param {number} y
 * @param {string} stroke
 * @param {number} [size]
 */
export function mark(ctx, x, y, stroke, size = 5) {
    ctx.strokeStyle = stroke;
    ctx.lineWidth = 2;
    ctx.beginPath();
    ctx.moveTo(x - size, y - size);
    ctx.lineTo(x + size, y + size);
    ctx.moveTo(x - size, y + size);
    ctx.lineTo(x + size, y - size);
    ctx.stroke();
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {number[]} list
 */
export function lines(ctx, scene, list) {
    ctx.beginPath();
    for (const message of list) {
        const [x0, y0, x1, y1] = scene.segment(message);
        ctx.moveTo(x0, y0);
        ctx.lineTo(x1, y1);
    }
    ctx.stroke();
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {number[]} list
 * @param {number} [size]
 */
export function heads(ctx, scene, list, size = 6) {
    ctx.beginPath();
    for (const message of list) {
        const [x0, y0, x1, y1] = scene.segment(message);
        const length = Math.hypot(x1 - x0, y1 - y0) || 1;
        const [dx, dy] = [((x1 - x0) / length) * size, ((y1 - y0) / length) * size];
        ctx.moveTo(x1, y1);
        ctx.lineTo(x1 - dx - dy * 0.45, y1 - dy + dx * 0.45);
        ctx.lineTo(x1 - dx + dy * 0.45, y1 - dy - dx * 0.45);
        ctx.closePath();
    }
    ctx.fill();
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {string} fill
 */
export function dot(ctx, x, y, radius, fill) {
    ctx.fillStyle = fill;
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, Math.PI * 2);
    ctx.fill();
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {string} stroke
 * @param {number} width
 */
export function ring(ctx, x, y, radius, stroke, width) {
    ctx.strokeStyle = stroke;
    ctx.lineWidth = width;
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, Math.PI * 2);
    ctx.stroke();
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {number} x
 * @param {number} y
 * @param {string} fill
 */
export function diamond(ctx, x, y, fill) {
    ctx.fillStyle = fill;
    ctx.beginPath();
    ctx.moveTo(x, y - 5);
    ctx.lineTo(x + 4, y);
    ctx.lineTo(x, y + 5);
    ctx.lineTo(x - 4, y);
    ctx.closePath();
    ctx.fill();
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {string} text
 * @param {number} width
 */
export function shorten(ctx, text, width) {
    let shown = text.slice(0, 80);
    if (shown === text && ctx.measureText(text).width <= width) return text;
    while (shown.length > 1 && ctx.measureText(`${shown}…`).width > width) shown = shown.slice(0, -1);
    return `${shown}…`;
}
