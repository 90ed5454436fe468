/** What the scripts of the image tell of slots and earlier updates (`update_log tell`), read. Pure; a line that is none is left out. */
import { type SlotStatus, type UpdateOutcome, type UpdateRecord, updateOutcomes } from '../../flow/update_shapes.ts';

export interface SlotFacts {
  /** What bundles for this box are compatible with: `flowspan-arm64`. */
  readonly compatible: string;
  readonly running: 'A' | 'B' | '';
  /** The other slot is the last good one: nothing may be written. */
  readonly onTrial: boolean;
  readonly slots: readonly SlotStatus[];
}

/** Newest first. */
export function parseUpdateLog(text: string): UpdateRecord[] {
  return text
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([at, outcome]) => /^\d{1,12}$/.test(at ?? '') && updateOutcomes.includes(outcome as UpdateOutcome))
    .map(
      ([at, outcome, version = '', slot = '', source = '', sha256 = '', reason = '']): UpdateRecord => ({
        atMs: Number(at) * 1_000,
        outcome: outcome as UpdateOutcome,
        version,
        slot: slot === 'A' || slot === 'B' ? slot : '',
        source,
        sha256,
        reason,
      }),
    )
    .reverse();
}

export function parseSlots(text: string, past: readonly UpdateRecord[], runningVersion: string): SlotFacts {
  const values = new Map(text.split('\n').map((line) => line.split(/=(.*)/s, 2) as [string, string]));
  const booted = values.get('booted');
  const running = booted === 'A' || booted === 'B' ? booted : '';
  const is = (slot: string, name: string): boolean => values.get(`${slot}_${name}`) === '1';
  const stateOf = (slot: 'A' | 'B'): SlotStatus['state'] => {
    if (is(slot, 'GOOD') && is(slot, 'OK')) return 'good';
    if (slot === running) return 'onTrial';
    return is(slot, 'OK') && !is(slot, 'TRY') && values.get('ORDER')?.startsWith(slot) === true ? 'next' : 'left';
  };
  const versionOf = (slot: 'A' | 'B'): string =>
    slot === running
      ? runningVersion
      : (past.find((record) => record.slot === slot && /^(installed|found|good)$/.test(record.outcome))?.version ?? '');
  const slots = (['A', 'B'] as const).map((name) => ({
    ...{ name, isRunning: name === running, version: versionOf(name), state: stateOf(name) },
  }));
  return {
    compatible: values.get('compatible') ?? '',
    running,
    onTrial: running !== '' && stateOf(running) === 'onTrial',
    slots,
  };
}
