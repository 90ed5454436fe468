/** `flowspan check-config FILE`: says whether a settings file is good, or every fault with place, value and what is allowed. */
import { stringify } from 'yaml';
import { readSettings } from '../config/load.ts';
import { redact } from '../config/redact.ts';
import { type Command, exitCodes } from './command.ts';

export const command: Command = {
  name: 'check-config',
  summary: 'check a settings file; faults are named by place, value and what is allowed',
  usage: `check-config FILE [--show]

  --show    print the settings as they would be used, defaults filled in, passwords hidden`,
  options: { show: { type: 'boolean' } },
  positionals: ['FILE'],
  async run(values, [file], { out, err }) {
    const { settings, remarks } = readSettings(file as string);
    for (const remark of remarks) err.write(`${remark}\n`);
    if (values.show === true) out.write(stringify(redact(settings)));
    else out.write(`${file}: good\n`);
    return exitCodes.good;
  },
};
