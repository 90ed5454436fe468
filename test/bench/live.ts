/** Placeholder. */
import type { CaseName } from './captures.ts';

export async function benchLive(_name: CaseName, _options: { quick: boolean; print(text: string): void }): Promise<void> {}
