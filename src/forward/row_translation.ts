/**
 * Rows that another version wrote, read by this one: fields are found by name through the layout's description, so an
 * update, and going back after one, still reads what the spool holds. Pure. A field this version does not know is left
 * out; one that the other did not have stays absent.
 */
import { presenceFrom, ROW_BYTES, rowFields } from '../flow/row_layout.ts';

interface Copy {
  readonly source: number;
  readonly target: number;
  readonly octets: number;
}

export interface RowTranslation {
  readonly rowOctets: number;
  /** Rows in this version's layout. */
  translate(rows: Uint8Array, count: number): Uint8Array;
}

const rowOctetsMax = 4_096;
const presenceOffset = 4;

/** @param description as `describeLayout` gives it. Undefined for one that cannot be understood. */
export function rowTranslation(description: string): RowTranslation | undefined {
  const [head, presence, ...lines] = description.split('\n');
  const rowOctets = Number(/^row:(\d+)$/.exec(head ?? '')?.[1]);
  const groups = /^presence:(.*)$/.exec(presence ?? '')?.[1]?.split(',');
  if (!Number.isInteger(rowOctets) || rowOctets < 8 || rowOctets > rowOctetsMax || groups === undefined || groups.length > 32)
    return undefined;
  const copies: Copy[] = [];
  for (const line of lines) {
    const [name, offset, octets, kind] = line.split(':');
    const source = Number(offset);
    const width = Number(octets);
    if (!(source >= 0 && width >= 0 && source + width <= rowOctets)) return undefined;
    const field = rowFields.find((one) => one.name === name);
    if (field === undefined || field.name === 'presence') continue;
    // Numbers stand at the right end of their field, everything else at the left.
    const kept = Math.min(width, field.octets);
    const right = kind !== 'address' && kind !== 'mac' && kind !== 'octets';
    copies.push({
      source: source + (right ? width - kept : 0),
      target: field.offset + (right ? field.octets - kept : 0),
      octets: kept,
    });
  }
  const ours = presenceFrom(groups);
  return {
    rowOctets,
    translate(rows, count) {
      const translated = new Uint8Array(count * ROW_BYTES);
      const from = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
      const to = new DataView(translated.buffer);
      for (let row = 0; row < count; row++) {
        for (const { source, target, octets } of copies) {
          const at = row * rowOctets + source;
          translated.set(rows.subarray(at, at + octets), row * ROW_BYTES + target);
        }
        to.setUint32(row * ROW_BYTES + presenceOffset, ours(from.getUint32(row * rowOctets + presenceOffset)));
      }
      return translated;
    },
  };
}
