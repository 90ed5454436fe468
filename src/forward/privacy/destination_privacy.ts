/**
 * What one destination is not to see: addresses cut to their prefix or replaced by pseudonyms, elements left out. Rows are
 * shared by all destinations, so changed ones are copies. What was done is told to the collector (RFC 6235, see
 * `anonymizations`). Pure but for the pseudonyms' memory; owned by the destination's exporter.
 *
 * With hidden addresses, names of hosts and the outer addresses of tunnels are left out too, since they say the same.
 */
import type { ProfileSpec } from '../../flow/profiles.ts';
import { presenceBit, ROW_BYTES, rowField } from '../../flow/row_layout.ts';
import type { Pseudonyms } from './pseudonyms.ts';

export interface PrivacyRules {
  readonly addresses: 'keep' | 'truncate' | 'pseudonymise';
  /** Bits kept when truncating. */
  readonly ipv4PrefixLength: number;
  readonly ipv6PrefixLength: number;
  readonly leaveOut: readonly ('ports' | 'macs')[];
}

/** RFC 6235 section 7.2: one element of one template, and what was done to it. */
export interface Anonymization {
  readonly element: string;
  readonly technique: number;
  readonly flags: number;
}

/** IANA ipfix registry, anonymizationTechnique (286). */
const techniques = { truncation: 2, structuredPermutation: 6 } as const;
/** anonymizationFlags (285), stability class in the two lowest bits: how long one address stays the same in the output. */
const stability = { exporterCollectorPair: 2, stable: 3 } as const;

const hiddenWithAddresses = /HostName$|^serverName$|^outer(Source|Destination)Address$/;
const leftOut = { ports: /TransportPort$/, macs: /MacAddress$/ } as const;
const addressElements = ['sourceIPv4Address', 'destinationIPv4Address', 'sourceIPv6Address', 'destinationIPv6Address'];

const addressOffsets = [rowField('sourceAddress').offset, rowField('destinationAddress').offset];
const presenceOffset = rowField('presence').offset + 4;
const hasAddresses = presenceBit('addresses');
const ipVersionOffset = rowField('ipVersion').offset;

export class DestinationPrivacy {
  readonly #rules: PrivacyRules;
  readonly #pseudonyms: Pseudonyms | undefined;

  /** @param pseudonyms where the rules ask for them */
  constructor(rules: PrivacyRules, pseudonyms: Pseudonyms | undefined) {
    if ((rules.addresses === 'pseudonymise') !== (pseudonyms !== undefined)) throw new Error('pseudonyms go with their rule');
    this.#rules = rules;
    this.#pseudonyms = pseudonyms;
  }

  /** The profile without what this destination must not see. */
  profile({ elements, ...spec }: ProfileSpec): ProfileSpec {
    const { addresses, leaveOut } = this.#rules;
    const patterns = [...leaveOut.map((what) => leftOut[what]), ...(addresses === 'keep' ? [] : [hiddenWithAddresses])];
    return { ...spec, elements: elements.filter((name) => !patterns.some((pattern) => pattern.test(name))) };
  }

  leavesOut(what: 'ports' | 'macs'): boolean {
    return this.#rules.leaveOut.includes(what);
  }

  /** Rows as the destination may see them: the same octets when nothing in them changes, else a copy that begins at row 0. */
  rows(bytes: Uint8Array, firstRow: number, count: number): { readonly bytes: Uint8Array; readonly firstRow: number } {
    if (this.#rules.addresses === 'keep') return { bytes, firstRow };
    const copy = Uint8Array.prototype.slice.call(bytes, firstRow, firstRow + count * ROW_BYTES);
    const view = new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
    for (let row = 0; row < copy.length; row += ROW_BYTES) {
      if ((view.getUint32(row + presenceOffset) & hasAddresses) === 0) continue;
      const octets = copy[row + ipVersionOffset] === 4 ? 4 : 16;
      for (const offset of addressOffsets) this.#hide(copy.subarray(row + offset, row + offset + octets));
    }
    return { bytes: copy, firstRow: 0 };
  }

  /** What collectors are told of it: the same for every template that has the element. */
  get anonymizations(): readonly Anonymization[] {
    const { addresses, ipv4PrefixLength, ipv6PrefixLength } = this.#rules;
    if (addresses === 'keep') return [];
    const [technique, flags] =
      addresses === 'truncate'
        ? [techniques.truncation, stability.stable]
        : [techniques.structuredPermutation, stability.exporterCollectorPair];
    const isWhole = (element: string): boolean =>
      addresses === 'truncate' && (element.includes('IPv4') ? ipv4PrefixLength === 32 : ipv6PrefixLength === 128);
    return addressElements.filter((element) => !isWhole(element)).map((element) => ({ element, technique, flags }));
  }

  #hide(address: Uint8Array): void {
    if (this.#pseudonyms !== undefined) {
      address.set(this.#pseudonyms.of(address));
      return;
    }
    const kept = address.length === 4 ? this.#rules.ipv4PrefixLength : this.#rules.ipv6PrefixLength;
    const whole = kept >> 3;
    if (whole < address.length) {
      address[whole]! &= (0xff00 >> (kept & 7)) & 0xff;
      address.fill(0, whole + 1);
    }
  }
}
