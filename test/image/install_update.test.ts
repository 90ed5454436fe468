/**
 * What a sandboxed service may have done with an update, and what is remembered of updates: the scripts themselves, with stand-ins for
 * the programs they call. `update.machine.ts` has the real ones.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseUpdateLog } from '../../src/system/updates/slot_facts.ts';
import { settledBy } from '../../src/system/updates/update_index.ts';
import { BoxScripts, takes } from './box_scripts.ts';

let box: BoxScripts;
beforeEach(() => {
  box = new BoxScripts();
  writeFileSync(box.at('data/update/bundle.raucb'), content);
});
afterEach(() => box[Symbol.dispose]());

const content = 'what the service has fetched';
const digest = createHash('sha256').update(content).digest('hex');
const wanted = { id: '0123456789abcdef', do: 'install', sha256: digest, version: '1.1.0', source: 'folder' };
function ask(changed: Record<string, string> = {}): { answer: Record<string, string>; said: string; did: string[] } {
  const text = Object.entries({ ...wanted, ...changed })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
  writeFileSync(box.at('data/update/request'), text);
  const done = box.run('install_update');
  expect(existsSync(box.at('data/update/request'))).toBe(false);
  const answer = readFileSync(box.at('run/flowspan-update/answer'), 'utf8').trim().split('\n');
  return { ...done, answer: Object.fromEntries(answer.map((line) => line.split(/=(.*)/s).slice(0, 2))) };
}
function linked(target: string): void {
  rmSync(box.at('data/update/bundle.raucb'));
  symlinkSync(target, box.at('data/update/bundle.raucb'));
}
describe('what the service asks for', () => {
  test('a look: signature and version are told, nothing is installed', () => {
    const { answer, did } = ask({ do: 'check' });
    expect(answer).toMatchObject({ id: wanted.id, do: 'check', result: 'good', compatible: 'flowspan-amd64', version: '1.1.0' });
    expect(did).toContain('rauc info --output-format=shell /data/update/bundle.raucb');
    expect(did).toContain('flowspan updates --allowed 1.1.0 --config /etc/flowspan/flowspan.yaml');
    expect(did.join()).not.toMatch(/rauc install|reboot/);
  });

  test('an installation: once more looked at, installed, remembered, restarted into', () => {
    const { answer, did, said } = ask();
    expect(answer.result).toBe('good');
    expect(said).toMatch(/1\.1\.0 is installed; restarting into it/);
    expect(did.findIndex((call) => /^rauc info/.test(call))).toBeLessThan(did.indexOf('rauc install /data/update/bundle.raucb'));
    expect(did.at(-1)).toBe('systemctl reboot');
    expect(box.kept()).toEqual([['installed', '1.1.0', 'B', 'folder', digest, '']]);
    expect(readFileSync(box.at('run/flowspan-update/log'), 'utf8')).toBe(readFileSync(box.at('data/rauc/updates'), 'utf8'));
  });

  test.each([
    ['a word that is none', { do: 'reboot' }, /check and install/],
    ['no number', { id: 'x' }, /form/],
    ['a digest with more in it', { sha256: `${digest} /etc/shadow` }, /form/],
    ['a source in several words', { source: 'a b; reboot' }, /form/],
    ['another version than was looked at', { version: '1.2.0' }, /is version 1\.1\.0, and 1\.2\.0 was wanted/],
    ['a version with a command in it', { version: '$(reboot)' }, /is version 1\.1\.0/],
  ])('%s: nothing is done', (_, changed, reason) => {
    const { answer, did } = ask(changed);
    expect(answer.result).toBe('failed');
    expect(answer.reason).toMatch(reason);
    expect(did.join()).not.toMatch(/rauc install|reboot/);
  });

  test('a wrong signature, and a bundle for another board, are refused and remembered; an older version is only not done', () => {
    box.program('rauc', 'echo "signature verification failed: unable to get local issuer certificate" >&2; exit 1\n');
    const { answer } = ask({ do: 'check', source: 'page' });
    expect(answer).toMatchObject({ result: 'refused', reason: expect.stringMatching(/signature verification failed/) });
    box.program('rauc', takes('1.1.0', 'flowspan-arm64'));
    expect(ask().answer).toMatchObject({ result: 'refused', reason: 'it is for flowspan-arm64, and this is flowspan-amd64' });
    box.program('rauc', takes('1.1.0'));
    box.program('flowspan', 'echo "1.1.0 is older than 1.2.0" >&2; exit 1\n');
    const older = ask();
    expect(older.answer).toMatchObject({ result: 'failed', reason: '1.1.0 is older than 1.2.0' });
    expect(older.did.join()).not.toMatch(/rauc install/);
    expect(box.kept().map(([outcome, , , source]) => [outcome, source])).toEqual([
      ['refused', 'page'],
      ['refused', 'folder'],
      ['failed', 'folder'],
    ]);
    // Whoever uploads it is told, and may allow it: nothing is counted against it.
    expect(ask({ do: 'check', source: 'page' }).answer).toMatchObject({ result: 'failed', reason: '1.1.0 is older than 1.2.0' });
    expect(box.kept()).toHaveLength(3);
  });

  test.each([
    ['another file', () => writeFileSync(box.at('data/update/bundle.raucb'), 'something else')],
    ['no file', () => rmSync(box.at('data/update/bundle.raucb'))],
    ['a link to what the service may not read', () => linked('/proc/1/mem')],
    ['a folder', () => linked('/etc')],
  ])('%s than the one that was asked about says nothing of that one: counted, and not refused for ever', (_, change) => {
    box.program('rauc', 'echo "signature verification failed" >&2; exit 1\n');
    change();
    const { answer, did } = ask();
    expect(answer).toMatchObject({ result: 'failed', reason: expect.stringMatching(/not the one that was asked about/) });
    expect(did.join('\n')).not.toMatch(/^rauc|reboot/m);
    expect(box.kept()).toEqual([['failed', '1.1.0', '', 'folder', digest, answer.reason]]);
  });

  test('a bundle of another version than the index says is counted, or it would be fetched again for ever', () => {
    for (let time = 0; time < 5; time++) expect(ask({ version: '1.2.0' }).answer.result).toBe('failed');
    const reason = 'it is version 1.1.0, and 1.2.0 was wanted';
    expect(box.kept()).toEqual(Array(5).fill(['failed', '1.1.0', '', 'folder', digest, reason]));
    expect(settledBy(digest, parseUpdateLog(readFileSync(box.at('data/rauc/updates'), 'utf8')))).toMatch(
      /could not be installed 5 times: it is version 1\.1\.0/,
    );
  });

  test('while the box goes down with what a stick installed nothing is written', () => {
    box.program('systemctl', '[ "$1" != is-system-running ] || echo stopping\n');
    const { answer, did } = ask();
    expect(answer).toMatchObject({ result: 'failed', reason: 'the box restarts' });
    expect(did.join('\n')).not.toMatch(/^rauc|reboot/m);
  });

  test('RAUC is not let into the slot with another version than was looked at', () => {
    const targets = { RAUC_TARGET_SLOTS: '1', RAUC_SLOT_BOOTNAME_1: 'B' };
    const handler = (version: string): string =>
      `RAUC_META_FLOWSPAN_VERSION=${version} sh '${box.at('usr/lib/flowspan-box/before_install')}'`;
    const environment = 'export RAUC_TARGET_SLOTS=1 RAUC_SLOT_BOOTNAME_1=B';
    box.program('rauc', `${takes('1.1.0')}[ $1 = info ] || { ${environment}; ${handler('1.0.0')} 2>&1; }\n`);
    expect(ask().answer).toMatchObject({
      result: 'failed',
      reason: 'the bundle has become version 1.0.0, and 1.1.0 was looked at',
    });
    box.program('rauc', `${takes('1.1.0')}[ $1 = info ] || { ${environment}; ${handler('1.1.0')}; }\n`);
    const { answer, did } = ask();
    expect([answer.result, did.at(-1)]).toEqual(['good', 'systemctl reboot']);
    expect(did).toContain('grub-editenv /efi/flowspan/grubenv set B_GOOD=0 B_COUNT=');
    // Nobody asked for a version when it comes from a stick.
    expect(box.runWith({ ...targets, RAUC_META_FLOWSPAN_VERSION: '0.9.0' }, 'before_install').code).toBe(0);
    expect(box.runWith(targets, 'before_install').code).toBe(0);
  });

  test('while this slot is on trial the other one, the last good, is not written', () => {
    box.variables('ORDER=A B', 'A_OK=1', 'A_TRY=1', 'A_GOOD=0', 'B_OK=1', 'B_TRY=0', 'B_GOOD=1');
    const { answer, did } = ask();
    expect(answer).toMatchObject({ result: 'failed', reason: 'slot A is on trial, and the other one the last good' });
    expect(did.join()).not.toMatch(/rauc install/);
  });

  test('a link instead of a request is read as the service, which may not read more than before', () => {
    symlinkSync('/etc/shadow', box.at('data/update/request'));
    const { did, said } = box.run('install_update');
    expect(said).toBe('flowspan: what the service asks for has not the form of a request; left alone\n');
    expect(did[0]).toBe('setpriv --reuid=flowspan --regid=flowspan --clear-groups head -c 1024 /data/update/request');
    expect(existsSync(box.at('data/update/request'))).toBe(false);
    expect(readdirSync(box.at('data/update'))).toEqual(['bundle.raucb']);
  });

  test('what RAUC says when it fails reaches the service; the box is not restarted', () => {
    box.program('rauc', `${takes('1.1.0')}[ $1 = info ] || { echo "LastError: No space left on device"; exit 1; }\n`);
    const { answer, did } = ask();
    expect(answer).toMatchObject({ result: 'failed', reason: 'No space left on device' });
    expect(did.join()).not.toMatch(/reboot/);
    expect(box.kept()).toEqual([['failed', '1.1.0', 'B', 'folder', digest, 'No space left on device']]);
  });
});

describe('what is remembered of a slot', () => {
  test('a box as delivered: which version it came with', () => {
    box.run('slots', 'reached');
    box.run('slots', 'reached');
    expect(box.kept()).toEqual([['found', '1.0.0', 'A', 'image', '', '']]);
    expect(readFileSync(box.at('run/flowspan-update/slots'), 'utf8')).toMatch(
      /^booted=A\ncompatible=flowspan-amd64\nORDER=A B\n/,
    );
  });

  test('one that was tried and never judged: said by the slot that is back, once', () => {
    box.run('update_log', 'note', 'installed', '1.1.0', 'B', 'page', digest, '');
    box.variables('ORDER=B A', 'A_OK=1', 'A_TRY=0', 'A_GOOD=1', 'B_OK=1', 'B_TRY=1', 'B_GOOD=0');
    box.run('slots', 'reached');
    box.run('slots', 'reached');
    expect(box.kept()).toEqual([
      ['installed', '1.1.0', 'B', 'page', digest, ''],
      ['notJudged', '1.1.0', 'B', 'page', digest, expect.stringMatching(/crashed, hung, or lost power/)],
    ]);
  });

  test('one that meters is good; one that does not is left, with what did not work', () => {
    box.variables('ORDER=A B', 'A_OK=1', 'A_TRY=1', 'A_GOOD=0', 'B_OK=1', 'B_TRY=0', 'B_GOOD=1');
    box.run('update_log', 'note', 'installed', '1.0.0', 'A', 'folder', digest, '');
    expect(box.run('slots', 'judge').said).toMatch(/slot A is good/);
    box.program('flowspan', 'echo "ok    spool: open"; echo "FAIL  meter: eth1 is missing"; echo "not healthy"; exit 1\n');
    const { did, said } = box.run('slots', 'judge');
    expect(said).toMatch(/slot A does not meter: back to slot B/);
    expect(did.at(-1)).toBe('systemctl reboot');
    expect(box.kept().slice(1)).toEqual([
      ['good', '1.0.0', 'A', 'folder', digest, ''],
      ['wentBack', '1.0.0', 'A', 'folder', digest, 'it did not meter for 120 s within 900 s: meter: eth1 is missing'],
    ]);
  });

  test('a reason of several lines stays one, and only the newest fifty are kept', () => {
    const line = '1800000000\tfailed\t1.0.0\tB\tfolder\t\t\n';
    writeFileSync(box.at('data/rauc/updates'), line.repeat(50));
    box.run('update_log', 'note', 'failed', '1.51.0', 'B', 'folder', '', 'one\ntwo\tthree');
    expect(box.kept()).toHaveLength(50);
    expect(box.kept().at(-1)).toEqual(['failed', '1.51.0', 'B', 'folder', '', 'one two three']);
  });
});
