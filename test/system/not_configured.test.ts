import { describe, expect, test } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { notConfigured } from '../../src/system/not_configured.ts';

describe('not configured', () => {
  test('a new box is told everything it lacks', () => {
    const words = notConfigured(settingsSchema.parse({}));
    expect(words.map((line) => line.split(':')[0])).toEqual(['Metering', 'Flow records', 'Summaries', 'Site']);
  });

  test('a whole configuration lacks nothing', () => {
    const settings = settingsSchema.parse({
      site: 'branch-17',
      meter: { source: 'interface', interfaces: ['eth1'] },
      export: { destinations: [{ name: 'c', host: 'h' }] },
      mqtt: { brokers: [{ name: 'b', host: 'h' }] },
    });
    expect(notConfigured(settings)).toEqual([]);
  });
});
