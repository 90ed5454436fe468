/** `flowspan names`: what the box learned hosts are called, newest first; of a stopped box what it kept. */
import { grouped } from '../flow/grouped.ts';
import type { NamedHost } from '../status/known_hosts.ts';
import { BoxClient, boxOptions, boxOptionsUsage } from './box_client.ts';
import { boxSettings } from './box_folder.ts';
import { type Command, exitCodes, integerOption, write } from './command.ts';
import { csvLine, tableLines, timeText } from './figures.ts';
import { namesKept } from './host_names.ts';

interface Names {
  readonly matched: number;
  readonly names: readonly NamedHost[];
}

const limitDefault = 100;
const limitMax = 5_000;

export const command: Command = {
  name: 'names',
  summary: 'what hosts are called, as the mirrored traffic tells',
  usage: `names [PART] [options]

  PART             only names and addresses with this part in them
  --limit N        at most so many, the newest (default ${limitDefault})
  --json, --csv    for programs
${boxOptionsUsage}

Names are hearsay: whoever sends packets can name anything. A stopped box is asked through what it kept (host_names.json).`,
  options: { limit: { type: 'string' }, json: { type: 'boolean' }, csv: { type: 'boolean' }, ...boxOptions },
  positionals: ['PART...'],
  async run(values, words, { out }) {
    const part = words.join(' ').toLowerCase();
    const limit = integerOption(values, 'limit', limitDefault, 1, limitMax);
    const settings = boxSettings(values);
    const box = new BoxClient(settings, values);
    const asked = new URLSearchParams({ matching: part, limit: String(limit) });
    const answer =
      (await box.get<Names>(`/api/v1/names?${asked}`)) ??
      namesKept({
        dataFolder: settings.dataFolder,
        isHere: values.url === undefined,
        place: box.place,
        part,
        limit,
      });
    if (values.json === true) await write(out, answer.names.map((one) => `${JSON.stringify(one)}\n`).join(''));
    else if (values.csv === true) await write(out, asCsv(answer));
    else await write(out, asTable(answer));
    return exitCodes.good;
  },
};

const columns = [
  'address',
  'name',
  'source',
  'learnedMs',
  'holdsUntilMs',
  'mac',
  'vendor',
] as const satisfies (keyof NamedHost)[];

const asCsv = ({ names }: Names): string =>
  `${[columns.join(','), ...names.map((one) => csvLine(columns.map((column) => one[column])))].join('\n')}\n`;

function asTable({ matched, names }: Names): string {
  if (names.length === 0) return 'no name is known\n';
  const table = [
    ['address', 'name', 'from', 'heard', 'MAC', 'vendor'],
    ...names.map(({ address, name, source, learnedMs, mac = '', vendor = '' }) => [
      address,
      name,
      source,
      timeText(learnedMs),
      mac,
      vendor,
    ]),
  ];
  const more = matched > names.length ? `${grouped(matched - names.length)} more: --limit\n` : '';
  return `${tableLines(table, table[0]!.length)}\n${more}`;
}
