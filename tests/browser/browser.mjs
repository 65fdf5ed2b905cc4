// The pages of runs, a browser that opens them, and what tests ask of a page.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const FLAGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
];

export const ROOT = resolve(import.meta.dirname, '../..');

/** Runs partita with a page; answers the page's file and the document of the run. */
export function pageOf(folder, name, ...options) {
    const file = join(folder, `${name.replaceAll('/', '-').replace(/^-/, '')}-${Math.random().toString(36).slice(2, 7)}.html`);
    const words = ['run', ...name.split(' '), '--report', file, '--format', 'json', ...options];
    const program = process.env.PARTITA ?? 'partita';
    const settings = { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] };
    try {
        return { file, run: JSON.parse(execFileSync(program, words, settings)) };
    } catch (error) {
        // A refuted run is a result like any other.
        if (error.status === 1 || error.status === 3) return { file, run: JSON.parse(error.stdout) };
        throw error;
    }
}

/** A run with what the bundled ones lack: a partition by links, links that flap, a clock that jumps, a pause, a crash. */
export function oddPage(folder) {
    const client = (name) => ({ calls: 'store', prefer: name, arrivals: { poisson: '60/s' }, operations: { read: 0.7, write: 0.3 }, keys: { uniform: { count: 10 } } });
    const scenario = {
        version: 1, title: 'Odd faults', seed: 42, warm_up: '2s', duration: '18s',
        network: { latency: { lognormal: { median: '2ms', p99: '15ms' } } },
        services: { store: { raft: { replicas: 5, reads: 'read_index' } } },
        clients: { left: client('store-0'), right: client('store-3') },
        faults: [
            { id: 'links', partition: { links: { between: [['store-0'], ['store-1', 'store-2']] }, at: '5s', for: '2s' } },
            { id: 'flap', flapping: { links: { of: ['store-3'] }, down: '200ms', up: '200ms', at: '8s', for: '2s' } },
            { id: 'jump', clock_step: { where: ['store-0'], by: '3s', at: '11s' } },
            { id: 'nap', pause: { where: ['store-1'], at: '12s', for: '1s' } },
            { id: 'fall', crash: { where: ['store-2'], at: '14s', for: '1s' } },
        ],
        hypothesis: { always: ['linearizable'] },
    };
    const path = join(folder, 'odd.json');
    writeFileSync(path, JSON.stringify(scenario));
    return pageOf(folder, path);
}

/** Gives `act` a folder that is gone afterwards. */
export async function withFolder(act) {
    const folder = mkdtempSync(join(tmpdir(), 'partita-pages-'));
    try {
        return await act(folder);
    } finally {
        rmSync(folder, { recursive: true });
    }
}

export class Browser {
    static async start() {
        const browser = new Browser();
        browser.chromium = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
        return browser;
    }

    /** Opens a page from its file, and reveals the verdict that a question keeps back; all that it complains of or asks a network for is kept. */
    async open(file, { theme = 'light', width = 1440, height = 900, reveal = true } = {}) {
        const page = await this.chromium.newPage({ viewport: { width, height }, colorScheme: theme });
        const complaints = [];
        // That pixels are read back is our own doing.
        const isOurs = (text) => text.includes('willReadFrequently');
        page.on('console', (message) => ['error', 'warning'].includes(message.type()) && !isOurs(message.text()) && complaints.push(message.text()));
        page.on('pageerror', (error) => complaints.push(error.message));
        page.on('request', (request) => {
            if (request.url() !== pathToFileURL(file).href) complaints.push(`it asks for ${request.url().slice(0, 100)}`);
        });
        await page.goto(pathToFileURL(file).href);
        await page.waitForFunction(() => 'partita' in window);
        if (reveal) await page.evaluate(() => window.partita.reveal());
        return { page, complaints };
    }

    stop() {
        return this.chromium.close();
    }
}

/** Waits until the diagram has drawn what it knows. */
export async function drawn(page) {
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** The colours of the pixels around a point of the diagram, as [red, green, blue]. */
export function pixels(page, x, y, radius = 3) {
    return page.evaluate(
        ([x, y, radius]) => {
            const canvas = document.querySelector('.stage canvas');
            const ratio = canvas.width / canvas.clientWidth;
            const [left, top, size] = [(x - radius) * ratio, (y - radius) * ratio, (2 * radius + 1) * ratio];
            const { data } = canvas.getContext('2d').getImageData(Math.round(left), Math.round(top), Math.round(size), Math.round(size));
            return Array.from({ length: data.length / 4 }, (_, i) => [data[i * 4], data[i * 4 + 1], data[i * 4 + 2]]);
        },
        [x, y, radius],
    );
}

/** Whether one of these pixels is near a colour of the style sheet, or near a share of it on the sheet. */
export async function hasColour(page, found, name, share = 1) {
    const hexes = await page.evaluate((names) => names.map((name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()), [name, 'sheet']);
    const [ink, sheet] = hexes.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    const wanted = ink.map((value, i) => value * share + sheet[i] * (1 - share));
    const slack = share < 1 ? 14 : 40;
    return found.some((pixel) => pixel.every((value, i) => Math.abs(value - wanted[i]) < slack));
}
