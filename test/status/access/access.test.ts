/** Access over a real file of users, which another program changes too. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingsSchema } from '../../../src/config/schema.ts';
import { SystemClock } from '../../../src/core/clock.ts';
import { silentLog } from '../../../src/core/log.ts';
import { createMetrics } from '../../../src/core/metrics.ts';
import { SystemRandom } from '../../../src/core/random.ts';
import { Access } from '../../../src/status/access/access.ts';
import { AccountFile } from '../../../src/status/access/account_file.ts';
import { type Accounts, noAccounts, type User, withChange, withoutUser, withUser } from '../../../src/status/access/accounts.ts';
import { Passwords } from '../../../src/status/access/passwords.ts';
import { password } from './visitor.ts';

const clock = new SystemClock();
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

/** Two admins, and the file as the command line has it. */
async function make() {
  const dataFolder = mkdtempSync(join(tmpdir(), 'access-'));
  folders.push(dataFolder);
  const other = new AccountFile(dataFolder, clock);
  const two = (_: Accounts): Accounts => withUser(withUser(noAccounts, user('anna', hashes[0]!)), user('bert', hashes[1]!));
  await other.change(two);
  const world = { clock, random: new SystemRandom(), log: silentLog, metrics: createMetrics() };
  const settings = settingsSchema.parse({ status: { signIn: 'on' } }).status;
  const access = new Access({ world, settings, dataFolder, onSetUpCode: () => {} });
  await access.refresh();
  return { access, other };
}
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
    const asking = clock.every(
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
