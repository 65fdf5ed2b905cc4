// @ts-check
// Puts the page together: the head, one section per view, the choice between two runs, the theme.

import { ANOMALY } from './anomaly.js';
import { Both } from './both.js';
import { Bus, element } from './bus.js';
import { CHARTS } from './charts.js';
import { DIAGRAM } from './diagram.js';
import { readDocument } from './model.js';
import { REQUESTS } from './requests.js';
import { TOPOLOGY } from './topology.js';
import { VERDICT, badge } from './verdict.js';

/** The views of a run, in the order of the page. @type {import('./bus.js').View[]} */
const VIEWS = [VERDICT, ANOMALY, DIAGRAM, TOPOLOGY, CHARTS, REQUESTS];

/**
 * @param {import('./model.js').Run} run
 * @param {'light' | 'dark'} theme
 */
function newBus(run, theme) {
    const window = { from: 0, to: run.end };
    return new Bus({ window, selection: null, playhead: 0, playing: false, theme, query: '', printing: false });
}

/** @param {import('./model.js').Run} run */
function head(run) {
    return element(
        'div',
        { class: 'hero' },
        element('p', { class: 'byline' }, `${run.name} · seed ${run.seed} · digest ${run.digest}`),
        element('h1', {}, run.title),
        element('p', { class: 'judgement' }, badge(run.verdict)),
        run.story ? element('p', { class: 'story' }, run.story) : null,
        run.question ? question(run.question) : null,
    );
}

/**
 * A question to answer before the verdict is looked at.
 * @param {string} asked
 */
function question(asked) {
    const reveal = element('button', { class: 'tool reveal', onclick: () => page.reveal() }, 'Reveal the verdict');
    return element('div', { class: 'question' }, element('p', {}, element('strong', {}, 'Predict first. '), asked), reveal);
}

/**
 * One section of a run.
 * @param {import('./bus.js').View} view
 * @param {import('./model.js').Run} run
 * @param {Bus} bus
 */
function section(view, run, bus) {
    const place = element('div', { class: 'view' });
    const titled = { id: view.id, class: 'section', 'aria-labelledby': `${view.id}-title` };
    const whole = element(
        'section',
        titled,
        element('h2', { id: `${view.id}-title` }, view.title),
        element('p', { class: 'lead' }, view.lead),
        place,
    );
    return { whole, mount: () => view.mount(place, run, bus) };
}

class Page {
    /** @param {import('./model.js').Run[]} runs */
    constructor(runs) {
        this.runs = runs;
        const prefersDark = window.matchMedia('(prefers-color-scheme: dark)').matches;
        this.buses = runs.map((run) => newBus(run, prefersDark ? 'dark' : 'light'));
        this.bothBus = newBus(runs[0], prefersDark ? 'dark' : 'light');
        this.main = element('main', {});
        this.shown = -1;
        /** @type {(() => void)[]} */
        this.takeDown = [];
        /** The views by their ids, for whoever asks what is shown. */
        this.views = Object.fromEntries(VIEWS.map((view) => [view.id, view]));
    }

    start() {
        this.links = element('nav', { 'aria-label': 'Sections' });
        const theme = element('button', { class: 'theme', onclick: () => this.setTheme(this.theme() === 'dark' ? 'light' : 'dark') }, 'Light / dark');
        const bar = element('div', { class: 'bar' }, element('span', { class: 'wordmark' }, 'partita'), this.links, this.choice(), theme);
        document.body.replaceChildren(bar, this.main);
        this.setTheme(this.theme());
        // Whoever comes by a link to the verdict wants to see it.
        const isAsked = this.runs.some(({ question }) => question) && !['#verdict', '#anomaly'].includes(location.hash);
        document.documentElement.classList.toggle('unrevealed', isAsked);
        window.addEventListener('beforeprint', () => this.print(true));
        window.addEventListener('afterprint', () => this.print(false));
        this.show(this.runs.length > 1 ? this.runs.length : 0);
    }

    /** The choice between two runs. */
    choice() {
        if (this.runs.length < 2) return null;
        const button = (/** @type {string} */ title, /** @type {number} */ index) =>
            element('button', { 'data-run': index, onclick: () => this.show(index), title }, ['A', 'B', 'A beside B'][index]);
        const titles = [...this.runs.map((run) => run.title), 'Both on one clock'];
        return element('div', { class: 'choice', role: 'group', 'aria-label': 'Which run' }, ...titles.map(button));
    }

    /** @param {number} index */
    show(index) {
        if (index === this.shown) return;
        this.takeDown.forEach((end) => end());
        this.shown = index;
        if (index < this.runs.length) this.showOne(index);
        else this.showBoth();
        document.querySelectorAll('[data-run]').forEach((button) =>
            button.setAttribute('aria-pressed', String(button.getAttribute('data-run') === String(index))),
        );
    }

    /** @param {number} index */
    showOne(index) {
        const [run, bus] = [this.runs[index], this.buses[index]];
        const sections = VIEWS.filter((view) => view.isWanted(run)).map((view) => ({ view, ...section(view, run, bus) }));
        this.main.replaceChildren(head(run), ...sections.map(({ whole }) => whole));
        this.links?.replaceChildren(...sections.map(({ view }) => element('a', { href: `#${view.id}` }, view.title)));
        // A view measures its place, so it is mounted when that is in the page.
        this.takeDown = sections.map(({ mount }) => mount()).filter((end) => end !== undefined);
    }

    /** Both runs beside each other, on a clock of their own. */
    showBoth() {
        const place = element('div', { class: 'view' });
        const title = element('h1', { id: 'both-title' }, 'Beside each other');
        const lead = element('p', { class: 'lead' }, 'Two runs on one clock: where the sides of a partition stand, what each run has answered so far, and what differs in the end.');
        const asked = [...new Set(this.runs.map((run) => run.question).filter(Boolean))].join(' ');
        this.main.replaceChildren(element('section', { id: 'both', 'aria-labelledby': 'both-title' }, title, lead, asked ? question(asked) : '', place));
        this.links?.replaceChildren();
        const both = new Both(place, this.runs, this.bothBus);
        this.both = both;
        this.takeDown = [() => both.end()];
    }

    /** Shows the verdict, which a question had kept back. */
    reveal() {
        document.documentElement.classList.remove('unrevealed');
        this.main.querySelector('.judgement')?.scrollIntoView({ block: 'nearest' });
    }

    /**
     * Paper is white, and as wide as it is: everything is drawn again for it, and afterwards for the screen.
     * @param {boolean} printing
     */
    print(printing) {
        document.documentElement.classList.toggle('printing', printing);
        if (printing) this.shade = this.theme();
        this.setTheme(printing ? 'light' : (this.shade ?? this.theme()));
        [...this.buses, this.bothBus].forEach((bus) => bus.set('printing', printing));
    }

    theme() {
        return this.buses[0].get('theme');
    }

    /** @param {'light' | 'dark'} theme */
    setTheme(theme) {
        document.documentElement.dataset.theme = theme;
        [...this.buses, this.bothBus].forEach((bus) => bus.set('theme', theme));
    }
}

const runs = readDocument(JSON.parse(document.getElementById('document')?.textContent ?? '{"tags":[],"runs":[]}'));
const page = new Page(runs);
page.start();
// What tests ask, and whoever looks at a run from the browser's console.
Object.assign(window, { partita: page });
