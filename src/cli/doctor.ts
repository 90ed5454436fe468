/** `flowspan doctor`: looks at port, promiscuous mode, offloads, clock, disk and uplinks, and says what to fix. Changes nothing. */
import { type Settings, settingsSchema } from '../config/schema.ts';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import type { BoxStatus } from '../flow/status_shapes.ts';
import { loadAddon, type NativeAddon } from '../meter/addon.ts';
import { isPcapBuilt } from '../meter/libpcap/pcap_package.ts';
import { type DoctorCheck, doctorChecks, worstVerdict } from '../system/doctor_checks.ts';
import { gatherDoctorFacts } from '../system/doctor_facts.ts';
import { pageChecks } from '../system/page_checks.ts';
import { BoxClient } from './box_client.ts';
import { boxSettings, configVariable } from './box_folder.ts';
import { type Command, exitCodes, type OptionValues } from './command.ts';
import { gatherPageFacts } from './page_facts.ts';

export const command: Command = {
  name: 'doctor',
  summary: 'check port, mirror, clock, disk and uplinks; says what to fix',
  usage: `doctor [--config FILE] [--interface NAME] [--json]

  --config FILE       the settings the service runs with (default: what ${configVariable} names)
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
    const box = new BoxClient(settings, {});
    const running = await answers(box);
    const status = running ? await askStatus(box) : undefined;
    const [mirror, sampling] = [status?.mirror ?? null, status?.meter?.sampling ?? null];
    const question = { settings, clock: new SystemClock(), running, mirror, sampling, pcapBuilt: isPcapBuilt };
    const addon = addonIfBuilt();
    const boxChecks = doctorChecks(
      await gatherDoctorFacts(addon === undefined ? question : { ...question, ports: addon, kernelClock: addon.kernelClock }),
    );
    const page = settings.status.enabled
      ? pageChecks(await gatherPageFacts(settings, question.clock), question.clock.wallMs())
      : [];
    const checks = [...boxChecks, ...page];
    const verdict = worstVerdict(checks);
    if (values.json === true) out.write(`${JSON.stringify({ verdict, running, checks })}\n`);
    else out.write(`${checks.map(inWords).join('\n')}\n\n${summary(checks, running, box.place)}\n`);
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

function summary(checks: readonly DoctorCheck[], running: boolean, place: string): string {
  const count = (verdict: DoctorCheck['verdict']): number => checks.filter((check) => check.verdict === verdict).length;
  const service = running ? 'the service is running' : `no service answers at ${place}`;
  return `${checks.length} checks: ${count('ok')} in order, ${count('warn')} to look at, ${count('fail')} failed; ${service}`;
}

async function answers(box: BoxClient): Promise<boolean> {
  return (await box.ask('/healthz', { timeoutMs: 2_000 }))?.status === 200;
}

/** What the running box says of itself; undefined when it does not. */
async function askStatus(box: BoxClient): Promise<Partial<BoxStatus> | undefined> {
  const answer = await box.ask<Partial<BoxStatus>>('/api/v1/status', { timeoutMs: 5_000 });
  // It has just stopped, or is another program, or wants a token: the check says that it could not be made.
  return answer?.status === 200 ? answer.body : undefined;
}

function settingsOf(values: OptionValues): Settings {
  const base = boxSettings(values);
  if (values.interface === undefined) return base;
  const result = settingsSchema.safeParse({
    ...base,
    meter: { ...base.meter, source: 'interface', interfaces: values.interface },
  });
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new ApplianceError('usage', `${issue.path.join('.')}: ${issue.message}`);
}
