/** `config/metrics.md` names every figure of `/metrics` with its labels and what it is, and none that a box with everything on does not have. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Box, endBoxes, until } from '../appliance/box.ts';

const folder = mkdtempSync(join(tmpdir(), 'metrics-'));
const settings = {
  labels: [{ prefixes: ['10.17.10.0/24'], site: 'berlin' }],
  meter: {
    source: 'demo' as const,
    sampling: { pools: [{ name: 'voice', vlans: [20] }], adaptive: { enabled: true } },
  },
  history: { flowArchive: { bytesMax: 100_000_000 } },
  export: {
    destinations: [
      { name: 'central', host: '127.0.0.1', port: 1, transport: 'tcp' as const },
      { name: 'files', transport: 'file' as const, files: { folder: join(folder, 'ipfix') } },
    ],
  },
  mqtt: { brokers: [{ name: 'broker', host: '127.0.0.1', port: 1 }] },
  alerts: { uplinkDownAfterS: 5, webhooks: [{ name: 'noc', url: 'http://127.0.0.1:1/' }] },
};

interface Shown {
  readonly what: string;
  /** Undefined while there is no sample. */
  readonly labels: string | undefined;
}

function shownIn(text: string): Map<string, Shown> {
  const labels = new Map<string, string>();
  for (const [, name, inside = ''] of text.matchAll(/^(flowspan_\w+)(?:\{(.*)\})? \S+$/gm))
    labels.set(name!, [...inside.matchAll(/(\w+)="/g)].map(([, label]) => label).join(', '));
  return new Map(
    [...text.matchAll(/^# HELP (flowspan_\w+) (.*)$/gm)].map(([, name, what]) => [
      name!,
      { what: what!, labels: labels.get(name!) },
    ]),
  );
}

const documented = new Map(
  [
    ...readFileSync(new URL('../../config/metrics.md', import.meta.url), 'utf8').matchAll(/^\| `(\w+)` \| (.*?) \| (.*) \|$/gm),
  ].map(([, name, labels, what]) => [name!, { labels: labels!.replaceAll('`', ''), what: what! }]),
);

let box: Box;
let shown: Map<string, Shown>;
beforeAll(async () => {
  // A box of the image, as far as it can tell.
  writeFileSync(join(folder, 'slots'), 'booted=A\ncompatible=flowspan-amd64\nORDER=A B\nA_OK=1\nA_GOOD=1\n');
  Object.assign(process.env, { FLOWSPAN_UPDATE_FOLDER: join(folder, 'update'), FLOWSPAN_UPDATE_TOLD: folder });
  box = await new Box(settings).ready();
  const metrics = async (): Promise<string> => (await fetch(`${box.url}/metrics`)).text();
  let text = '';
  await until(
    async () => {
      text = await metrics();
      return /^flowspan_figure\{/m.test(text) && /^flowspan_alert\{/m.test(text);
    },
    () => `no figures or no alert yet\n${text}`,
    90_000,
  );
  shown = shownIn(text);
}, 120_000);
afterAll(async () => {
  await endBoxes();
  rmSync(folder, { recursive: true });
});

test('every figure is documented with its labels, in its own words', () => {
  const lines = (of: Iterable<readonly [string, { what: string; labels: string | undefined }]>): string[] =>
    [...of]
      .map(([name, { labels, what }]) => `| \`${name}\` | ${labels ?? documented.get(name)?.labels ?? '?'} | ${what} |`)
      .sort();
  expect(lines(documented)).toEqual(lines(shown));
});

test('and there are many of them', () => expect(shown.size).toBeGreaterThan(100));
