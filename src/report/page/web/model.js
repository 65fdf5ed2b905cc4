// @ts-check
// The runs of a page: the document that `src/report/page/model.rs` writes, with its columns as typed arrays and what
// follows from them: messages, lanes, causes and effects. Times are nanoseconds since the start of the run.

/**
 * @typedef {{ name: string, class: string | null }} Verdict
 * @typedef {{ name: string, phase: string, verdict: Verdict, observed: string, expected: string, explanation: string,
 *   operations: number[], edges: Edge[] }} Check
 * @typedef {{ from: number, to: number | null, kind: string, key: string | null, words: string }} Edge
 *   From an operation to another, or to what the replicas hold at the end.
 * @typedef {{ name: string, zone: string | null, service: string | null, calls: string | null }} Node
 * @typedef {{ id: string, kind: string, started: boolean, from: number, to: number, isOpen: boolean, targets: number[],
 *   touched: number, touches: string, cuts: [number, number][], settings: any }} Fault
 *   `cuts` are the links that it cuts, from one node to another.
 * @typedef {{ from: number, to: number }} Span
 * @typedef {{ from: number, to: number, role: string, epoch: number }} Role
 * @typedef {{ roles: Role[], down: (Span & { silent: boolean })[], paused: Span[] }} Lane
 * @typedef {{ count: number, t: Float64Array, tag: Uint8Array, node: Int32Array, peer: Int32Array, cause: Int32Array,
 *   label: Uint32Array, number: Float64Array }} Events
 *   `cause` is the index of the event that led to it, or -1; `node` and `peer` are -1 where there is none.
 * @typedef {{ count: number, event: Uint32Array, start: Uint32Array, sent: Float64Array, ended: Float64Array, from: Int32Array,
 *   to: Int32Array, kind: Uint16Array, fate: Uint8Array }} Messages
 *   In the order of sending. `start` is the event that sent it, `event` that of its end; `fate` 0: delivered, else 1 + the number of the drop's cause.
 * @typedef {{ count: number, client: Int32Array, node: Int32Array, session: Float64Array, outcome: Uint8Array,
 *   intended: Float64Array, invoked: Float64Array, completed: Float64Array, row: Uint16Array, key: (number | string | null)[],
 *   kind: number[], request: number[], answer: number[], number: (number | string)[], calls: (number | string)[][],
 *   byDesign: Set<number>, stale: number[], total: number, finalReads: number }} Operations
 *   `row`: operations of one client that overlap are in different rows.
 * @typedef {{ width: number, invoked: number[], ok: number[], no: number[], fail: number[], info: number[],
 *   availability: (number | null)[], p50: Latency[], p90: Latency[], p99: Latency[], max: Latency[],
 *   reads: number[], stale: number[], delivered: number[], dropped: Record<string, number[]>,
 *   histogram: { bounds: number[], counts: number[], never: number } }} Series
 * @typedef {number | 'never' | null} Latency
 * @typedef {{ kind: string, node: number, peer: number, start: number, end: number, parent: number | null, said: string,
 *   failure: string | null }} Leg
 *   A part of an operation; `parent` is the leg that it is a part of, by place.
 * @typedef {{ operation: number, why: 'slow' | 'unanswered', legs: Leg[] }} Requested
 * @typedef {{ name: string, title: string, story: string, question: string, seed: number | string, digest: string,
 *   verdict: Verdict, warmUp: number, duration: number, end: number, checks: Check[], notes: string[], chaos: string | null,
 *   reached: [string, number][], figures: [string, string][], census: any, zones: string[],
 *   services: { name: string, kind: string, replicas: number }[], nodes: Node[], clients: string[], faults: Fault[],
 *   lanes: Lane[], events: Events, messages: Messages, kinds: { name: string, count: number }[], operations: Operations,
 *   callEvents: Map<number | string, number[]>, effects: (event: number) => Uint32Array, text: (id: number) => string,
 *   series: Series, requests: Requested[], eventsTotal: number, messagesTotal: number, tags: string[] }} Run
 */

/** Why messages die, by number. */
export const DROP_CAUSES = ['loss', 'partition', 'receiver down', 'queue full', 'refused', 'corrupted', 'stale name'];

/** How operations end, by number. */
export const OUTCOMES = ['ok', 'no', 'fail', 'info'];

/** The number of each tag that the page knows by name. @type {Record<string, number>} */
export const TAG = {};

/**
 * Reads the document of the page.
 * @param {any} document
 * @returns {Run[]}
 */
export function readDocument(document) {
    document.tags.forEach((/** @type {string} */ name, /** @type {number} */ index) => (TAG[name] = index + 1));
    return document.runs.map((/** @type {any} */ run) => readRun(run, document.tags));
}

/**
 * @param {any} data
 * @param {string[]} tags
 * @returns {Run}
 */
function readRun(data, tags) {
    const text = decodeTexts(data.texts);
    const events = readEvents(data.events);
    const { messages, kinds } = gatherMessages(events, text);
    const callEvents = gatherCalls(events, data.events.dropped_calls);
    const end = Math.max(Number(data.end), events.count > 0 ? events.t[events.count - 1] : 0, 1);
    const faults = data.faults.map((/** @type {any} */ fault) => readFault(fault, data.nodes, end));
    return {
        ...data,
        warmUp: Number(data.warm_up),
        duration: Number(data.duration),
        end,
        faults,
        checks: data.checks.map(readCheck),
        lanes: gatherLanes(events, data.nodes.length, text, end),
        events,
        messages,
        kinds,
        operations: readOperations(data.operations, data.nodes, data.clients, callEvents, events),
        requests: data.requests.map((/** @type {any} */ request) => readRequest(request, text)),
        callEvents,
        effects: gatherEffects(events),
        text,
        eventsTotal: data.events.total,
        messagesTotal: data.events.messages_total,
        tags,
    };
}

/**
 * @param {any} check
 * @returns {Check}
 */
function readCheck(check) {
    const edges = (check.edges ?? []).map((/** @type {any[]} */ [from, to, kind, key, words]) => ({ from, to, kind, key, words }));
    return { ...check, edges };
}

/**
 * The table of texts: see `src/report/page/texts.rs`.
 * @param {{ forms: string[][], form: number[], digits: string[] }} table
 * @returns {(id: number) => string}
 */
export function decodeTexts(table) {
    /** @type {(string | undefined)[]} */
    const known = [];
    return (id) => {
        const text = known[id];
        if (text !== undefined) return text;
        const pieces = table.forms[table.form[id]] ?? [''];
        const digits = (table.digits[id] ?? '').split(' ');
        return (known[id] = pieces.map((piece, i) => piece + (i + 1 < pieces.length ? digits[i] : '')).join(''));
    };
}

/**
 * Running sums of a column.
 * @param {(number | string)[]} differences
 */
function sums(differences) {
    const sum = new Float64Array(differences.length);
    let last = 0;
    for (let i = 0; i < sum.length; i++) sum[i] = last += Number(differences[i]);
    return sum;
}

/**
 * @param {any} data
 * @returns {Events}
 */
function readEvents(data) {
    const count = data.t.length;
    const cause = new Int32Array(count);
    for (let i = 0; i < count; i++) cause[i] = data.cause[i] === 0 ? -1 : i - data.cause[i];
    return {
        count,
        t: sums(data.t),
        tag: Uint8Array.from(data.tag),
        node: Int32Array.from(data.node),
        peer: Int32Array.from(data.peer),
        cause,
        label: Uint32Array.from(data.label),
        number: Float64Array.from(data.number, Number),
    };
}

/**
 * The kind and the content of an event's label.
 * @param {string} label
 * @returns {[string, string]}
 */
export function splitLabel(label) {
    const at = label.indexOf('\t');
    return at < 0 ? [label, ''] : [label.slice(0, at), label.slice(at + 1)];
}

/**
 * The messages between nodes, and their kinds, the most frequent first.
 * @param {Events} events
 * @param {(id: number) => string} text
 */
function gatherMessages(events, text) {
    const { t, tag, node, peer, cause, label } = events;
    const ends = [];
    for (let i = 0; i < events.count; i++) {
        const isEnd = tag[i] === TAG.deliver || tag[i] === TAG.drop || tag[i] === TAG.request || tag[i] === TAG.answer;
        if (isEnd && node[i] !== peer[i] && !isRelayed(events, i)) ends.push(i);
    }
    const sentBy = (/** @type {number} */ i) => (cause[i] < 0 ? i : cause[i]);
    ends.sort((a, b) => sentBy(a) - sentBy(b) || a - b);
    const name = (/** @type {number} */ i) => (tag[i] === TAG.request ? 'request' : splitLabel(text(label[i]))[0] || 'message');
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const i of ends) counts.set(name(i), (counts.get(name(i)) ?? 0) + 1);
    const kinds = [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
    const numbers = new Map(kinds.map((kind, number) => [kind.name, number]));
    const messages = {
        count: ends.length,
        event: Uint32Array.from(ends),
        start: Uint32Array.from(ends, sentBy),
        sent: Float64Array.from(ends, (i) => t[sentBy(i)]),
        ended: Float64Array.from(ends, (i) => t[i]),
        from: Int32Array.from(ends, (i) => peer[i]),
        to: Int32Array.from(ends, (i) => node[i]),
        kind: Uint16Array.from(ends, (i) => numbers.get(name(i)) ?? 0),
        fate: Uint8Array.from(ends, (i) => (tag[i] === TAG.drop ? 1 + events.number[i] : 0)),
    };
    return { messages, kinds };
}

/**
 * Whether an answer's event stands for no message: the host tells a busy process of it after it has arrived.
 * @param {Events} events
 * @param {number} i
 */
function isRelayed(events, i) {
    const cause = events.cause[i];
    const same = cause >= 0 && events.tag[cause] === TAG.answer && events.number[cause] === events.number[i];
    return events.tag[i] === TAG.answer && same && events.node[cause] === events.node[i];
}

/**
 * The events of each call.
 * @param {Events} events
 * @param {[number, number | string][]} dropped
 */
function gatherCalls(events, dropped) {
    /** @type {Map<number | string, number[]>} */
    const calls = new Map();
    const add = (/** @type {number | string} */ call, /** @type {number} */ event) => {
        const known = calls.get(call);
        if (known) known.push(event);
        else calls.set(call, [event]);
    };
    for (let i = 0; i < events.count; i++) {
        const tag = events.tag[i];
        if (tag === TAG.request || tag === TAG.answer || tag === TAG.call_timeout) add(events.number[i], i);
    }
    for (const [event, call] of dropped) add(call, event);
    for (const list of calls.values()) list.sort((a, b) => a - b);
    return calls;
}

/**
 * What each event led to.
 * @param {Events} events
 * @returns {(event: number) => Uint32Array}
 */
function gatherEffects({ count, cause }) {
    const first = new Uint32Array(count + 1);
    for (let i = 0; i < count; i++) if (cause[i] >= 0) first[cause[i] + 1]++;
    for (let i = 0; i < count; i++) first[i + 1] += first[i];
    const next = first.slice();
    const effects = new Uint32Array(first[count]);
    for (let i = 0; i < count; i++) if (cause[i] >= 0) effects[next[cause[i]]++] = i;
    return (event) => effects.subarray(first[event], first[event + 1]);
}

/**
 * Roles, crashes and pauses along each node.
 * @param {Events} events
 * @param {number} nodes
 * @param {(id: number) => string} text
 * @param {number} end
 * @returns {Lane[]}
 */
function gatherLanes(events, nodes, text, end) {
    /** @type {Lane[]} */
    const lanes = Array.from({ length: nodes }, () => ({ roles: [], down: [], paused: [] }));
    const close = (/** @type {Span[]} */ spans, /** @type {number} */ at) => {
        const last = spans[spans.length - 1];
        if (last && last.to === Infinity) last.to = at;
    };
    for (let i = 0; i < events.count; i++) {
        const lane = lanes[events.node[i]];
        if (!lane) continue;
        const from = events.t[i];
        switch (events.tag[i]) {
            case TAG.role:
                close(lane.roles, from);
                lane.roles.push({ from, to: Infinity, role: text(events.label[i]), epoch: events.number[i] });
                break;
            case TAG.crash:
                close(lane.roles, from);
                close(lane.down, from);
                lane.down.push({ from, to: Infinity, silent: events.number[i] === 1 });
                break;
            case TAG.start:
                close(lane.down, from);
                break;
            case TAG.pause:
                close(lane.paused, from);
                lane.paused.push({ from, to: Infinity });
                break;
            case TAG.resume:
                close(lane.paused, from);
                break;
        }
    }
    for (const lane of lanes) for (const spans of [lane.roles, lane.down, lane.paused]) close(spans, end);
    return lanes;
}

/**
 * @param {any} fault
 * @param {Node[]} nodes
 * @param {number} end
 * @returns {Fault}
 */
function readFault(fault, nodes, end) {
    const numbers = new Map(nodes.map((node, number) => [node.name, number]));
    const side = (/** @type {any} */ names) =>
        (Array.isArray(names) ? names : []).map((name) => numbers.get(name)).filter((number) => number !== undefined);
    const settings = fault.settings ?? {};
    const between = (/** @type {any} */ from, /** @type {any} */ to) => side(from).flatMap((a) => side(to).filter((b) => a !== b).map((b) => /** @type {[number, number]} */ ([a, b])));
    const list = (/** @type {any} */ some) => (Array.isArray(some) ? some : []);
    const groups = list(settings.groups).flatMap((one, i) => list(settings.groups).flatMap((other, j) => (i === j ? [] : between(one, other))));
    const links = list(settings.links).flatMap(({ from, to }) => between(from, to));
    const cuts = [...between(settings.from, settings.to), ...groups, ...links];
    return {
        ...fault,
        from: fault.start === null ? end : Number(fault.start),
        to: fault.end === null ? end : Number(fault.end),
        isOpen: fault.end === null,
        cuts: fault.kind === 'partition' || fault.kind === 'flapping' ? cuts : [],
    };
}

/**
 * @param {any} data
 * @param {Node[]} nodes
 * @param {string[]} clients
 * @param {Map<number | string, number[]>} callEvents
 * @param {Events} events
 * @returns {Operations}
 */
function readOperations(data, nodes, clients, callEvents, events) {
    const count = data.client.length;
    const invoked = sums(data.invoked);
    const completed = Float64Array.from(data.took, (took, i) => invoked[i] + Number(took));
    const named = new Map(nodes.map((node, number) => [node.name, number]));
    // Those who read again at the end have names of their own and the place of a client.
    const nodeOf = (/** @type {number} */ i) => {
        const own = named.get(clients[data.client[i]]);
        if (own !== undefined) return own;
        const event = data.calls[i].length > 0 ? callEvents.get(data.calls[i][0])?.[0] : undefined;
        if (event === undefined) return -1;
        return events.tag[event] === TAG.request || events.tag[event] === TAG.drop ? events.peer[event] : events.node[event];
    };
    const node = Int32Array.from({ length: count }, (_, i) => nodeOf(i));
    return {
        count,
        client: Int32Array.from(data.client),
        node,
        session: Float64Array.from(data.session, Number),
        outcome: Uint8Array.from(data.outcome),
        intended: Float64Array.from(data.waited, (waited, i) => invoked[i] - Number(waited)),
        invoked,
        completed,
        row: rows(node, invoked, completed),
        key: data.key,
        kind: data.kind,
        request: data.request,
        answer: data.answer,
        number: data.number,
        calls: data.calls,
        byDesign: new Set(data.by_design),
        stale: data.stale,
        total: data.total,
        finalReads: data.final_reads,
    };
}

/**
 * @param {any} data
 * @param {(id: number) => string} text
 * @returns {Requested}
 */
function readRequest(data, text) {
    const leg = (/** @type {any[]} */ [kind, node, peer, start, end, parent, said, failure]) => ({
        kind, node, peer, start: Number(start), end: Number(end), parent, said: text(said), failure: failure === null ? null : text(failure),
    });
    return { operation: data.operation, why: data.why, legs: data.legs.map(leg) };
}

/**
 * For each operation the first row of its client's lane that is free.
 * @param {Int32Array} node
 * @param {Float64Array} invoked
 * @param {Float64Array} completed
 */
function rows(node, invoked, completed) {
    /** @type {Map<number, number[]>} */
    const free = new Map();
    return Uint16Array.from(node, (node, i) => {
        const rows = free.get(node) ?? [];
        free.set(node, rows);
        let row = rows.findIndex((until) => until <= invoked[i]);
        if (row < 0) row = rows.length;
        rows[row] = completed[i];
        return row;
    });
}

/**
 * The stable id of an operation, `shoppers-17`.
 * @param {Run} run
 * @param {number} operation
 */
export function operationId(run, operation) {
    return `${run.clients[run.operations.client[operation]] ?? '?'}-${run.operations.number[operation]}`;
}

/**
 * The name of a node.
 * @param {Run} run
 * @param {number} node
 */
export function nodeName(run, node) {
    return run.nodes[node]?.name ?? '?';
}

/**
 * An operation in words: what was asked, and what came of it.
 * @param {Run} run
 * @param {number} operation
 */
export function operationWords(run, operation) {
    const { request, answer, outcome, kind } = run.operations;
    const asked = run.text(request[operation]);
    const said = run.text(answer[operation]);
    switch (outcome[operation]) {
        case 0:
            return said === 'nil' && run.text(kind[operation]) !== 'read' ? `${asked}: ok` : `${asked} → ${said}`;
        case 1:
            return `${asked} → no, found ${said}`;
        case 2:
            return `${asked}: failed, ${said}`;
        default:
            return `${asked}: unknown, ${said}`;
    }
}

/**
 * Why a message died, and of which fault: the label of its death ends with a tab and the fault's name, if it died of one.
 * @param {Run} run
 * @param {number} event
 */
export function deathWords(run, event) {
    const { number, label } = run.events;
    const text = run.text(label[event]);
    const fault = text.slice(text.lastIndexOf('\t') + 1);
    const cause = DROP_CAUSES[number[event]] ?? '?';
    return fault ? `${cause}, fault “${fault}”` : cause;
}

/**
 * An event in words: a line, and what it carried.
 * @param {Run} run
 * @param {number} event
 * @returns {{ line: string, content: string }}
 */
export function eventWords(run, event) {
    const { tag, node, peer, number, label } = run.events;
    const [kind, content] = splitLabel(run.text(label[event]));
    const [a, b] = [nodeName(run, node[event]), nodeName(run, peer[event])];
    const fault = run.faults[number[event]];
    const named = fault ? `${fault.kind} “${fault.id}”` : 'a fault';
    const lines = /** @type {Record<string, string>} */ ({
        deliver: `${a} receives ${kind} from ${b}`,
        drop: `${kind} from ${b} to ${a} dies: ${deathWords(run, event)}`,
        request: `${a} is asked by ${b}: ${content || kind}`,
        answer: `${b} answers ${a}: ${content || kind}`,
        timer: `timer of ${a}: ${kind.split('(')[0]}`,
        disk: `disk of ${a} is done`,
        work_done: `${a} has done its work`,
        waits: `${kind} waits at ${a}`,
        start: `${a} starts`,
        crash: `${a} ${number[event] === 1 ? 'loses power' : 'crashes'}`,
        pause: `${a} pauses`,
        resume: `${a} goes on`,
        cut: `${named} cuts links`,
        heal: `${named} ends`,
        disturb: `${named} disturbs links`,
        clock: `the clock of ${a} changes by ${number[event]}`,
        ready: `${a} is ready`,
        role: `${a} becomes ${kind} in epoch ${number[event]}`,
        note: `${a}: ${kind}`,
        reached: `${a}: ${kind}`,
        maybe: `${a} does the rare thing of ${kind}`,
        call_timeout: `${a} stops waiting for ${b}`,
        token: 'the client or a fault acts',
        held: `a message from ${b} to ${a} is held`,
    });
    const name = run.tags[tag[event] - 1] ?? '?';
    const shown = { timer: kind, drop: content.slice(0, Math.max(0, content.lastIndexOf('\t'))) };
    return { line: lines[name] ?? name, content: shown[/** @type {'timer' | 'drop'} */ (name)] ?? content };
}

/**
 * A time or a span as a person reads it.
 * @param {number} nanoseconds
 * @param {number} [resolution] what need not be told apart
 */
export function timeWords(nanoseconds, resolution = nanoseconds / 10_000) {
    const size = Math.abs(nanoseconds);
    const [unit, name] = size >= 1e9 || size === 0 ? [1e9, 's'] : size >= 1e6 ? [1e6, 'ms'] : size >= 1e3 ? [1e3, 'µs'] : [1, 'ns'];
    const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(Math.max(resolution, 1) / unit))));
    const text = (nanoseconds / unit).toFixed(digits);
    return `${text.includes('.') ? text.replace(/\.?0+$/, '') : text} ${name}`;
}

/**
 * The first place in ascending numbers that is not below a value.
 * @param {ArrayLike<number>} numbers
 * @param {number} value
 */
export function lowerBound(numbers, value) {
    let [low, high] = [0, numbers.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if (numbers[middle] < value) low = middle + 1;
        else high = middle;
    }
    return low;
}
