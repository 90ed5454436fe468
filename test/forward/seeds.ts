/**
 * Seeds of a test under random actions: those in the test, or the one in FLOWSPAN_SEED, or those in the test and as many
 * new ones as FLOWSPAN_SEEDS says. A failure tells the command that shows it again; its seed belongs into the test's list.
 */
import { randomInt } from 'node:crypto';

export function seedsOf(fixed: readonly number[]): number[] {
  const one = process.env.FLOWSPAN_SEED;
  if (one !== undefined) return [Number(one)];
  const more = Number(process.env.FLOWSPAN_SEEDS ?? 0);
  return [...fixed, ...Array.from({ length: more }, () => randomInt(2 ** 31))];
}

/** Runs it; an error says how to see it again. */
export async function withSeed(seed: number, file: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error instanceof Error)
      error.message += `\nTo see it again: FLOWSPAN_SEED=${seed} npx vitest run --config test/vitest.config.ts ${file}`;
    throw error;
  }
}
