/**
 * `flowspan health`: whether the data plane of the running box works, for supervisors and for the judgement of an update. Asks through
 * the socket in the data folder, which needs no sign-in.
 */
import { SystemClock } from '../core/clock.ts';
import type { DataPlaneHealth } from '../flow/health_shapes.ts';
import { BoxClient } from './box_client.ts';
import { boxSettings, configUsage } from './box_folder.ts';
import { type Command, exitCodes, integerOption } from './command.ts';
import { type Answer, HealthWatch } from './health_watch.ts';

const periodMs = 1_000;
const answerTimeoutMs = 5_000;

export const command: Command = {
  name: 'health',
  summary: 'whether metering, keeping and the page work; for update gates and supervisors',
  usage: `health [--config FILE] [--for S] [--within S] [--json]

  --for S         healthy without a break for this many seconds (default 0: one look)
  --within S      give up after this many seconds (default 0: as soon as it is not healthy)
  --json          the last look as one JSON object
  --data FOLDER   data folder of the box (default var, or as --config says)
${configUsage}

Healthy means: capture runs, the metering threads, the pipeline and the spool give signs of life, stores are open, the page answers. A line
without packets is healthy, and so is a box whose collector cannot be reached. Ends with 0 when healthy, with 1 when not or when
nobody answers.`,
  options: {
    for: { type: 'string' },
    within: { type: 'string' },
    json: { type: 'boolean' },
    data: { type: 'string' },
    config: { type: 'string' },
  },
  positionals: [],
  async run(values, _positionals, { out, interrupted }) {
    const settings = boxSettings(values);
    const box = new BoxClient(settings, values);
    const clock = new SystemClock();
    const forMs = integerOption(values, 'for', 0, 0, 86_400) * 1_000;
    const withinMs = integerOption(values, 'within', 0, 0, 86_400) * 1_000;
    const watch = new HealthWatch({ forMs, withinMs }, clock.monotonicMs());
    const nobody = settings.status.enabled ? '' : ' (status.enabled is false: there is no page to ask)';
    for (;;) {
      const answer = await ask(box, nobody);
      const verdict = watch.look(clock.monotonicMs(), answer);
      if (verdict !== 'wait') {
        out.write(
          values.json === true ? `${JSON.stringify({ healthy: verdict === 'healthy', ...parts(answer) })}\n` : inWords(answer),
        );
        return verdict === 'healthy' ? exitCodes.good : exitCodes.failed;
      }
      await clock.sleep(periodMs, interrupted);
    }
  },
};

async function ask(box: BoxClient, nobody: string): Promise<Answer> {
  const answer = await box.ask<DataPlaneHealth>('/api/v1/health', { timeoutMs: answerTimeoutMs });
  if (answer === undefined)
    return { healthy: false, reason: `no service answers at ${box.place}${nobody}${box.refused && `: ${box.refused}`}` };
  const { healthy, parts } = answer.body;
  if (typeof healthy === 'boolean') return { healthy, ...(parts === undefined ? {} : { parts }) };
  return { healthy: false, reason: `${box.place} has no such question: HTTP ${answer.status}` };
}

const parts = ({ parts: all = [], reason }: Answer): object => ({ parts: all, ...(reason === undefined ? {} : { reason }) });

function inWords({ healthy, parts: all = [], reason }: Answer): string {
  const lines = all.map((one) => `${one.healthy ? 'ok  ' : 'FAIL'}  ${one.part}: ${one.found}`);
  return [...lines, reason ?? (healthy ? 'healthy' : 'not healthy'), ''].join('\n');
}
