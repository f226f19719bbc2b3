// What is used of rascal, which brings no types of its own.
declare module 'rascal' {
	import { EventEmitter } from 'events';
	export class BrokerAsPromised extends EventEmitter {
		static create(config: object): Promise<BrokerAsPromised>;
		publish(name: string, content: object, overrides?: object): Promise<EventEmitter>;
		subscribe(name: string): Promise<EventEmitter>;
		shutdown(): Promise<void>;
	}
	export function withDefaultConfig(config: object): object;
}
