/** `flowspan doctor`: looks at port, promiscuous mode, offloads, clock, disk and uplinks, and says what to fix. Changes nothing. */
import { type Settings, settingsSchema } from '../config/schema.ts';
import { ApplianceError } from '../core/errors.ts';
import { boxSettings, configVariable } from './box_folder.ts';
import { type Command, exitCodes, type OptionValues } from './command.ts';
import { examine, inFull } from './examination.ts';

export const command: Command = {
  name: 'doctor',
  summary: 'check port, mirror, clock, disk, uplinks, certificates and updates; says what to fix',
  usage: `doctor [--config FILE] [--data FOLDER] [--interface NAME] [--json]

  --config FILE       the settings the service runs with (default: what ${configVariable} names)
  --data FOLDER       data folder of the box, where it is another
  --interface NAME    look at this port; may be given several times
  --json              the checks as one JSON object

Looks at ports and mirror, capture, threads and stores, clock, disk and wear, uplinks and their certificates, the page, update slots where there are any, and who may
read the settings. Ends with 0 when nothing failed, also when something is to be looked at; with 1 when a check fails; with 2 on wrong usage.`,
  options: {
    config: { type: 'string' },
    data: { type: 'string' },
    interface: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  },
  positionals: [],
  async run(values, _positionals, { out }) {
    const told = await examine(settingsOf(values), values);
    const { verdict, running, checks } = told;
    out.write(values.json === true ? `${JSON.stringify({ verdict, running, checks })}\n` : inFull(told));
    return verdict === 'fail' ? exitCodes.failed : exitCodes.good;
  },
};

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
