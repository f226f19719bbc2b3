// What engine and agents share: the shapes of what travels, and the rules of patterns.
export interface Event {
	id: string;
	type: string;
	source: string;
	thredId?: string; // none: a pattern has to claim it
	data?: Record<string, unknown>;
}

export interface Message {
	thredId: string;
	type: string;
	to: string[]; // participants
	data?: Record<string, unknown>;
}

export interface Transition {
	goto: string;
	send?: { type: string; to: string }; // a participant or the name of a group
	persist?: boolean;
}

export interface Pattern {
	id: string;
	start: string;
	states: Record<string, { on: Record<string, Transition> }>;
}

export interface Task {
	op: 'create' | 'read' | 'update' | 'delete';
	collection: string;
	filter?: Record<string, unknown>;
	values?: Record<string, unknown>;
}

export function isEvent(x: unknown): x is Event {
	const e = x as Event;
	return typeof e === 'object' && e !== null && typeof e.type === 'string' && typeof e.source === 'string' &&
		['string', 'undefined'].includes(typeof e.thredId); // anything else would be a query to the database
}

// The pattern that an event without a thred begins.
export function claim(patterns: Pattern[], event: Event): Pattern | undefined {
	return patterns.find((p) => transition(p, p.start, event));
}

export function transition(pattern: Pattern, state: string, event: Event): Transition | undefined {
	const on = pattern.states[state]?.on ?? {};
	return Object.hasOwn(on, event.type) ? on[event.type] : undefined; // "constructor" is nobody's event
}

// {age: {gt: 3}} as MongoDB has it: {age: {$gt: 3}}; a plain value is equality.
export function translate(filter: Record<string, unknown>): Record<string, unknown> {
	const known = new Set(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in']);
	const operators = (value: Record<string, unknown>) =>
		Object.fromEntries(Object.entries(value).map(([name, operand]) => {
			if (!known.has(name)) throw new Error(`no operator "${name}"`);
			return [`$${name}`, operand];
		}));
	return Object.fromEntries(Object.entries(filter).map(([field, value]) => {
		if (field.startsWith('$')) throw new Error(`no field may be called "${field}"`);
		const plain = typeof value !== 'object' || value === null || Array.isArray(value);
		return [field, plain ? value : operators(value as Record<string, unknown>)];
	}));
}
