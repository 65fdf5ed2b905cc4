// Tests of the charts, the topology, single requests, and two runs on one clock.

import assert from 'node:assert/strict';
import { drawn, oddPage, pageOf } from './browser.mjs';

const window_ = (page) => page.evaluate(() => window.partita.buses[0].get('window'));

/** Waits until the nodes are at their places. */
const settled = (page) => page.waitForFunction(() => window.partita.views.topology.topology.map.moving === 0);

const playTo = async (page, time) => {
    await page.evaluate((time) => window.partita.buses[0].set('playhead', time), time);
    await settled(page);
};

/** The classes of what is drawn at a point of a chart: a share of its width, and pixels from its top. */
const drawnAt = (page, chart, share, y) =>
    page.evaluate(
        ([chart, share, y]) => {
            const picture = document.querySelector(`[data-chart="${chart}"]`);
            picture.scrollIntoView({ block: 'center', behavior: 'instant' });
            const box = picture.getBoundingClientRect();
            const found = document.elementsFromPoint(box.left + 64 + share * (box.width - 78), box.top + y);
            return found.map((element) => element.getAttribute('class')).join(' ');
        },
        [chart, share, y],
    );

export const views = {
    async 'charts show the run, and choose what the diagram shows'({ parted: page }) {
        const model = await page.evaluate(() => {
            const { charts, run } = window.partita.views.charts.charts;
            return { ids: charts.map((chart) => chart.id), availability: run.series.availability, width: run.series.width, end: run.end, dropped: run.series.dropped, operations: run.operations.total, counted: run.series.invoked.reduce((sum, n) => sum + n, 0) };
        });
        assert.deepEqual(model.ids, ['availability', 'rate', 'latency', 'messages']);
        assert.equal(model.counted, model.operations);
        const during = model.availability[Math.floor(15e9 / model.width)];
        assert.ok(during < 0.7 && model.availability[Math.floor(5e9 / model.width)] === 1, `${during}`);
        assert.match(await drawnAt(page, 'rate', 15e9 / model.end, 122), /layer.*fault-band/);
        assert.doesNotMatch(await drawnAt(page, 'rate', 25e9 / model.end, 122), /fault-band/);
        assert.match(await drawnAt(page, 'messages', 15e9 / model.end, 125), /layer/);
        const box = await page.locator('[data-chart=rate]').boundingBox();
        const x = (time) => box.x + 64 + (time / model.end) * (box.width - 78);
        await page.mouse.move(x(12e9), box.y + 60);
        assert.match(await page.locator('[data-strand="latency p50"]').innerText(), /ms/);
        await page.mouse.down();
        await page.mouse.move(x(14e9), box.y + 60, { steps: 4 });
        await page.mouse.up();
        const { from, to } = await window_(page);
        assert.ok(Math.abs(from - 12e9) < 2e8 && Math.abs(to - 14e9) < 2e8, `${from} to ${to}`);
        await page.locator('.charts').first().focus();
        await page.keyboard.press('Home');
        await page.keyboard.press('ArrowRight');
        await page.keyboard.press('Enter');
        assert.ok((await window_(page)).to < 5e9, 'enter shows the slice');
        await page.keyboard.press('Escape');
        assert.ok((await window_(page)).to >= model.end, 'escape shows everything');
        await page.locator('#charts .twin summary').last().press('Enter');
        assert.equal(await page.locator('#charts .twin tbody tr').count() >= model.availability.length, true);
    },

    async 'the sides of a partition move apart, and what is cut is dashed'({ parted: page }) {
        const state = () =>
            page.evaluate(() => {
                const { map } = window.partita.views.topology.topology;
                const cut = [...document.querySelectorAll('#topology .wire.cut')];
                return { sides: map.sides, spots: map.spots.map(({ x }) => x), cut: cut.length, dashes: cut.map((link) => getComputedStyle(link).strokeDasharray), hulls: document.querySelectorAll('#topology .hull.side').length };
            });
        await playTo(page, 5e9);
        const before = await state();
        assert.deepEqual([before.sides, before.cut, before.hulls], [null, 0, 0]);
        await page.locator('[data-jump=split]').click();
        await settled(page);
        const parted = await state();
        assert.equal(parted.sides.length, 2);
        assert.ok(parted.cut >= 6 && parted.dashes.every((dash) => dash !== 'none'), `${parted.cut}`);
        const [one, other] = parted.sides.map((side) => side.map((node) => parted.spots[node]));
        assert.ok(Math.max(...one) + 60 < Math.min(...other), `${one}; ${other}`);
        const node = page.locator('#topology [data-node="0"]');
        await node.focus();
        await page.keyboard.press('Enter');
        assert.deepEqual(await page.evaluate(() => window.partita.buses[0].get('selection')), { kind: 'node', index: 0 });
        await page.locator('#topology .twin summary').press('Enter');
        assert.match(await page.locator('#topology tbody tr').first().innerText(), /store-2, store-3, store-4/);
        await playTo(page, 25e9);
        const after = await state();
        assert.deepEqual([after.sides, after.cut], [null, 0]);
        assert.deepEqual(after.spots.map(Math.round), before.spots.map(Math.round));
        await page.evaluate(() => window.partita.buses[0].set('selection', null));
    },

    async 'partitions by links and links that flap part the nodes too'({ browser, folder }) {
        const { page, complaints } = await browser.open(oddPage(folder).file);
        const to = async (time) => {
            await playTo(page, time);
            return page.evaluate(() => ({
                sides: window.partita.views.topology.topology.map.sides?.map((side) => side.map((node) => window.partita.runs[0].nodes[node].name)) ?? null,
                cut: document.querySelectorAll('#topology .wire.cut').length,
            }));
        };
        const byLinks = await to(5.5e9);
        assert.deepEqual(byLinks.sides, [['store-0'], ['store-1', 'store-2']]);
        assert.equal(byLinks.cut, 2);
        assert.equal((await to(7.5e9)).sides, null);
        const flapping = await to(8.1e9);
        assert.ok(flapping.sides.some((side) => side.join() === 'store-3') && flapping.cut >= 3, JSON.stringify(flapping));
        assert.deepEqual(await to(8.3e9), { sides: null, cut: 0 }, 'between two cuts');
        assert.ok((await to(8.5e9)).cut >= 3, 'and again');
        await page.locator('[data-jump=flap]').click();
        await settled(page);
        assert.ok(await page.locator('#topology .wire.cut').count() >= 3, 'the jump goes to where it is cut');
        assert.deepEqual(complaints, []);
        await page.close();
    },

    async 'latencies that never ended are told apart, and names of faults stand free'({ parted: page }) {
        const { rows, lines, bottom, top } = await page.evaluate(() => {
            const latency = document.querySelector('[data-chart=latency]');
            const strokes = [...latency.querySelectorAll('.never')].map((mark) => [mark.style.stroke, Math.round(mark.getBBox().y)]);
            const rows = Object.groupBy(strokes, ([stroke]) => stroke);
            const availability = document.querySelector('[data-chart=availability]');
            return {
                rows: Object.values(rows).map((own) => [...new Set(own.map(([, y]) => y))]),
                lines: [...latency.querySelectorAll('.strand')].map((line) => line.getBBox()).filter(({ height }) => height > 0).map(({ y }) => y),
                bottom: availability.querySelector('.fault-name').getBBox().y + availability.querySelector('.fault-name').getBBox().height,
                top: availability.querySelector('.strand').getBBox().y,
            };
        });
        assert.ok(rows.length === 3 && rows.every((own) => own.length === 1), JSON.stringify(rows));
        assert.ok(Math.abs(rows[0][0] - rows[1][0]) >= 8 && Math.abs(rows[1][0] - rows[2][0]) >= 8, JSON.stringify(rows));
        assert.ok(lines.every((y) => y > Math.max(...rows.flat())), 'lines stay below the marks');
        assert.ok(bottom <= top, `the name is above the line: ${bottom}, ${top}`);
    },

    async 'figures that matter come first, others on demand'({ parted: page }) {
        const figures = page.locator('#verdict table').filter({ hasText: 'What was measured' }).first();
        assert.equal(await figures.locator('tbody tr').count(), 6);
        const more = page.locator('#verdict .columns .twin summary');
        assert.match(await more.innerText(), /^\d+ more$/);
        await more.press('Enter');
        assert.ok(await page.locator('#verdict .columns .twin tbody tr').first().isVisible());
        await more.press('Enter');
        assert.ok(await page.locator('#verdict .columns .scroll').evaluateAll((boxes) => boxes.every((box) => box.scrollHeight <= box.clientHeight + 1)), 'nothing is hidden in a box');
        const heads = await page.locator('#verdict th').evaluateAll((heads) => heads.filter((head) => head.getClientRects().length > 0).map((head) => head.getBoundingClientRect().height));
        assert.ok(heads.every((height) => height < 40), 'no head is broken into lines');
    },

    async 'stale reads have a chart where there are some'({ browser, folder }) {
        const { file } = pageOf(folder, 'cap/partition-quorum', '--set', '/duration="16s"');
        const { page } = await browser.open(file);
        const { ids, series } = await page.evaluate(() => ({ ids: window.partita.views.charts.charts.charts.map(({ id }) => id), series: window.partita.runs[0].series }));
        assert.ok(ids.includes('staleness'), `${ids}`);
        const worst = series.stale.map((stale, i) => (series.reads[i] ? stale / series.reads[i] : 0));
        const slice = worst.indexOf(Math.max(...worst));
        assert.ok(worst[slice] > 0.1 && slice * series.width >= 10e9);
        const end = await page.evaluate(() => window.partita.runs[0].end);
        assert.match(await drawnAt(page, 'staleness', ((slice + 0.5) * series.width) / end, 125), /layer/);
        assert.doesNotMatch(await drawnAt(page, 'staleness', 5e9 / end, 125), /layer/);
        await page.close();
    },

    async 'a request is a waterfall of its legs'({ parted: page }) {
        const model = await page.evaluate(() => {
            const { requests, operations } = window.partita.runs[0];
            const took = (i) => operations.completed[i] - operations.invoked[i];
            const all = operations.kind.map((_, i) => i).filter((i) => operations.outcome[i] <= 1).map(took);
            return { slowest: Math.max(...all), first: took(requests[0].operation), legs: requests.map((request) => request.legs.length), whys: requests.map((request) => request.why), parents: requests.every(({ legs }) => legs.every((leg, i) => leg.parent === null || (leg.parent < i && leg.start >= legs[leg.parent].start))) };
        });
        assert.equal(model.first, model.slowest);
        assert.ok(model.parents && model.legs[0] > 2);
        const unanswered = model.whys.indexOf('unanswered');
        assert.ok(unanswered > 0);
        for (const number of [0, unanswered]) {
            await page.locator(`[data-request="${number}"]`).click();
            assert.equal(await page.locator('.waterfall rect.leg').count(), model.legs[number] + 1);
        }
        await page.keyboard.press('ArrowUp');
        assert.equal(await page.locator(`[data-request="${unanswered - 1}"]`).getAttribute('aria-pressed'), 'true');
        await page.locator('.waterfall button').click();
        const operation = await page.evaluate((number) => window.partita.runs[0].requests[number].operation, unanswered - 1);
        assert.deepEqual(await page.evaluate(() => window.partita.buses[0].get('selection')), { kind: 'operation', index: operation });
        assert.ok((await window_(page)).to < 3e10);
        await page.evaluate(() => window.partita.buses[0].set('selection', null));
    },

    async 'two runs play on one clock'({ browser, folder }) {
        const { file } = pageOf(folder, 'cap/partition-raft cap/partition-quorum', '--set', '/duration="12s"');
        const { page, complaints } = await browser.open(file);
        const count = (side, name) => page.locator(`.beside article >> nth=${side} >> [data-count="${name}"] output`).innerText().then(Number);
        const to = (time) => page.evaluate((time) => window.partita.bothBus.set('playhead', time), time);
        await to(1);
        assert.equal(await count(0, 'answered'), 0);
        await to(1e12);
        const totals = await page.evaluate(() => window.partita.runs.map(({ operations, figures }) => {
            const figure = (name) => Number(figures.find(([own]) => own === name)?.[1] ?? 0);
            return { stale: operations.stale.length, missing: figure('fail') + figure('info'), answered: figure('ok') + figure('no') };
        }));
        for (const side of [0, 1]) {
            assert.equal(await count(side, 'answered'), totals[side].answered, 'what the figures count');
            assert.equal(await count(side, 'stale reads'), totals[side].stale);
            assert.equal(await count(side, 'not answered'), totals[side].missing);
        }
        assert.ok(totals[0].stale === 0 && totals[1].stale > 0 && totals[0].missing > totals[1].missing, 'one refuses, the other is stale');
        const differing = page.locator('#both .verdict-of table').first();
        assert.match(await differing.locator('tbody tr').first().innerText(), /holds|refuted|inconclusive/, 'checks first');
        assert.match(await differing.innerText(), /stale reads/);
        assert.equal(await page.locator('#both [role=button]').count(), 0, 'nodes that do nothing are no buttons');
        await page.locator('#both > .view > .twin summary').press('Enter');
        await to(10.5e9);
        const tables = page.locator('#both > .view > .twin table');
        assert.equal(await tables.count(), 4, 'topology and counts of each');
        assert.match(await tables.first().innerText(), /store-0[^]*store-2, store-3, store-4/);
        assert.match(await tables.nth(1).innerText(), /10.5 s\t\d+/);
        await page.locator('#both > .view > .twin summary').press('Enter');
        await to(10.5e9);
        await page.waitForTimeout(700);
        assert.equal(await page.locator('#both .topology').count(), 2);
        assert.ok(await page.locator('#both .wire.cut').count() >= 12);
        await page.locator('[data-tool=play-both]').press('Enter');
        await page.waitForTimeout(300);
        await page.locator('[data-tool=play-both]').press('Enter');
        assert.ok((await page.evaluate(() => window.partita.bothBus.get('playhead'))) > 10.5e9);
        const ink = () => page.evaluate(() => getComputedStyle(document.querySelector('#both .strand')).stroke);
        const light = await ink();
        await page.locator('.theme').click();
        assert.notEqual(await ink(), light);
        await page.locator('[data-run="0"]').click();
        await drawn(page);
        assert.equal(await page.locator('#diagram').count(), 1);
        assert.deepEqual(complaints, []);
        await page.close();
    },
};
