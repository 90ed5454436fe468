/** What a box that updates itself says about it: slots, what is under way, what became of earlier updates. Shapes only. */

/** What became of an update; the scripts of the image write these words down. */
export const updateOutcomes = ['found', 'installed', 'refused', 'failed', 'good', 'wentBack', 'notJudged'] as const;
export type UpdateOutcome = (typeof updateOutcomes)[number];

export const outcomeWords: Readonly<Record<UpdateOutcome, string>> = {
  found: 'came with the box',
  installed: 'installed, not judged yet',
  refused: 'refused',
  failed: 'could not be installed',
  good: 'kept: it meters',
  wentBack: 'did not meter, and the box went back',
  notJudged: 'was tried once and never judged, and the box went back',
};

export interface UpdateRecord {
  /** As the box's clock was then. */
  readonly atMs: number;
  readonly outcome: UpdateOutcome;
  readonly version: string;
  /** Empty where none was written. */
  readonly slot: 'A' | 'B' | '';
  /** `folder`, `page`, `stick`, `image`. */
  readonly source: string;
  /** SHA-256 of the bundle; empty where nobody noted it. */
  readonly sha256: string;
  /** Why it was refused, failed or left; empty otherwise. */
  readonly reason: string;
}

export interface SlotStatus {
  readonly name: 'A' | 'B';
  readonly isRunning: boolean;
  /** Empty while nobody knows. */
  readonly version: string;
  /** `onTrial`: runs and is not judged yet. `next`: tried at the next start. `left`: holds nothing that would be started. */
  readonly state: 'good' | 'onTrial' | 'next' | 'left';
}

export const updateStates = [
  'unavailable',
  'idle',
  'checking',
  'waiting',
  'downloading',
  'uploading',
  'examining',
  'toConfirm',
  'installing',
  'restarting',
] as const;
export type UpdateState = (typeof updateStates)[number];

export interface OfferedUpdate {
  readonly version: string;
  readonly octets: number;
  /** On the disk of this box. */
  readonly doneOctets: number;
  readonly source: 'folder' | 'page';
  readonly sha256: string;
}

export interface UpdateStatus {
  /** `unavailable`: a program among others, which its system's packages update. */
  readonly state: UpdateState;
  /** What it waits for, or why it does not go on, in words; empty otherwise. */
  readonly reason: string;
  readonly slots: readonly SlotStatus[];
  readonly offered: OfferedUpdate | null;
  /** Whether a folder is set up. */
  readonly isFetching: boolean;
  /** The last look into the folder that was answered; 0 for none. */
  readonly checkedMs: number;
  /** Why the last look failed, in words; empty when it did not. */
  readonly checkFault: string;
  /** 0 where none is to come. */
  readonly nextCheckMs: number;
  /** Newest first, at most `pastMax`. */
  readonly past: readonly UpdateRecord[];
}

export const pastMax = 8;
/** So often a bundle that cannot be installed is tried; fewer than `pastMax`, or nobody could tell. */
export const failedMax = 5;
/** Where the page's thread puts what is uploaded, in the folder of updates. */
export const uploadName = 'upload.part';

/** What somebody on the page, or a broker, wants done. `who` is for the log. */
export type UpdateAct =
  | { readonly kind: 'check'; readonly who: string }
  /** An upload of so many octets begins; it goes into `upload.part`. */
  | { readonly kind: 'upload'; readonly who: string; readonly octets: number }
  | { readonly kind: 'uploaded'; readonly who: string; readonly octets: number; readonly sha256: string }
  /** The version that was shown is named once more: what is confirmed is what was seen. */
  | { readonly kind: 'install'; readonly who: string; readonly version: string }
  | { readonly kind: 'discard'; readonly who: string };

/** What metering, spool and history need while a bundle lies on the disk. */
export const roomReserveOctets = 64 * 1024 * 1024;
/** Larger than a slot a bundle cannot be. */
export const bundleOctetsMax = 544 * 1024 * 1024;
export const noUpdates: UpdateStatus = {
  state: 'unavailable',
  reason: 'this is not a box of the image: its system’s packages update it',
  slots: [],
  offered: null,
  isFetching: false,
  checkedMs: 0,
  checkFault: '',
  nextCheckMs: 0,
  past: [],
};
