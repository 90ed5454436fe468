import { expect, it } from 'vitest';
import { flowCells } from '../../../src/status/page/flow_cells.ts';

it.each([
  [{ protocolIdentifier: 6, deltaFlowCount: 1_234 }, '1,234 flows', ''],
  [{ ethernetType: 0x88b5, deltaFlowCount: 1 }, '', ''],
  [
    { sourceIPv4Address: '10.0.0.1', destinationIPv4Address: '10.0.0.2', destinationTransportPort: 443, deltaFlowCount: 7 },
    '10.0.0.1',
    '10.0.0.2:443',
  ],
])('of many flows that share no address stands how many they are: %j', (flow, source, destination) => {
  expect([flowCells(flow).source, flowCells(flow).destination]).toEqual([source, destination]);
});

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
