/** `flowspan updates`: slots of the box, what is done about new versions, and what became of the last; and the rule of versions, for whoever installs. */
import { ApplianceError } from '../core/errors.ts';
import { outcomeWords, type UpdateStatus } from '../flow/update_shapes.ts';
import { VERSION } from '../flow/version.ts';
import { versionRefusal } from '../system/updates/version_rule.ts';
import { BoxClient, boxOptions, boxOptionsUsage } from './box_client.ts';
import { boxSettings } from './box_folder.ts';
import { type Command, exitCodes } from './command.ts';
import { size, timeText } from './figures.ts';

export const command: Command = {
  name: 'updates',
  summary: 'slots and updates of the box; look for a new version now',
  usage: `updates [--check] [options]

  --check             look into the folder of updates now
  --allowed VERSION   asks nobody: ends with 0 when that version may follow this one, by updates.allowOlder; else says why not
  --json              for programs
${boxOptionsUsage}

A version is uploaded and confirmed on the page.`,
  options: { check: { type: 'boolean' }, allowed: { type: 'string' }, json: { type: 'boolean' }, ...boxOptions },
  positionals: [],
  async run(values, _positionals, { out, err }) {
    const settings = boxSettings(values);
    if (values.allowed !== undefined) {
      const refusal = versionRefusal(String(values.allowed), VERSION, settings.updates.allowOlder);
      if (refusal !== '') err.write(`${refusal}\n`);
      return refusal === '' ? exitCodes.good : exitCodes.failed;
    }
    const box = new BoxClient(settings, values);
    if (values.check === true) {
      const answer = await box.ask('/api/v1/updates/check', { method: 'POST' });
      if (answer === undefined) throw nobody(box);
      if (answer.status !== 204)
        throw new ApplianceError('boxUnreachable', answer.body.error?.message ?? `HTTP ${answer.status}`);
      out.write('it looks into its folder within some seconds; flowspan updates tells what it found\n');
      return exitCodes.good;
    }
    const status = await box.get<UpdateStatus>('/api/v1/updates');
    if (status === undefined) throw nobody(box);
    out.write(values.json === true ? `${JSON.stringify(status)}\n` : inWords(status));
    return exitCodes.good;
  },
};

const nobody = (box: BoxClient): ApplianceError =>
  new ApplianceError(
    'boxUnreachable',
    [`no flowspan answers at ${box.place}`, box.refused].filter((word) => word !== '').join('; '),
  );

export function inWords({
  state,
  reason,
  slots,
  offered,
  isFetching,
  checkedMs,
  checkFault,
  nextCheckMs,
  past,
}: UpdateStatus): string {
  const lines = [`${state}${reason === '' ? '' : `: ${reason}`}`];
  for (const { name, isRunning, version, state: slotState } of slots)
    lines.push(`slot ${name}  ${version || '(nothing known)'}  ${slotState}${isRunning ? ', runs' : ''}`);
  if (offered !== null)
    lines.push(
      `from the ${offered.source}: ${offered.version || 'a bundle'}, ${size(offered.doneOctets)} of ${size(offered.octets)}`,
    );
  if (isFetching) {
    lines.push(
      `the folder answered ${checkedMs === 0 ? 'never yet' : timeText(checkedMs)}; asked again ${timeText(nextCheckMs)}`,
    );
    if (checkFault !== '') lines.push(`the folder cannot be read: ${checkFault}`);
  }
  for (const { atMs, outcome, version, source, reason: why } of past)
    lines.push(`${timeText(atMs)}  ${version} (${source}) ${outcomeWords[outcome]}${why === '' ? '' : `: ${why}`}`);
  return `${lines.join('\n')}\n`;
}
