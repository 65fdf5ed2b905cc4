// @ts-check
// The frame of the space-time diagram: axis and names; and what is pointed at, in words.

import { LEADING } from './bands.js';
import { shorten } from './ink.js';
import { eventWords, nodeName, operationWords, timeWords } from './model.js';
import { AXIS, GUTTER } from './scene.js';

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 */
export function paintAxis(ctx, scene, ink) {
    ctx.fillStyle = ink.sheet;
    ctx.fillRect(GUTTER, 0, scene.width - GUTTER, AXIS);
    ctx.strokeStyle = ink.rule;
    ctx.fillStyle = ink.soft;
    ctx.lineWidth = 1;
    ctx.font = '11px system-ui, sans-serif';
    ctx.textBaseline = 'middle';
    const span = scene.to - scene.from;
    const rough = (span / (scene.width - GUTTER)) * 120;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = Math.max([1, 2, 5, 10].map((by) => by * power).find((by) => by >= rough) ?? rough, scene.axis.kind === 'step' ? 1 : 0);
    ctx.beginPath();
    for (let at = Math.ceil(scene.from / step) * step; at <= scene.to; at += step) {
        const x = Math.round(scene.x(at)) + 0.5;
        ctx.moveTo(x, AXIS - 6);
        ctx.lineTo(x, AXIS);
        ctx.fillText(scene.axis.kind === 'time' ? timeWords(at, step) : `event ${Math.round(at)}`, x + 4, AXIS - 15);
    }
    ctx.moveTo(GUTTER, AXIS - 0.5);
    ctx.lineTo(scene.width, AXIS - 0.5);
    ctx.stroke();
}

/**
 * The names at the left; while a run is replayed, roles as they are then.
 * @param {CanvasRenderingContext2D} ctx
 * @param {import('./scene.js').Scene} scene
 * @param {import('./ink.js').Ink} ink
 * @param {import('./ink.js').Look} look
 */
export function paintNames(ctx, scene, ink, look) {
    ctx.fillStyle = ink.sheet;
    ctx.fillRect(0, 0, GUTTER, scene.height);
    ctx.strokeStyle = ink.rule;
    ctx.beginPath();
    ctx.moveTo(GUTTER - 0.5, 0);
    ctx.lineTo(GUTTER - 0.5, scene.height);
    ctx.stroke();
    ctx.textBaseline = 'middle';
    const at = look.replay ? look.playhead : scene.axis.time(scene.to);
    for (const lane of scene.lanes) {
        const isChosen = look.selection?.kind === 'node' && look.selection.index === lane.node;
        const role = scene.run.lanes[lane.node].roles.findLast((role) => role.from <= at && at <= role.to);
        const leads = role !== undefined && LEADING.test(role.role);
        ctx.fillStyle = leads ? ink.accent : ink.ink;
        ctx.font = `${isChosen || leads ? '600 ' : ''}12.5px system-ui, sans-serif`;
        ctx.fillText(shorten(ctx, nodeName(scene.run, lane.node), GUTTER - 18), 10, lane.y);
        const zone = scene.run.nodes[lane.node].zone;
        const below = [zone, leads ? `${role.role} ${role.epoch}` : null].filter(Boolean).join(' · ');
        if (!below || lane.bottom - lane.top < 34) continue;
        ctx.fillStyle = ink.soft;
        ctx.font = '10px system-ui, sans-serif';
        ctx.fillText(shorten(ctx, below, GUTTER - 18), 10, lane.y + 14);
    }
}

/**
 * What is pointed at, in words.
 * @param {import('./model.js').Run} run
 * @param {import('./ink.js').Hit} hit
 * @returns {string[]} lines
 */
export function hitWords(run, hit) {
    if (hit.kind === 'operation') {
        const { invoked, completed } = run.operations;
        return [operationWords(run, hit.index), `${timeWords(invoked[hit.index], 1e4)}, took ${timeWords(completed[hit.index] - invoked[hit.index])}`];
    }
    if (hit.kind === 'node') return [nodeName(run, hit.index)];
    if (hit.kind === 'fault') return [`${run.faults[hit.index].kind} “${run.faults[hit.index].id}”`];
    const event = hit.kind === 'message' ? run.messages.event[hit.index] : hit.index;
    const { line, content } = eventWords(run, event);
    const took = hit.kind === 'message' ? run.messages.ended[hit.index] - run.messages.sent[hit.index] : 0;
    const when = `${timeWords(run.events.t[event], 1e3)}${took > 0 ? `, ${timeWords(took)} after it was sent` : ''}`;
    return [line, ...(content && !line.includes(content) ? [content.slice(0, 220)] : []), when];
}
