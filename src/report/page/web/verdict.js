// @ts-check
// The verdict: what was asked, each expectation with what was observed, the faults and what each touched, the figures.

import { element, foldedTable, table } from './bus.js';
import { nodeName, operationId, operationWords, timeWords } from './model.js';

/** @type {Record<string, string>} */
const MARKS = { holds: '✓', refuted: '✕', inconclusive: '?', nondeterministic: '≠' };

/**
 * A verdict's mark and name.
 * @param {import('./model.js').Verdict} verdict
 */
export function badge(verdict) {
    const words = verdict.class ? `${verdict.name} · ${verdict.class}` : verdict.name;
    const mark = element('span', { class: 'mark', 'aria-hidden': 'true' }, MARKS[verdict.name] ?? '?');
    return element('span', { class: `badge ${verdict.name}` }, mark, element('span', {}, words));
}

/** @type {import('./bus.js').View} */
export const VERDICT = {
    id: 'verdict',
    title: 'The verdict',
    lead: 'What was expected, and what was observed.',
    isWanted: () => true,
    mount(place, run, bus) {
        const order = ['refuted', 'nondeterministic', 'inconclusive', 'holds'];
        const checks = [...run.checks].sort((a, b) => order.indexOf(a.verdict.name) - order.indexOf(b.verdict.name));
        place.append(
            element('div', { class: 'checks' }, ...checks.map((check) => checkCard(run, bus, check))),
            element('div', { class: 'columns' }, faultTable(run, bus), figureTable(run)),
            ...notes(run),
        );
    },
};

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 * @param {import('./model.js').Check} check
 */
function checkCard(run, bus, check) {
    const operations = [...new Set(check.operations)].slice(0, 8).map((operation) =>
        element(
            'li',
            {},
            element(
                'button',
                { class: 'link', onclick: () => bus.set('selection', { kind: 'operation', index: operation }) },
                operationId(run, operation),
            ),
            ` ${operationWords(run, operation)} (${timeWords(run.operations.invoked[operation], 1e4)} to ${timeWords(run.operations.completed[operation], 1e4)})`,
        ),
    );
    return element(
        'article',
        { class: `check ${check.verdict.name}` },
        element('header', {}, badge(check.verdict), element('h3', {}, check.name), element('span', { class: 'phase' }, check.phase)),
        element('p', { class: 'observed' }, check.observed),
        element('p', { class: 'expected' }, `expected ${check.expected}`),
        check.verdict.name !== 'holds' && check.explanation ? element('p', {}, check.explanation) : null,
        operations.length > 0 ? element('ul', {}, ...operations) : null,
    );
}

/**
 * @param {import('./model.js').Run} run
 * @param {import('./bus.js').Bus} bus
 */
function faultTable(run, bus) {
    const rows = run.faults.slice(0, 200).map((fault, index) => [
        element('button', { class: 'link', onclick: () => bus.set('selection', { kind: 'fault', index }) }, fault.id),
        fault.kind,
        fault.started ? `${timeWords(fault.from, 1e6)} to ${fault.isOpen ? 'the end' : timeWords(fault.to, 1e6)}` : 'never triggered',
        fault.targets.map((node) => nodeName(run, node)).join(', ') || 'nobody',
        fault.touches || '0',
    ]);
    const more = run.faults.length - rows.length;
    if (rows.length === 0) return element('p', { class: 'quiet' }, 'Nothing was made to fail.');
    return element(
        'div',
        { class: 'scroll broken' },
        table('What broke, and how much it touched', ['fault', 'kind', 'when', 'whom', 'touched'], rows),
        more > 0 ? element('p', { class: 'quiet' }, `and ${more} more`) : null,
    );
}

/** The figures that are looked at first. */
export const HEADLINES = ['operations', 'ok', 'availability', 'latency p50', 'latency p99', 'messages dropped'];

/** @param {import('./model.js').Run} run */
function figureTable(run) {
    const { census } = run;
    const dropped = Object.entries(census.dropped).map(([cause, count]) => `${cause.replaceAll('_', ' ')} ${count}`);
    const rows = [
        ...run.figures.filter(([, value]) => value !== '-'),
        ['messages sent', `${census.sent}`],
        ['messages delivered', `${census.delivered}`],
        ['messages dropped', dropped.join(', ') || '0'],
    ];
    const isHeadline = (/** @type {(Node | string)[]} */ [name]) => HEADLINES.includes(String(name));
    const sorted = [...rows.filter(isHeadline), ...rows.filter((row) => !isHeadline(row))];
    return foldedTable('What was measured', ['figure', 'value'], sorted, HEADLINES.length);
}

/** @param {import('./model.js').Run} run */
function notes(run) {
    const said = [...(run.chaos ? [run.chaos] : []), ...run.notes];
    const reached = run.reached.map(([name, count]) => `${name}: ${count}`);
    return [
        said.length > 0 ? element('ul', { class: 'notes' }, ...said.map((note) => element('li', {}, note))) : '',
        reached.length > 0 ? element('p', { class: 'quiet' }, `Rare paths reached: ${reached.join('; ')}`) : '',
    ];
}
