/**
 * Services start in order and stop in reverse. Constructors do nothing; `start` may fail and says why; `stop` has a
 * deadline and never throws for what it could not finish: it reports.
 */
import { type Clock, withDeadline } from './clock.ts';
import { messageOf } from './errors.ts';
import type { Log } from './log.ts';

export interface Service {
  readonly name: string;
  /** Resolves when the service does its work. The signal aborts a start that takes too long. */
  start(signal: AbortSignal): Promise<void>;
  /** Flushes and ends within the deadline. */
  stop(deadlineMs: number): Promise<void>;
}

export class ServiceGroup {
  readonly #services: readonly Service[];
  readonly #clock: Clock;
  readonly #log: Log;
  #started: Service[] = [];

  /** @param services in the order in which they start */
  constructor(services: readonly Service[], clock: Clock, log: Log) {
    this.#services = services;
    this.#clock = clock;
    this.#log = log;
  }

  /** Starts one after the other. When one fails, those already started are stopped and the error goes on. */
  async start(signal: AbortSignal): Promise<void> {
    for (const service of this.#services) {
      try {
        await service.start(signal);
      } catch (error) {
        await this.stop(10_000);
        throw error;
      }
      this.#started.push(service);
      this.#log.debug('serviceStarted', { service: service.name });
    }
  }

  /** Stops in reverse order; each gets what is left of the deadline, at least a tenth of it. Returns who failed. */
  async stop(deadlineMs: number): Promise<string[]> {
    const endMs = this.#clock.monotonicMs() + deadlineMs;
    const failed: string[] = [];
    for (const service of this.#started.reverse()) {
      const leftMs = Math.max(deadlineMs / 10, endMs - this.#clock.monotonicMs());
      const sinceMs = this.#clock.monotonicMs();
      try {
        await withDeadline(this.#clock, leftMs, `stopping ${service.name}`, service.stop(leftMs));
      } catch (error) {
        failed.push(service.name);
        this.#log.error('serviceStopFailed', { service: service.name, reason: messageOf(error) });
      }
      this.#log.debug('serviceStopped', { service: service.name, ms: Math.round(this.#clock.monotonicMs() - sinceMs) });
    }
    this.#started = [];
    return failed;
  }
}
