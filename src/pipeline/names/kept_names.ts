/**
 * The file of names, `host_names.json`: what a restart need not learn again, and what a stopped box is asked. Written with wall
 * time; read with whatever the time is then, so an age is never negative. What is not as it was written is not believed. Pure.
 */
import { type NameSource, nameSources } from '../../flow/host_names.ts';
import { hostName } from './host_name.ts';
import { isOneHost } from './learned.ts';
import type { KeptName } from './name_table.ts';

const version = 1;
const mac = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

type Line = readonly [address: string, source: NameSource, name: string, heardMs: number, ttlS: number, mac?: string];

export function keptText(names: readonly KeptName[], wallMs: number): string {
  const lines = names.map(({ address, source, name, ageMs, ttlS, mac: own }): Line => {
    const line = [address, source, name, Math.round(wallMs - ageMs), ttlS] as const;
    return own === undefined ? line : [...line, own];
  });
  return `${JSON.stringify({ version, names: lines })}\n`;
}

/** In the order of use. @throws Error when it is no such file */
export function keptNames(text: string, wallMs: number): KeptName[] {
  const { version: found, names } = JSON.parse(text) as { version?: unknown; names?: unknown };
  if (found !== version || !Array.isArray(names)) throw new Error('its text is damaged');
  return names.flatMap((line: unknown): KeptName[] => {
    if (!isLine(line)) return [];
    const [address, source, name, heardMs, ttlS, own] = line;
    return [{ address, source, name, ttlS, ageMs: Math.max(0, wallMs - heardMs), ...(own === undefined ? {} : { mac: own }) }];
  });
}

function isLine(line: unknown): line is Line {
  if (!Array.isArray(line)) return false;
  const [address, source, name, heardMs, ttlS, own] = line as unknown[];
  return (
    typeof address === 'string' &&
    isOneHost(address) &&
    (nameSources as readonly unknown[]).includes(source) &&
    typeof name === 'string' &&
    hostName(name) === name &&
    Number.isFinite(heardMs) &&
    Number.isInteger(ttlS) &&
    (ttlS as number) > 0 &&
    (own === undefined || (typeof own === 'string' && mac.test(own)))
  );
}
