import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { addVolume, emptyVolume } from '../../../src/flow/history_shapes.ts';
import { encodePayload, payloadFor } from '../../../src/forward/mqtt/encoding.ts';
import { exampleStatus, examples, exampleWindow } from '../../../src/forward/mqtt/payload_examples.ts';
import { healthPayload, schemaVersions, summaryPayload } from '../../../src/forward/mqtt/payloads.ts';
import { type Topic, topicName, topics } from '../../../src/forward/mqtt/topics.ts';

const identity = { site: 'branch-17', node: 'box-1' };
const all = Object.keys(topics) as Topic[];

describe('summary', () => {
  test('the total counts what is named and what is not', () => {
    const split = {
      ...exampleWindow,
      dimensions: [
        {
          dimension: 'total' as const,
          top: [{ key: '', outOctets: 1, inOctets: 2, outPackets: 3, inPackets: 4, flows: 5 }],
          other: { outOctets: 10, inOctets: 20, outPackets: 30, inPackets: 40, flows: 50 },
          distinctKeys: 2,
        },
      ],
    };
    expect(summaryPayload(split, identity, 10)).toMatchObject({
      total: { outOctets: 11, inOctets: 22, outPackets: 33, inPackets: 44, flows: 55 },
      hosts: [],
    });
  });

  test('names the largest by octets of both directions, whatever the order in the window', () => {
    const hosts = ['a', 'b', 'c', 'd'].map((key, i) => ({
      key,
      outOctets: [1, 0, 9, 4][i]!,
      inOctets: [1, 12, 0, 4][i]!,
      outPackets: 1,
      inPackets: 1,
      flows: 1,
    }));
    const window = {
      ...exampleWindow,
      dimensions: [{ dimension: 'host' as const, top: hosts, other: emptyVolume(), distinctKeys: 4 }],
    };
    expect(summaryPayload(window, identity, 3).hosts.map(({ key }) => key)).toEqual(['b', 'c', 'd']);
  });

  test('an empty window is a summary with nothing in it, and ends when its tier does', () => {
    const empty = summaryPayload({ tier: '1h', startMs: 3_600_000, dimensions: [], partial: true }, identity, 10);
    expect(empty).toMatchObject({ startMs: 3_600_000, endMs: 7_200_000, partial: true, total: emptyVolume(), applications: [] });
  });

  test('the example adds up: hosts to twice the total, conversations and applications to the total', () => {
    const sums = exampleWindow.dimensions.map(({ dimension, top, other }) => {
      const sum = emptyVolume();
      for (const one of [...top, other]) addVolume(sum, one);
      return [dimension, sum.outOctets + sum.inOctets, sum.outPackets + sum.inPackets];
    });
    const [, octets, packets] = sums[0] as [string, number, number];
    expect(sums.slice(1)).toEqual([
      ['host', octets * 2, packets * 2],
      ['conversation', octets, packets],
      ['application', octets, packets],
      ['siteLabel', octets, packets],
    ]);
  });
});

describe('payloads', () => {
  test.each(all)('%s survives JSON and MessagePack unchanged', (topic) => {
    const kept = encodePayload(examples[topic]);
    const json = payloadFor('json', kept);
    expect(JSON.parse(Buffer.from(json.payload).toString())).toEqual(examples[topic]);
    expect(json).toMatchObject({ contentType: 'application/json', isText: true });
    expect(payloadFor('msgpack', kept)).toMatchObject({
      payload: kept.payload,
      contentType: 'application/msgpack',
      isText: false,
    });
  });

  test.each(all)('%s names its schema, site and node', (topic) => {
    expect(examples[topic]).toMatchObject({ schema: schemaVersions[topic], ...identity });
  });

  test('health names the last three updates, however many the box remembers', () => {
    const past = Array.from({ length: 20 }, (_, at) => ({ ...exampleStatus.updates.past[0]!, atMs: at }));
    const { updates } = healthPayload({ ...exampleStatus, updates: { ...exampleStatus.updates, past } });
    expect(updates).toEqual({ ...exampleStatus.updates, past: past.slice(0, 3) });
  });

  test('health leaves out events and what is not configured, which have places of their own', () => {
    const payload = healthPayload(exampleStatus);
    expect(payload).not.toHaveProperty('events');
    expect(payload).not.toHaveProperty('notConfigured');
    expect(payload.host).toEqual(exampleStatus.host);
  });

  test('the reference shows every topic with the example that the code makes', () => {
    const text = readFileSync(new URL('../../../config/mqtt-payloads.md', import.meta.url), 'utf8');
    for (const topic of all) {
      const [, section] = text.split(`\n## \`${topics[topic].name}\`\n`);
      const json = /```json\n([\s\S]*?)\n```/.exec(section ?? '')?.[1] ?? 'null';
      expect(JSON.parse(json), topic).toEqual(JSON.parse(JSON.stringify(examples[topic])));
    }
  });

  test('topics stand below prefix, site and node', () => {
    expect(all.map((topic) => topicName(topic, 'flowspan/v1', identity, 'hot'))).toEqual(
      ['state', 'health', 'summary/1m', 'summary/1h', 'alert/hot', 'event'].map((end) => `flowspan/v1/branch-17/box-1/${end}`),
    );
  });
});
