/** `flowspan doctor`: looks at port, promiscuous mode, offloads, clock, disk and uplinks, and says what to fix. Changes nothing. */
import { defaultSettings, loadSettings } from '../config/load.ts';
import { type Settings, settingsSchema } from '../config/schema.ts';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import type { MirrorStatus } from '../flow/mirror_findings.ts';
import type { BoxStatus } from '../flow/status_shapes.ts';
import { loadAddon, type NativeAddon } from '../meter/addon.ts';
import { isPcapBuilt } from '../meter/libpcap/pcap_package.ts';
import { type DoctorCheck, doctorChecks, worstVerdict } from '../system/doctor_checks.ts';
import { gatherDoctorFacts } from '../system/doctor_facts.ts';
import { type Command, exitCodes, type OptionValues } from './command.ts';

export const command: Command = {
  name: 'doctor',
  summary: 'check port, mirror, clock, disk and uplinks; says what to fix',
  usage: `doctor [--config FILE] [--interface NAME] [--json]

  --config FILE       the settings the service runs with
  --interface NAME    look at this port; may be given several times
  --json              the checks as one JSON object

Ends with 1 when a check fails.`,
  options: {
    config: { type: 'string' },
    interface: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  },
  positionals: [],
  async run(values, _positionals, { out }) {
    const settings = settingsOf(values);
    const running = await answers(settings);
    const mirror = running ? await askMirror(settings) : null;
    const question = { settings, clock: new SystemClock(), running, mirror, pcapBuilt: isPcapBuilt };
    const addon = addonIfBuilt();
    const checks = doctorChecks(
      await gatherDoctorFacts(
        addon === undefined ? question : { ...question, mergingOffloads: addon.mergingOffloads, kernelClock: addon.kernelClock },
      ),
    );
    const verdict = worstVerdict(checks);
    if (values.json === true) out.write(`${JSON.stringify({ verdict, running, checks })}\n`);
    else out.write(`${checks.map(inWords).join('\n')}\n\n${summary(checks, running, settings)}\n`);
    return verdict === 'fail' ? exitCodes.failed : exitCodes.good;
  },
};

/** A box whose addon is missing or of another build needs a doctor most: what only the addon can ask is then not readable. */
function addonIfBuilt(): NativeAddon | undefined {
  try {
    return loadAddon();
  } catch (error) {
    if (error instanceof ApplianceError) return undefined;
    throw error;
  }
}

const marks: Record<DoctorCheck['verdict'], string> = { ok: 'ok  ', warn: 'look', fail: 'FAIL' };

function inWords({ check, verdict, found, todo }: DoctorCheck): string {
  return `${marks[verdict]}  ${check}: ${found}${todo === '' ? '' : `\n        do: ${todo}`}`;
}

function summary(checks: readonly DoctorCheck[], running: boolean, settings: Settings): string {
  const count = (verdict: DoctorCheck['verdict']): number => checks.filter((check) => check.verdict === verdict).length;
  const service = running ? 'the service is running' : `no service answers at ${urlOf(settings)}`;
  return `${checks.length} checks: ${count('ok')} in order, ${count('warn')} to look at, ${count('fail')} failed; ${service}`;
}

function urlOf({ status }: Settings): string {
  const host = status.address === '0.0.0.0' || status.address === '::' ? '127.0.0.1' : status.address;
  return `http://${host.includes(':') ? `[${host}]` : host}:${status.port}`;
}

async function answers(settings: Settings): Promise<boolean> {
  try {
    return (await fetch(`${urlOf(settings)}/healthz`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false; // nobody answers: that is the answer
  }
}

/** What the running box has recognised from its traffic; null when it does not say. */
async function askMirror(settings: Settings): Promise<MirrorStatus | null> {
  try {
    const response = await fetch(`${urlOf(settings)}/api/v1/status`, { signal: AbortSignal.timeout(5_000) });
    return response.ok ? (((await response.json()) as Partial<BoxStatus>).mirror ?? null) : null;
  } catch {
    return null; // it has just stopped, or is another program: the check says that it could not be made
  }
}

function settingsOf(values: OptionValues): Settings {
  const base = values.config === undefined ? defaultSettings() : loadSettings(values.config as string);
  if (values.interface === undefined) return base;
  const result = settingsSchema.safeParse({
    ...base,
    meter: { ...base.meter, source: 'interface', interfaces: values.interface },
  });
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new ApplianceError('usage', `${issue.path.join('.')}: ${issue.message}`);
}
