import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ipfixOutput } from '../../src/cli/flow_output.ts';

const folder = mkdtempSync(join(tmpdir(), 'ipfix-'));
afterAll(() => rmSync(folder, { recursive: true }));

const flow = {
  flowStartMilliseconds: 1_800_000_000_000,
  flowEndMilliseconds: 1_800_000_001_000,
  octetDeltaCount: 100,
  packetDeltaCount: 1,
  destinationIPv4Address: '192.0.2.1',
};

test.each([{ sourceIPv4Address: '10.17.10.0/24' }, { sourceIPv4Address: '10.17.10.1', sourceMacAddress: '02:17:00:xx:xx:xx' }])(
  'a viewer from whom addresses are hidden gets no IPFIX file, rather than one with wrong addresses: %j',
  async (ends) => {
    const path = join(folder, 'hidden.ipfix');
    const output = ipfixOutput({ ipfix: path });
    await expect(output.take([{ ...flow, ...ends }])).rejects.toThrow(
      /prefixes instead of addresses .* as an operator, or for --csv/,
    );
    output.close();
    expect(existsSync(path)).toBe(false);
  },
);

test('whole addresses make one', async () => {
  const path = join(folder, 'whole.ipfix');
  const output = ipfixOutput({ ipfix: path });
  await output.take([{ ...flow, sourceIPv4Address: '10.17.10.1' }]);
  await output.end({} as never);
  output.close();
  expect(existsSync(path)).toBe(true);
});
