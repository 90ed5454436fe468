/**
 * The index of a folder of updates: which bundles lie there, for which boards, for which share of the fleet. Pure. It is believed only as
 * far as what to fetch: whether a bundle is installed its own signature decides. Limits: 64 KiB, 64 bundles.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ApplianceError } from '../../core/errors.ts';
import { bundleOctetsMax, failedMax, type UpdateRecord } from '../../flow/update_shapes.ts';
import { compareVersions, versionRefusal } from './version_rule.ts';

export const indexOctetsMax = 65_536;
export const indexName = 'index.json';

/** Not strict: a later format may say more, and boxes of today still read it. */
const bundle = z.object({
  compatible: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
  version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$/),
  /** A name in the same folder, nowhere else. */
  file: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+~-]{0,120}\.raucb$/),
  octets: z.int().min(1).max(bundleOctetsMax),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sharePercent: z.number().min(0).max(100).default(100),
});
const index = z.object({ format: z.literal(1), bundles: z.array(bundle).max(64) });
export type IndexedBundle = z.output<typeof bundle>;
export type UpdateIndex = z.output<typeof index>;

/** @throws ApplianceError `messageMalformed`, with the place and what is allowed there */
export function parseIndex(text: string): UpdateIndex {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ApplianceError('messageMalformed', `${indexName} is no JSON`, { cause: error });
  }
  const { success, data, error } = index.safeParse(value);
  if (success) return data;
  const { path, message } = error.issues[0]!;
  throw new ApplianceError('messageMalformed', `${indexName}: ${path.map(String).join('.') || 'the whole'}: ${message}`);
}

/**
 * Where in the fleet a box stands for a version, from 0 to below 100: it is among the first `sharePercent` when below. The first
 * 32 bits of SHA-256 over `VERSION/SITE/NODE`, so that anybody can compute it, and other boxes go first with each version.
 */
export function placeInFleet(version: string, site: string, node: string): number {
  const digest = createHash('sha256').update(`${version}/${site}/${node}`).digest();
  return (digest.readUInt32BE() / 2 ** 32) * 100;
}

export interface ChoiceFacts {
  readonly compatible: string;
  readonly running: string;
  readonly allowOlder: boolean;
  readonly site: string;
  readonly node: string;
  /** Goes first, whatever the share. */
  readonly isEarly: boolean;
  readonly past: readonly UpdateRecord[];
}

export type Choice = { readonly bundle: IndexedBundle } | { readonly bundle?: undefined; readonly reason: string };

/** The newest that is for this box and may be installed; else why there is none. */
export function chooseBundle({ bundles }: UpdateIndex, facts: ChoiceFacts): Choice {
  const { compatible, running, allowOlder, site, node, isEarly, past } = facts;
  const ours = bundles
    .filter((one) => one.compatible === compatible && compareVersions(one.version, one.version) === 0)
    .sort((a, b) => compareVersions(b.version, a.version)!);
  if (ours.length === 0) return { reason: `the folder has nothing for ${compatible}` };
  let reason = '';
  for (const one of ours) {
    const place = placeInFleet(one.version, site, node);
    const refusal = versionRefusal(one.version, running, allowOlder);
    // Older ones follow only while nothing better explains why there is none. Where the folder is followed, its newest is what is meant.
    if (refusal !== '') {
      reason ||= refusal;
      if (allowOlder) break;
      continue;
    }
    const settled = settledBy(one.sha256, past);
    if (settled !== '') reason ||= `${one.version}: ${settled}`;
    else if (!isEarly && place >= one.sharePercent)
      reason ||= `${one.version} is for ${one.sharePercent} % of the fleet so far, and this box comes at ${place.toFixed(1)} %`;
    else return { bundle: one };
  }
  return { reason };
}

/** A cut of the power during a trial looks like a version that crashes: it gets some more tries. */
const notJudgedMax = 3;

/** Why this very bundle is not installed again by itself; empty when it may be. */
export function settledBy(sha256: string, past: readonly UpdateRecord[]): string {
  const of = past.filter((record) => record.sha256 === sha256);
  const had = (outcome: UpdateRecord['outcome']): UpdateRecord | undefined => of.find((record) => record.outcome === outcome);
  const refused = had('refused');
  if (refused !== undefined) return `it was refused: ${refused.reason}`;
  const left = had('wentBack');
  if (left !== undefined) return `the box went back after it: ${left.reason}`;
  // A bundle that says another version than what is in it would be installed for ever.
  if (past.find((record) => record.outcome === 'good')?.sha256 === sha256) return 'it is what runs';
  const times = (outcome: UpdateRecord['outcome'], max: number): boolean =>
    of.filter((record) => record.outcome === outcome).length >= max;
  if (times('notJudged', notJudgedMax)) return `it was tried ${notJudgedMax} times and never judged`;
  if (times('failed', failedMax)) return `it could not be installed ${failedMax} times: ${had('failed')!.reason}`;
  return '';
}
