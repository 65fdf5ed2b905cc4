// @ts-check
// What the marks of the space-time diagram mean: those that this run has.

import { LEADING } from './bands.js';
import { element } from './bus.js';
import { DEATHS } from './ink.js';
import { DROP_CAUSES, TAG } from './model.js';
import { isParting } from './partitions.js';
import { hatching, svg } from './plot.js';

/**
 * @param {string} says
 * @param {...Node} drawn in a space of 26 by 14
 */
function chip(says, ...drawn) {
    return element('span', { class: 'chip still' }, svg('svg', { width: 26, height: 14, viewBox: '0 0 26 14', 'aria-hidden': 'true' }, ...drawn), says);
}

/** @param {Record<string, any>} settings */
const swatch = (settings) => svg('rect', { x: 2, y: 3, width: 22, height: 8, ...settings });

/**
 * @param {import('./model.js').Run} run
 * @param {number} mostArrows with more messages than this in view, their number is drawn
 */
export function legendOfMarks(run, mostArrows) {
    const { outcome } = run.operations;
    const has = (/** @type {number} */ wanted) => outcome.includes(wanted);
    const roles = new Set(run.lanes.flatMap((lane) => lane.roles.map(({ role }) => role)));
    const others = [...roles].filter((role) => role !== 'follower' && !LEADING.test(role)).slice(0, 3);
    const fates = new Set(run.messages.fate);
    const line = (/** @type {string} */ stroke, /** @type {number} */ width, dash = '') => svg('path', { d: 'M1 7H25', style: `stroke: var(--${stroke}); stroke-width: ${width}`, 'stroke-dasharray': dash || undefined });
    const clock = svg('path', { d: 'M13 1.5a5.5 5.5 0 1 0 0.01 0M13 3.5V7h3', style: 'fill: none; stroke: var(--fault); stroke-width: 1.5' });
    const bars = (/** @type {number[]} */ tall, /** @type {string} */ tone, /** @type {1 | -1} */ up) => tall.map((size, i) => svg('rect', { x: 4 + i * 4, y: up > 0 ? 7 - size : 7, width: 3, height: size, style: `fill: var(--${tone})` }));
    const deaths = DEATHS.flatMap((death, cause) => (fates.has(cause + 1) ? [chip(`lost: ${DROP_CAUSES[cause]}`, svg('path', { d: death, transform: 'translate(13 7)', style: 'fill: none; stroke: var(--loss); stroke-width: 1.8' }))] : []));
    const chips = [
        has(0) && chip('answered', swatch({ style: 'fill: var(--good)' })),
        has(1) && chip('answered no', swatch({ style: 'fill: var(--k3)' })),
        has(2) && chip('failed', swatch({ style: 'fill: none; stroke: var(--bad); stroke-width: 1.4' })),
        has(3) && chip('no known outcome', svg('defs', {}, hatching('legend-unknown', 'var(--unsure)')), swatch({ style: 'fill: url(#legend-unknown); stroke: var(--unsure)' })),
        [...roles].some((role) => LEADING.test(role)) && chip('leads, with its epoch', line('accent', 5)),
        others.length > 0 && chip(others.join(', '), line('unsure', 4, '5 3')),
        run.lanes.some(({ down }) => down.length > 0) && chip('down', svg('defs', {}, hatching('legend-down', 'var(--soft)')), swatch({ style: 'fill: url(#legend-down)' })),
        run.lanes.some(({ paused }) => paused.length > 0) && chip('paused', svg('defs', {}, hatching('legend-paused', 'var(--rule)')), swatch({ style: 'fill: url(#legend-paused); stroke: var(--rule)' })),
        (run.events.tag.includes(TAG.note) || run.events.tag.includes(TAG.reached) || run.events.tag.includes(TAG.maybe)) && chip('a note, a rare path or turn', svg('path', { d: 'M13 2l4 5l-4 5l-4 -5z', style: 'fill: var(--unsure)' })),
        (run.events.tag.includes(TAG.timer) || run.events.tag.includes(TAG.disk)) && chip('timer; disk or work done', svg('circle', { cx: 8, cy: 7, r: 2.4, style: 'fill: var(--soft)' }), svg('circle', { cx: 18, cy: 7, r: 1.6, style: 'fill: var(--soft)' })),
        run.events.tag.includes(TAG.clock) && chip('clock changed', clock),
        run.faults.some(isParting) && chip('sides of a partition', swatch({ width: 11, style: 'fill: var(--side0); stroke: var(--rule)' }), swatch({ x: 13, width: 11, style: 'fill: var(--side1); stroke: var(--rule)' })),
        run.messages.count > mostArrows && chip('received, above the line; sent, below', ...bars([3, 6, 4, 5, 2], 'k2', 1), ...bars([4, 6, 5, 3, 5], 'k0', -1)),
        ...deaths,
    ];
    return element('div', { class: 'legend marks' }, ...chips);
}
