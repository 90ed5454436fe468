import { expect, it } from 'vitest';
import { flowCells } from '../../../src/status/page/flow_cells.ts';

it.each([
  [{ protocolIdentifier: 6, ethernetType: 2_048 }, 'tcp'],
  [{ protocolIdentifier: 253 }, 'proto-253'],
  [{ ethernetType: 2_054 }, 'arp'],
  [{ ethernetType: 0x88b5 }, 'ethertype-88b5'],
  [{ ethernetType: 60 }, 'llc'],
  [{}, ''],
])('what a record carries is said, also when it is not IP: %j', (flow, protocol) => {
  expect(flowCells(flow).protocol).toBe(protocol);
});
