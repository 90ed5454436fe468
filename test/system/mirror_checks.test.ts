import { describe, expect, test } from 'vitest';
import { type MirrorStatus, nothingKnownOfMirror } from '../../src/flow/mirror_findings.ts';
import { mirrorChecks } from '../../src/system/mirror_checks.ts';

const sound: MirrorStatus = { ...nothingKnownOfMirror, windowS: 300, packets: 9_000, tcpConversations: 60 };
const running = { source: 'interface', running: true } as const;

describe('what doctor says of the mirror', () => {
  test('a finding with its level, its numbers, since when and what to do', () => {
    const finding = { code: 'oneWayMirror', title: 'One direction only', evidence: '40 of 40', figures: {}, sinceMs: 0 } as const;
    const of = (level: 'warn' | 'error') =>
      mirrorChecks({ ...running, mirror: { ...sound, findings: [{ ...finding, level, todo: 'both directions' }] } });
    expect(of('error')).toEqual([
      {
        check: 'mirror oneWayMirror',
        verdict: 'fail',
        found: 'One direction only: 40 of 40 (since 1970-01-01T00:00:00.000Z)',
        todo: 'both directions',
      },
    ]);
    expect(of('warn')[0]!.verdict).toBe('warn');
  });

  test('nothing wrong is only said of enough traffic', () => {
    expect(mirrorChecks({ ...running, mirror: sound })[0]).toMatchObject({ verdict: 'ok', todo: '' });
    expect(mirrorChecks({ ...running, mirror: { ...sound, windowS: 20 } })[0]).toMatchObject({ verdict: 'warn' });
    expect(mirrorChecks({ ...running, mirror: { ...sound, tcpConversations: 3 } })[0]!.found).toMatch(/too little/);
  });

  test('a stopped box cannot know, and says so', () => {
    const [check] = mirrorChecks({ source: 'interface', running: false, mirror: null });
    expect(check).toMatchObject({ verdict: 'warn' });
    expect(check!.found).toMatch(/service is not running/);
    expect(mirrorChecks({ source: 'none', running: false, mirror: null })).toEqual([]);
  });
});
