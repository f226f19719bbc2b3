import type Redis from 'ioredis';
import type { Db } from 'mongodb';
import { hostname } from 'os';

export interface Stores { db: () => Db; redis: Redis }
export interface Message { _id: string; room: string; text: string; from: string; at: Date }

export const env = (name: string): string => process.env[name] ?? '';
export const instance = env('INSTANCE') || hostname();
export const log = (level: string, message: string): void =>
	console.log(JSON.stringify({ time: new Date().toISOString(), level, instance, message }));
