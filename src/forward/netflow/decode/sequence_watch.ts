/**
 * What sequence numbers say is missing: IPFIX counts data records (RFC 7011 section 3.1), NetFlow 5 records, NetFlow 9 messages
 * (RFC 3954 section 5.1), each by observation domain. Bounded: `domainsMax` domains, the oldest forgotten.
 */
import type { DecodedMessage } from '../../ipfix/decode/decoded.ts';

const domainsMax = 1_024;

export class SequenceWatch {
  /** Undefined where records of an unknown template could not be counted. */
  readonly #expected = new Map<string, number | undefined>();

  /** In words what is missing before this message; undefined when nothing is, or nobody can tell. */
  missing({ version, observationDomainId, sequence, records, unknownSets }: DecodedMessage): string | undefined {
    const key = `${version}/${observationDomainId}`;
    const expected = this.#expected.get(key);
    const steps = version === 9 ? 1 : records.filter(({ late }) => !late).length;
    const countable = version === 9 || unknownSets.length === 0;
    this.#expected.delete(key);
    this.#expected.set(key, countable ? (sequence + steps) >>> 0 : undefined);
    if (this.#expected.size > domainsMax) this.#expected.delete(this.#expected.keys().next().value as string);
    if (expected === undefined || expected === sequence) return undefined;
    const ahead = (sequence - expected) >>> 0;
    const what = version === 9 ? 'messages' : 'records';
    // Half the circle: nearer going back than forward.
    const meaning =
      ahead < 0x8000_0000 ? `${ahead} ${what} are missing` : 'the exporter began again, or messages came out of order';
    return `sequence ${sequence}, ${expected} was expected: ${meaning}`;
  }
}
