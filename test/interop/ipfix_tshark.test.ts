/**
 * tshark reads our streams: no expert remark, nothing malformed, and the same sums. Every profile, with and without a
 * private enterprise number, small and large messages, each a session of its own in one capture. tshark takes 60 fields a
 * template by itself; `full` with a private enterprise number has more, so its limit is raised.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ProfileName, profileNames, profileSpec } from '../../src/flow/profiles.ts';
import { referenceProjector } from '../../src/flow/projector.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { IpfixSession } from '../../src/forward/ipfix/session.ts';
import { ethernet, ipv4, udp } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { meteringFacts } from '../forward/export_box.ts';
import { anyFamily, blockOf, sumsOf } from '../forward/rows.ts';

const exportTimeS = 1_700_000_100;
const rows = 200;

function streamOf(profile: ProfileName, privatePen: number, messageOctetsMax: number, domain: number): Uint8Array[] {
  const session = new IpfixSession({
    projector: referenceProjector,
    profile: profileSpec(profile),
    privatePen,
    observationDomainId: domain,
    messageOctetsMax,
  });
  const facts = {
    ...meteringFacts,
    selectors: [
      ...meteringFacts.selectors,
      { selectorId: 2, kind: 'random' as const, interval: 10, observedPackets: 1_000, selectedPackets: 97 },
      { selectorId: 3, kind: 'count' as const, interval: 8 },
      { selectorId: 4, kind: 'flowHash' as const, interval: 16, pool: 'guests' },
    ],
    observationDomainId: domain,
    nowMs: exportTimeS * 1_000,
    exportedMessages: 3,
    exportedOctets: 4_000,
    exportedRecords: 20,
    notSentRecords: 2,
    notSentPackets: 30,
    notSentOctets: 4_000,
    gaps: [
      {
        reason: 'lostToPowerCut' as const,
        fromMs: 1_700_000_000_000,
        toMs: 1_700_000_060_000,
        records: null,
        packets: null,
        octets: null,
      },
    ],
    plans: session.plans,
    anonymizations: [{ element: 'sourceIPv4Address', technique: 6, flags: 2 }],
  };
  const messages = [...session.templateMessages(exportTimeS), ...session.optionsMessages(facts, exportTimeS, false)];
  const block = blockOf(0, rows, { familyOf: anyFamily });
  for (let done = 0; done < block.count; ) {
    const encoded = session.dataMessage(block.bytes, block.firstRow + done * ROW_BYTES, block.count - done, 0n, exportTimeS);
    messages.push(encoded.message);
    done += encoded.rows;
  }
  return messages;
}

test('tshark decodes every profile without a remark, and adds up to what was sent', { timeout: 120_000 }, () => {
  const cases = profileNames.flatMap((profile) => [streamOf(profile, 0, 1_400, 1), streamOf(profile, 99_999, 16_384, 2)]);
  const frames = cases.flatMap((messages, index) =>
    messages.map((payload) =>
      ethernet({
        payload: ipv4({
          source: '10.0.0.1',
          destination: '10.0.0.2',
          payload: udp({ sourcePort: 2_000 + index, destinationPort: 4739, payload }),
        }),
      }),
    ),
  );
  const folder = mkdtempSync(join(tmpdir(), 'flowspan-tshark-'));
  try {
    const file = join(folder, 'stream.pcap');
    writeFileSync(file, pcapFile(packetsOf(frames)));
    const fields = ['udp.srcport', 'cflow.version', 'cflow.packets', 'cflow.octets', '_ws.expert.message', '_ws.malformed'];
    const text = execFileSync(
      'tshark',
      [
        '-n',
        '-r',
        file,
        '-o',
        'cflow.max_template_fields:200',
        '-d',
        'udp.port==4739,cflow',
        '-T',
        'fields',
        ...fields.flatMap((field) => ['-e', field]),
      ],
      { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] },
    ).toString();
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(lines).toHaveLength(frames.length);
    const remarks = lines.filter((line) => line[1] !== '10' || (line[4] ?? '') !== '' || (line[5] ?? '') !== '');
    expect(remarks.map((line) => [line[0], line[1], line[4], line[5]])).toEqual([]);
    cases.forEach((_, index) => {
      const mine = lines.filter((line) => line[0] === String(2_000 + index));
      // tshark shows reverse elements under the names of the forward ones.
      const total = (column: number): number =>
        mine.flatMap((line) => (line[column] ?? '').split(',')).reduce((sum, one) => sum + Number(one), 0);
      expect({ index, packets: total(2), octets: total(3) }).toEqual({ index, ...sumsOf(0, rows) });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
