/**
 * Settings from the page, on the side of the sandboxed service: it reads its settings file, checks what the form makes of it, and puts a request
 * into a folder of its own. The image's `page_settings`, root, applies it (`page_settings.ts`) and tells in a file that only root can write. Where
 * nobody would do that the form is for an editor. One request at a time. An edge; owned by the page's thread.
 */
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Settings } from '../../config/schema.ts';
import type { FilledIn } from '../../config/set_up_form.ts';
import type { Timer } from '../../core/clock.ts';
import { ApplianceError, messageOf, systemCode } from '../../core/errors.ts';
import type { World } from '../../core/world.ts';
import type { SetUpCheck, SetUpFacts, SetUpForm, SetUpOutcome, SetUpPlace, SetUpState } from '../../flow/set_up_shapes.ts';
import type { BoxEvent } from '../../flow/status_shapes.ts';
import { readPorts } from './box_ports.ts';
import type { PageRequest } from './page_settings.ts';
import { type PortPlan, portPlan } from './port_plan.ts';
import { memoryOf } from './provision_memory.ts';

/** As the units of the image say. */
export function setUpPlaceOf(file: string, environment: NodeJS.ProcessEnv): SetUpPlace {
  const { FLOWSPAN_SETUP_FOLDER: folder, FLOWSPAN_SETUP_TOLD: told } = environment;
  return { file, folders: folder && told && file !== '' ? { folder, told } : undefined };
}

/** What root tells. */
export interface ToldState {
  /** Of the request; empty where nobody asked. */
  readonly id: string;
  readonly outcome: SetUpOutcome | 'onTrial' | 'nothing';
  readonly reasons: readonly string[];
  /** The box starts anew with it. */
  readonly restarts: boolean;
  /** `untilS` by the monotonic clock of this boot. */
  readonly trial: { readonly who: string; readonly untilS: number } | null;
}

export interface SetUpDeskParts {
  readonly world: Pick<World, 'clock' | 'random'>;
  readonly place: SetUpPlace;
  /** Those of the service, where there is no file. */
  readonly settings: Settings;
  /** Of the file system; another one in tests. */
  readonly root: string;
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

/** The schema of all settings, loaded when somebody sets some: most pages never do. */
const formParts = () => import('../../config/set_up_form.ts');
const lookMs = 5_000;
/** Applying takes seconds; on a slow board with much to do, a minute. */
const answerMs = 120_000;
const pollMs = 250;

export class SetUpDesk {
  readonly #parts: SetUpDeskParts;
  #asked: { readonly id: string; readonly sinceMs: number } | undefined;
  #seen = '';
  #timer: Timer | undefined;

  constructor(parts: SetUpDeskParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    if (this.#parts.place.folders === undefined) return;
    this.stop();
    const quiet = (): void => {}; // a state that cannot be read is said to whoever asks
    await this.#look().catch(quiet);
    this.#timer = this.#parts.world.clock.every(lookMs, () => this.#look(), quiet);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** @throws ApplianceError `settingsUnreadable` */
  async facts(): Promise<SetUpFacts> {
    const { place, root } = this.#parts;
    const { formOf, hasBrokerPassword, isUnset } = await formParts();
    const { text, settings, fault } = await this.#file();
    const ports = readPorts(root);
    const memory = memoryOf(await readOr(join(dirname(place.file), 'provisioned.json'), ''));
    const rule = { managementPort: '', mirrorPorts: [], wifi: settings.device.wifi };
    const { management = '', mirror, why } = suggested(ports, rule, memory?.ports);
    const canApply = place.folders !== undefined;
    return {
      ...{ canApply, file: place.file, isNew: isUnset(settings), fileFault: fault, ports },
      form: formOf(settings, canApply),
      hasBrokerPassword: hasBrokerPassword(settings),
      suggested: { management, mirror, why },
      revision: revisionOf(text),
      ...(await this.state()),
    };
  }

  async state(): Promise<SetUpState> {
    const told = await this.#told();
    const isOwn = told !== undefined && told.outcome !== 'nothing' && told.outcome !== 'onTrial';
    return {
      isApplying: this.#isWaiting(told) || told?.restarts === true,
      trial: this.#trialOf(told),
      last: isOwn ? { id: told.id, outcome: told.outcome as SetUpOutcome, reasons: told.reasons } : null,
    };
  }

  /** @throws ApplianceError `settingsUnreadable`, `settingsInvalid` */
  async check(form: SetUpForm): Promise<SetUpCheck> {
    const { faults, changes, preview } = await this.#checked(form);
    return { faults, changes, preview };
  }

  /** Its number: `facts` tell what became of it. @throws ApplianceError `usage`, `storeUnwritable`, `storeFull` */
  async apply(who: string, form: SetUpForm, revision: string): Promise<string> {
    const { text } = await this.#file();
    if (revisionOf(text) !== revision)
      throw new ApplianceError('usage', 'the settings have changed since this form was filled in: look at them again');
    const { faults, files, text: wanted } = await this.#checked(form);
    if (faults.length > 0) throw new ApplianceError('usage', `the settings have faults: ${faults[0]!.message}`);
    return this.#ask({ do: 'try', who, text: wanted, files });
  }

  /** Settings on trial are in force for good. Resolves when that is so. @throws ApplianceError */
  async keep(who: string): Promise<void> {
    await this.#settle(who, 'keep', 'kept');
  }

  /** The former settings come back. @throws ApplianceError */
  async undo(who: string): Promise<void> {
    await this.#settle(who, 'undo', 'undone');
  }

  async #settle(who: string, what: 'keep' | 'undo', wanted: SetUpOutcome): Promise<void> {
    if (this.#trialOf(await this.#told()) === null) throw new ApplianceError('usage', 'no settings are on trial');
    const id = await this.#ask({ do: what, who, text: '', files: {} });
    const { clock } = this.#parts.world;
    const endMs = clock.monotonicMs() + answerMs;
    while (clock.monotonicMs() < endMs) {
      await clock.sleep(pollMs);
      const told = await this.#told();
      if (told?.id !== id) continue;
      if (told.outcome !== wanted) throw new ApplianceError('usage', told.reasons.join('; '));
      return;
    }
    throw new ApplianceError('deadlineExceeded', 'whoever applies settings has not answered');
  }

  async #checked(form: SetUpForm): Promise<SetUpCheck & FilledIn> {
    const [{ text }, { checkForm }] = await Promise.all([this.#file(), formParts()]);
    return checkForm(text, form, this.#parts.place.folders !== undefined);
  }

  async #ask(request: Omit<PageRequest, 'id'>): Promise<string> {
    const { place, world } = this.#parts;
    if (place.folders === undefined)
      throw new ApplianceError('usage', 'nobody applies settings here: this is not a box of the image');
    if (this.#isWaiting(await this.#told())) throw new ApplianceError('usage', 'other settings are being applied: wait a moment');
    const id = Buffer.from(world.random.bytes(8)).toString('hex');
    this.#asked = { id, sinceMs: world.clock.monotonicMs() };
    const path = join(place.folders.folder, 'request');
    try {
      await writeFile(`${path}.new`, JSON.stringify({ id, ...request } satisfies PageRequest), { mode: 0o600 });
      await rename(`${path}.new`, path);
    } catch (error) {
      this.#asked = undefined;
      const code = systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT' ? 'storeFull' : 'storeUnwritable';
      throw new ApplianceError(code, `the request cannot be written: ${messageOf(error)}`, { cause: error });
    }
    return id;
  }

  #isWaiting(told: ToldState | undefined): boolean {
    if (this.#asked === undefined) return false;
    const isOver = told?.id === this.#asked.id || this.#parts.world.clock.monotonicMs() - this.#asked.sinceMs > answerMs;
    if (isOver) this.#asked = undefined;
    return !isOver;
  }

  #trialOf(told: ToldState | undefined): SetUpFacts['trial'] {
    if (told?.trial == null) return null;
    const nowMs = Number(this.#parts.world.clock.monotonicNs() / 1_000_000n);
    return { who: told.trial.who, leftMs: Math.max(0, told.trial.untilS * 1_000 - nowMs) };
  }

  async #file(): Promise<{ readonly text: string; readonly settings: Settings; readonly fault: string }> {
    const { place, settings } = this.#parts;
    if (place.file === '') return { text: '', settings, fault: '' };
    const text = await readOr(place.file, '');
    const { defaultSettings, formatFault, parseSettings } = await import('../../config/load.ts');
    const parsed = parseSettings(text);
    if ('settings' in parsed) return { text, settings: parsed.settings, fault: '' };
    return { text, settings: defaultSettings(), fault: parsed.faults.map((one) => formatFault(one, place.file)).join('; ') };
  }

  async #told(): Promise<ToldState | undefined> {
    const { folders } = this.#parts.place;
    const text = folders === undefined ? '' : await readOr(join(folders.told, 'state'), '');
    return text === '' ? undefined : (JSON.parse(text) as ToldState); // replaced whole, by root
  }

  /** What became of settings is said to everybody, by whomever it was begun. */
  async #look(): Promise<void> {
    const told = await this.#told();
    // An answer is taken as it comes: another may take its place before anybody asks.
    this.#isWaiting(told);
    const state = told === undefined ? '' : JSON.stringify(told);
    if (state === this.#seen) return;
    this.#seen = state;
    const why = told!.reasons.join('; ');
    const { onEvent } = this.#parts;
    if (told!.trial !== null)
      onEvent('warn', 'settingsOnTrial', `settings of ${told!.trial.who} are on trial: they go unless somebody reaches the page`);
    if (told!.outcome === 'kept')
      onEvent('info', 'settingsKept', `settings from the page are kept${why === '' ? '' : `: ${why}`}`);
    if (told!.outcome === 'undone') onEvent('warn', 'settingsUndone', `the former settings are back: ${why}`);
    if (told!.outcome === 'refused' || told!.outcome === 'failed')
      onEvent('warn', 'settingsNotTaken', `settings from the page are not taken: ${why}`);
  }
}

/** By the rule alone where that comes to what is in force: its reasons say more than that it was so before. */
function suggested(...[ports, rule, remembered]: Parameters<typeof portPlan>): PortPlan {
  const [plain, inForce] = [portPlan(ports, rule), portPlan(ports, rule, remembered)];
  const isSame = plain.management === inForce.management && plain.mirror.join() === inForce.mirror.join();
  return isSame ? plain : inForce;
}

const revisionOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** @throws ApplianceError `settingsUnreadable` */
async function readOr(path: string, otherwise: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return otherwise;
    throw new ApplianceError('settingsUnreadable', `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
