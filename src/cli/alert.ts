/** `flowspan alert`: what is wrong with the running box, and what somebody does about it. */
import { ApplianceError } from '../core/errors.ts';
import { type Alert, isOpen, muteHoursMax } from '../flow/alert_shapes.ts';
import { BoxClient, boxOptions, boxOptionsUsage } from './box_client.ts';
import { boxSettings } from './box_folder.ts';
import { type Command, exitCodes, integerOption } from './command.ts';
import { timeText } from './figures.ts';

export const command: Command = {
  name: 'alert',
  summary: 'alerts about the box: list, acknowledge, mute, unmute',
  usage: `alert list|acknowledge|mute|unmute [ID] [options]

  list             what stands, and what has lately cleared; ends with 1 while something wants somebody
  acknowledge ID   somebody looks after it
  mute ID          nobody is told for --hours N (default 8)
  unmute ID

  --hours N        up to ${muteHoursMax}
  --json           for programs
${boxOptionsUsage}`,
  options: { hours: { type: 'string' }, json: { type: 'boolean' }, ...boxOptions },
  positionals: ['ACTION', 'ID?'],
  async run(values, [action, id], { out }) {
    const box = new BoxClient(boxSettings(values), values);
    if (action === 'list') {
      const answer = await box.get<{ alerts: readonly Alert[] }>('/api/v1/alerts');
      if (answer === undefined) throw nobody(box);
      if (values.json === true) out.write(`${JSON.stringify(answer)}\n`);
      else out.write(answer.alerts.length === 0 ? 'nothing has been wrong lately\n' : answer.alerts.map(inWords).join(''));
      return answer.alerts.some((alert) => isOpen(alert) && alert.acknowledgedBy === '') ? exitCodes.failed : exitCodes.good;
    }
    if (action !== 'acknowledge' && action !== 'mute' && action !== 'unmute')
      throw new ApplianceError('usage', `alert ${action}: allowed: list, acknowledge, mute, unmute`);
    if (id === undefined) throw new ApplianceError('usage', `alert ${action} needs an ID`);
    const path = `/api/v1/alerts/${encodeURIComponent(id)}`;
    const hours = integerOption(values, 'hours', 8, 1, muteHoursMax);
    const answer =
      action === 'acknowledge'
        ? await box.ask(`${path}/acknowledge`, { method: 'POST' })
        : action === 'mute'
          ? await box.ask(`${path}/mute`, { method: 'POST', body: { hours } })
          : await box.ask(`${path}/mute`, { method: 'DELETE' });
    if (answer === undefined) throw nobody(box);
    if (answer.status !== 204) throw new ApplianceError('boxUnreachable', answer.body.error?.message ?? `HTTP ${answer.status}`);
    out.write(`${id}: ${action === 'mute' ? `muted for ${hours} h` : `${action}d`}\n`);
    return exitCodes.good;
  },
};

const nobody = (box: BoxClient): ApplianceError =>
  new ApplianceError(
    'boxUnreachable',
    [`no flowspan answers at ${box.place}`, box.refused].filter((word) => word !== '').join('; '),
  );

function inWords({
  id,
  severity,
  state,
  title,
  text,
  runbook,
  raisedMs,
  clearedMs,
  acknowledgedBy,
  mutedUntilMs,
}: Alert): string {
  if (state === 'cleared') return `cleared ${timeText(clearedMs)}  ${id}: ${title}\n`;
  const tended = acknowledgedBy === '' ? '' : `\n        ${acknowledgedBy} looks after it`;
  const muted = mutedUntilMs === 0 ? '' : `\n        muted until ${timeText(mutedUntilMs)}`;
  return `${severity === 'page' ? 'NOW ' : 'look'}  since ${timeText(raisedMs)}  ${id}: ${title}\n        ${text}\n        do: ${runbook}${tended}${muted}\n`;
}
