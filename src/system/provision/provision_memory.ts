/** What provisioning remembers over boots, beside the settings. Pure. */
import type { RememberedPorts } from './port_plan.ts';

/** What is remembered over boots. */
export interface Memory {
  /** Of what was offered last and taken. */
  readonly digest: string;
  readonly ports: RememberedPorts | undefined;
}

/** Undefined for a text that was never written, or cut off: the settings on the partition are taken once more. */
export function memoryOf(text: string): Memory | undefined {
  try {
    const { digest, ports } = JSON.parse(text) as Partial<Memory>;
    return typeof digest === 'string' ? { digest, ports } : undefined;
  } catch {
    return undefined;
  }
}
