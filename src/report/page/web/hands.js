// @ts-check
// Pointer, wheel and keys at the space-time diagram.

import { AXIS, GUTTER } from './scene.js';

/** What is less than this many pixels is a click, not a drag. */
const CLICK = 4;

/**
 * Listens at a diagram; answers what ends that.
 * @param {import('./diagram.js').Diagram} diagram
 */
export function handle(diagram) {
    const ends = [pointers(diagram), wheel(diagram), keys(diagram), searching(diagram)];
    return () => ends.forEach((end) => end());
}

/**
 * @template {keyof HTMLElementEventMap} K
 * @param {HTMLElement} target
 * @param {K} type
 * @param {(event: HTMLElementEventMap[K]) => void} listener
 */
function listen(target, type, listener) {
    target.addEventListener(type, listener, { passive: false });
    return () => target.removeEventListener(type, listener);
}

/** @param {import('./diagram.js').Diagram} diagram */
function pointers(diagram) {
    const { canvas, scene } = diagram;
    /** @type {{ x: number, y: number, from: number, to: number, mode: 'pan' | 'scrub' | 'zoom', moved: boolean } | null} */
    let drag = null;
    const at = (/** @type {MouseEvent} */ event) => {
        const place = canvas.getBoundingClientRect();
        return { x: event.clientX - place.left, y: event.clientY - place.top };
    };
    const scrub = (/** @type {number} */ x) => diagram.bus.set('playhead', Math.max(0, Math.min(diagram.run.end, scene.axis.time(scene.position(x)))));
    const down = listen(canvas, 'pointerdown', (event) => {
        if (event.button !== 0) return;
        const { x, y } = at(event);
        canvas.setPointerCapture(event.pointerId);
        const mode = y < AXIS && x > GUTTER ? 'scrub' : event.shiftKey ? 'zoom' : 'pan';
        drag = { x, y, from: scene.from, to: scene.to, mode, moved: false };
        if (mode === 'scrub') scrub(x);
    });
    const move = listen(canvas, 'pointermove', (event) => {
        const { x, y } = at(event);
        if (!drag) return diagram.point(diagram.hitAt(x, y), x, y);
        drag.moved ||= Math.hypot(x - drag.x, y - drag.y) > CLICK;
        if (drag.mode === 'scrub') return scrub(x);
        if (!drag.moved || drag.mode === 'zoom') return;
        const by = ((drag.x - x) / (scene.width - GUTTER)) * (drag.to - drag.from);
        canvas.style.cursor = 'grabbing';
        diagram.moveTo(drag.from + by, drag.to + by);
    });
    const up = listen(canvas, 'pointerup', (event) => {
        const { x, y } = at(event);
        canvas.style.cursor = '';
        if (drag?.mode === 'zoom' && drag.moved) {
            const [a, b] = [scene.position(drag.x), scene.position(x)];
            diagram.moveTo(Math.min(a, b), Math.max(a, b));
        } else if (drag && !drag.moved && drag.mode !== 'scrub') {
            diagram.choose(diagram.hitAt(x, y));
        }
        drag = null;
    });
    const double = listen(canvas, 'dblclick', (event) => diagram.zoom(0.4, scene.position(at(event).x)));
    const leave = listen(canvas, 'pointerleave', () => diagram.point(null, 0, 0));
    return () => [down, move, up, double, leave].forEach((end) => end());
}

/**
 * The wheel zooms once the pointer has moved over the diagram, so that a page which scrolls past it is not caught.
 * @param {import('./diagram.js').Diagram} diagram
 */
function wheel(diagram) {
    const { canvas, scene } = diagram;
    let isMeant = false;
    const ends = [
        listen(canvas, 'pointermove', () => (isMeant = true)),
        listen(canvas, 'pointerleave', () => (isMeant = false)),
        listen(canvas, 'wheel', (event) => {
            if (!isMeant && !event.ctrlKey) return;
            event.preventDefault();
            const sideways = event.shiftKey ? event.deltaY : event.deltaX;
            if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) return diagram.pan(sideways / (scene.width - GUTTER));
            const x = event.clientX - canvas.getBoundingClientRect().left;
            diagram.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 400))), scene.position(Math.max(x, GUTTER)));
        }),
    ];
    return () => ends.forEach((end) => end());
}

/** @param {import('./diagram.js').Diagram} diagram */
function keys(diagram) {
    /** @type {Record<string, () => void>} */
    const does = {
        ArrowLeft: () => diagram.pan(-0.15),
        ArrowRight: () => diagram.pan(0.15),
        ArrowUp: () => diagram.stepLane(-1),
        ArrowDown: () => diagram.stepLane(1),
        '+': () => diagram.zoom(0.6),
        '=': () => diagram.zoom(0.6),
        '-': () => diagram.zoom(1.7),
        0: () => diagram.moveTo(0, diagram.scene.axis.end),
        ' ': () => diagram.bus.set('playing', !diagram.bus.get('playing')),
        '.': () => diagram.step(1),
        ',': () => diagram.step(-1),
        c: () => diagram.followCause(true),
        e: () => diagram.followCause(false),
        o: () => diagram.stepOperation(1),
        O: () => diagram.stepOperation(-1),
        n: () => diagram.nextFound(1),
        N: () => diagram.nextFound(-1),
        t: () => diagram.switchAxis(),
        '/': () => diagram.search?.focus(),
        Escape: () => diagram.release(),
    };
    return listen(diagram.canvas, 'keydown', (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in does)) return;
        event.preventDefault();
        does[event.key]();
    });
}

/** @param {import('./diagram.js').Diagram} diagram */
function searching(diagram) {
    const { search } = diagram;
    if (!search) return () => {};
    let timer = 0;
    const ends = [
        listen(search, 'input', () => {
            clearTimeout(timer);
            timer = window.setTimeout(() => diagram.searchFor(search.value), 120);
        }),
        listen(search, 'keydown', (event) => {
            if (event.key === 'Escape') diagram.canvas.focus();
            if (event.key !== 'Enter') return;
            clearTimeout(timer);
            if (diagram.bus.get('query') !== search.value) diagram.searchFor(search.value);
            diagram.nextFound(event.shiftKey ? -1 : 1);
        }),
    ];
    return () => ends.forEach((end) => end());
}
