// @ts-check
// What the views of a page share, and how they build their elements.

/**
 * What is selected.
 * @typedef {{ kind: 'event' | 'operation' | 'node' | 'fault', index: number }} Selection
 *
 * What all views of one run have in common. Whoever changes it, all are told.
 * @typedef {object} Shared
 * @property {{ from: number, to: number }} window the part of the run that is shown, in nanoseconds
 * @property {Selection | null} selection what is looked at
 * @property {number} playhead the instant that is played, in nanoseconds
 * @property {boolean} playing whether the play head moves
 * @property {'light' | 'dark'} theme
 * @property {string} query what is searched for
 * @property {boolean} printing whether the page is being printed: views draw for the width that they have now
 */

/** A view: `mount` fills the element, and answers what takes it down again.
 * @typedef {{ id: string, title: string, lead: string, isWanted: (run: import('./model.js').Run) => boolean,
 *   mount: (element: HTMLElement, run: import('./model.js').Run, bus: Bus) => (() => void) | void }} View */

/** Shared values, and those who want to hear of their changes. */
export class Bus {
    /** @param {Shared} shared */
    constructor(shared) {
        this.shared = shared;
        /** @type {Map<string, Set<(value: any) => void>>} */
        this.listeners = new Map();
    }

    /**
     * @template {keyof Shared} K
     * @param {K} name
     * @returns {Shared[K]}
     */
    get(name) {
        return this.shared[name];
    }

    /**
     * Changes a value and tells all who listen.
     * @template {keyof Shared} K
     * @param {K} name
     * @param {Shared[K]} value
     */
    set(name, value) {
        if (Object.is(this.shared[name], value)) return;
        this.shared[name] = value;
        for (const listener of this.listeners.get(name) ?? []) listener(value);
    }

    /**
     * Listens to changes; answers what ends that.
     * @template {keyof Shared} K
     * @param {K} name
     * @param {(value: Shared[K]) => void} listener
     */
    on(name, listener) {
        const listeners = this.listeners.get(name) ?? new Set();
        this.listeners.set(name, listeners);
        listeners.add(listener);
        return () => {
            listeners.delete(listener);
        };
    }
}

/**
 * An element with attributes and children. Texts become text nodes, so nothing that a run says is markup. Attributes whose
 * name begins with `on` are listeners.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
        else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? '' : String(value));
    }
    for (const child of children) if (child || child === '') made.append(child);
    return made;
}

/**
 * A table with a caption.
 * @param {string} caption
 * @param {string[]} head
 * @param {(Node | string)[][]} rows
 */
export function table(caption, head, rows) {
    const cell = (/** @type {Node | string} */ content) => element('td', {}, content);
    return element(
        'table',
        {},
        element('caption', {}, caption),
        element('thead', {}, element('tr', {}, ...head.map((name) => element('th', { scope: 'col' }, name)))),
        element('tbody', {}, ...rows.map((row) => element('tr', {}, ...row.map(cell)))),
    );
}

/**
 * A table of which the first rows are shown, and the others on demand.
 * @param {string} caption
 * @param {string[]} head
 * @param {(Node | string)[][]} rows
 * @param {number} most
 */
export function foldedTable(caption, head, rows, most) {
    if (rows.length <= most + 2) return element('div', {}, table(caption, head, rows));
    const rest = element('details', { class: 'twin' }, element('summary', {}, `${rows.length - most} more`), table(`${caption}: the rest`, head, rows.slice(most)));
    return element('div', {}, table(caption, head, rows.slice(0, most)), rest);
}

/**
 * A colour of the style sheet.
 * @param {string} name
 */
export function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
