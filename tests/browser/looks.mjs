// Tests of how the page looks: colours, contrast, paper, narrow windows, what a question keeps back.

import assert from 'node:assert/strict';
import { drawn, hasColour, pageOf, pixels } from './browser.mjs';

/** What people without one kind of cone see: Machado, Oliveira and Fernandes 2009, severity 1, on linear light. */
const EYES = {
    all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

const linear = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));

/** A colour as L*, a*, b*, as some eyes see it. */
function lab(hex, eye) {
    const light = linear(hex);
    const [r, g, b] = eye.map((row) => Math.min(1, Math.max(0, row.reduce((sum, by, i) => sum + by * light[i], 0))));
    const [x, y, z] = [(0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047, 0.2126 * r + 0.7152 * g + 0.0722 * b, (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883].map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116));
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** The least contrast of the texts that a selector finds, with what lies behind them; opacity counts. */
const contrast = (page, selector) =>
    page.evaluate((selector) => {
        const parse = (text) => text.match(/[\d.]+/g).map(Number);
        const luminance = (rgb) => rgb.slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const ratios = [...document.querySelectorAll(selector)].filter((element) => element.getClientRects().length > 0).map((element) => {
            let [opacity, behind] = [1, null];
            for (let at = element; at; at = at.parentElement) {
                opacity *= Number(getComputedStyle(at).opacity);
                const fill = parse(getComputedStyle(at).backgroundColor);
                if (!behind && (fill.length === 3 || fill[3] === 1)) behind = fill;
            }
            const ink = parse(getComputedStyle(element).color).slice(0, 3).map((c, i) => c * opacity + behind[i] * (1 - opacity));
            const [low, high] = [luminance(ink), luminance(behind)].sort((a, b) => a - b);
            return (high + 0.05) / (low + 0.05);
        });
        return ratios.length > 0 ? Math.min(...ratios) : NaN;
    }, selector);

export const looks = {
    async 'links and small print can be read in both themes'({ browser, folder }) {
        const { file } = pageOf(folder, 'first/read-write-back');
        for (const theme of ['light', 'dark']) {
            const { page } = await browser.open(file, { theme });
            for (const selector of ['button.link', '.quiet', '.expected', '.badge', '.twin summary']) {
                const least = await contrast(page, selector);
                assert.ok(least >= 4.5, `${selector}, ${theme}: ${least}`);
            }
            await page.close();
        }
    },

    async 'kinds of message are told apart by everyone'({ parted: page }) {
        for (const theme of ['light', 'dark']) {
            const colours = await page.evaluate((theme) => {
                const before = window.partita.theme();
                window.partita.setTheme(theme);
                const style = getComputedStyle(document.documentElement);
                const found = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'loss'].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]);
                window.partita.setTheme(before);
                return found;
            }, theme);
            for (const [eyes, eye] of Object.entries(EYES)) {
                colours.forEach(([one, a], i) =>
                    colours.slice(i + 1).forEach(([other, b]) => {
                        const [p, q] = [lab(a, eye), lab(b, eye)];
                        const apart = Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
                        assert.ok(apart >= 12, `${theme}, ${eyes}: ${one} and ${other} are ${apart.toFixed(1)} apart`);
                    }),
                );
            }
        }
        const dashed = await page.evaluate(() => [...document.querySelectorAll('.legend [data-kind]')].map((chip) => chip.querySelector('path').hasAttribute('stroke-dasharray')));
        assert.ok(dashed.length > 5 && dashed.slice(0, 4).every((is) => !is) && dashed.slice(4).every((is) => is), `${dashed}`);
    },

    async 'the legend explains the marks of this run'({ parted: page }) {
        const said = await page.locator('.legend.marks').innerText();
        for (const words of ['answered', 'no known outcome', 'leads, with its epoch', 'candidate', 'sides of a partition', 'received, above the line', 'lost: partition']) assert.ok(said.includes(words), `${words} in ${said}`);
        assert.ok(!said.includes('clock') && !said.includes('paused'), said);
    },

    async 'what is printed is light, fits the paper, and has no hints'({ browser, folder }) {
        const { file } = pageOf(folder, 'cap/partition-raft');
        const { page, complaints } = await browser.open(file, { theme: 'dark' });
        await page.evaluate(() => window.partita.buses[0].set('window', { from: 9.96e9, to: 10.11e9 }));
        await drawn(page);
        const before = await page.locator('.stage canvas').evaluate((canvas) => canvas.width);
        // What the browser does for paper, a step at a time.
        await page.emulateMedia({ media: 'print' });
        await page.setViewportSize({ width: 718, height: 1000 });
        await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
        assert.ok(await hasColour(page, await pixels(page, 60, 6, 1), 'sheet'));
        const paper = await page.evaluate(() => {
            const seen = (element) => element.getClientRects().length > 0;
            const right = (element) => element.getBoundingClientRect().right;
            const drawn = [...document.querySelectorAll('main svg, main canvas, main table')].filter(seen);
            return { theme: document.documentElement.dataset.theme, sheet: getComputedStyle(document.documentElement).getPropertyValue('--sheet').trim(), widest: Math.max(...drawn.map(right)) - right(document.querySelector('main')), count: drawn.length, hints: [...document.querySelectorAll('.keys, .tools, .bar, .reveal')].filter(seen).length, scroll: document.documentElement.scrollWidth };
        });
        assert.deepEqual([paper.theme, paper.sheet, paper.hints], ['light', '#ffffff', 0]);
        assert.ok(paper.count > 8 && paper.widest <= 1 && paper.scroll <= 718, `${paper.count} drawings, ${paper.widest} beyond the paper, ${paper.scroll}`);
        await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
        await page.emulateMedia({ media: 'screen' });
        await page.setViewportSize({ width: 1440, height: 900 });
        await drawn(page);
        assert.deepEqual(await page.evaluate(() => [document.documentElement.dataset.theme, document.querySelector('.printing')]), ['dark', null]);
        assert.equal(await page.locator('.stage canvas').evaluate((canvas) => canvas.width), before);
        const bytes = await page.pdf({ format: 'A4', printBackground: true });
        const sheets = bytes.toString('latin1').match(/\/Type\s*\/Page[^s]/g)?.length ?? 0;
        assert.ok(sheets >= 2 && sheets <= 6, `${sheets} sheets of paper`);
        assert.equal(await page.evaluate(() => window.partita.theme()), 'dark', 'as before');
        assert.deepEqual(complaints, []);
        await page.close();
    },

    async 'a question keeps the verdict back until it is asked for'({ browser, folder }) {
        const { file } = pageOf(folder, 'cap/partition-raft');
        const { page } = await browser.open(file, { reveal: false });
        const seen = () => page.evaluate(() => ['.judgement', '#verdict', 'nav a[href="#verdict"]'].map((selector) => document.querySelector(selector).getClientRects().length > 0));
        assert.deepEqual(await seen(), [false, false, false]);
        assert.ok(await page.locator('#diagram').isVisible());
        await page.locator('.reveal').press('Enter');
        assert.deepEqual(await seen(), [true, true, true]);
        assert.equal(await page.locator('.reveal').isVisible(), false);
        await page.close();
        const plain = pageOf(folder, 'cap/partition-raft', '--set', '/question=""');
        const { page: other } = await browser.open(plain.file, { reveal: false });
        assert.ok(await other.locator('.judgement').isVisible());
        await other.close();
    },

    async 'a narrow window has room for everything'({ browser, folder }) {
        for (const name of ['first/unsynced', 'cap/partition-raft cap/partition-quorum']) {
            const { file } = pageOf(folder, name);
            const { page, complaints } = await browser.open(file, { width: 480 });
            await drawn(page);
            const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
            assert.ok(wide <= inner, `${name}: ${wide} in ${inner}`);
            assert.deepEqual(complaints, []);
            await page.close();
        }
    },
};
