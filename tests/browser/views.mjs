// Tests of the charts, the topology, single requests, and two runs on one clock.

import assert from 'node:assert/strict';
import { drawn, pageOf } from './browser.mjs';

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
        const totals = await page.evaluate(() => window.partita.runs.map(({ operations }) => ({ stale: operations.stale.length, missing: operations.outcome.filter((outcome) => outcome > 1).length })));
        for (const side of [0, 1]) {
            assert.equal(await count(side, 'stale reads'), totals[side].stale);
            assert.equal(await count(side, 'not answered'), totals[side].missing);
        }
        assert.ok(totals[0].stale === 0 && totals[1].stale > 0 && totals[0].missing > totals[1].missing, 'one refuses, the other is stale');
        assert.match(await page.locator('#both table').innerText(), /stale reads/);
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
