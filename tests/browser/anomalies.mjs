// Tests of how anomalies are drawn: cycles, lost writes, words and arrows that keep clear of each other.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { drawn, pageOf } from './browser.mjs';

/** What the drawings of anomalies consist of: texts and bars as boxes, arrows as points along them. */
const drawings = (page) =>
    page.evaluate(() =>
        [...document.querySelectorAll('#anomaly .picture svg')].map((picture) => {
            const origin = picture.getBoundingClientRect();
            const box = (shape) => {
                const { left, top, right, bottom } = shape.getBoundingClientRect();
                return { says: shape.textContent, left: left - origin.left, top: top - origin.top, right: right - origin.left, bottom: bottom - origin.top };
            };
            const along = (path) => {
                const length = path.getTotalLength();
                return Array.from({ length: Math.ceil(length / 3) + 1 }, (_, i) => path.getPointAtLength(Math.min(i * 3, length))).map(({ x, y }) => [x, y]);
            };
            const all = (selector, of) => [...picture.querySelectorAll(selector)].map(of);
            const arrow = (path) => ({ kind: path.getAttribute('class'), says: path.dataset.arrow ?? '', points: along(path) });
            return {
                width: origin.width,
                texts: all('text', box).filter(({ says }) => says !== ''),
                words: all('.words', box),
                bars: all('.interval, .instant', box),
                arrows: all('.order, .life, .death', arrow),
                numbers: all('text.number', (text) => text.textContent),
                crosses: all('.death-cross', box),
                faults: all('rect.fault', box),
            };
        }),
    );

const meets = (a, b, slack) => a.left + slack < b.right && b.left + slack < a.right && a.top + slack < b.bottom && b.top + slack < a.bottom;

export const anomalies = {
    async 'the edges of a cycle are drawn, numbered and named'({ browser, folder }) {
        for (const name of ['transactions/write-skew', 'transactions/lost-update']) {
            const { file } = pageOf(folder, name);
            assert.ok(statSync(file).size < 2e6, `${name} has ${statSync(file).size} bytes`);
            const { page, complaints } = await browser.open(file);
            const check = await page.evaluate(() => window.partita.runs[0].checks.find((check) => check.name === 'isolation'));
            assert.ok(check.edges.length >= 2, `${name}: ${check.edges.length} edges`);
            const [{ arrows, bars, numbers }] = await drawings(page);
            assert.deepEqual(arrows.map(({ says }) => says), check.edges.map(({ kind, key }) => `${kind} ${key}`));
            assert.deepEqual(numbers, check.edges.map((_, i) => String(i + 1)));
            const order = await page.evaluate(() => [...document.querySelectorAll('#anomaly .deed')].map((deed) => Number(deed.dataset.operation)));
            check.edges.forEach(({ from, to }, i) => {
                const { points } = arrows[i];
                const [first, last] = [points[0], points[points.length - 1]];
                const [a, b] = [bars[order.indexOf(from)], bars[order.indexOf(to)]];
                assert.ok(a.top <= first[1] && first[1] <= a.bottom && Math.abs(first[0] - a.right) < 4, `${name}, edge ${i} begins at its bar`);
                assert.ok(b.top - 3 <= last[1] && last[1] <= b.bottom + 3 && Math.abs(last[0] - b.right) < 8, `${name}, edge ${i} ends at its bar`);
            });
            assert.equal(await page.locator('#anomaly ol li').count(), check.edges.length);
            assert.match(await page.locator('#anomaly figure').innerText(), /rw: the second replaces what the first read/);
            assert.deepEqual(complaints, []);
            await page.close();
        }
    },

    async 'a lost write lives until a fault, and is missed afterwards'({ browser, folder }) {
        const { file } = pageOf(folder, 'first/unsynced');
        const { page, complaints } = await browser.open(file);
        const figure = page.locator('#anomaly figure').filter({ hasText: 'lost_writes' });
        const edges = await page.evaluate(() => window.partita.runs[0].checks.find((check) => check.name === 'lost_writes').edges);
        assert.ok(edges.length > 3);
        const lost = (await drawings(page)).filter(({ crosses }) => crosses.length > 0);
        assert.equal(lost.length, 3, 'a drawing for each of the first three');
        lost.forEach(({ words, bars, crosses, faults, arrows }, i) => {
            const keys = new Set(words.flatMap(({ says }) => says.match(/k\d+/g) ?? []));
            assert.deepEqual([...keys], [edges[i].key], 'one object in each drawing');
            assert.match(words[0].says, /^acknowledged: write/);
            assert.match(words.at(-1).says, /missing: read k\d+ → nil|store-0 holds nil/);
            const [cross, fault] = [crosses[0], faults[0]];
            assert.ok(Math.abs((cross.left + cross.right) / 2 - fault.left) < 3, 'the cross is where the fault begins');
            assert.ok(bars[0].right < cross.left && cross.right < bars.at(-1).left);
            const death = arrows.find(({ kind }) => kind === 'death').points;
            assert.ok(Math.abs(death[0][0] - bars[0].right) < 2 && Math.abs(death.at(-1)[0] - bars.at(-1).left) < 6, 'a line from the write to who misses it');
        });
        assert.match(await figure.innerText(), /In between, at 8 s, crash “power” began[^]*and \d+ more/);
        assert.deepEqual(complaints, []);
        await page.close();
    },

    async 'words of an anomaly are readable: apart, within, and clear of arrows'({ browser, folder }) {
        for (const name of ['first/read-write-back', 'first/unsynced', 'transactions/write-skew', 'cap/partition-quorum', 'transactions/half-a-transaction']) {
            const { file } = pageOf(folder, name);
            for (const width of [1440, 480]) {
                const { page } = await browser.open(file, { width });
                await drawn(page);
                const all = await drawings(page);
                assert.ok(all.length > 0, name);
                for (const { texts, words, arrows, width: wide, numbers } of all) {
                    const says = `${name} at ${width}`;
                    texts.forEach((one, i) => texts.slice(i + 1).forEach((other) => assert.ok(!meets(one, other, 2), `${says}: “${one.says}” meets “${other.says}”`)));
                    texts.forEach((text) => assert.ok(text.left > -2 && text.right < wide + 3, `${says}: “${text.says}” is cut off`));
                    for (const { points } of arrows) for (const [x, y] of points) for (const text of words) assert.ok(!(text.left < x && x < text.right && text.top + 3 < y && y < text.bottom - 3), `${says}: an arrow strikes “${text.says}”`);
                    assert.deepEqual(numbers, numbers.map((_, i) => String(i + 1)), `${says}: numbers begin with 1`);
                }
                await page.close();
            }
        }
    },
};
