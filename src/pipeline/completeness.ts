/**
 * How much of what could be known about a flow is known: of every 16th row, whether it has all that this box is set up to add.
 * Over the last ten to twenty minutes. Pure, with the time handed in; constant work a block.
 */
import { formatIpv4, formatIpv6 } from '../flow/addresses.ts';
import type { HostNameLookup } from '../flow/host_names.ts';
import type { RowCursor } from '../flow/row_cursor.ts';
import { presenceBit } from '../flow/row_layout.ts';
import { serviceName } from '../flow/services.ts';

export const completenessParts = ['locality', 'application', 'label', 'country', 'name'] as const;
export type CompletenessPart = (typeof completenessParts)[number];

export interface CompletenessSetUp {
  /** Some rule gives labels. */
  readonly labels: boolean;
  /** A file tells countries. */
  readonly places: boolean;
  /** Where names of hosts are learned. Whether one is known depends on the traffic, so it is told, and no part of the whole. */
  readonly names?: HostNameLookup | undefined;
}

const everyRow = 16;
const halfMs = 600_000;
const addressesBit = presenceBit('addresses');
const localityBit = presenceBit('locality');
const countryBits = { source: presenceBit('sourceCountry'), destination: presenceBit('destinationCountry') } as const;
const labelBits = (['siteLabel', 'tenantLabel', 'serviceLabel', 'costCentreLabel'] as const).map(presenceBit);
/** Protocols that name an application by their port (IANA numbers). */
const withPorts = new Set([6, 17, 33, 132, 136]);
const [sourceInside, destinationInside] = [1, 2];

interface Half {
  rows: number;
  /** Rows whose ends were asked for names. */
  asked: number;
  complete: number;
  readonly lacking: Record<CompletenessPart, number>;
}

const emptyHalf = (): Half => ({
  rows: 0,
  asked: 0,
  complete: 0,
  lacking: { locality: 0, application: 0, label: 0, country: 0, name: 0 },
});

export class Completeness {
  readonly #setUp: () => CompletenessSetUp;
  /** Rows until the next one that is looked at. */
  #skip = 0;
  #now = emptyHalf();
  #before = emptyHalf();
  #turnedMs: number | undefined;

  constructor(setUp: () => CompletenessSetUp) {
    this.#setUp = setUp;
  }

  /**
   * Enriched rows. Names are asked for one row a call: finding them costs more than all else, and a busy box has rows enough.
   * @param firstRow offset of the first, octets
   */
  add(row: RowCursor, firstRow: number, count: number): void {
    let next = this.#skip;
    if (next < count) this.#askForNames(row.at(next, firstRow));
    for (; next < count; next += everyRow) this.#look(row.at(next, firstRow));
    this.#skip = next - count;
  }

  #look(row: RowCursor): void {
    const { labels, places } = this.#setUp();
    const half = this.#now;
    half.rows++;
    const lacks = (part: CompletenessPart, isLacking: boolean): boolean => {
      if (isLacking) half.lacking[part]++;
      return isLacking;
    };
    const hasAddresses = row.has(addressesBit);
    // What has no addresses has no place either: a frame by its EtherType is all that there is to know.
    const missing = [
      lacks('locality', hasAddresses && !row.has(localityBit)),
      lacks('application', hasAddresses && withPorts.has(row.protocolIdentifier) && !this.#isKnown(row)),
      lacks('label', labels && hasAddresses && !labelBits.some((label) => row.has(label))),
      lacks('country', places && hasAddresses && !hasCountry(row)),
    ];
    if (!missing.includes(true)) half.complete++;
  }

  #askForNames(row: RowCursor): void {
    const { names } = this.#setUp();
    this.#now.asked++;
    if (names !== undefined && row.has(addressesBit) && !hasName(row, names)) this.#now.lacking.name++;
  }

  /** Share of rows with everything, %; null while there were none. */
  percent(nowMs: number): number | null {
    this.#roll(nowMs);
    const rows = this.#now.rows + this.#before.rows;
    return rows === 0 ? null : ((this.#now.complete + this.#before.complete) / rows) * 100;
  }

  /** Share of rows that lack a part, 0 to 1. */
  lacking(part: CompletenessPart): number {
    const of = part === 'name' ? 'asked' : 'rows';
    const rows = this.#now[of] + this.#before[of];
    return rows === 0 ? 0 : (this.#now.lacking[part] + this.#before.lacking[part]) / rows;
  }

  /** Which lack a part, %, null for what is not set up or while there were no rows. */
  lackingPercent(nowMs: number): Record<CompletenessPart, number | null> {
    const isTold = this.percent(nowMs) !== null;
    const { labels, places, names } = this.#setUp();
    const of = (part: CompletenessPart, isSetUp = true): number | null => (isSetUp && isTold ? this.lacking(part) * 100 : null);
    return {
      locality: of('locality'),
      application: of('application'),
      label: of('label', labels),
      country: of('country', places),
      name: of('name', names !== undefined),
    };
  }

  #isKnown(row: RowCursor): boolean {
    const { protocolIdentifier: protocol, sourceTransportPort, destinationTransportPort } = row;
    return (
      serviceName(protocol, destinationTransportPort) !== undefined || serviceName(protocol, sourceTransportPort) !== undefined
    );
  }

  #roll(nowMs: number): void {
    this.#turnedMs ??= nowMs;
    if (nowMs - this.#turnedMs < halfMs) return;
    this.#before = nowMs - this.#turnedMs < 2 * halfMs ? this.#now : emptyHalf();
    this.#now = emptyHalf();
    this.#turnedMs = nowMs;
  }
}

/** Both ends of it that are outside the site have one. */
function hasCountry(row: RowCursor): boolean {
  const inside = row.has(localityBit) ? row.networkLocality : 0;
  const source = (inside & sourceInside) !== 0 || row.has(countryBits.source);
  return source && ((inside & destinationInside) !== 0 || row.has(countryBits.destination));
}

/** One of its ends is called by a name. Both are asked, which is what keeps the names of hosts that talk. */
function hasName(row: RowCursor, names: HostNameLookup): boolean {
  const format = row.ipVersion === 6 ? formatIpv6 : formatIpv4;
  const destination = names.of(format(row.bytes, row.destinationAddressOffset));
  return names.of(format(row.bytes, row.sourceAddressOffset)) !== undefined || destination !== undefined;
}
