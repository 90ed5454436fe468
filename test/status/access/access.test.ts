/** Access over a real file of users, which another program changes too. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingsSchema } from '../../../src/config/schema.ts';
import { type Clock, SimulatedClock, SystemClock } from '../../../src/core/clock.ts';
import { silentLog } from '../../../src/core/log.ts';
import { createMetrics } from '../../../src/core/metrics.ts';
import { SystemRandom } from '../../../src/core/random.ts';
import { Access } from '../../../src/status/access/access.ts';
import { AccountFile } from '../../../src/status/access/account_file.ts';
import { type Accounts, type User, withChange, withoutUser, withUser } from '../../../src/status/access/accounts.ts';
import { Passwords } from '../../../src/status/access/passwords.ts';
import { password } from './visitor.ts';

const systemClock = new SystemClock();
const folders: string[] = [];
let hashes: string[];
beforeAll(async () => {
  const passwords = new Passwords(new SystemRandom());
  hashes = await Promise.all([password, password, 'another good horse'].map((one) => passwords.hash(one)));
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});
const user = (name: string, hash: string): User => ({ name, role: 'admin', createdMs: 1, hash });

/** With these users, and the file as the command line has it. */
async function make(users: readonly User[] = [user('anna', hashes[0]!), user('bert', hashes[1]!)], clock: Clock = systemClock) {
  const dataFolder = mkdtempSync(join(tmpdir(), 'access-'));
  folders.push(dataFolder);
  const other = new AccountFile(dataFolder, clock);
  await other.change((accounts) => users.reduce(withUser, accounts));
  const world = { clock, random: new SystemRandom(), log: silentLog, metrics: createMetrics() };
  const settings = settingsSchema.parse({ status: { signIn: 'on' } }).status;
  let setUpCode = '';
  const onSetUpCode = (code: string): void => {
    setUpCode = code;
  };
  const access = new Access({ world, settings, dataFolder, onSetUpCode });
  await access.refresh();
  return { access, other, setUpCode };
}
const far = '192.0.2.1';
const near = '192.0.2.2';

describe('a session', () => {
  it.each([
    ['is removed', (accounts: Accounts) => withoutUser(accounts, 'bert')],
    ['has another role', (accounts: Accounts) => withChange(accounts, 'bert', { role: 'viewer' })],
    ['has another password', (accounts: Accounts) => withChange(accounts, 'bert', { hash: hashes[2]! })],
  ])('ends when the command line says that its user %s, also when a change here reads that first', async (_, change) => {
    const { access, other } = await make();
    const { id } = await access.signIn('bert', password, near);
    const anna = await access.signIn('anna', password, near);
    await other.change(change);
    await access.accounts.change((accounts) => withUser(accounts, user('carl', hashes[2]!)));
    expect(access.sessionPrincipal(id)).toBeUndefined();
    await access.refresh();
    expect(access.sessionPrincipal(id)).toBeUndefined();
    expect(access.sessionPrincipal(anna.id)).toMatchObject({ who: 'anna', role: 'admin' });
    // What ended has ended, though all be as it was.
    await access.accounts.change((accounts) => ({ ...accounts, users: [user('anna', hashes[0]!), user('bert', hashes[1]!)] }));
    expect(access.sessionPrincipal(id)).toBeUndefined();
  });

  it('whose user changes the own password holds all the while, and the others end', async () => {
    const { access } = await make();
    const own = await access.signIn('anna', password, near);
    const others = await access.signIn('anna', password, near);
    let held = 0;
    const asking = systemClock.every(
      0,
      () => void (access.sessionPrincipal(own.id) === undefined ? expect.unreachable() : held++),
      () => {
        held = Number.NaN;
      },
    );
    await access.changeOwnPassword(access.sessionPrincipal(own.id)!, password, 'another good horse', near);
    await access.refresh();
    asking.cancel();
    expect(held).toBeGreaterThan(0);
    expect(access.sessionPrincipal(own.id)).toBeDefined();
    expect(access.sessionPrincipal(others.id)).toBeUndefined();
  });
});

describe('one address that never stops trying', () => {
  const keepTrying = async (attempt: () => Promise<unknown>): Promise<unknown[]> => {
    const codes: unknown[] = [];
    for (let n = 0; n < 60; n++) codes.push(await attempt().catch(({ code }) => code));
    return codes;
  };
  const refused = [...Array(10).fill('signInRefused'), ...Array(50).fill('tooManyAttempts')];

  it('does not keep the owner of a name out', async () => {
    // Of a clock that stands still: sixty hashes may take long enough for another attempt to be allowed.
    const { access } = await make(undefined, new SimulatedClock(0, Date.parse('2026-11-29')));
    expect(await keepTrying(() => access.signIn('anna', 'a wrong guess', far))).toEqual(refused);
    expect((await access.signIn('anna', password, near)).session.name).toBe('anna');
  });

  it('does not keep whoever has the set-up code from using it', async () => {
    const clock = new SimulatedClock(0, Date.parse('2026-11-29'));
    const { access, setUpCode } = await make([], clock);
    expect(await keepTrying(() => access.setUp('0000-0000-0000', 'eve', password, far))).toEqual(refused);
    // It took what there was for all at once; the next try of the box is for whoever asks first, however often they did before.
    const asked = async (): Promise<unknown> => (await access.setUp(setUpCode, 'anna', password, near)).session.role;
    for (let n = 0; n < 20; n++) expect(await asked().catch(({ code }) => code)).toBe('tooManyAttempts');
    await clock.advance(10_000);
    expect(await asked()).toBe('admin');
  });
});
