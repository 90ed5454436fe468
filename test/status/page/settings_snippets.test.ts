/** What people are told to copy into their settings must be settings, and there must be some for all that can be missing. */
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { settingsSchema } from '../../../src/config/schema.ts';
import { unconfiguredOf } from '../../../src/status/page/settings_snippets.ts';
import { notConfigured } from '../../../src/system/not_configured.ts';

const said = [...notConfigured(settingsSchema.parse({})), ...notConfigured(settingsSchema.parse({ meter: { source: 'none' } }))];

describe('snippets', () => {
  it.each(said)('%s', (line) => {
    const { topic, text, snippet } = unconfiguredOf(line);
    expect(`${topic}: ${text}`).toBe(line);
    const settings = settingsSchema.parse(parse(snippet!));
    // Followed, the advice silences itself.
    expect(notConfigured(settings).filter((other) => unconfiguredOf(other).topic === topic)).toEqual([]);
  });

  it('leaves lines alone that it does not know', () => {
    expect(unconfiguredOf('Something new, without a topic.')).toEqual({
      topic: '',
      text: 'Something new, without a topic.',
      snippet: undefined,
    });
    expect(unconfiguredOf('constructor: odd').snippet).toBeUndefined();
  });
});
