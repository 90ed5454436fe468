/**
 * What a crash or a failed write left of a file: its whole messages, made a finished file. A torn tail holds only rows that
 * were never acknowledged, since rows are once they are synced; the spool sends them again into the next file. Edge.
 */
import { createReadStream } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { ApplianceError } from '../../../core/errors.ts';
import { MessageStream } from '../decode/message_stream.ts';
import { MESSAGE_HEADER_OCTETS, SET_HEADER_OCTETS } from '../message.ts';
import { FIRST_OPTIONS_TEMPLATE_ID } from '../options_tables.ts';
import { PART } from './file_names.ts';

export interface Whole {
  /** Octets of whole, well-formed messages from the beginning. */
  readonly octets: number;
  /** Some of them hold flow records, not only templates and options. */
  readonly hasFlows: boolean;
}

/** How far the file can be read. @param octetsMax nothing beyond counts */
export async function wholeMessages(path: string, octetsMax = Number.POSITIVE_INFINITY): Promise<Whole> {
  const stream = new MessageStream();
  let octets = 0;
  let hasFlows = false;
  try {
    for await (const chunk of createReadStream(path)) {
      for (const message of stream.push(chunk as Buffer)) {
        const sets = setsOf(message);
        if (sets === undefined || octets + message.length > octetsMax) return { octets, hasFlows };
        octets += message.length;
        hasFlows ||= sets.some((id) => id > 255 && id < FIRST_OPTIONS_TEMPLATE_ID);
      }
    }
  } catch (error) {
    // Where no message begins: what a power cut leaves of octets that were never synced.
    if (!(error instanceof ApplianceError)) throw error;
  }
  return { octets, hasFlows };
}

/** Ids of a message's sets; undefined when they do not fill it. */
function setsOf(message: Uint8Array): number[] | undefined {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const ids: number[] = [];
  let at = MESSAGE_HEADER_OCTETS;
  while (at + SET_HEADER_OCTETS <= message.length) {
    const octets = view.getUint16(at + 2);
    if (octets < SET_HEADER_OCTETS) return undefined;
    ids.push(view.getUint16(at));
    at += octets;
  }
  return at === message.length && ids.length > 0 ? ids : undefined;
}

/**
 * Makes a finished file of a part: cut behind its whole messages, synced, renamed. One without flows is deleted.
 * @param octetsMax what was proven, where that is known; more would come twice
 * @returns the finished file's path, or undefined
 */
export async function repair(partPath: string, octetsMax?: number): Promise<string | undefined> {
  const { octets, hasFlows } = await wholeMessages(partPath, octetsMax);
  if (!hasFlows) {
    await unlink(partPath);
    return undefined;
  }
  const file = await open(partPath, 'r+');
  try {
    await file.truncate(octets);
    await file.sync();
  } finally {
    await file.close();
  }
  const path = partPath.slice(0, -PART.length);
  await rename(partPath, path);
  return path;
}
