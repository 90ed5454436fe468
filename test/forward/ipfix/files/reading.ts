/** Reads an IPFIX file with our own strict decoder, as a session of its own. */
import { ConformanceCheck } from '../../../../src/forward/ipfix/conformance.ts';
import type { DecodedMessage, DecodedRecord } from '../../../../src/forward/ipfix/decode/decoded.ts';
import { IpfixDecoder } from '../../../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { MessageStream } from '../../../../src/forward/ipfix/decode/message_stream.ts';

export interface ReadFile {
  readonly messages: readonly DecodedMessage[];
  readonly flows: readonly DecodedRecord[];
  readonly violations: readonly string[];
}

export function readFile(octets: Uint8Array, pen = 0): ReadFile {
  const check = new ConformanceCheck('file', 65_535, pen);
  const decoder = new IpfixDecoder(pen);
  const stream = new MessageStream();
  const messages: DecodedMessage[] = [];
  for (const message of stream.push(octets)) {
    check.observe(message);
    messages.push(decoder.decode(message));
  }
  if (stream.pendingOctets > 0) check.violations.push(`${stream.pendingOctets} octets after the last message`);
  const flows = messages.flatMap(({ records }) => records.filter(({ scope }) => scope.length === 0));
  return { messages, flows, violations: check.violations };
}

/** Packets and IP octets of both directions. */
export function sumOf(flows: readonly DecodedRecord[]): { packets: number; octets: number } {
  const total = (name: string): number => flows.reduce((sum, { values }) => sum + Number(values[name] ?? 0), 0);
  return {
    packets: total('packetDeltaCount') + total('reversePacketDeltaCount'),
    octets: total('octetDeltaCount') + total('reverseOctetDeltaCount'),
  };
}
