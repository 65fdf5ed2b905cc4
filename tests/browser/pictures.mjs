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
    for (const [name, run] of [['cycle', 'transactions/write-skew'], ['lost-write', 'first/unsynced']]) {
        const { page } = await browser.open(pageOf(folder, run).file, { height: 1300 });
        await save(page, name, '#anomaly figure:last-of-type');
        await page.close();
    }
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
    // The bar at the top would stand across whatever is taller than the window.
    await page.addStyleTag({ content: '.bar { position: static !important; }' });
    for (const id of ['topology', 'charts']) await save(page, id, `#${id} .view`);
    await page.locator('[data-request]').first().click();
    await save(page, 'requests', '#requests .view');
    await page.close();
    const both = pageOf(folder, 'cap/partition-raft cap/partition-quorum').file;
    const { page: two } = await browser.open(both, { height: 1400 });
    await two.waitForTimeout(800);
    // Without the table, which is long.
    await two.addStyleTag({ content: '.verdict-of:has(table), #both > .view > .twin { display: none !important; }' });
    await save(two, 'both', '#both .view');
    await two.close();
}

/** Prints how long frames take, in milliseconds: those of zooming, moving, playing, and pointing at things. */
export async function frames(browser, folder) {
    const runs = [
        ['cap/partition-raft', '--set', '/duration="1s"', '--set', '/faults=[]', '--set', '/warm_up="200ms"', '--set', '/hypothesis={"always":["linearizable"]}'],
        ['cap/partition-raft', '--set', '/duration="9s"', '--set', '/faults=[]'],
        ['chaos/a-fifth-of-the-nodes'],
    ];
    console.log('| messages | page | zoom | move | play | point |');
    console.log('|---|---|---|---|---|---|');
    for (const [name, ...options] of runs) {
        const { file } = pageOf(folder, name, ...options);
        const { page } = await browser.open(file);
        await drawn(page);
        const measured = await page.evaluate(() => {
            const { diagram } = partita.views.diagram;
            const { run, scene } = diagram;
            const { end } = scene.axis;
            const frame = (act) => {
                const start = performance.now();
                act();
                diagram.paintNow();
                // Reading a pixel waits until the drawing has been done.
                diagram.canvas.getContext('2d').getImageData(0, 0, 1, 1);
                return performance.now() - start;
            };
            const many = (act) => {
                const took = Array.from({ length: 40 }, (_, i) => frame(() => act(i / 39))).sort((a, b) => a - b);
                return { median: took[20], worst: took[39] };
            };
            const zoom = many((share) => {
                const span = end / 1000 ** share;
                diagram.moveTo((end - span) / 2, (end + span) / 2);
            });
            const move = many((share) => diagram.moveTo(share * end * 0.9, (share * 0.9 + 0.1) * end));
            diagram.moveTo(0, end);
            diagram.paintNow();
            const play = many((share) => diagram.bus.set('playhead', share * run.end + 1));
            diagram.release();
            diagram.paintNow();
            const point = many((share) => {
                const [x, y] = [200 + share * (scene.width - 220), scene.height * (0.3 + 0.5 * share)];
                diagram.point(diagram.hitAt(x, y), x, y);
            });
            return { messages: run.messages.count, times: [zoom, move, play, point] };
        });
        const times = measured.times.map(({ median, worst }) => `${median.toFixed(1)} (${worst.toFixed(1)})`);
        console.log(`| ${measured.messages} | ${(statSync(file).size / 1e6).toFixed(2)} MB | ${times.join(' | ')} |`);
        await page.close();
    }
}
