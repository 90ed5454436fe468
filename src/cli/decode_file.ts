/** `flowspan decode FILE`: IPFIX files (RFC 5655) and messages of NetFlow one after the other, also gzip and zstd. An edge. */
import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';
import { ExportStream } from '../forward/netflow/decode/export_stream.ts';
import { type DecodeOptions, DecodeSession } from './decode_session.ts';

/** @param path `-` for standard input */
export async function decodeFile(path: string, options: DecodeOptions): Promise<void> {
  const { printer } = options;
  const name = path === '-' ? 'standard input' : path;
  const session = new DecodeSession(options, 'file', name);
  const stream = new ExportStream();
  try {
    for await (const chunk of decompressed(path === '-' ? process.stdin : createReadStream(path))) {
      for (const message of stream.push(chunk)) {
        await session.take(message);
        if (printer.done) return;
      }
    }
    for (const message of stream.end()) await session.take(message);
  } catch (error) {
    if (error instanceof ApplianceError) {
      printer.fault(error, name);
      return;
    }
    if (systemCode(error) === undefined) throw error;
    throw new ApplianceError('captureUnreadable', `${name}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (stream.pendingOctets > 0) {
    const cut = `the last message is cut off: ${stream.pendingOctets} octets of it are there`;
    printer.fault(new ApplianceError('messageMalformed', cut), name);
  }
}

/** Magic numbers: RFC 1952 section 2.3.1, RFC 8878 section 3.1.1. No message begins with either. */
async function* decompressed(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const iterator = input[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  for (;;) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
    if (head.length >= 4) break;
  }
  const whole = Readable.from(
    (async function* (): AsyncGenerator<Buffer, void, void> {
      yield head;
      for (;;) {
        const { value, done } = await iterator.next();
        if (done === true) return;
        yield value;
      }
    })(),
  );
  const magic = head.length >= 4 ? head.readUInt32BE(0) : 0;
  const decompress = magic >>> 16 === 0x1f8b ? createGunzip() : magic === 0x28b52ffd ? createZstdDecompress() : undefined;
  if (decompress === undefined) yield* whole as AsyncIterable<Buffer>;
  // What goes wrong on either side is heard by whoever reads.
  else yield* pipeline(whole, decompress, () => {}) as AsyncIterable<Buffer>;
}
