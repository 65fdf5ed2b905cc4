// @ts-check
// What charts share: elements of a drawing, scales, round ticks, bands of faults.

/**
 * An element of a drawing.
 * @param {string} tag
 * @param {Record<string, any>} [attributes] those whose name begins with `on` are listeners; absent ones are left out
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
    const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
        else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, String(value));
    }
    made.append(...children);
    return made;
}

/**
 * Round values from 0 to at least the greatest.
 * @param {number} most
 * @param {number} about how many
 */
export function ticksUpTo(most, about) {
    const rough = Math.max(most, 1e-12) / about;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((by) => by * power).find((by) => by >= rough * 0.999) ?? rough;
    return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}

/**
 * Powers of ten around some values.
 * @param {number} least
 * @param {number} most
 */
export function powersAround(least, most) {
    const [low, high] = [Math.floor(Math.log10(Math.max(least, 1))), Math.ceil(Math.log10(Math.max(most, 1)))];
    return Array.from({ length: Math.max(high - low, 1) + 1 }, (_, i) => 10 ** (low + i));
}

/**
 * A number as a person reads it.
 * @param {number} value
 */
export function numberWords(value) {
    if (Math.abs(value) >= 1e4) return `${Math.round(value / 100) / 10}k`;
    return String(Math.round(value * 100) / 100);
}

/**
 * A share in per cent, never rounded up to all.
 * @param {number} share from 0 to 1
 */
export function shareWords(share) {
    return `${Math.floor(share * 1000) / 10}%`;
}

/**
 * The faults as bands, with their names above them where there is room.
 * @param {import('./model.js').Run} run
 * @param {(time: number) => number} x
 * @param {number} top
 * @param {number} bottom
 * @param {boolean} named
 * @param {number} width up to where names may reach
 */
export function faultBandsOf(run, x, top, bottom, named, width) {
    const bands = [];
    let free = -Infinity;
    for (const fault of run.faults.slice(0, 400)) {
        if (!fault.started) continue;
        const [x0, x1] = [x(fault.from), Math.max(x(fault.to), x(fault.from) + 1.5)];
        const says = svg('title', {}, `${fault.kind} ${fault.id}`);
        bands.push(svg('rect', { class: 'fault-band', x: x0, y: top, width: x1 - x0, height: bottom - top }, says));
        bands.push(svg('rect', { class: 'fault-edge', x: x0, y: top, width: x1 - x0, height: 2.5 }));
        const label = `${fault.kind} ${fault.id}`.slice(0, 40);
        const at = Math.min(x0, width - label.length * 6.7 - 4);
        if (!named || at < free) continue;
        bands.push(svg('text', { class: 'fault-name', x: at, y: top - 6 }, label));
        free = at + label.length * 6.7 + 12;
    }
    return bands;
}

/**
 * Slanted lines of a colour, to be filled with by `url(#id)`.
 * @param {string} id
 * @param {string} stroke
 */
export function hatching(id, stroke) {
    const line = svg('path', { d: 'M-1 5L5 -1M-1 10L10 -1M4 10L10 4', style: `stroke: ${stroke}; stroke-width: 1.6` });
    return svg('pattern', { id, width: 9, height: 9, patternUnits: 'userSpaceOnUse' }, line);
}

/** Whether things had better not move. */
export function prefersStillness() {
    return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}
