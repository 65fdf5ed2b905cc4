// Pictures of the page for the documentation, and how long its frames take.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, drawn, pageOf } from './browser.mjs';

/** Renews docs/images/page-*.png. */
export async function images(browser, folder) {
    const save = async (page, name, selector) => {
        await drawn(page);
        const path = join(ROOT, 'docs/images', `page-${name}.png`);
        await page.locator(selector).first().screenshot({ path });
        console.log(path);
    };
    const parted = pageOf(folder, 'cap/partition-raft').file;
    for (const [theme, name, window] of [['light', 'partition', { from: 9.96e9, to: 10.11e9 }], ['dark', 'whole-run', { from: 0, to: 31e9 }]]) {
        const { page } = await browser.open(parted, { theme, height: 1100 });
        await page.evaluate((window) => partita.buses[0].set('window', window), window);
        await save(page, name, '#diagram');
        await page.close();
    }
    const refuted = pageOf(folder, 'first/read-write-back').file;
    const { page } = await browser.open(refuted, { height: 1300 });
    await save(page, 'anomaly', '#anomaly');
    await page.evaluate(() => partita.buses[0].set('selection', { kind: 'operation', index: partita.runs[0].checks[0].operations[3] }));
    await save(page, 'operation', '#diagram');
    await page.close();
    await viewImages(browser, folder, parted, save);
}

/** Pictures of the other views. */
async function viewImages(browser, folder, parted, save) {
    const { page } = await browser.open(parted, { height: 1400 });
    await page.evaluate(() => {
        partita.buses[0].set('window', { from: 0, to: partita.runs[0].end });
        partita.buses[0].set('playhead', 15.0123e9);
    });
    // Nodes take a while to their new places.
    await page.waitForTimeout(800);
    for (const id of ['topology', 'charts']) await save(page, id, `#${id} .view`);
    await page.locator('[data-request]').first().click();
    await save(page, 'requests', '#requests .view');
    await page.close();
    const both = pageOf(folder, 'cap/partition-raft cap/partition-quorum').file;
    const { page: two } = await browser.open(both, { height: 1400 });
    await two.waitForTimeout(800);
    await save(two, 'both', '#both .view');
    await two.close();
}

/** Prints how long frames take, in milliseconds. */
export async function frames(browser, folder) {
    const runs = [
        ['raft/forgotten-vote'],
        ['cap/partition-raft', '--set', '/duration="9s"', '--set', '/faults=[]'],
        ['cap/partition-raft'],
        ['chaos/a-fifth-of-the-nodes'],
    ];
    console.log('| messages | page | whole run | a tenth | a hundredth | a thousandth |');
    console.log('|---|---|---|---|---|---|');
    for (const [name, ...options] of runs) {
        const { file } = pageOf(folder, name, ...options);
        const { page } = await browser.open(file);
        await drawn(page);
        const measured = await page.evaluate(() => {
            const { diagram } = partita.views.diagram;
            const end = diagram.scene.axis.end;
            const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];
            const times = [1, 10, 100, 1000].map((part) => {
                const took = [];
                for (let i = 0; i < 40; i++) {
                    const from = (i / 40) * (end - end / part);
                    diagram.moveTo(from, from + end / part);
                    diagram.paintNow();
                    // Reading a pixel waits until the drawing has been done.
                    const start = performance.now();
                    diagram.canvas.getContext('2d').getImageData(0, 0, 1, 1);
                    took.push(diagram.frame.took + performance.now() - start);
                }
                return { median: median(took), worst: Math.max(...took) };
            });
            return { messages: partita.runs[0].messages.count, times };
        });
        const times = measured.times.map(({ median, worst }) => `${median.toFixed(1)} (at most ${worst.toFixed(1)})`);
        console.log(`| ${measured.messages} | ${(statSync(file).size / 1e6).toFixed(2)} MB | ${times.join(' | ')} |`);
        await page.close();
    }
}
