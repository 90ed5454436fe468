/** Memory of flow records beside the rest of the program, look by look. */
import { describe, expect, test } from 'vitest';
import { FlowAllowance, looksTogether } from '../../src/store/flow_allowance.ts';

const MIB = 1_048_576;

/** A program whose rest takes so much, look by look, and whose records take what they may. */
function whatIsLeft(allowance: FlowAllowance, rest: readonly number[], kept = 64 * MIB): number {
  for (const one of rest) {
    const flows = Math.min(kept, allowance.bytes);
    allowance.look(one + flows, flows);
  }
  return allowance.bytes;
}
const looks = (mib: number, count = looksTogether): number[] => Array<number>(count).fill(mib * MIB);

describe('memory that flow records may take', () => {
  test('is what the setting says while the program has its share', () => {
    expect(whatIsLeft(new FlowAllowance(64 * MIB, 8 * MIB, 300 * MIB), looks(200))).toBe(64 * MIB);
  });

  test('is what the rest leaves, and never less than the least', () => {
    const allowance = new FlowAllowance(64 * MIB, 8 * MIB, 270 * MIB);
    expect(whatIsLeft(allowance, looks(230))).toBe(40 * MIB);
    expect(allowance.isShort).toBe(true);
    expect(whatIsLeft(allowance, looks(500))).toBe(8 * MIB);
  });

  test('comes back when the rest takes less', () => {
    const allowance = new FlowAllowance(64 * MIB, 8 * MIB, 270 * MIB);
    whatIsLeft(allowance, looks(250));
    expect(whatIsLeft(allowance, looks(180))).toBe(64 * MIB);
    expect(allowance.isShort).toBe(false);
  });

  test('does not follow what is there for one look alone', () => {
    const allowance = new FlowAllowance(64 * MIB, 8 * MIB, 270 * MIB);
    expect(whatIsLeft(allowance, [...looks(200), 400 * MIB, 400 * MIB, ...looks(200)])).toBe(64 * MIB);
  });

  test('a setting below the least is kept', () => {
    expect(whatIsLeft(new FlowAllowance(2 * MIB, 8 * MIB, 100 * MIB), looks(300))).toBe(2 * MIB);
  });
});
