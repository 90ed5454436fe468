/** What doctor looks at, gathered and judged, for the command of that name and for support bundles. */
import type { Settings } from '../config/schema.ts';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import type { BoxStatus } from '../flow/status_shapes.ts';
import { loadAddon, type NativeAddon } from '../meter/addon.ts';
import { isPcapBuilt } from '../meter/libpcap/pcap_package.ts';
import { boxChecks } from '../system/box_checks.ts';
import { type DoctorCheck, doctorChecks, worstVerdict } from '../system/doctor_checks.ts';
import { gatherDoctorFacts } from '../system/doctor_facts.ts';
import { pageChecks } from '../system/page_checks.ts';
import { updateChecks } from '../system/update_checks.ts';
import { BoxClient } from './box_client.ts';
import { gatherBoxFacts } from './box_facts.ts';
import { settingsPath } from './box_folder.ts';
import type { OptionValues } from './command.ts';
import { gatherPageFacts } from './page_facts.ts';
import { gatherUpdateFacts } from './update_facts.ts';

export interface Examination {
  readonly verdict: DoctorCheck['verdict'];
  readonly running: boolean;
  readonly checks: readonly DoctorCheck[];
  /** Where the service was looked for. */
  readonly place: string;
}

/** @param values the options that say which box; `settings` are those of `boxSettings(values)`, or with other ports */
export async function examine(settings: Settings, values: OptionValues): Promise<Examination> {
  const box = new BoxClient(settings, values);
  const running = await answers(box);
  const status = running ? await askStatus(box) : undefined;
  const [mirror, sampling, cache] = [status?.mirror ?? null, status?.meter?.sampling ?? null, status?.meter ?? null];
  const clock = new SystemClock();
  const question = { settings, clock, running, mirror, sampling, cache, pcapBuilt: isPcapBuilt };
  const addon = addonIfBuilt();
  const facts = await gatherDoctorFacts(
    addon === undefined ? question : { ...question, ports: addon, kernelClock: addon.kernelClock },
  );
  const page = settings.status.enabled ? pageChecks(await gatherPageFacts(settings, clock), clock.wallMs()) : [];
  const rest = boxChecks(
    await gatherBoxFacts(settings, status, settingsPath(values)),
    facts.clock.synchronised === true ? clock.wallMs() : undefined,
  );
  const updates = updateChecks(await gatherUpdateFacts(settings, status, clock));
  const checks = [...doctorChecks(facts), ...page, ...rest, ...updates];
  return { verdict: worstVerdict(checks), running, checks, place: box.place };
}

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

/** All checks, and how many of each verdict. */
export function inFull({ checks, running, place }: Examination): string {
  const count = (verdict: DoctorCheck['verdict']): number => checks.filter((check) => check.verdict === verdict).length;
  const service = running ? 'the service is running' : `no service answers at ${place}`;
  const summary = `${checks.length} checks: ${count('ok')} in order, ${count('warn')} to look at, ${count('fail')} failed; ${service}`;
  return `${checks.map(inWords).join('\n')}\n\n${summary}\n`;
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
