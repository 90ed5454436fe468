/**
 * What was done, by whom, from where: JSON lines in `access/audit.jsonl` (mode 0600), the newest two files of `octetsMax`
 * each. What anybody can cause without signing in is written at most `strangersMax` times a minute, and counted beyond: an
 * attack must not wear the card out. An edge; owned by whoever changes something, and only ever appended to.
 */
import { appendFile, mkdir, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, systemCode } from '../../core/errors.ts';
import type { World } from '../../core/world.ts';
import type { AuditAction, AuditEntry } from '../../flow/access_shapes.ts';

const octetsMax = 512 * 1024;
const strangersMax = 30;
const minuteMs = 60_000;
const textMax = 120;

export class AuditLog {
  readonly #world: Pick<World, 'clock' | 'log'>;
  readonly #path: string;
  #work: Promise<void> = Promise.resolve();
  #minuteAtMs = Number.NEGATIVE_INFINITY;
  #strangers = 0;
  #untold = 0;

  constructor(dataFolder: string, world: Pick<World, 'clock' | 'log'>) {
    this.#world = world;
    this.#path = join(dataFolder, 'access', 'audit.jsonl');
  }

  /** Something that a known user, token or the console did. */
  note(who: string, from: string, action: AuditAction, what = ''): void {
    this.#append({ who, from, action, what, outcome: 'done' });
  }

  /** The same, where nobody said in time whether it was done. */
  noteUnanswered(who: string, from: string, action: AuditAction, what: string): void {
    this.#append({ who, from, action, what, outcome: 'unanswered' });
  }

  /** Something that did not come about; whoever it was need not be who they say. */
  noteFailure(who: string, from: string, action: AuditAction, what: string, outcome: 'failed' | 'limited'): void {
    const nowMs = this.#world.clock.monotonicMs();
    if (nowMs - this.#minuteAtMs >= minuteMs) {
      const untold = this.#untold;
      this.#minuteAtMs = nowMs;
      this.#strangers = 0;
      this.#untold = 0;
      if (untold > 0) this.#append({ who: '', from: '', action, what: `${untold} more were not written`, outcome });
    }
    if (this.#strangers++ < strangersMax) this.#append({ who, from, action, what, outcome });
    else this.#untold++;
  }

  /** Newest first. */
  async newest(limit: number): Promise<AuditEntry[]> {
    await this.#work;
    const entries: AuditEntry[] = [];
    for (const path of [this.#path, `${this.#path}.1`]) {
      if (entries.length >= limit) break;
      const lines = (await textOf(path)).split('\n').filter((line) => line !== '');
      for (const line of lines.reverse()) {
        if (entries.length >= limit) break;
        const entry = parsed(line);
        if (entry !== undefined) entries.push(entry);
      }
    }
    return entries;
  }

  /** Resolves when everything so far is written. */
  async settled(): Promise<void> {
    await this.#work;
  }

  #append(part: Omit<AuditEntry, 'atMs'>): void {
    const { clock, log } = this.#world;
    const entry: AuditEntry = {
      atMs: Math.round(clock.wallMs()),
      ...part,
      who: part.who.slice(0, textMax),
      what: part.what.slice(0, textMax),
    };
    log.info('audit', { ...entry });
    this.#work = this.#work.then(() => this.#write(`${JSON.stringify(entry)}\n`));
  }

  async #write(line: string): Promise<void> {
    try {
      const size = await stat(this.#path).then(
        (found) => found.size,
        () => 0, // not there yet, or not readable: then writing says why
      );
      if (size > octetsMax) await rename(this.#path, `${this.#path}.1`);
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      await appendFile(this.#path, line, { mode: 0o600 });
    } catch (error) {
      this.#world.log.error('auditUnwritten', { reason: messageOf(error) });
    }
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/** A line that a power cut has torn is left out. */
function parsed(line: string): AuditEntry | undefined {
  try {
    const entry = JSON.parse(line) as AuditEntry;
    return typeof entry?.atMs === 'number' ? entry : undefined;
  } catch {
    return undefined;
  }
}
