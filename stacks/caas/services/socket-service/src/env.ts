import type Redis from 'ioredis';
import type { Db } from 'mongodb';

export interface Stores { db: () => Db; redis: Redis }

export const env = (name: string): string => process.env[name] ?? '';
export const log = (level: string, message: string): void =>
	console.log(JSON.stringify({ time: new Date().toISOString(), level, instance: env('INSTANCE'), message }));
