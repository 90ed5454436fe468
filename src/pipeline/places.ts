/**
 * Country and autonomous system of a row's addresses outside the site, written into the row. Asking the files costs
 * microseconds, so answers are remembered by address (IPv6 by its first 64 bits: no file tells networks smaller than that
 * apart). Pure but for the lookup.
 *
 * Limits: `rememberedMax` answers of each family and `namesMax` names of AS; then they start again.
 */
import { formatIpv4, formatIpv6 } from '../flow/addresses.ts';
import { nowhereKey, type Place, type PlaceLookup } from '../flow/places.ts';
import type { RowCursor } from '../flow/row_cursor.ts';
import { presenceBit } from '../flow/row_layout.ts';
import { localities } from '../flow/row_locality.ts';

const rememberedMax = 65_536;
const namesMax = 65_536;
const organisationMax = 60;

const addressesBit = presenceBit('addresses');
const bits = {
  sourceCountry: presenceBit('sourceCountry'),
  destinationCountry: presenceBit('destinationCountry'),
  sourceAs: presenceBit('sourceAs'),
  destinationAs: presenceBit('destinationAs'),
} as const;

/** Numbers as rows have them; 0 is not known. */
interface Answer {
  readonly country: number;
  readonly as: number;
}

export class Places {
  readonly #lookup: PlaceLookup;
  readonly #v4 = new Map<number, Answer>();
  readonly #v6 = new Map<string, Answer>();
  readonly #organisations = new Map<number, string>();
  #generation: number;

  constructor(lookup: PlaceLookup) {
    this.#lookup = lookup;
    this.#generation = lookup.generation;
  }

  /** The row under the cursor, after its localities are known. */
  apply(row: RowCursor): void {
    if (this.#lookup.generation !== this.#generation) this.#forget();
    if (this.#generation === 0 || !row.has(addressesBit)) return;
    const { networkLocality } = row;
    if ((networkLocality & localities.sourceInside) === 0) {
      const { country, as } = this.#answer(row, row.sourceAddressOffset);
      if (country !== 0) {
        row.sourceCountryCode = country;
        row.setPresent(bits.sourceCountry);
      }
      if (as !== 0) {
        row.bgpSourceAsNumber = as;
        row.setPresent(bits.sourceAs);
      }
    }
    if ((networkLocality & localities.destinationInside) === 0) {
      const { country, as } = this.#answer(row, row.destinationAddressOffset);
      if (country !== 0) {
        row.destinationCountryCode = country;
        row.setPresent(bits.destinationCountry);
      }
      if (as !== 0) {
        row.bgpDestinationAsNumber = as;
        row.setPresent(bits.destinationAs);
      }
    }
  }

  /** `AS64500 Example Networks`, as the file last called it. */
  asName(number: number): string {
    const organisation = this.#organisations.get(number);
    return organisation === undefined || organisation === '' ? `AS${number}` : `AS${number} ${organisation}`;
  }

  #answer(row: RowCursor, offset: number): Answer {
    const { view } = row;
    if (row.ipVersion === 6) {
      const key = `${view.getUint32(offset)} ${view.getUint32(offset + 4)}`;
      return this.#v6.get(key) ?? this.#ask(this.#v6, key, formatIpv6(row.bytes.subarray(offset, offset + 16)));
    }
    const key = view.getUint32(offset);
    return this.#v4.get(key) ?? this.#ask(this.#v4, key, formatIpv4(row.bytes.subarray(offset, offset + 4)));
  }

  #ask<K>(remembered: Map<K, Answer>, key: K, address: string): Answer {
    const place = this.#lookup.of(address);
    const answer = { country: countryNumber(place.country), as: this.#nameAs(place.as) };
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(key, answer);
    return answer;
  }

  #nameAs(as: Place['as']): number {
    // RFC 7607: AS 0 is nobody's.
    if (as === undefined || !(as.number > 0 && as.number <= 0xffff_ffff)) return 0;
    if (!this.#organisations.has(as.number)) {
      if (this.#organisations.size >= namesMax) this.#organisations.clear();
      this.#organisations.set(
        as.number,
        as.organisation
          .replaceAll(/[\p{C}\s]+/gu, ' ')
          .trim()
          .slice(0, organisationMax),
      );
    }
    return as.number;
  }

  #forget(): void {
    this.#generation = this.#lookup.generation;
    this.#v4.clear();
    this.#v6.clear();
    this.#organisations.clear();
  }
}

/** Two ASCII letters as one number, the first in the upper octet: the row's field. */
function countryNumber(code: string | undefined): number {
  return code === undefined ? 0 : (code.charCodeAt(0) << 8) | code.charCodeAt(1);
}

export function countryName(number: number): string {
  return number === 0 ? nowhereKey : String.fromCharCode(number >> 8, number & 0xff);
}
