/** However a meter is left, its process ends by itself, soon, and with the exit code it should have. */
import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { CaptureFolder } from '../meter/metering.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());
const frames = Array.from({ length: 50 }, (_, i) => udpFrame({ source: `10.0.0.${i + 1}` }));
const capture = folder.write('lifecycle.pcap', pcapFile(packetsOf(frames, 10_000_000n)));

const ways = [
  'openOnly',
  'openAndClose',
  'stopBeforeStart',
  'startTwice',
  'startAfterClose',
  'callsAfterClose',
  'closeWhileStalled',
  'exitWhileStalled',
  'exitWhileRunning',
  'leaveWhileRunning',
  'garbage',
  'garbageWithBufferHeld',
  'inWorkerThread',
  'workerTerminated',
  'workerTerminatedInACall',
  'twoWorkers',
  'openAndMeter',
  'releaseWhatIsNotHeld',
];

describe('lifecycle', () => {
  it.each(ways)('%s', (way) => {
    const child = new URL('lifecycle_child.ts', import.meta.url).pathname;
    const ended = spawnSync(process.execPath, ['--expose-gc', child, way, capture], { encoding: 'utf8', timeout: 10_000 });
    expect({ status: ended.status, signal: ended.signal, stderr: ended.stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  });
});
