import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { settingsSchema } from '../../../../src/config/schema.ts';
import { SimulatedClock } from '../../../../src/core/clock.ts';
import { expired, fileName, type KeptFile, parseFileName } from '../../../../src/forward/ipfix/files/file_names.ts';
import { FileTransport, untilBoundaryMs } from '../../../../src/forward/ipfix/files/file_transport.ts';

test('a name is read as it was written, whatever the destination is called; another destination’s is not', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,20}$/),
      fc.nat(99_999_999),
      fc.nat(4e12),
      (name, number, startMs) => {
        const made = fileName(name, number, startMs);
        expect(parseFileName(name, made)).toEqual({ name: made, number, compression: 'none', part: false });
        expect(parseFileName(name, `${made}.gz.part`)).toMatchObject({ number, compression: 'gzip', part: true });
        expect(parseFileName(`${name}2`, made)).toBeUndefined();
        for (const other of [`x${made}`, `${made}.txt`, made.slice(0, -1), `${made}.part.gz`])
          expect(parseFileName(name, other)).toBeUndefined();
      },
    ),
  );
});

const dayMs = 86_400_000;
const nowMs = 1_800_000_000_000;
const kept = (number: number, octets: number, ageMs: number, part = false): KeptFile => {
  return { name: String(number), number, compression: 'none', part, octets, modifiedMs: nowMs - ageMs };
};
const numbers = (files: readonly KeptFile[]): number[] => files.map(({ number }) => number);

test('by age, by octets, by number: the oldest go, the newest stays even when it alone is too much', () => {
  const files = [kept(3, 100, 0), kept(1, 100, 2 * dayMs), kept(2, 100, dayMs / 2), kept(4, 0, 9 * dayMs, true)];
  const lots = { filesMax: 10, bytesMax: 10_000, ageMaxS: 1e9 };
  expect(numbers(expired(files, lots, nowMs))).toEqual([]);
  expect(numbers(expired(files, { ...lots, ageMaxS: 86_400 }, nowMs))).toEqual([1]);
  expect(numbers(expired(files, { ...lots, bytesMax: 250 }, nowMs))).toEqual([1]);
  expect(numbers(expired(files, { ...lots, filesMax: 2 }, nowMs))).toEqual([1]);
  expect(numbers(expired(files, { filesMax: 1, bytesMax: 1, ageMaxS: 1 }, nowMs))).toEqual([1, 2]);
});

test('a box that does not know the time yet deletes nothing for its age, nor one whose clock went back', () => {
  const files = [kept(1, 1, dayMs), kept(2, 1, 0)];
  const retention = { filesMax: 10, bytesMax: 100, ageMaxS: 3_600 };
  expect(expired(files, retention, 1_000)).toEqual([]);
  expect(numbers(expired(files, retention, nowMs))).toEqual([1]);
});

test('an hourly file ends at the full hour', () => {
  expect(untilBoundaryMs(3_600_000, Date.UTC(2026, 0, 1, 10, 59, 59))).toBe(1_000);
  expect(untilBoundaryMs(3_600_000, Date.UTC(2026, 0, 1, 11))).toBe(3_600_000);
});

test('a file ends at the boundary even when it is small, and what was sent is in it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ipfix-rotation-'));
  try {
    const clock = new SimulatedClock(1_000, Date.UTC(2026, 0, 1, 10, 59, 58));
    const settings = settingsSchema.parse({
      export: { destinations: [{ name: 'a', transport: 'file', files: { folder } }] },
    }).export.destinations[0]!;
    const transport = new FileTransport({ settings, clock, onTrouble: (error) => expect.unreachable(error.message) });
    const link = await transport.open(new AbortController().signal);
    let finished = false;
    void link.finished!.then(() => {
      finished = true;
    });
    link.send(Uint8Array.from(emptyMessage));
    await link.settled();
    expect(link.provenOctets()).toBe(emptyMessage.length);
    await clock.advance(1_000);
    expect(finished).toBe(false);
    await clock.advance(1_000);
    expect(finished).toBe(true);
    expect(await link.end(1_000)).toBe(true);
    await transport.idle;
    expect(readdirSync(folder)).toEqual(['a-00000001-20260101T105958Z.ipfix']);
    expect(statSync(join(folder, 'a-00000001-20260101T105958Z.ipfix')).size).toBe(emptyMessage.length);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** One template with one field. */
const emptyMessage = [0, 10, 0, 28, ...Array<number>(12).fill(0), 0, 2, 0, 12, 1, 0, 0, 1, 0, 2, 0, 8];
