/**
 * How rows are compressed on disk: zstd of `node:zlib`, on its thread pool. An argument of the spool, because what comes back
 * from other threads comes at a time of its own, and a simulation must follow from its seed alone.
 */
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';

export interface RowCompression {
  compress(rows: Uint8Array): Promise<Uint8Array>;
  /**
   * Rejects what is not whole, and what is longer than allowed.
   * @param octets how long the result is most likely
   */
  decompress(value: Uint8Array, octets: number, octetsMax: number): Promise<Uint8Array>;
}

/** Levels above gain little on rows and cost a small board's CPU. */
const params = { [constants.ZSTD_c_compressionLevel]: 3 };
/** Octets of output a turn of zlib: with its default of 16 KiB a chunk takes dozens of turns between two threads. */
const compressTurnOctets = 64 * 1_024;
/** So that whole rows come out in one turn, and its end is seen in it. */
const decompressSpareOctets = 64;

const compressAside = promisify(zstdCompress);
const decompressAside = promisify(zstdDecompress);

export const zstdCompression: RowCompression = {
  compress: (rows) => compressAside(rows, { params, chunkSize: compressTurnOctets }),
  decompress: (value, octets, octetsMax) =>
    decompressAside(value, { maxOutputLength: octetsMax, chunkSize: octets + decompressSpareOctets }),
};

/** The same octets, made in place: for the simulation. */
export const zstdInPlace: RowCompression = {
  compress: async (rows) => zstdCompressSync(rows, { params, chunkSize: compressTurnOctets }),
  decompress: async (value, octets, octetsMax) =>
    zstdDecompressSync(value, { maxOutputLength: octetsMax, chunkSize: octets + decompressSpareOctets }),
};
