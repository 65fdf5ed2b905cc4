// @ts-check
// The anomaly: for each check that is refuted what shows it, drawn, and told a sentence for each arrow.

import { element, table } from './bus.js';
import { storiesOf } from './contradiction.js';
import { Timeline, storyTable } from './timeline.js';
import { badge } from './verdict.js';

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @param {import('./model.js').Check} check
 */
function figure(run, bus, check) {
    const stories = storiesOf(run, check);
    const isCircle = stories.some(({ arrows }) => arrows.some(({ kind }) => kind === 'order' || kind === 'dependency'));
    const places = stories.map(() => element('div', { class: 'picture' }));
    const remark = element('p', { class: 'quiet' });
    const parts = stories.map((story, i) => {
        const told = story.sentences.map((words) => element(isCircle ? 'li' : 'p', {}, words));
        return element('div', { class: 'part' }, places[i], ...(isCircle ? [element('ol', {}, ...told)] : told), story.close ? element('p', {}, story.close) : null);
    });
    const lost = check.edges.filter(({ kind }) => kind === 'lost').length;
    const count = Number(/^\d+/.exec(check.observed)?.[0] ?? lost);
    const whole = element(
        'figure',
        { class: 'anomaly' },
        element('figcaption', {}, badge(check.verdict), element('h3', {}, check.name), element('span', {}, check.observed)),
        ...parts,
        lost > 0 && count > stories.length ? element('p', { class: 'quiet' }, `and ${count - stories.length} more.`) : null,
        remark,
        element('details', { class: 'twin' }, element('summary', {}, 'The same as a table'), table(check.observed, ['operation', 'part', 'what', 'when'], stories.flatMap((story) => storyTable(run, story)))),
    );
    const draw = () => {
        const drawings = stories.map((story, i) => new Timeline(run, bus, story, Math.max(places[i].clientWidth, 320)));
        drawings.forEach(({ picture }, i) => places[i].replaceChildren(picture));
        const hints = ['A bar reaches from the invocation of an operation to its answer; a hollow one was never answered.'];
        if (stories.some(({ arrows }) => arrows.some(({ kind }) => kind === 'order'))) hints.push('A dotted line leads from a write to who found it.');
        if (drawings.some(({ isBent }) => isBent)) hints.push('Long pauses are drawn short.');
        remark.textContent = hints.join(' ');
    };
    return { whole, draw };
}

/** @type {import('./bus.js').View} */
export const ANOMALY = {
    id: 'anomaly',
    title: 'The anomaly',
    lead: 'The operations that show what went wrong, with what they wrote and found. Choose one to see its messages below.',
    isWanted: (run) => anomalies(run).length > 0,
    mount(place, run, bus) {
        const figures = anomalies(run).slice(0, 4).map((check) => figure(run, bus, check));
        place.append(...figures.map(({ whole }) => whole));
        const redraw = () => figures.forEach(({ draw }) => draw());
        const resize = new ResizeObserver(redraw);
        resize.observe(place);
        redraw();
        const end = bus.on('printing', redraw);
        return () => (end(), resize.disconnect());
    },
};

/** The checks that have something to draw. @param {import('./model.js').Run} run */
function anomalies(run) {
    const isDrawn = (/** @type {import('./model.js').Check} */ check) => check.verdict.class === 'safety' && check.operations.length > 0;
    return run.checks.filter((check) => check.verdict.name === 'refuted' && isDrawn(check));
}
