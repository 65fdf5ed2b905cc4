// Drives the page as a person would, and asks its own model and its pixels what came of it.

import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { anomalies } from './anomalies.mjs';
import { Browser, drawn, hasColour, oddPage, pageOf, pixels, withFolder } from './browser.mjs';
import { looks } from './looks.mjs';
import { frames, images } from './pictures.mjs';
import { views } from './views.mjs';

const BUNDLED = ['cap/partition-raft', 'cap/partition-quorum', 'first/read-write-back', 'first/unsynced', 'raft/forgotten-vote', 'transactions/lost-update'];

/** What the diagram is doing. */
const look = (page) =>
    page.evaluate(() => {
        const { diagram } = window.partita.views.diagram;
        const { from, to } = diagram.bus.get('window');
        const { selection, light, replay, playhead, hits } = diagram.look;
        return { from, to, selection, lit: light ? light.all.size : 0, replay, playhead, hits: hits.size, theme: diagram.bus.get('theme'), axis: diagram.scene.axis.kind, frame: diagram.frame };
    });

const show = async (page, from, to) => {
    await page.evaluate(([from, to]) => window.partita.buses[0].set('window', { from, to }), [from, to]);
    await drawn(page);
};

const at = async (page, x, y) => {
    const canvas = page.locator('.stage canvas');
    // The bar at the top of the page must not cover it.
    await canvas.evaluate((canvas) => canvas.scrollIntoView({ block: 'center', behavior: 'instant' }));
    const box = await canvas.boundingBox();
    return [box.x + x, box.y + y];
};

/** A message in the window that stands alone where it is clicked: its number and the middle of its arrow. */
const lonely = (page, isLost) =>
    page.evaluate((isLost) => {
        const { diagram } = window.partita.views.diagram;
        const { scene, run } = diagram;
        const { first, last } = scene.messageRange();
        for (let i = first; i < last; i++) {
            if (run.messages.fate[i] > 0 !== isLost) continue;
            const [x0, y0, x1, y1] = scene.segment(i);
            const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
            const hit = x > 150 && x < scene.width - 10 ? diagram.hitAt(x, y) : null;
            if (hit?.kind === 'message' && hit.index === i) return { message: i, event: run.messages.event[i], x, y, end: [x1, y1] };
        }
        return null;
    }, isLost);

/** Zooms into a run, clicks a message, follows its cause, plays, and switches the theme. */
async function drive(page, name) {
    const middle = await page.evaluate(() => {
        const { sent, count } = window.partita.runs[0].messages;
        return sent[count >> 1];
    });
    await show(page, middle - 2e6, middle + 40e6);
    const before = await look(page);
    await page.mouse.move(...(await at(page, 400, 150)));
    await page.mouse.wheel(0, -200);
    await drawn(page);
    assert.ok((await look(page)).to - (await look(page)).from < before.to - before.from, `${name}: the wheel zooms`);
    await show(page, middle - 2e6, middle + 40e6);
    const found = (await lonely(page, false)) ?? (await lonely(page, true));
    assert.ok(found, `${name}: a message stands alone`);
    await page.mouse.click(...(await at(page, found.x, found.y)));
    await drawn(page);
    assert.deepEqual((await look(page)).selection, { kind: 'event', index: found.event }, name);
    await page.keyboard.press('c');
    assert.notDeepEqual((await look(page)).selection, { kind: 'event', index: found.event }, name);
    await page.keyboard.press('Escape');
    await page.keyboard.press(' ');
    await page.waitForFunction(() => window.partita.buses[0].get('playhead') > 0);
    await page.keyboard.press(' ');
    const corner = async () => (await pixels(page, 60, 6, 1))[0].join();
    const light = await corner();
    await page.locator('.theme').click();
    await drawn(page);
    assert.notEqual(await corner(), light, `${name}: the theme reaches the canvas`);
    await page.locator('.theme').click();
}

const tests = {
    async 'six bundled runs open and agree with the command line'({ browser, folder }) {
        for (const name of BUNDLED) {
            const { file, run } = pageOf(folder, name);
            const { page, complaints } = await browser.open(file);
            await drawn(page);
            const model = await page.evaluate(() => {
                const { name, digest, verdict, messages, operations, events, eventsTotal } = window.partita.runs[0];
                return { name, digest, verdict, lost: messages.fate.filter((fate) => fate > 0).length, operations: operations.count, events: events.count, eventsTotal };
            });
            assert.equal(model.digest, run.digest, name);
            assert.equal(model.verdict.name, run.verdict, name);
            assert.equal(model.lost, Object.values(run.messages.dropped).reduce((sum, count) => sum + count, 0), name);
            assert.equal(model.operations, run.operations.invoked + run.operations.final_reads, name);
            assert.equal(model.events, model.eventsTotal, name);
            const { frame } = await look(page);
            assert.ok(frame.count > 0 && frame.messages > 0, `${name}: something is drawn`);
            assert.match(await page.locator('.judgement').innerText(), new RegExp(run.verdict), name);
            assert.equal(await page.locator('#anomaly').count(), Number(run.class === 'safety'), name);
            assert.ok(statSync(file).size < 0.4e6 + 160 * run.messages.sent, `${name}: ${statSync(file).size} bytes for ${run.messages.sent} messages`);
            await drive(page, name);
            assert.deepEqual(complaints, [], name);
            await page.close();
        }
    },

    async 'the wheel, keys and a drag move the window'({ parted: page }) {
        await show(page, 9.9e9, 10.3e9);
        const before = await look(page);
        await page.mouse.move(...(await at(page, 500, 200)));
        await page.mouse.wheel(0, -300);
        await drawn(page);
        const nearer = await look(page);
        assert.ok(nearer.to - nearer.from < (before.to - before.from) * 0.8, 'the wheel zooms');
        assert.ok(nearer.from > before.from && nearer.to < before.to, 'about the pointer');
        await page.mouse.down();
        await page.mouse.move(...(await at(page, 300, 200)), { steps: 4 });
        await page.mouse.up();
        const dragged = await look(page);
        assert.ok(dragged.from > nearer.from, 'a drag to the left moves on');
        await page.locator('.stage canvas').focus();
        for (const [key, is] of [['-', (a, b) => b.to - b.from > a.to - a.from], ['ArrowLeft', (a, b) => b.from < a.from], ['+', (a, b) => b.to - b.from < a.to - a.from], ['0', (a, b) => b.from <= 0 && b.to >= 3e10]]) {
            const [old] = [await look(page), await page.keyboard.press(key)];
            assert.ok(is(old, await look(page)), `the key ${key}`);
        }
    },

    async 'a message is clicked, and its cause is followed'({ parted: page }) {
        await show(page, 9.95e9, 10.05e9);
        const found = await lonely(page, false);
        await page.mouse.click(...(await at(page, found.x, found.y)));
        await drawn(page);
        const clicked = await look(page);
        assert.deepEqual(clicked.selection, { kind: 'event', index: found.event });
        assert.ok(clicked.lit > 1, 'causes and effects are lit');
        assert.ok(await hasColour(page, await pixels(page, found.x, found.y), 'ink'), 'the arrow is drawn in ink');
        const words = await page.locator('.inspector h3').innerText();
        assert.ok(words.length > 8, words);
        const cause = await page.evaluate((event) => window.partita.runs[0].events.cause[event], found.event);
        await page.keyboard.press('c');
        assert.deepEqual((await look(page)).selection, { kind: 'event', index: cause });
        await page.locator('.chain button').first().click();
        assert.notDeepEqual((await look(page)).selection, { kind: 'event', index: cause });
        await page.locator('.stage canvas').focus();
        await page.keyboard.press('Escape');
        assert.equal((await look(page)).selection, null);
    },

    async 'a lost message ends in a cross where it died'({ parted: page }) {
        await show(page, 10e9, 10.06e9);
        const found = await lonely(page, true);
        assert.ok(await hasColour(page, await pixels(page, ...found.end, 4), 'loss'), 'the colour of loss');
        await page.mouse.move(...(await at(page, found.x, found.y)));
        await drawn(page);
        assert.match(await page.locator('.tip').innerText(), /dies: partition/);
    },

    async 'what died is not lit as if it had arrived'({ parted: page }) {
        await show(page, 10e9, 10.06e9);
        const found = await lonely(page, true);
        const [x, y] = await page.evaluate(({ message, event }) => {
            const { scene, run, bus } = window.partita.views.diagram.diagram;
            bus.set('selection', { kind: 'event', index: event });
            return [scene.x(scene.axis.of(event)), scene.laneOf[run.messages.to[message]].y];
        }, found);
        await drawn(page);
        assert.ok(!(await hasColour(page, await pixels(page, x, y, 3), 'k2')), 'no dot on the lane of the receiver');
        assert.ok(await hasColour(page, await pixels(page, ...found.end, 4), 'loss'), 'a mark where it died');
        // The arrow stays dashed: along it, drawn and not drawn take turns.
        const [x0, y0] = await page.evaluate((message) => window.partita.views.diagram.diagram.scene.segment(message), found.message);
        const inked = [];
        for (let i = 2; i < 20; i++) inked.push(await hasColour(page, await pixels(page, x0 + ((found.end[0] - x0) * i) / 24, y0 + ((found.end[1] - y0) * i) / 24, 0.5), 'ink'));
        assert.ok(inked.includes(true) && inked.includes(false), `${inked}`);
        await page.locator('.stage canvas').focus();
        await page.keyboard.press('Escape');
    },

    async 'messages that die together fan out, each with the mark of its cause'({ parted: page }) {
        await show(page, 10e9, 10.06e9);
        const ends = await page.evaluate(() => {
            const { scene, run } = window.partita.views.diagram.diagram;
            const { first, last } = scene.messageRange();
            const together = new Map();
            for (let i = first; i < last; i++) {
                if (run.messages.fate[i] === 0 || run.messages.sent[i] < run.messages.ended[i]) continue;
                const key = `${run.messages.start[i]} ${run.messages.from[i]}`;
                together.set(key, [...(together.get(key) ?? []), scene.segment(i)]);
            }
            return [...together.values()].find((list) => list.length > 1);
        });
        const slopes = ends.map(([x0, y0, x1, y1]) => Math.atan2(y1 - y0, x1 - x0));
        slopes.forEach((slope, i) => slopes.slice(i + 1).forEach((other) => assert.ok(Math.abs(slope - other) > 0.08, `${slopes}`)));
        assert.equal(await page.evaluate(() => new Set([...document.querySelectorAll('.legend.marks path')].map((path) => path.getAttribute('d'))).size > 2), true);
    },

    async 'operations are reached by keys, and stand in a table'({ parted: page }) {
        await show(page, 10e9, 10.02e9);
        await page.locator('.stage canvas').focus();
        await page.keyboard.press('o');
        const { selection } = await look(page);
        assert.equal(selection.kind, 'operation');
        await page.keyboard.press('o');
        const next = (await look(page)).selection;
        assert.ok(next.kind === 'operation' && next.index > selection.index);
        await page.keyboard.press('O');
        assert.deepEqual((await look(page)).selection, selection);
        await page.keyboard.press('Escape');
        await show(page, 10e9, 10.02e9);
        await page.locator('#diagram .twin summary').press('Enter');
        await page.waitForSelector('#diagram .operations tbody tr');
        const shown = await page.evaluate(() => {
            const { invoked, completed } = window.partita.runs[0].operations;
            const { from, to } = window.partita.buses[0].get('window');
            return invoked.filter((time, i) => time <= to && completed[i] >= from).length;
        });
        assert.equal(await page.locator('#diagram .operations tbody tr').count(), Math.min(shown, 250));
        await page.locator('#diagram .twin summary').press('Enter');
    },

    async 'crashes, pauses and clocks that change are seen, in both themes'({ browser, folder }) {
        const { page, complaints } = await browser.open(oddPage(folder).file);
        for (const theme of ['light', 'dark']) {
            if (theme === 'dark') await page.locator('.theme').click();
            await show(page, 10.5e9, 15.5e9);
            const sample = async (time, name, radius) => {
                const place = await page.evaluate(([time, name]) => {
                    const { scene, run } = window.partita.views.diagram.diagram;
                    return [scene.xOfTime(time), scene.laneOf[run.nodes.findIndex((node) => node.name === name)].y];
                }, [time, name]);
                return pixels(page, ...place, radius);
            };
            assert.ok(await hasColour(page, await sample(11e9, 'store-0', 7), 'fault'), `${theme}: a clock`);
            assert.ok(!(await hasColour(page, await sample(11e9, 'store-4', 7), 'fault')), `${theme}: of one node only`);
            assert.ok(await hasColour(page, await sample(14e9, 'store-2', 5), 'bad'), `${theme}: a crash`);
            // Hatches take turns with the sheet in every row of pixels, at half and at nine tenths of their strength.
            for (const [time, name, stroke, share] of [[14.7e9, 'store-2', 'soft', 0.5], [12.3e9, 'store-1', 'rule', 0.9]]) {
                const found = await sample(time, name, 9);
                assert.ok((await hasColour(page, found, stroke, share)) && (await hasColour(page, found, 'sheet')), `${theme}: ${name} is hatched`);
            }
        }
        assert.deepEqual(complaints, []);
        await page.close();
    },

    async 'of many messages what is drawn can be pointed at, and stays while it plays'({ parted: page }) {
        await page.evaluate(() => window.partita.views.diagram.diagram.moveTo(0, window.partita.runs[0].end));
        await drawn(page);
        const { arrows, messages } = (await look(page)).frame;
        assert.ok(arrows < messages / 10, 'a sample');
        const found = await page.evaluate(() => {
            const { diagram } = window.partita.views.diagram;
            const { first, last } = diagram.scene.messageRange();
            const step = Math.ceil((last - first) / 900);
            const hits = [];
            for (let x = 200; x < 900; x += 7) {
                const hit = diagram.nearest(x, diagram.scene.height / 2);
                if (hit?.kind === 'message') hits.push((hit.index - first) % step);
            }
            return hits;
        });
        assert.ok(found.length > 3 && found.every((rest) => rest === 0), `${found}`);
        const at = async (share) => {
            await page.evaluate((share) => window.partita.buses[0].set('playhead', share * window.partita.runs[0].end), share);
            await drawn(page);
            const x = await page.evaluate(() => window.partita.views.diagram.diagram.scene.xOfTime(window.partita.runs[0].end * 0.6));
            return (await pixels(page, x, 200, 12)).flat().join();
        };
        const [later, earlier] = [await at(0.9), await at(0.3)];
        assert.notEqual(later, earlier, 'what is still to come is veiled');
        assert.equal(await at(0.8), later, 'what has been stays as it was drawn');
        await page.locator('.stage canvas').focus();
        await page.keyboard.press('Escape');
    },

    async 'the sides of a partition are bands'({ parted: page }) {
        await show(page, 9.95e9, 10.05e9);
        const sample = async (time, name) => {
            const [x, y] = await page.evaluate(([time, name]) => {
                const { scene, run } = window.partita.views.diagram.diagram;
                return [scene.xOfTime(time), scene.laneOf[run.nodes.findIndex((node) => node.name === name)].bottom - 20];
            }, [time, name]);
            return (await pixels(page, x, y, 1))[0].join();
        };
        const [before, one, other] = [await sample(9.9801e9, 'store-4'), await sample(10.0455e9, 'store-0'), await sample(10.0455e9, 'store-4')];
        assert.ok(before !== one && before !== other && one !== other, `${before}; ${one}; ${other}`);
    },

    async 'a partition is played'({ parted: page }) {
        await show(page, 9.99e9, 10.05e9);
        await page.locator('[data-tool=play]').click();
        await page.waitForTimeout(700);
        await page.locator('[data-tool=play]').click();
        await drawn(page);
        const { playhead, replay } = await look(page);
        assert.ok(replay && playhead > 9.99e9 && playhead < 10.05e9, `the play head is at ${playhead}`);
        const x = await page.evaluate(() => {
            const { scene, look } = window.partita.views.diagram.diagram;
            return scene.xOfTime(look.playhead);
        });
        assert.ok(await hasColour(page, await pixels(page, x, 20, 2), 'sheet'), 'the axis');
        assert.ok(await hasColour(page, await pixels(page, x, 40, 2), 'accent'), 'the play head is drawn');
        await page.mouse.click(...(await at(page, 600, 12)));
        assert.ok((await look(page)).playhead > playhead, 'the axis scrubs');
        await page.locator('.stage canvas').focus();
        await page.keyboard.press('Escape');
        assert.equal((await look(page)).replay, false);
    },

    async 'the theme changes page and canvas'({ parted: page }) {
        const sheet = async () => (await pixels(page, 60, 6, 1))[0].join();
        const light = await sheet();
        await page.locator('.theme').click();
        await drawn(page);
        assert.equal((await look(page)).theme, 'dark');
        assert.notEqual(await sheet(), light);
        await page.locator('.theme').click();
        await drawn(page);
        assert.equal(await sheet(), light);
    },

    async 'the axis goes by event too'({ parted: page }) {
        await show(page, 10e9, 10.1e9);
        const before = await look(page);
        await page.locator('[data-tool=axis]').click();
        await drawn(page);
        const by = await look(page);
        assert.equal(by.axis, 'step');
        assert.ok(Math.abs(by.from - before.from) < 5e6 && Math.abs(by.to - before.to) < 5e6, 'of the same part of the run');
        assert.equal(by.frame.messages > 20, true);
        await page.locator('.stage canvas').focus();
        await page.keyboard.press('t');
        assert.equal((await look(page)).axis, 'time');
    },

    async 'what is searched for is found'({ parted: page }) {
        await page.locator('#diagram .tools input').fill('leader store-3');
        await page.waitForFunction(() => window.partita.views.diagram.diagram.found.length > 0);
        await page.locator('#diagram .tools input').press('Enter');
        const { selection } = await look(page);
        const words = await page.locator('.inspector h3').innerText();
        assert.ok(selection.kind === 'event' && /store-3/.test(words), words);
        await page.locator('#diagram .tools input').fill('');
        await page.waitForFunction(() => window.partita.views.diagram.diagram.found.length === 0);
    },

    async 'events are stepped through and listed without a pointer'({ parted: page }) {
        await show(page, 10e9, 10.02e9);
        await page.locator('.stage canvas').focus();
        await page.keyboard.press('Escape');
        await page.keyboard.press('.');
        const first = (await look(page)).selection.index;
        await page.keyboard.press('.');
        assert.equal((await look(page)).selection.index, first + 1);
        await page.locator('#diagram .twin summary').press('Enter');
        await page.waitForSelector('#diagram .twin tbody tr');
        const rows = await page.locator('#diagram .twin .scroll > table tbody tr').count();
        const inWindow = await page.evaluate(() => {
            const { first, last } = window.partita.views.diagram.diagram.scene.eventRange();
            return last - first;
        });
        assert.equal(rows, Math.min(inWindow, 250));
        await page.locator('#diagram .twin summary').press('Enter');
    },

    async 'a kind of message is hidden'({ parted: page }) {
        await show(page, 9.9e9, 10e9);
        const before = (await look(page)).frame.arrows;
        await page.locator('.chip[data-kind=append]').click();
        await drawn(page);
        assert.ok((await look(page)).frame.arrows < before);
        await page.locator('.chip[data-kind=append]').click();
    },

    async 'the anomaly is drawn, and leads to its messages'({ browser, folder }) {
        const { file } = pageOf(folder, 'first/read-write-back');
        const { page, complaints } = await browser.open(file);
        assert.equal(await page.locator('#anomaly .order').count(), 2, 'two orders that contradict each other');
        assert.equal(await page.locator('#anomaly .deed').count(), 5);
        assert.equal(await page.locator('#anomaly .reads-from').count(), 3, 'from each write to its readers');
        assert.match(await page.locator('#anomaly ol').innerText(), /1095 comes before 1097[^]*1097 comes before 1095/);
        const deed = page.locator('#anomaly .deed').nth(2);
        await deed.focus();
        await page.keyboard.press('Enter');
        const { selection, lit } = await look(page);
        assert.equal(selection.kind, 'operation');
        assert.equal(String(selection.index), await deed.getAttribute('data-operation'));
        assert.ok(lit > 3);
        assert.deepEqual(complaints, []);
        await page.close();
    },

    ...views,
    ...anomalies,
    ...looks,

    async 'two runs are on one page'({ browser, folder }) {
        const { file } = pageOf(folder, 'cap/partition-raft cap/partition-quorum', '--set', '/duration="12s"');
        const { page, complaints } = await browser.open(file);
        const title = await page.locator('h1').innerText();
        await page.locator('[data-run="1"]').click();
        await drawn(page);
        assert.notEqual(await page.locator('h1').innerText(), title);
        assert.equal(await page.locator('[data-run="1"]').getAttribute('aria-pressed'), 'true');
        assert.deepEqual(complaints, []);
        await page.close();
    },

    async 'nothing that a scenario says is markup'({ browser, folder }) {
        const evil = '</script><img src=x onerror="window.injected=1"><script>window.injected=1</script><!--\u2028{{script}}';
        const long = `n${'o'.repeat(300)}`;
        const scenario = {
            version: 1,
            title: evil,
            story: `${evil} ${'very long '.repeat(3000)}`,
            question: evil,
            duration: '2s',
            services: { [long]: { majority_register: { replicas: 3 } } },
            clients: {
                [`c${long}`]: { calls: long, arrivals: { poisson: '20/s' }, operations: { read: 0.5, write: 0.5 } },
                scripted: { calls: long, operations: { script: [{ number: 1, at: '1s', custom: { name: evil, body: evil } }] } },
            },
            faults: [{ id: long, partition: { groups: [[`${long}-0`], 'rest'], at: '500ms', for: '1s' } }],
            hypothesis: { always: ['linearizable', { lost_writes: { at_most: 0 } }] },
        };
        const path = join(folder, 'evil.json');
        writeFileSync(path, JSON.stringify(scenario));
        const { file } = pageOf(folder, path);
        const { page, complaints } = await browser.open(file);
        await drawn(page);
        assert.ok(await page.evaluate(() => window.partita.runs[0].operations.count > 20));
        for (const index of await page.evaluate(() => window.partita.runs[0].operations.kind.map((_, i) => i).slice(-3))) {
            await page.evaluate((index) => window.partita.buses[0].set('selection', { kind: 'operation', index }), index);
        }
        await page.evaluate(() => window.partita.buses[0].set('selection', { kind: 'fault', index: 0 }));
        await page.locator('#diagram .twin summary').press('Enter');
        await drawn(page);
        assert.equal(await page.evaluate(() => window.injected), undefined);
        assert.equal(await page.locator('img').count(), 0);
        assert.equal(await page.locator('script').count(), 0, 'the page has taken its own away');
        assert.equal(await page.locator('h1').innerText().then((text) => text.includes('onerror')), true, 'it is shown as it was written');
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'nothing sticks out');
        assert.deepEqual(complaints, []);
        await page.close();
    },
};

/** Runs the tests whose names hold a text; answers how many failed. */
async function test(browser, folder, only = '') {
    const { file } = pageOf(folder, 'cap/partition-raft');
    const { page: parted, complaints } = await browser.open(file);
    await drawn(parted);
    let failed = 0;
    for (const [name, test] of Object.entries(tests).filter(([name]) => name.includes(only))) {
        const start = Date.now();
        try {
            await test({ browser, folder, parted });
            assert.deepEqual(complaints.splice(0), []);
            console.log(`ok      ${name} (${Date.now() - start} ms)`);
        } catch (error) {
            failed++;
            console.log(`FAILED  ${name}\n${error.stack}`);
        }
    }
    console.log(failed === 0 ? `all ${Object.keys(tests).length} tests of the page passed` : `${failed} tests of the page failed`);
    return failed;
}

const browser = await Browser.start();
const act = process.argv.includes('--images') ? images : process.argv.includes('--frames') ? frames : test;
const failed = await withFolder((folder) => act(browser, folder, process.argv[2]));
await browser.stop();
process.exitCode = failed ? 1 : 0;
