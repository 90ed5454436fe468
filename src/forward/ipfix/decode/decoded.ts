/** What decoders give, whatever the protocol. */
import type { DecodedTemplate } from './template_store.ts';
import type { DecodedValue } from './values.ts';

export interface DecodedRecord {
  readonly templateId: number;
  /** Names as in the registry; a name that comes twice keeps its first value under its name and counts up: `name#2`. */
  readonly values: Readonly<Record<string, DecodedValue>>;
  /** Names of the scope: an options record has at least one. */
  readonly scope: readonly string[];
  /** Decoded only now because its template came after it. */
  readonly late: boolean;
}

export interface DecodedMessage {
  readonly version: 5 | 9 | 10;
  readonly octets: number;
  readonly exportTimeMs: number;
  readonly sequence: number;
  readonly observationDomainId: number;
  readonly records: readonly DecodedRecord[];
  readonly templates: readonly DecodedTemplate[];
  readonly withdrawn: readonly number[];
  /** Data sets whose template is not known yet; held, as far as there is room. */
  readonly unknownSets: readonly { readonly templateId: number; readonly octets: number; readonly held: boolean }[];
  /** What breaks the rules and leaves the message readable. */
  readonly remarks?: readonly string[];
}
