/**
 * How many octets were written in the last 24 hours, by the hour, and whether more may be. A clock that is set back makes
 * nothing forgotten. Limits: `hoursKept` numbers. Pure.
 */
import { endOf, type FlowFile } from './flow_file.ts';

const hourMs = 3_600_000;
export const hoursKept = 24;
/** What the disk takes for an octet: a page at least, once more where a page goes on from before. */
const pageOctets = 4_096;

/** Hours since 1970 and the octets written in each. */
export type WearHours = readonly (readonly [hour: number, octets: number])[];

export class FlowWear {
  #hours: [number, number][];

  constructor(hours: WearHours = []) {
    this.#hours = hours.map(([hour, octets]) => [hour, octets]);
  }

  /** Pages that an append touches. */
  static costOf(at: number, octets: number): number {
    return (Math.ceil((at + octets) / pageOctets) - Math.floor(at / pageOctets)) * pageOctets;
  }

  add(octets: number, wallMs: number): void {
    const hour = Math.floor(wallMs / hourMs);
    const known = this.#hours.find(([one]) => one === hour);
    if (known === undefined) this.#hours.push([hour, octets]);
    else known[1] += octets;
    this.#hours = this.#hours.filter(([one]) => one > hour - hoursKept).slice(-2 * hoursKept);
  }

  /** Hours ahead of the clock count as well. */
  lastDay(wallMs: number): number {
    const hour = Math.floor(wallMs / hourMs);
    return this.#hours.reduce((sum, [one, octets]) => (one > hour - hoursKept ? sum + octets : sum), 0);
  }

  hours(): WearHours {
    return this.#hours.map(([hour, octets]) => [hour, octets]);
  }
}

/** What a file says was written, with what was written before it was begun: it counts in the day's budget after a restart. */
export function wearOf(file: FlowFile): FlowWear {
  const wear = new FlowWear(file.header.wear);
  for (const entry of file.entries)
    wear.add(entry.asideOctets + FlowWear.costOf(entry.at, endOf(entry) - entry.at), entry.writtenAtMs);
  const last = file.entries.at(-1);
  if (last !== undefined) wear.add(endCostOf(file), last.writtenAtMs);
  return wear;
}

export const endCostOf = ({ octets, endOctets }: FlowFile): number => (endOctets === 0 ? 0 : FlowWear.costOf(octets, endOctets));
