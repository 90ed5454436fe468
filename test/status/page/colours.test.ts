/**
 * The palette, in both themes: texts that can be read and marks that stand out (WCAG 2.2, 1.4.3 and 1.4.11), and pairs that mean
 * different things, told apart by people who see no red, no green or no blue.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

type Triple = readonly [number, number, number];

const style = readFileSync(new URL('../../../src/status/page/style/tokens.css', import.meta.url), 'utf8');
const colours = (block: RegExp): Map<string, Triple> =>
  new Map(
    [...block.exec(style)![1]!.matchAll(/--([\w-]+): #([0-9a-f]{6});/g)].map(([, name, hex]) => [
      name!,
      [0, 2, 4].map((at) => Number.parseInt(hex!.slice(at, at + 2), 16) / 255) as unknown as Triple,
    ]),
  );
const themes = {
  light: colours(/:root \{([^}]*)\}/),
  dark: colours(/:root\[data-theme="dark"\] \{([^}]*)\}/),
};

const linear = (of: Triple): Triple =>
  of.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)) as unknown as Triple;
const times = (matrix: readonly Triple[], [r, g, b]: Triple): Triple =>
  matrix.map(([x, y, z]) => x * r + y * g + z * b) as unknown as Triple;

function contrast(a: Triple, b: Triple): number {
  const [low, high] = [a, b].map((one) => times([[0.2126, 0.7152, 0.0722]] as never, linear(one))[0]).sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
}

/** Machado, Oliveira and Fernandes 2009, at full severity, over linear RGB. */
const sights: Readonly<Record<string, readonly Triple[]>> = {
  everything: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'no red': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  'no green': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  'no blue': [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** CIE L*a*b* (D65) of linear RGB. */
function lab(of: Triple): Triple {
  const [x, y, z] = times(
    [
      [0.4124, 0.3576, 0.1805],
      [0.2126, 0.7152, 0.0722],
      [0.0193, 0.1192, 0.9505],
    ],
    of.map((v) => Math.min(1, Math.max(0, v))) as unknown as Triple,
  )
    .map((v, i) => v / [0.95047, 1, 1.08883][i]!)
    .map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116)) as [number, number, number];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** CIE 1976 difference: 2 is just seen side by side, beyond 10 two colours are two at a glance. */
const apart = (a: Triple, b: Triple, sight: readonly Triple[]): number => {
  const [p, q] = [a, b].map((one) => lab(times(sight, linear(one)))) as [Triple, Triple];
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
};

describe.each(Object.entries(themes))('in %s', (_, palette) => {
  const of = (name: string): Triple => {
    const found = palette.get(name);
    if (found === undefined) throw new Error(`no colour is called ${name}`);
    return found;
  };

  it.each([
    ...['text', 'text-2', 'text-3', 'accent', 'good', 'warn', 'bad'].flatMap((text) =>
      ['surface', 'canvas', 'sunken'].map((ground) => [text, ground] as const),
    ),
    ...['good', 'warn', 'bad'].map((tone) => [tone, `${tone}-soft`] as const),
    ['accent', 'accent-soft'] as const,
    ['on-accent', 'accent'] as const,
  ])('%s can be read on %s', (text, ground) => expect(contrast(of(text), of(ground))).toBeGreaterThanOrEqual(4.5));

  it.each(['in', 'out', 'flow', 'bad-mark'])('%s stands out from its ground', (mark) =>
    expect(contrast(of(mark), of('surface'))).toBeGreaterThanOrEqual(3),
  );

  it.each(Object.keys(sights))('what means two things looks like two to who sees %s', (sight) => {
    // Series have nothing but their colour; states have an icon and a word beside it.
    const pairs = [
      ['in', 'out', 20],
      ['in', 'hatch', 20],
      ['out', 'hatch', 20],
      ['good', 'bad', 10],
      ['good', 'warn', 10],
      ['warn-mark', 'bad-mark', 10],
    ] as const;
    const near = pairs.filter(([a, b, least]) => apart(of(a), of(b), sights[sight]!) < least);
    expect(near.map(([a, b]) => `${a} and ${b}`)).toEqual([]);
  });
});
