/** Hellos that their segments cut are put together again, and nothing that is not theirs. */
import { describe, expect, test } from 'vitest';
import type { Observation } from '../../../src/flow/observations.ts';
import { serverNameOf } from '../../../src/pipeline/names/client_hello.ts';
import { HelloPieces } from '../../../src/pipeline/names/hello_pieces.ts';
import { cutHello } from '../../captures/hellos.ts';

const { first, rest } = cutHello('late.example', 1_400);
const piece = (payload: Uint8Array, streamOffset: number, changes: Partial<Observation> = {}): Observation => ({
  kind: 'tls',
  ns: 0n,
  source: Uint8Array.of(10, 0, 0, 1),
  destination: Uint8Array.of(198, 51, 100, 7),
  sourcePort: 40_000,
  destinationPort: 443,
  streamOffset,
  wholeOctets: payload.length,
  payload,
  ...changes,
});
/** Begins a hello, as a reader does that finds no name in its beginning. */
function begun(changes: Partial<Observation> = {}): HelloPieces {
  const pieces = new HelloPieces();
  const beginning = piece(first, 0, changes);
  expect(serverNameOf(pieces.joined(beginning)!)).toBeUndefined();
  pieces.keep(beginning, first);
  return pieces;
}

describe('a hello in pieces', () => {
  test('is whole with its rest, once', () => {
    const pieces = begun();
    const joined = pieces.joined(piece(rest, first.length))!;
    expect(serverNameOf(joined)).toBe('late.example');
    expect(pieces.joined(piece(rest, first.length))).toBeUndefined();
  });

  test('in as many as there are', () => {
    const whole = Buffer.concat([first, rest]);
    const pieces = new HelloPieces();
    let hello: Uint8Array | undefined;
    for (let at = 0; at < whole.length; at += 536) {
      const one = piece(whole.subarray(at, at + 536), at);
      hello = pieces.joined(one)!;
      if (hello.length < whole.length) expect(pieces.keep(one, hello)).toBe(true);
    }
    expect(serverNameOf(hello!)).toBe('late.example');
    expect(pieces.lapsed).toBe(0);
  });

  test('is not made of what a buffer held that is filled again', () => {
    const buffer = first.slice();
    const pieces = new HelloPieces();
    const beginning = piece(buffer, 0);
    pieces.keep(beginning, pieces.joined(beginning)!);
    buffer.fill(0);
    expect(serverNameOf(pieces.joined(piece(rest, first.length))!)).toBe('late.example');
  });

  test('takes no rest of another connection, nor from another place', () => {
    for (const changes of [
      { sourcePort: 40_001 },
      { destinationPort: 444 },
      { source: Uint8Array.of(10, 0, 0, 2) },
      { destination: Uint8Array.of(198, 51, 100, 8) },
      { streamOffset: first.length + 1 },
    ]) {
      expect(begun().joined(piece(rest, first.length, changes))).toBeUndefined();
    }
  });

  test('waits for nothing where the capture cut it, nor where its record is over or it is too long for one', () => {
    const pieces = new HelloPieces();
    expect(pieces.keep(piece(first, 0, { wholeOctets: first.length + 1 }), first)).toBe(false);
    expect(pieces.keep(piece(first, 0), Buffer.concat([first, rest]))).toBe(false);
    expect(
      pieces.keep(
        piece(first, 0),
        Uint8Array.from({ length: 4_096 }, () => 255),
      ),
    ).toBe(false);
    expect(pieces.keep(piece(first, 0), first.subarray(0, 40))).toBe(false);
  });

  test('128 wait at most; the oldest makes room, and is counted', () => {
    const pieces = new HelloPieces();
    for (let sourcePort = 1; sourcePort <= 130; sourcePort++) pieces.keep(piece(first, 0, { sourcePort }), first);
    // The same one again is none more.
    pieces.keep(piece(first, 0, { sourcePort: 130 }), first);
    expect(pieces.lapsed).toBe(2);
    expect(pieces.joined(piece(rest, first.length, { sourcePort: 2 }))).toBeUndefined();
    expect(pieces.joined(piece(rest, first.length, { sourcePort: 3 }))).toBeDefined();
  });
});
