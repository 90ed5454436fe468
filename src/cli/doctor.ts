/** `flowspan doctor`: looks at port, promiscuous mode, offloads, clock, disk and uplinks, and says what to fix. Changes nothing. */
import { defaultSettings, loadSettings } from '../config/load.ts';
import { type Settings, settingsSchema } from '../config/schema.ts';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
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
    const checks = doctorChecks(await gatherDoctorFacts({ settings, clock: new SystemClock(), running }));
    const verdict = worstVerdict(checks);
    if (values.json === true) out.write(`${JSON.stringify({ verdict, running, checks })}\n`);
    else out.write(`${checks.map(inWords).join('\n')}\n\n${summary(checks, running)}\n`);
    return verdict === 'fail' ? exitCodes.failed : exitCodes.good;
  },
};

const marks: Record<DoctorCheck['verdict'], string> = { ok: 'ok  ', warn: 'look', fail: 'FAIL' };

function inWords({ check, verdict, found, todo }: DoctorCheck): string {
  return `${marks[verdict]}  ${check}: ${found}${todo === '' ? '' : `\n        do: ${todo}`}`;
}

function summary(checks: readonly DoctorCheck[], running: boolean): string {
  const count = (verdict: DoctorCheck['verdict']): number => checks.filter((check) => check.verdict === verdict).length;
  const service = running ? 'the service is running' : 'the service is not running';
  return `${checks.length} checks: ${count('ok')} in order, ${count('warn')} to look at, ${count('fail')} failed; ${service}`;
}

async function answers({ status }: Settings): Promise<boolean> {
  const host = status.address === '0.0.0.0' || status.address === '::' ? '127.0.0.1' : status.address;
  try {
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${status.port}/healthz`;
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false; // nobody answers: that is the answer
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
