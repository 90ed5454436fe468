/** `flowspan provision`: settings, certificates and the network of a box from its boot partition or a stick, at every boot. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import { trialS } from '../flow/set_up_shapes.ts';
import { loadAddon } from '../meter/addon.ts';
import { type PageDone, type PageStep, pageSettings } from '../system/provision/page_settings.ts';
import { type Provisioned, provision } from '../system/provision/provision.ts';
import { reportWords } from '../system/provision/report.ts';
import type { ToldState } from '../system/provision/set_up_desk.ts';
import { type Command, exitCodes, type OptionValues, type Terminal } from './command.ts';

export const command: Command = {
  name: 'provision',
  summary: 'settings and network of an appliance from its boot partition or a stick',
  usage: `provision --from FOLDER… [--root FOLDER] [--check] [--json]
provision --from FOLDER --page asked|late|start --told FOLDER [--held WHY] [--root FOLDER]

  --from FOLDER   where flowspan.yaml and certificates/ lie; may be given several times, the last one with settings is taken
  --root FOLDER   root of the file system to write to (default /)
  --check         decide and tell only
  --json          what was decided, as one JSON object
  --page STEP     settings from the page: what the service asks for, on standard input; nobody reached the page; the box starts
  --held WHY      with --page: why the box may not be restarted now, which other ports take
  --told FOLDER   with --page: where the service is told what became of it, in state.new for whoever applies it

Checks what is offered as a whole: with one fault nothing of it is taken, ERROR.txt beside it says why, and the box goes on with what it
had. Else it lies in /etc/flowspan, and OK.txt says what is in force. Then the network is made of what is kept, below /run: files
for systemd-networkd, chrony, wpa_supplicant, nftables; /run/flowspan/hostname and ports.env for scripts. Running it again changes nothing.
A file named factory-reset makes the box forget everything first; on another folder than the first one, at its next start. Ends with 1 when what is offered has faults.`,
  options: {
    from: { type: 'string', multiple: true },
    root: { type: 'string' },
    check: { type: 'boolean' },
    json: { type: 'boolean' },
    page: { type: 'string' },
    told: { type: 'string' },
    held: { type: 'string' },
  },
  positionals: [],
  async run(values, _positionals, { out }) {
    const from = (values.from ?? []) as string[];
    if (from.length === 0) throw new ApplianceError('usage', 'provision needs --from FOLDER');
    if (values.page !== undefined) return fromPage(String(values.page), from, values, out);
    const job = { from, root: String(values.root ?? '/'), nowMs: knownNowMs(), dry: values.check === true };
    const { rendered, sysctls, certificates, settingsText, ...told } = provision(job);
    if (values.json === true) {
      const files = { rendered, sysctls, certificates: Object.keys(certificates), settingsChange: settingsText !== undefined };
      out.write(`${JSON.stringify({ ...told, ...files })}\n`);
    } else {
      out.write(resetWords[told.reset]);
      out.write(`${reportWords({ rendered, sysctls, certificates, settingsText, ...told }).join('\n')}\n`);
    }
    return told.state === 'refused' ? exitCodes.failed : exitCodes.good;
  },
};

const pageSteps: readonly PageStep[] = ['asked', 'late', 'start'];

/** Prints what a script needs to know: `outcome=…`, `changed=…`, then the reasons. */
async function fromPage(step: string, from: readonly string[], values: OptionValues, out: Terminal['out']): Promise<number> {
  const known = pageSteps.find((one) => one === step);
  if (known === undefined) throw new ApplianceError('usage', `--page: ${step}: allowed: ${pageSteps.join(', ')}`);
  if (from.length !== 1 || values.told === undefined)
    throw new ApplianceError('usage', '--page needs one --from, and --told FOLDER');
  const request = known === 'asked' ? readFileSync(0, 'utf8') : '';
  const clock = new SystemClock();
  const root = String(values.root ?? '/');
  const held = String(values.held ?? '');
  const done = pageSettings({ own: from[0]!, root, nowMs: knownNowMs(), step: known, request, held });
  writeFileSync(join(String(values.told), 'state.new'), toldOf(done, clock), { mode: 0o644 });
  out.write(
    `outcome=${done.outcome}\nchanged=${done.changed.join(' ')}\n${done.reasons.map((reason) => `${reason}\n`).join('')}`,
  );
  return exitCodes.good;
}

function toldOf({ id, who, outcome, reasons, changed }: PageDone, clock: Pick<SystemClock, 'monotonicNs'>): string {
  // By the clock of this boot, which the service reads as well: wall time may not be known.
  const untilS = Number(clock.monotonicNs() / 1_000_000_000n) + trialS;
  // A trial that takes a start of the box begins with it.
  const isTrial = outcome === 'onTrial' && !changed.includes('ports');
  const told: ToldState = { id, outcome, reasons, restarts: changed.includes('ports'), trial: isTrial ? { who, untilS } : null };
  return `${JSON.stringify(told)}\n`;
}

const resetWords: Record<Provisioned['reset'], string> = {
  no: '',
  done: 'the box was reset: it has forgotten everything\n',
  atNextStart: 'the box forgets everything at its next start\n',
};

/** At boot the time may be anything: dates are judged by a clock that the kernel says is synchronised. */
function knownNowMs(): number | undefined {
  try {
    return loadAddon().kernelClock()?.synchronised === true ? new SystemClock().wallMs() : undefined;
  } catch (error) {
    if (error instanceof ApplianceError) return undefined; // a laptop without the addon
    throw error;
  }
}
