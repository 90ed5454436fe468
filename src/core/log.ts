/**
 * Structured, rate-limited log lines on standard error. One line is one event: a short name that never changes and fields.
 * A repeated event is written at most `burst` times a period; what was held back is said with the next line.
 */
import { type DestinationStream, destination, pino } from 'pino';
import type { Clock } from './clock.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with a part's name on every line. */
  child(part: string): Log;
}

const burst = 5;
const periodMs = 60_000;
/** Distinct events remembered for the limit; the oldest is forgotten first. */
const eventsMax = 1_000;

export type LogSink = (level: LogLevel, part: string, event: string, fields: LogFields) => void;

/** A log over any sink, with the rate limit. */
export function createLog(clock: Clock, sink: LogSink, part = ''): Log {
  const seen = new Map<string, { startMs: number; count: number }>();
  const write = (level: LogLevel, event: string, fields: LogFields): void => {
    const key = `${level}/${event}`;
    const nowMs = clock.monotonicMs();
    const record = seen.get(key);
    if (record === undefined || nowMs - record.startMs >= periodMs) {
      const held = record === undefined ? 0 : Math.max(0, record.count - burst);
      seen.delete(key);
      seen.set(key, { startMs: nowMs, count: 1 });
      if (seen.size > eventsMax) seen.delete(seen.keys().next().value as string);
      sink(level, part, event, held > 0 ? { ...fields, heldBack: held } : fields);
      return;
    }
    record.count++;
    if (record.count <= burst) sink(level, part, event, fields);
  };
  return {
    // Whoever turns debugging on wants all of it.
    debug: (event, fields = {}) => sink('debug', part, event, fields),
    info: (event, fields = {}) => write('info', event, fields),
    warn: (event, fields = {}) => write('warn', event, fields),
    error: (event, fields = {}) => write('error', event, fields),
    child: (name) => createLog(clock, sink, part === '' ? name : `${part}.${name}`),
  };
}

/** The least level that is written; a function where it may change while running. */
export type LeastLevel = LogLevel | (() => LogLevel);

const isWritten = (least: LeastLevel, level: LogLevel): boolean =>
  logLevels.indexOf(level) >= logLevels.indexOf(typeof least === 'string' ? least : least());

/** JSON lines on standard error, as journald and log shippers read them. */
export function jsonSink(least: LeastLevel, stream: DestinationStream = destination(2)): LogSink {
  const logger = pino({ level: 'debug', base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  return (level, part, event, fields) => {
    if (isWritten(least, level)) logger[level]({ part, ...fields }, event);
  };
}

/** Lines for a person at a terminal: `12:03:55 warn  forward.tcp  connectionLost  destination=central`. */
export function textSink(least: LeastLevel, clock: Clock, write: (line: string) => void): LogSink {
  return (level, part, event, fields) => {
    if (!isWritten(least, level)) return;
    const time = new Date(clock.wallMs()).toTimeString().slice(0, 8);
    const words = Object.entries(fields).map(([key, value]) => `${key}=${printable(value)}`);
    write(`${[time, level.padEnd(5), part.padEnd(14), event, ...words].join('  ')}\n`);
  };
}

function printable(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === 'string') return /\s/.test(value) ? JSON.stringify(value) : value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};
