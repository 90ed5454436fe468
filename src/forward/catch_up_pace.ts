/**
 * How fast a backlog may follow, so that live rows are not late because of it: at most so many rows and bits a second, and at
 * most a share of what the uplink was seen to carry. The uplink is measured by the backlog itself: from time to time a
 * burst goes out at full speed, and its proven octets over the time until then are what the uplink carries. Lines that let
 * bursts through and no more are found out: what is on its way is bounded, and when that bound holds the sender back, what
 * arrives is what the line carries. Pure.
 */

export interface CatchUpLimits {
  readonly rowsPerSecondMax: number;
  readonly octetsPerSecondMax: number;
  /** Of the measured uplink, 0 to 1; from 1 on the uplink is not measured. */
  readonly uplinkShare: number;
}

/** Enough for TCP to open its window, and over a line of 1 Mbit/s gone in two seconds. */
const burstOctets = 256 * 1_024;
/** A burst that is not proven by then is measured by what is. */
const burstMaxMs = 2_000;
/** Where little is allowed a burst is smaller: this much of what is allowed in any case. */
const burstAllowanceS = 5;
const burstPeriodMs = 30_000;
/** Of so many bursts the fastest counts: TCP starts slowly, and other traffic comes and goes. */
const burstsKept = 3;
/** What may go at once, as time at the allowed rate: a sender wakes that often. */
const bucketMs = 100;
const pollMs = 5;
/** A sender with rows to send asks more often than that: otherwise it had none, and time says nothing about the line. */
const idleMs = 200;
/** What may be on its way: a burst, and what arrived in this time before. More is in some queue, not on the line. */
const inFlightMs = 1_000;
/** What arrives is looked at over so long. */
const deliveryMs = 1_000;
/** Rows that arrived are averaged over so long for the expected end. */
const rateSpanMs = 30_000;
const sampleMs = 1_000;

/** Says to a session when the next message may go. */
export interface Throttle {
  waitMs(nowMs: number, sentOctets: number, provenOctets: number): number;
  sent(rows: number, octets: number): void;
}

export class CatchUpPace implements Throttle {
  readonly #limits: CatchUpLimits;
  /** Rows and octets that may go now; negative after a message larger than what was left. */
  #rows: number;
  #octets = 0;
  #filledMs: number;
  #burst: { readonly startMs: number; readonly sentFrom: number; readonly provenFrom: number } | undefined;
  #nextBurstMs: number;
  #askedMs: number;
  #measured: number[] = [];
  /** Since when what arrives is watched, and whether the sender was held back by what is on its way. */
  #delivery = { sinceMs: 0, provenFrom: 0, held: false };
  /** Octets/ms that arrived in the last such time. */
  #delivered = 0;
  #samples: { readonly atMs: number; readonly arrived: number }[] = [];

  constructor(limits: CatchUpLimits, nowMs: number) {
    this.#limits = limits;
    this.#rows = (limits.rowsPerSecondMax * bucketMs) / 1_000;
    this.#filledMs = this.#nextBurstMs = this.#askedMs = nowMs;
  }

  /** What the uplink was seen to carry, octets/s; undefined while nobody knows. */
  get uplinkOctetsPerSecond(): number | undefined {
    return this.#measured.length === 0 ? undefined : Math.max(...this.#measured);
  }

  /** What is allowed now, octets/s. */
  get octetsPerSecond(): number {
    const { octetsPerSecondMax, uplinkShare } = this.#limits;
    const uplink = this.uplinkOctetsPerSecond;
    return uplink === undefined ? octetsPerSecondMax : Math.min(octetsPerSecondMax, uplink * uplinkShare);
  }

  /** A new session counts its octets anew; what was measured stays. */
  restart(nowMs: number): void {
    this.#burst = undefined;
    this.#filledMs = this.#nextBurstMs = this.#askedMs = nowMs;
    this.#delivery = { sinceMs: nowMs, provenFrom: 0, held: false };
  }

  /**
   * How long the next message has to wait, ms; 0 for not at all. To be asked again after that.
   * @param sentOctets and @param provenOctets of the session's link
   */
  waitMs(nowMs: number, sentOctets: number, provenOctets: number): number {
    this.#fill(nowMs);
    if (this.#limits.uplinkShare < 1) {
      this.#noticeIdle(nowMs, sentOctets, provenOctets);
      if (this.#burst === undefined && nowMs >= this.#nextBurstMs)
        this.#burst = { startMs: nowMs, sentFrom: sentOctets, provenFrom: provenOctets };
      if (this.#burst !== undefined) {
        const { startMs, sentFrom, provenFrom } = this.#burst;
        const late = nowMs - startMs >= burstMaxMs;
        const whole = sentOctets - sentFrom >= this.#burstOctets;
        if (!whole && !late) return 0;
        if (provenOctets < sentOctets && !late) return pollMs;
        // Too few rows to fill a burst, and most of it has arrived: the line could have carried more.
        const short = !whole && sentOctets - provenOctets <= provenOctets - provenFrom;
        if (!short) this.#measure((provenOctets - provenFrom) / Math.max(1, nowMs - startMs));
        this.#endBurst(nowMs, provenOctets);
      }
      if (this.#isHeld(nowMs, sentOctets, provenOctets)) return pollMs;
    }
    if (this.#rows > 0 && this.#octets > 0) return 0;
    const { rowsPerSecondMax } = this.#limits;
    return Math.max(1, (-this.#rows / rowsPerSecondMax) * 1_000, (-this.#octets / this.octetsPerSecond) * 1_000);
  }

  sent(rows: number, octets: number): void {
    this.#rows -= rows;
    this.#octets -= octets;
  }

  /** @param arrived rows that have arrived so far; never goes down */
  observe(nowMs: number, arrived: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && nowMs - last.atMs < sampleMs) return;
    this.#samples.push({ atMs: nowMs, arrived });
    while (this.#samples.length > rateSpanMs / sampleMs) this.#samples.shift();
  }

  /** Rows a second that arrived lately; 0 while nothing is known. */
  rowsPerSecond(nowMs: number, arrived: number): number {
    const first = this.#samples[0];
    return first === undefined || nowMs <= first.atMs ? 0 : ((arrived - first.arrived) * 1_000) / (nowMs - first.atMs);
  }

  /** What arrived before a pause arrived nobody knows when: neither a burst nor what is watched can be measured by it. */
  #noticeIdle(nowMs: number, sentOctets: number, provenOctets: number): void {
    const pausedMs = nowMs - this.#askedMs;
    this.#askedMs = nowMs;
    if (pausedMs <= idleMs || provenOctets < sentOctets) return;
    if (this.#burst === undefined) this.#delivery = { sinceMs: nowMs, provenFrom: provenOctets, held: false };
    else this.#endBurst(nowMs, provenOctets);
  }

  #endBurst(nowMs: number, provenOctets: number): void {
    this.#burst = undefined;
    this.#nextBurstMs = nowMs + burstPeriodMs;
    this.#delivery = { sinceMs: nowMs, provenFrom: provenOctets, held: false };
  }

  /** Whether so much is on its way that more would only wait in some queue, before live rows. */
  #isHeld(nowMs: number, sentOctets: number, provenOctets: number): boolean {
    const held = sentOctets - provenOctets > burstOctets + this.#delivered * inFlightMs;
    const { sinceMs, provenFrom, held: before } = this.#delivery;
    this.#delivery.held ||= held;
    if (nowMs - sinceMs >= deliveryMs) {
      this.#delivered = (provenOctets - provenFrom) / (nowMs - sinceMs);
      // The line was busy all the time: older measures were of a burst, or of another time.
      if ((before || held) && this.#delivered > 0) this.#measured = [this.#delivered * 1_000];
      this.#delivery = { sinceMs: nowMs, provenFrom: provenOctets, held: false };
    }
    return held;
  }

  get #burstOctets(): number {
    return Math.min(burstOctets, this.#limits.octetsPerSecondMax * burstAllowanceS);
  }

  #fill(nowMs: number): void {
    const passedMs = nowMs - this.#filledMs;
    this.#filledMs = nowMs;
    const { rowsPerSecondMax } = this.#limits;
    const octetsPerSecond = this.octetsPerSecond;
    this.#rows = Math.min((rowsPerSecondMax * bucketMs) / 1_000, this.#rows + (rowsPerSecondMax * passedMs) / 1_000);
    this.#octets = Math.min((octetsPerSecond * bucketMs) / 1_000, this.#octets + (octetsPerSecond * passedMs) / 1_000);
  }

  /** @param rate octets/ms */
  #measure(rate: number): void {
    if (rate <= 0) return; // nothing arrived: no line, no measure
    this.#measured.push(rate * 1_000);
    if (this.#measured.length > burstsKept) this.#measured.shift();
  }
}
