/**
 * The clock of NetFlow: flow times are milliseconds since the exporter's start, in 32 bits, beside a header that says how long
 * ago that start was. This box exports rows that may be weeks old and runs for years, so the start is a virtual one: long
 * enough before every row, and never so long before the export that 32 bits overflow. Collectors compute
 * `header time − uptime + flow time`, so moving it changes nothing but what a naive one takes for a restart. Pure.
 */

const uptimeMaxMs = 0xffff_ffff;
/** So far before the oldest row, so that rows which are a little older do not move it again. */
const slackMs = 3_600_000;

export class VirtualUptime {
  #startMs: number | undefined;

  /**
   * To be told before a message is written.
   * @param oldestMs wall time of the earliest flow start in it
   * @param exportMs the header's wall time
   */
  cover(oldestMs: number, exportMs: number): void {
    const start = this.#startMs;
    if (start !== undefined && oldestMs >= start && exportMs - start <= uptimeMaxMs && exportMs >= start) return;
    // Rows older than 49.7 days cannot be told: they are shown at the start, see `flow`.
    this.#startMs = Math.max(Math.min(oldestMs, exportMs) - slackMs, exportMs - uptimeMaxMs + slackMs);
  }

  /** The header's sysUptime, ms. */
  header(exportMs: number): number {
    return this.#bounded(exportMs);
  }

  /** A flow's time, ms. */
  flow(wallMs: number): number {
    return this.#bounded(wallMs);
  }

  #bounded(wallMs: number): number {
    return Math.min(uptimeMaxMs, Math.max(0, Math.floor(wallMs - (this.#startMs ?? wallMs))));
  }
}
