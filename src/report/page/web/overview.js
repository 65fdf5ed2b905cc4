// @ts-check
// The whole run in one strip: how many messages, where some were lost, where faults were, what the window shows.

import { element } from './bus.js';
import { GUTTER } from './scene.js';

const HEIGHT = 54;

export class Overview {
    /** @param {import('./diagram.js').Diagram} diagram */
    constructor(diagram) {
        this.diagram = diagram;
        this.width = 800;
        this.canvas = /** @type {HTMLCanvasElement} */ (element('canvas', { class: 'overview', 'aria-hidden': 'true' }));
        /** What does not change while the window moves. @type {HTMLCanvasElement | null} */
        this.still = null;
        this.canvas.addEventListener('pointerdown', (event) => {
            this.canvas.setPointerCapture(event.pointerId);
            this.center(event);
        });
        this.canvas.addEventListener('pointermove', (event) => {
            if (event.buttons & 1) this.center(event);
        });
    }

    /** The pixel of an instant. @param {number} time */
    x(time) {
        return GUTTER + (time / this.diagram.run.end) * (this.width - GUTTER);
    }

    /** Moves the window there. @param {PointerEvent} event */
    center(event) {
        const { bus, run } = this.diagram;
        const time = ((event.clientX - this.canvas.getBoundingClientRect().left - GUTTER) / (this.width - GUTTER)) * run.end;
        const { from, to } = bus.get('window');
        this.diagram.follow({ from: time - (to - from) / 2, to: time + (to - from) / 2 });
    }

    /** @param {number} width */
    resize(width) {
        const ratio = window.devicePixelRatio || 1;
        this.width = width;
        this.canvas.width = Math.round(width * ratio);
        this.canvas.height = Math.round(HEIGHT * ratio);
        this.canvas.style.height = `${HEIGHT}px`;
        this.forget();
    }

    forget() {
        this.still = null;
    }

    paint() {
        const ctx = this.canvas.getContext('2d');
        if (!ctx) return;
        const ratio = window.devicePixelRatio || 1;
        const { ink, bus, look, run, found } = this.diagram;
        this.still ??= this.drawStill(ratio);
        ctx.setTransform(1, 0, 0, 1, 0, 0);
        ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
        ctx.drawImage(this.still, 0, 0);
        ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
        ctx.fillStyle = ink.accent;
        const step = Math.ceil(found.length / 2000) || 1;
        for (let i = 0; i < found.length; i += step) {
            const { kind, index } = found[i];
            ctx.fillRect(this.x(kind === 'event' ? run.events.t[index] : run.operations.invoked[index]), 0, 1.5, 7);
        }
        const { from, to } = bus.get('window');
        const [x0, x1] = [Math.max(this.x(from), GUTTER), Math.min(this.x(to), this.width)];
        ctx.globalAlpha = 0.13;
        ctx.fillStyle = ink.accent;
        ctx.fillRect(x0, 0, Math.max(x1 - x0, 3), HEIGHT);
        ctx.globalAlpha = 1;
        ctx.strokeStyle = ink.accent;
        ctx.lineWidth = 1.5;
        ctx.strokeRect(x0, 0.75, Math.max(x1 - x0, 3), HEIGHT - 1.5);
        if (look.replay) ctx.fillRect(this.x(look.playhead) - 1, 0, 2, HEIGHT);
    }

    /** @param {number} ratio */
    drawStill(ratio) {
        const still = document.createElement('canvas');
        still.width = this.canvas.width;
        still.height = this.canvas.height;
        const ctx = still.getContext('2d');
        if (!ctx) return still;
        ctx.scale(ratio, ratio);
        const { ink, run } = this.diagram;
        ctx.fillStyle = ink.sheet;
        ctx.fillRect(0, 0, this.width, HEIGHT);
        for (const fault of run.faults) {
            if (!fault.started) continue;
            ctx.fillStyle = ink.sides[1];
            ctx.fillRect(this.x(fault.from), 0, Math.max(this.x(fault.to) - this.x(fault.from), 2), HEIGHT);
            ctx.fillStyle = ink.fault;
            ctx.fillRect(this.x(fault.from), 0, Math.max(this.x(fault.to) - this.x(fault.from), 2), 3);
        }
        const columns = Math.ceil((this.width - GUTTER) / 2);
        const [all, lost] = [new Float64Array(columns), new Float64Array(columns)];
        for (let i = 0; i < run.messages.count; i++) {
            const column = Math.min(columns - 1, Math.floor((run.messages.sent[i] / run.end) * columns));
            all[column]++;
            if (run.messages.fate[i] > 0) lost[column]++;
        }
        const most = all.reduce((most, count) => Math.max(most, count), 1);
        for (let column = 0; column < columns; column++) {
            const x = GUTTER + column * 2;
            const [height, bad] = [(all[column] / most) * (HEIGHT - 12), (lost[column] / most) * (HEIGHT - 12)];
            ctx.fillStyle = ink.soft;
            ctx.globalAlpha = 0.55;
            ctx.fillRect(x, HEIGHT - height, 1.6, height - bad);
            ctx.globalAlpha = 1;
            ctx.fillStyle = ink.loss;
            ctx.fillRect(x, HEIGHT - bad, 1.6, bad);
        }
        ctx.fillStyle = ink.soft;
        ctx.font = '11px system-ui, sans-serif';
        ctx.textBaseline = 'middle';
        ctx.fillText('the whole run', 10, HEIGHT / 2);
        return still;
    }
}
