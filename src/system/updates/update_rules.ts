/** What a box may do about updates by itself at this moment. Pure. */
import type { UpdateSettings } from '../../config/schema.ts';
import { bundleOctetsMax, type UpdateState } from '../../flow/update_shapes.ts';
import { isWindowOpen, windowWords } from './update_window.ts';

export interface MomentFacts {
  readonly onTrial: boolean;
  /** `awaited`: a time service runs and is expected to tell; `unknown`: nobody will. */
  readonly time: 'known' | 'awaited' | 'unknown';
  readonly wallMs: number;
}

/** Why the folder is not asked now, in words; empty when it may be. */
export function keepsFromChecking({ onTrial, time }: Pick<MomentFacts, 'onTrial' | 'time'>): string {
  if (onTrial) return 'this slot is on trial: nothing is fetched before it is judged';
  // The dates of the server's certificate are judged by this box's clock.
  return time === 'awaited' ? 'the time is not known yet, and by it the server’s certificate is judged' : '';
}

/** Why what was found is not fetched and installed now, in words; empty when it may be. */
export function keepsFromInstalling(window: UpdateSettings['window'], { time, wallMs }: MomentFacts): string {
  if (window.from === window.until && window.days.length === 7) return '';
  if (time !== 'known') return 'the time is not known, and so not whether updates.window is open';
  return isWindowOpen(window, wallMs) ? '' : `the window is ${windowWords(window)}`;
}

/** Why nobody may begin this upload now, in words; empty when they may. Who begins anew has lost their first try. */
export function keepsFromUploading(
  { state, onTrial, uploader }: { state: UpdateState; onTrial: boolean; uploader: string | undefined },
  { who, octets }: { who: string; octets: number },
): string {
  const mayReplace = state === 'toConfirm' || (state === 'uploading' && uploader === who);
  if (uploader !== undefined && !mayReplace) return `${uploader} is uploading a bundle already`;
  if (state === 'installing' || state === 'restarting') return 'a version is being installed';
  if (onTrial) return 'this slot is on trial: nothing is installed before it is judged, minutes after its start';
  if (!(octets > 0 && octets <= bundleOctetsMax)) return `a bundle has between 1 and ${bundleOctetsMax} octets, not ${octets}`;
  return '';
}

/** Checks by announcement are no closer together than this. */
export const announcedApartMs = 60_000;
/** An announcement to a whole fleet spreads its questions over this. */
export const announcedSpreadMs = 30_000;
const firstCheckWithinMs = 120_000;

/** When to look for the first time: boxes that got their power back together do not ask together. */
export const firstCheckMs = (chance: number): number => firstCheckWithinMs * (0.25 + 0.75 * chance);
/** When to look again: the period, give or take a quarter. */
export const nextCheckMs = (everyS: number, chance: number): number => everyS * 1_000 * (0.75 + 0.5 * chance);

/** When an announcement that comes now leads to a check, on the same clock as the times given. */
export function announcedCheckAtMs(nowMs: number, announcedCheckMs: number, isForAll: boolean, chance: number): number {
  return Math.max(nowMs + (isForAll ? announcedSpreadMs * chance : 0), announcedCheckMs + announcedApartMs);
}
