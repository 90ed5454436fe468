/** What people are told to copy into their settings must be settings, and there must be some for all that can be missing. */
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { settingsSchema } from '../../../src/config/schema.ts';
import { firstSettings, unconfiguredOf } from '../../../src/status/page/settings_snippets.ts';
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

  it('make a whole file for a new box, which asks for nothing any more but what the box finds by itself', () => {
    const fresh = notConfigured(settingsSchema.parse({ meter: { source: 'none' } }));
    const text = firstSettings(fresh)!;
    const settings = settingsSchema.parse(parse(text));
    expect(notConfigured(settings).map((line) => unconfiguredOf(line).topic)).toEqual(['Metering']);
    expect(parse(text)).not.toHaveProperty('meter');
    expect(settings.device.hostName).toBe('fs-lis-02');
    // What is behind the signs of a comment is right as well.
    const static4 = text.replaceAll(/^( +)# (ipv4|addresses|gateways|dnsServers):/gm, '$1$2:');
    expect(settingsSchema.parse(parse(static4)).device).toMatchObject({ ipv4: 'static', addresses: ['192.0.2.7/24'] });
  });

  it('make none for a box that somebody has set up: it would take the place of what is there', () => {
    const { site, ...others } = { site: 'lisbon-02', meter: { source: 'none' } };
    expect(firstSettings(notConfigured(settingsSchema.parse({ ...others, site })))).toBeUndefined();
    expect(firstSettings(['Safe mode: only this page'])).toBeUndefined();
    expect(firstSettings([])).toBeUndefined();
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
