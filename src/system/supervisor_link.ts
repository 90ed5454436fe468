/**
 * What systemd is told (sd_notify(3)): that the box is ready, how it is in a line, that it stops; and that it lives, as long
 * as everything that must move does. A meter thread that hangs, or a main loop that stands still, is then ended and started
 * again by the watchdog; a quiet line is no sign of death, since threads answer without packets too.
 */
import type { Timer } from '../core/clock.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import type { BoxEvent, BoxStatus } from '../flow/status_shapes.ts';
import { type Lamp, type LampFacts, lampOf } from './box_lamp.ts';
import { summaryLine } from './summary_line.ts';

/** Something that must give signs of life. */
export interface Pulse {
  readonly name: string;
  /** Monotonic ms of the last one; undefined while none is expected. */
  readonly lastMs: () => number | undefined;
}

export interface SupervisorLinkParts {
  readonly world: World;
  /** Sends a datagram to the manager; undefined where there is none. */
  readonly notify: ((text: string) => boolean) | undefined;
  /** The manager ends a service that is silent for this long; 0 for never. */
  readonly watchdogMs: number;
  readonly pulses: readonly Pulse[];
  readonly status: () => LampFacts & Pick<BoxStatus, 'uplinks'>;
  /** Shows it to whoever stands before the box; absent where nothing does. */
  readonly lamp?: ((lamp: Lamp) => void) | undefined;
  readonly isSafe: boolean;
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

/** Without a sign of life for this long something is dead. Far above what a busy machine takes. */
export const deadAfterMs = 20_000;
const beatMsMax = 10_000;

export class SupervisorLink implements Service {
  readonly name = 'service manager';
  readonly #parts: SupervisorLinkParts;
  #timer: Timer | undefined;
  #said = '';
  #missing = '';
  #shown: Lamp | undefined;

  constructor(parts: SupervisorLinkParts) {
    this.#parts = parts;
  }

  /** Everything has started. */
  async start(_signal: AbortSignal): Promise<void> {
    const { notify, watchdogMs, world } = this.#parts;
    if (notify === undefined) return;
    this.#said = this.#summary();
    notify(`READY=1\nSTATUS=${this.#said}`);
    // sd_watchdog_enabled(3) recommends half the time; a third leaves room for one that is lost or late.
    const beatMs = watchdogMs > 0 ? Math.min(beatMsMax, watchdogMs / 3) : beatMsMax;
    this.#timer = world.clock.every(
      beatMs,
      () => this.#beat(notify),
      (error) => {
        throw error; // what cannot even look whether the box lives must not go on
      },
    );
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
    this.#parts.notify?.('STOPPING=1');
  }

  /** The box in a line; its lamp shows the same. */
  #summary(): string {
    const { lamp, isSafe } = this.#parts;
    const status = this.#parts.status();
    const now = lampOf(status, isSafe);
    if (now !== this.#shown) lamp?.(now);
    this.#shown = now;
    return summaryLine(status);
  }

  #beat(notify: (text: string) => boolean): void {
    const { world, pulses, watchdogMs, onEvent } = this.#parts;
    const nowMs = world.clock.monotonicMs();
    const missing = pulses
      .filter(({ lastMs }) => nowMs - (lastMs() ?? nowMs) > deadAfterMs)
      .map(({ name }) => name)
      .join(', ');
    if (missing !== '' && missing !== this.#missing) {
      onEvent('error', 'heartbeatMissing', `no sign of life from ${missing}: the service manager will start the box again`);
    }
    this.#missing = missing;
    const status = this.#summary();
    const lines = [
      ...(status === this.#said ? [] : [`STATUS=${status}`]),
      ...(watchdogMs > 0 && missing === '' ? ['WATCHDOG=1'] : []),
    ];
    this.#said = status;
    if (lines.length > 0) notify(lines.join('\n'));
  }
}

/**
 * What systemd put into the environment. A watchdog that was meant for another process is not ours (sd_watchdog_enabled(3)).
 */
export function supervisorOf(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): { address: string; watchdogMs: number } {
  const { NOTIFY_SOCKET = '', WATCHDOG_USEC, WATCHDOG_PID } = environment;
  const microseconds = Number(WATCHDOG_USEC ?? 0);
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid;
  return { address: NOTIFY_SOCKET, watchdogMs: isOurs && microseconds > 0 ? microseconds / 1_000 : 0 };
}
