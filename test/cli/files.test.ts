/** Flow files on the command line: written by `meter --ipfix`, read by `decode`, each checked against the flows as JSON. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captured, siteConversations } from '../captures/conversations.ts';
import { pcapFile } from '../captures/pcap_writer.ts';
import { flowspan, mainPath } from './flowspan.ts';

const folder = mkdtempSync(join(tmpdir(), 'flow-files-'));
const capture = join(folder, 'site.pcap');
const inFolder = (name: string): string => join(folder, name);
interface Sums {
  records: number;
  octets: number;
}
let truth: Sums;

beforeAll(async () => {
  writeFileSync(capture, pcapFile(siteConversations({ conversations: 600, segments: 6 }).map(captured)));
  const { out } = await flowspan('meter', capture, '--json');
  truth = sumsOf(out);
});
afterAll(() => rmSync(folder, { recursive: true }));

function sumsOf(lines: string): Sums {
  const records = lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, number>)
    .filter((record) => record.octetDeltaCount !== undefined);
  const octets = records.reduce((sum, one) => sum + one.octetDeltaCount! + (one.reverseOctetDeltaCount ?? 0), 0);
  return { records: records.length, octets };
}

test('a file holds the flows of the capture, keeps every rule of RFC 7011, and bears its name when it is complete', async () => {
  const metered = await flowspan('meter', capture, '--ipfix', inFolder('site.ipfix'));
  expect(metered).toEqual({ code: 0, out: '', err: '' });
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  const decoded = await flowspan('decode', inFolder('site.ipfix'), '--json', '--check');
  expect(decoded.code).toBe(0);
  expect(sumsOf(decoded.out)).toEqual(truth);
  const options = decoded.out.split('\n').filter((line) => !line.includes('octetDeltaCount'));
  for (const what of [
    '"selectorAlgorithm":1',
    '"flowKeyIndicator"',
    '"interfaceName":"site.pcap"',
    '"exportedFlowRecordTotalCount":600',
  ])
    expect(options.join('\n')).toContain(what);
});

test('the same capture gives the same file', async () => {
  for (const name of ['one.ipfix', 'two.ipfix']) await flowspan('meter', capture, '--ipfix', inFolder(name));
  expect(readFileSync(inFolder('one.ipfix')).equals(readFileSync(inFolder('two.ipfix')))).toBe(true);
});

test.each([
  ['--rotate-s', '100'],
  ['--rotate-bytes', '8192'],
])('cut by %s there are several files, each to be read by itself', async (option, value) => {
  const stem = `cut${option}`;
  expect(
    (await flowspan('meter', capture, '--ipfix', inFolder(`${stem}.ipfix`), option, value, '--profile', 'generic')).code,
  ).toBe(0);
  const names = readdirSync(folder).filter((name) => name.startsWith(stem));
  expect(names.length).toBeGreaterThan(2);
  expect(names.every((name) => /-\d{8}\.ipfix$/.test(name))).toBe(true);
  let octets = 0;
  for (const name of names) {
    const { code, out } = await flowspan('decode', inFolder(name), '--json', '--check');
    expect(code).toBe(0);
    octets += sumsOf(out).octets;
  }
  expect(octets).toBe(truth.octets);
});

test('a file goes through a pipe, compressed or not', async () => {
  await flowspan('meter', capture, '--ipfix', inFolder('piped.ipfix'));
  const file = readFileSync(inFolder('piped.ipfix'));
  for (const input of [file, gzipSync(file), zstdCompressSync(file)]) {
    const { stdout, status } = spawnSync(process.execPath, [mainPath, 'decode', '-', '--json'], { input, encoding: 'utf8' });
    expect(status).toBe(0);
    expect(sumsOf(stdout)).toEqual(truth);
  }
  // Cut within the compressed octets: what was before is shown, what is wrong is said.
  const cut = inFolder('cut.gz');
  writeFileSync(cut, gzipSync(file).subarray(0, -30));
  const { code, err } = await flowspan('decode', cut, '--json');
  expect(code).toBe(1);
  expect(err).toMatch(/cut\.gz: cannot be read: unexpected end of file/);
});

test('what cannot be written is told by its name, and nothing is left behind', async () => {
  const { code, err } = await flowspan('meter', capture, '--ipfix', inFolder('no/where.ipfix'));
  expect(code).toBe(1);
  expect(err).toMatch(/no\/where\.ipfix: cannot be written: ENOENT/);
  if (!existsSync('/dev/full')) return;
  const full = await flowspan('meter', capture, '--ipfix', '/dev/full');
  expect(full.code).toBe(1);
  expect(full.err).toMatch(/\/dev\/full: writing failed: ENOSPC/);
});

test('a broken file is read up to the fault, which is told with its place; --check names the rules', async () => {
  await flowspan('meter', capture, '--ipfix', inFolder('whole.ipfix'));
  const whole = readFileSync(inFolder('whole.ipfix'));
  const broken = inFolder('broken.ipfix');
  writeFileSync(broken, Buffer.concat([whole, Buffer.from('not a message')]));
  const { code, out, err } = await flowspan('decode', broken, '--json');
  expect(code).toBe(1);
  expect(sumsOf(out).records).toBe(600);
  expect(err).toContain(`malformed: offset ${whole.length}: version`);
  const twice = inFolder('twice.ipfix');
  writeFileSync(twice, Buffer.concat([whole, whole]));
  const checked = await flowspan('decode', twice, '--json', '--check');
  expect(checked.code).toBe(1);
  expect(checked.err).toMatch(/against RFC 7011: message \d+: 3\.1: sequence number 0/);
  expect(checked.err).toMatch(/against RFC 7011: message \d+: 8\.1: template 256 was sent twice/);
});
