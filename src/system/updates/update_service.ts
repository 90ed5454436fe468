/**
 * Updates of a box of the image: looks into the folder, fetches what is for this box, takes what is uploaded on the page, and has it
 * installed by the one program that may (`handover.ts`). One thing at a time; a person goes before the folder. Owned by the main event loop.
 */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { UpdateSettings } from '../../config/schema.ts';
import type { Timer } from '../../core/clock.ts';
import { ApplianceError, messageOf } from '../../core/errors.ts';
import type { Service } from '../../core/lifecycle.ts';
import { RetrySchedule } from '../../core/retry.ts';
import type { World } from '../../core/world.ts';
import type { BoxEvent } from '../../flow/status_shapes.ts';
import { noUpdates, pastMax, type UpdateAct, type UpdateState, type UpdateStatus, uploadName } from '../../flow/update_shapes.ts';
import { bundleName, clearFolder, download, tidyFolder } from './download.ts';
import type { FolderClient } from './folder_client.ts';
import type { InstallAnswer, UpdateFolders } from './handover.ts';
import { SlotBook } from './slot_book.ts';
import { chooseBundle, type IndexedBundle, parseIndex, settledBy } from './update_index.ts';
import { declareUpdateMetrics } from './update_metrics.ts';
import { offeredUpdate, type Upload } from './update_offer.ts';
import {
  announcedCheckAtMs,
  firstCheckMs,
  keepsFromChecking,
  keepsFromInstalling,
  keepsFromUploading,
  type MomentFacts,
  nextCheckMs,
} from './update_rules.ts';

export interface UpdateServiceParts {
  readonly world: World;
  readonly settings: UpdateSettings;
  readonly identity: { readonly site: string; readonly node: string };
  readonly version: string;
  /** Absent: this is no box of the image. */
  readonly folders: UpdateFolders | undefined;
  readonly client: FolderClient;
  readonly time: () => MomentFacts['time'];
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

const lookMs = 5_000;
const examineMs = 120_000;
const installMs = 1_800_000;
const uploadMs = 3_600_000;
const retryFirstMs = 60_000;

export class UpdateService implements Service {
  readonly name = 'updates';
  readonly #parts: UpdateServiceParts;
  readonly #book: SlotBook | undefined;
  readonly #checkRetry: RetrySchedule;
  readonly #fetchRetry: RetrySchedule;
  readonly #ended = new AbortController();
  #timer: Timer | undefined;
  #state: UpdateState = 'idle';
  #reason = '';
  #found: IndexedBundle | undefined;
  #doneOctets = 0;
  #upload: Upload | undefined;
  /** What is under way; whoever wants something else waits, or breaks it off where it may be. */
  #work: { readonly promise: Promise<void>; readonly abort: AbortController } | undefined;
  /** What was uploaded is being removed: an upload that began now would lose its file. */
  #isClearing = false;
  #checkAtMs = 0;
  #tryAtMs = 0;
  #announcedCheckMs = Number.NEGATIVE_INFINITY;
  #checkedMs = 0;
  #checkFault = '';
  #said = '';

  constructor(parts: UpdateServiceParts) {
    const { world, folders, settings } = parts;
    this.#parts = parts;
    this.#book = folders === undefined ? undefined : new SlotBook(world, folders, parts.version);
    const policy = { firstMs: retryFirstMs, capMs: settings.checkEveryS * 1_000 };
    this.#checkRetry = new RetrySchedule(policy, world.random);
    this.#fetchRetry = new RetrySchedule(policy, world.random);
  }

  async start(): Promise<void> {
    const { world, folders } = this.#parts;
    if (folders === undefined) return;
    declareUpdateMetrics(world.metrics, () => this.status());
    this.#checkAtMs = world.clock.monotonicMs() + firstCheckMs(world.random.float());
    const failed = (error: unknown): void => this.#fail('updateFailed', error);
    await tidyFolder(folders.folder).catch(failed);
    await this.#look().catch(failed);
    this.#timer = world.clock.every(lookMs, () => this.#round(), failed);
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
    this.#ended.abort(new ApplianceError('updateUnreachable', 'the box stops'));
    await this.#work?.promise;
  }

  status(): UpdateStatus {
    const { settings, folders } = this.#parts;
    if (folders === undefined) return noUpdates;
    const isFetching = settings.folder.url !== '';
    const { clock } = this.#parts.world;
    return {
      state: this.#book?.facts === undefined ? 'unavailable' : this.#state,
      reason: this.#book?.facts === undefined ? 'the state of the slots is not known yet' : this.#reason,
      slots: this.#book?.facts?.slots ?? [],
      offered: offeredUpdate(this.#upload, this.#found, this.#doneOctets),
      isFetching,
      checkedMs: this.#checkedMs,
      checkFault: this.#checkFault,
      nextCheckMs: isFetching ? Math.round(clock.wallMs() + Math.max(0, this.#checkAtMs - clock.monotonicMs())) : 0,
      past: this.#book!.past.slice(0, pastMax),
    };
  }

  /** @param isForAll whether it came to every box of the fleet */
  announced(isForAll: boolean): void {
    const { world, settings, folders } = this.#parts;
    if (folders === undefined || settings.folder.url === '') return;
    const atMs = announcedCheckAtMs(world.clock.monotonicMs(), this.#announcedCheckMs, isForAll, world.random.float());
    if (atMs >= this.#checkAtMs) return;
    this.#checkAtMs = atMs;
    this.#announcedCheckMs = atMs;
    if (this.#work === undefined) this.#tryAtMs = 0;
  }

  /** @throws ApplianceError `usage` that says why it cannot be done now */
  act(act: UpdateAct): void {
    if (this.#book?.facts === undefined) throw new ApplianceError('usage', this.status().reason);
    if (this.#isClearing) throw new ApplianceError('usage', 'the last upload is being removed: try again');
    switch (act.kind) {
      case 'check':
        if (this.#parts.settings.folder.url === '') throw new ApplianceError('usage', 'updates.folder.url names no folder');
        this.#checkAtMs = 0;
        this.#tryAtMs = 0;
        break;
      case 'upload':
        this.#begin(act.who, act.octets);
        break;
      case 'uploaded':
        this.#examine(act.sha256, act.octets);
        break;
      case 'install':
        this.#confirm(act.who, act.version);
        break;
      case 'discard':
        if (this.#state !== 'toConfirm' && this.#state !== 'uploading')
          throw new ApplianceError('usage', 'there is nothing to discard');
        this.#endUpload('');
        break;
    }
  }

  /** What there is to do by itself, now. */
  async #round(): Promise<void> {
    if (this.#work !== undefined || this.#state === 'restarting') return;
    await this.#look();
    const { clock } = this.#parts.world;
    if (this.#upload !== undefined) {
      const waitMs = this.#state === 'toConfirm' ? this.#parts.settings.confirmWithinS * 1_000 : uploadMs;
      if (clock.monotonicMs() - this.#upload.sinceMs > waitMs)
        this.#endUpload('nobody confirmed the bundle in time: it is removed');
      return;
    }
    if (this.#book?.facts === undefined || this.#parts.settings.folder.url === '') return;
    this.#start((signal) => this.#follow(signal));
  }

  /** The folder: look when it is time, and get in what is for this box. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { world, settings } = this.#parts;
    const moment = { onTrial: this.#book!.facts!.onTrial, time: this.#parts.time(), wallMs: world.clock.wallMs() };
    const held = keepsFromChecking(moment);
    if (held !== '') return this.#set('waiting', held);
    if (world.clock.monotonicMs() >= this.#checkAtMs) await this.#check(signal);
    signal.throwIfAborted();
    if (this.#found === undefined) {
      if (this.#state === 'waiting') this.#set('idle', '');
      return;
    }
    const settled = settledBy(this.#found.sha256, this.#book!.past);
    if (settled !== '') return this.#leave(`${this.#found.version}: ${settled}`);
    const closed = keepsFromInstalling(settings.window, moment);
    if (closed !== '') return this.#set('waiting', `${this.#found.version} waits: ${closed}`);
    if (world.clock.monotonicMs() < this.#tryAtMs) return;
    await this.#fetch(this.#found, signal);
  }

  /** What was found is not fetched any more; what the folder says the next time may be another. */
  #leave(reason: string): void {
    this.#found = undefined;
    this.#set('idle', reason);
    this.#complain('updateFailed', reason);
  }

  async #check(signal: AbortSignal): Promise<void> {
    const { world, settings, identity, client, version } = this.#parts;
    const { clock, random } = world;
    this.#set('checking', '');
    // Before it is asked: what is announced meanwhile leads to another look.
    this.#checkAtMs = clock.monotonicMs() + nextCheckMs(settings.checkEveryS, random.float());
    try {
      const index = parseIndex(await client.index(signal));
      signal.throwIfAborted();
      this.#checkedMs = Math.round(clock.wallMs());
      this.#checkFault = '';
      const facts = { ...identity, running: version, allowOlder: settings.allowOlder, isEarly: settings.stage === 'early' };
      const choice = chooseBundle(index, { ...facts, compatible: this.#book!.facts!.compatible, past: this.#book!.past });
      const before = this.#found?.sha256;
      this.#found = choice.bundle;
      this.#checkRetry.reset();
      if (choice.bundle === undefined) this.#set('idle', choice.reason);
      else if (choice.bundle.sha256 !== before) {
        this.#fetchRetry.reset();
        this.#tryAtMs = 0;
        this.#say('info', 'updateFound', `version ${choice.bundle.version} is in the folder`);
      }
    } catch (error) {
      if (signal.aborted) throw error;
      this.#checkAtMs = Math.min(this.#checkAtMs, clock.monotonicMs() + this.#checkRetry.nextMs());
      this.#checkFault = messageOf(error);
      this.#set('idle', '');
      this.#complain('updateCheckFailed', this.#checkFault);
    }
  }

  async #fetch(bundle: IndexedBundle, signal: AbortSignal): Promise<void> {
    const { world, settings, client, folders } = this.#parts;
    this.#set('downloading', '');
    try {
      await download({
        ...{ client, bundle, signal, rateKbps: settings.rateKbps, clock: world.clock, folder: folders!.folder },
        onProgress: (octets) => {
          this.#doneOctets = octets;
        },
      });
      signal.throwIfAborted();
      const { sha256, version } = bundle;
      await this.#install({ sha256, version, source: 'folder' }, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#tryAtMs = world.clock.monotonicMs() + this.#fetchRetry.nextMs();
      this.#set('waiting', `${bundle.version} is tried again: ${messageOf(error)}`);
      this.#complain('updateFailed', messageOf(error));
    }
  }

  /** @throws ApplianceError when it did not come about */
  async #install(what: { sha256: string; version: string; source: 'folder' | 'page' }, signal: AbortSignal): Promise<void> {
    this.#set('installing', '');
    this.#say('info', 'updateInstalling', `version ${what.version} is being installed into the other slot`);
    const answer = await this.#ask('install', what, installMs, signal);
    if (answer.result !== 'good') {
      const code = answer.result === 'refused' ? 'updateRefused' : 'updateDamaged';
      throw new ApplianceError(
        code,
        `version ${what.version} is ${answer.result === 'refused' ? 'refused' : 'not installed'}: ${answer.reason}`,
      );
    }
    this.#set('restarting', '');
    this.#say(
      'info',
      'updateInstalled',
      `version ${what.version} is installed: the box restarts into it, and goes back if it does not meter`,
    );
  }

  async #ask(
    what: 'check' | 'install',
    about: { sha256: string; version: string; source: 'folder' | 'page' },
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<InstallAnswer> {
    const answer = await this.#book!.ask({ do: what, ...about }, deadlineMs, signal);
    await this.#look();
    if (answer.result === 'refused') {
      this.#found = undefined;
      this.#say('error', 'updateRefused', `a bundle from the ${about.source} is refused: ${answer.reason}`);
    }
    return answer;
  }

  #begin(who: string, octets: number): void {
    const now = { state: this.#state, onTrial: this.#book!.facts!.onTrial, uploader: this.#upload?.who };
    const held = keepsFromUploading(now, { who, octets });
    if (held !== '') throw new ApplianceError('usage', held);
    this.#work?.abort.abort(new ApplianceError('updateUnreachable', 'somebody uploads another'));
    this.#upload = { who, octets, sinceMs: this.#parts.world.clock.monotonicMs(), sha256: '', version: '' };
    this.#set('uploading', '');
  }

  #examine(sha256: string, octets: number): void {
    const upload = this.#upload;
    if (upload === undefined || this.#state !== 'uploading') throw new ApplianceError('usage', 'no upload is under way');
    if (octets !== upload.octets) throw new ApplianceError('usage', `${octets} octets came, and ${upload.octets} were announced`);
    upload.sha256 = sha256;
    this.#set('examining', '');
    this.#start(async (signal) => {
      const { folder } = this.#parts.folders!;
      await rename(join(folder, uploadName), join(folder, bundleName));
      const answer = await this.#ask('check', { sha256, version: '', source: 'page' }, examineMs, signal);
      if (answer.result !== 'good') return this.#endUpload(`the uploaded bundle is not taken: ${answer.reason}`);
      this.#upload = { ...upload, version: answer.version, sinceMs: this.#parts.world.clock.monotonicMs() };
      this.#set('toConfirm', '');
      this.#say('info', 'updateUploaded', `${upload.who} uploaded version ${answer.version}; its signature is good`);
    });
  }

  #confirm(who: string, version: string): void {
    const upload = this.#upload;
    if (upload === undefined || this.#state !== 'toConfirm') throw new ApplianceError('usage', 'nothing waits to be confirmed');
    if (upload.version !== version) throw new ApplianceError('usage', `what waits is version ${upload.version}, not ${version}`);
    this.#set('installing', '');
    this.#say('info', 'updateConfirmed', `${who} has version ${version} installed`);
    this.#start(async (signal) => {
      await this.#install({ sha256: upload.sha256, version, source: 'page' }, signal);
    });
  }

  #endUpload(reason: string): void {
    if (reason !== '') this.#say('warn', 'updateNotTaken', reason);
    this.#isClearing = true;
    this.#start(async () => {
      await clearFolder(this.#parts.folders!.folder).finally(() => {
        this.#isClearing = false;
        this.#upload = undefined;
      });
      this.#set('idle', reason);
    });
  }

  /** What was begun before ends first. */
  #start(work: (signal: AbortSignal) => Promise<void>): void {
    const before = this.#work?.promise;
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, this.#ended.signal]);
    const run = async (): Promise<void> => {
      await before;
      try {
        await work(signal);
      } catch (error) {
        if (!signal.aborted) this.#fail('updateFailed', error);
      } finally {
        if (this.#work === mine) this.#work = undefined;
      }
    };
    const mine = { promise: Promise.resolve(), abort };
    this.#work = mine;
    Object.assign(mine, { promise: run() });
  }

  async #look(): Promise<void> {
    const news = await this.#book!.look();
    if (news !== undefined) this.#say(news.level, news.event, news.text);
  }

  #fail(event: string, error: unknown): void {
    if (this.#upload === undefined) this.#set('idle', messageOf(error));
    else this.#endUpload(messageOf(error));
    this.#complain(event, messageOf(error));
  }

  #set(state: UpdateState, reason: string): void {
    this.#state = state;
    this.#reason = reason;
  }

  /** The same trouble once, however often it is met. */
  #complain(event: string, text: string): void {
    if (this.#said !== text) this.#parts.onEvent('warn', event, text);
    this.#said = text;
  }

  #say(level: BoxEvent['level'], event: string, text: string): void {
    this.#said = '';
    this.#parts.onEvent(level, event, text);
  }
}
