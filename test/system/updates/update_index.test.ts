/** Which bundle of a folder is for this box: versions, shares of the fleet, what was tried before. */
import { describe, expect, test } from 'vitest';
import { bundleOctetsMax, type UpdateRecord } from '../../../src/flow/update_shapes.ts';
import { type ChoiceFacts, chooseBundle, parseIndex, placeInFleet } from '../../../src/system/updates/update_index.ts';
import { compareVersions, versionRefusal } from '../../../src/system/updates/version_rule.ts';

const sha = (seed: string): string => seed.repeat(64).slice(0, 64);
const bundle = (version: string, more: object = {}): object => ({
  ...{ compatible: 'flowspan-amd64', version, file: `flowspan_${version}_amd64.raucb`, octets: 1_000, sha256: sha('a') },
  ...more,
});
const indexOf = (...bundles: object[]) => parseIndex(JSON.stringify({ format: 1, bundles }));
const facts: ChoiceFacts = {
  compatible: 'flowspan-amd64',
  running: '1.0.0',
  allowOlder: false,
  site: 'lisbon',
  node: 'box-1',
  isEarly: false,
  past: [],
};
const record = (outcome: UpdateRecord['outcome'], sha256: string, reason = ''): UpdateRecord => ({
  ...{ atMs: 1_800_000_000_000, outcome, version: '1.1.0', slot: 'B', source: 'folder', sha256, reason },
});
const reasonOf = (choice: ReturnType<typeof chooseBundle>): string =>
  'reason' in choice ? choice.reason : `takes ${choice.bundle.version}`;

describe('versions', () => {
  test('their order is that of Semantic Versioning 2.0.0, 11', () => {
    const rising = [
      '0.9',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.10',
      '1.2',
      '2',
    ];
    for (const [index, one] of rising.entries()) {
      for (const [other, two] of rising.entries())
        expect([one, two, compareVersions(one, two)]).toEqual([one, two, Math.sign(index - other)]);
    }
    expect(compareVersions('1.0', '1.0.0')).toBe(0);
    expect(compareVersions('1.0.0+build.7', '1.0.0')).toBe(0);
    for (const none of ['', 'v1', '1.0.0 ', '1..0', 'flowspan-2', '1.0.0_1', '1.2.3.4.5', '9999999999'])
      expect(compareVersions(none, '1.0.0')).toBeUndefined();
  });

  test('the same one never follows, an older one only where that is allowed', () => {
    expect(versionRefusal('1.1.0', '1.0.0', false)).toBe('');
    expect(versionRefusal('1.0.0', '1.0.0', true)).toMatch(/runs already/);
    expect(versionRefusal('0.9.0', '1.0.0', false)).toMatch(/older than 1\.0\.0, which runs; updates\.allowOlder permits it/);
    expect(versionRefusal('0.9.0', '1.0.0', true)).toBe('');
    expect(versionRefusal('latest', '1.0.0', true)).toMatch(/'latest' is no version/);
  });
});

describe('the index', () => {
  test.each([
    ['no JSON', '<html>', /is no JSON/],
    ['another format', JSON.stringify({ format: 2, bundles: [] }), /format: /],
    [
      'a file elsewhere',
      JSON.stringify({ format: 1, bundles: [bundle('1.1.0', { file: '../../etc/passwd.raucb' })] }),
      /bundles\.0\.file/,
    ],
    [
      'an address',
      JSON.stringify({ format: 1, bundles: [bundle('1.1.0', { file: 'https://evil.example/x.raucb' })] }),
      /bundles\.0\.file/,
    ],
    [
      'more than a slot holds',
      JSON.stringify({ format: 1, bundles: [bundle('1.1.0', { octets: bundleOctetsMax + 1 })] }),
      /bundles\.0\.octets/,
    ],
    [
      'a share of more than all',
      JSON.stringify({ format: 1, bundles: [bundle('1.1.0', { sharePercent: 101 })] }),
      /sharePercent/,
    ],
  ])('with %s is refused, with the place', (_, text, words) => {
    expect(() => parseIndex(text)).toThrow(words);
  });

  test('with more in it than this version knows is read', () => {
    expect(indexOf(bundle('1.1.0', { notes: 'new' })).bundles[0]).toMatchObject({ version: '1.1.0', sharePercent: 100 });
  });
});

describe('of several', () => {
  test('the newest for this board, never the same or an older one', () => {
    const index = indexOf(bundle('0.9.0'), bundle('1.2.0'), bundle('1.10.0'), bundle('9.0.0', { compatible: 'flowspan-arm64' }));
    expect(reasonOf(chooseBundle(index, facts))).toBe('takes 1.10.0');
    expect(reasonOf(chooseBundle(index, { ...facts, running: '1.10.0' }))).toBe('version 1.10.0 runs already');
    expect(reasonOf(chooseBundle(index, { ...facts, running: '2.0.0' }))).toMatch(/older than 2\.0\.0/);
    expect(reasonOf(chooseBundle(index, { ...facts, compatible: 'flowspan-riscv64' }))).toBe(
      'the folder has nothing for flowspan-riscv64',
    );
  });

  test('where older ones are allowed the folder is followed: its newest, and no other', () => {
    const older = { ...facts, running: '2.0.0', allowOlder: true };
    expect(reasonOf(chooseBundle(indexOf(bundle('1.1.0'), bundle('1.2.0')), older))).toBe('takes 1.2.0');
    expect(reasonOf(chooseBundle(indexOf(bundle('1.1.0'), bundle('2.0.0')), older))).toBe('version 2.0.0 runs already');
  });

  test('one that is for a part of the fleet goes to that part, and an older one for all to the rest', () => {
    const index = indexOf(bundle('1.2.0', { sharePercent: 20 }), bundle('1.1.0'));
    const boxes = Array.from({ length: 2_000 }, (_, number) => `box-${number}`);
    const chosen = boxes.map((node) => reasonOf(chooseBundle(index, { ...facts, node })));
    const part = chosen.filter((one) => one === 'takes 1.2.0').length / boxes.length;
    // Two thousand draws at 20 %: three standard deviations are 2.7 %.
    expect(part).toBeGreaterThan(0.173);
    expect(part).toBeLessThan(0.227);
    expect(new Set(chosen)).toEqual(new Set(['takes 1.2.0', 'takes 1.1.0']));
    expect(reasonOf(chooseBundle(indexOf(bundle('1.2.0', { sharePercent: 0 })), facts))).toMatch(
      /^1\.2\.0 is for 0 % of the fleet so far, and this box comes at \d/,
    );
    expect(reasonOf(chooseBundle(indexOf(bundle('1.2.0', { sharePercent: 0 })), { ...facts, isEarly: true }))).toBe(
      'takes 1.2.0',
    );
  });

  test('a share that grows only adds boxes; with the next version others go first', () => {
    const first = (version: string, share: number): string[] =>
      Array.from({ length: 500 }, (_, number) => `box-${number}`).filter((node) => placeInFleet(version, 'lisbon', node) < share);
    expect(first('1.1.0', 30)).toEqual(expect.arrayContaining(first('1.1.0', 10)));
    expect(first('1.2.0', 10)).not.toEqual(first('1.1.0', 10));
    // As the README says how to compute it: printf 1.1.0/lisbon/box-1 | sha256sum | cut -c 1-8
    expect(placeInFleet('1.1.0', 'lisbon', 'box-1')).toBeCloseTo((0x452da5e8 / 2 ** 32) * 100, 9);
  });

  test.each([
    ['was refused', [record('refused', sha('a'), 'no signature')], /^1\.1\.0: it was refused: no signature/],
    ['was left', [record('wentBack', sha('a'), 'eth1 is missing')], /the box went back after it: eth1 is missing/],
    ['runs, whatever it says of itself', [record('good', sha('a'))], /it is what runs/],
    [
      'was tried three times without a word',
      Array.from({ length: 3 }, () => record('notJudged', sha('a'))),
      /3 times and never judged/,
    ],
    [
      'failed five times',
      Array.from({ length: 5 }, () => record('failed', sha('a'), 'disk')),
      /could not be installed 5 times: disk/,
    ],
  ])('the very bundle that %s is left alone', (_, past, words) => {
    expect(reasonOf(chooseBundle(indexOf(bundle('1.1.0')), { ...facts, past }))).toMatch(words);
    // Another build of that version is another bundle.
    expect(reasonOf(chooseBundle(indexOf(bundle('1.1.0', { sha256: sha('b') })), { ...facts, past }))).toBe('takes 1.1.0');
  });

  test('one that lost its power during the trial gets another try, and one that was good long ago may come back', () => {
    const older = record('good', sha('a'));
    expect(reasonOf(chooseBundle(indexOf(bundle('1.1.0')), { ...facts, past: [record('notJudged', sha('a'))] }))).toBe(
      'takes 1.1.0',
    );
    const past = [record('good', sha('b')), older];
    expect(reasonOf(chooseBundle(indexOf(bundle('0.9.0')), { ...facts, allowOlder: true, past }))).toBe('takes 0.9.0');
  });
});
