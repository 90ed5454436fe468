/** `flowspan run` when the meter does not open: what cannot come right by waiting ends it, with the code of what is wrong. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/core/errors.ts';
import { udpFrame } from '../captures/frames.ts';
import { linkTypes, packetsOf, pcapFile } from '../captures/pcap_writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'run-'));
afterAll(() => rmSync(folder, { recursive: true }));
const packets = packetsOf([udpFrame()]);
const file = (name: string, octets: Uint8Array): string => {
  writeFileSync(join(folder, name), octets);
  return join(folder, name);
};
const child = fileURLToPath(new URL('./run_child.ts', import.meta.url));

/** What `run` ended with. */
function ending(args: readonly string[], wrapper: readonly string[] = []): Promise<{ code: ErrorCode; message: string }> {
  const [program, ...rest] = [...wrapper, process.execPath, child, '--port', '0', '--data', join(folder, 'var'), ...args];
  const running = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  running.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  running.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((resolve, reject) =>
    running.once('close', () => (out === '' ? reject(new Error(`no code: ${err}`)) : resolve(JSON.parse(out)))),
  );
}

describe('run ends with the code of what is wrong', () => {
  const whole = file('whole.pcap', pcapFile(packets));
  const filtered = file('filter.yaml', Buffer.from(`meter: {source: capture, capture: ${whole}, filter: port banana}\n`));
  const cases: [string, string[], ErrorCode, RegExp][] = [
    ['a capture that is not there', ['--capture', join(folder, 'none.pcap')], 'captureUnreadable', /none\.pcap/],
    ['text for a capture', ['--capture', file('text.pcap', Buffer.from('no capture'))], 'captureDamaged', /is no capture/],
    [
      'a link type that is not metered',
      ['--capture', file('radio.pcap', pcapFile(packets, { linkType: linkTypes.radiotap }))],
      'linkTypeUnsupported',
      /127 \(IEEE802_11_RADIO\)/,
    ],
    ['a filter that is none', ['--config', filtered], 'filterInvalid', /banana/],
  ];
  test.each(cases)('%s', async (_, args, code, words) => {
    expect(await ending(args)).toEqual({ code, message: expect.stringMatching(words), retryable: false });
  });

  // Without a right to take away there is nothing to see: everybody but root lacks it already.
  test('no right to capture', async () => {
    const drop = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw'] : [];
    expect(await ending(['--interface', 'lo'], drop)).toEqual({
      code: 'capabilityMissing',
      message: expect.stringMatching(/CAP_NET_RAW.*setcap/),
      retryable: false,
    });
  });
});
