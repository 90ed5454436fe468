/** Settings of the box over HTTP: who may, what must have been given lately, what is handed over, what is written down. Whoever applies them is the real program. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/core/clock.ts';
import { SystemRandom } from '../../src/core/random.ts';
import type { SetUpCheck, SetUpFacts, SetUpForm } from '../../src/flow/set_up_shapes.ts';
import { password, Visitor } from './access/visitor.ts';
import { type Served, serve } from './served.ts';
import { SetUpBox } from './set_up_box.ts';

/** Some time later, for whoever asks. */
class LaterClock extends SystemClock {
  laterMs = 0;
  override monotonicMs(): number {
    return super.monotonicMs() + this.laterMs;
  }
}

const path = '/api/v1/settings';
/** However slow the machine is. */
const patient = { timeout: 60_000 };
let box: SetUpBox;
let served: Served;
let anna: Visitor;
let clock: LaterClock;

beforeEach(async () => {
  clock = new LaterClock();
  box = new SetUpBox({ clock, random: new SystemRandom() });
  served = await serve({ settings: { signIn: 'on' }, withAccess: true, setUp: box.desk, clock });
  anna = new Visitor(served.url);
  await anna.setUp(served.setUpCode());
});
afterEach(async () => {
  await served.stop();
  box[Symbol.dispose]();
});

const facts = async (who = anna): Promise<SetUpFacts> => (await who.get(path)).body;
const put = async (change: Partial<SetUpForm>, who = anna, given?: SetUpFacts) => {
  const { form, revision } = given ?? (await facts());
  return who.ask('PUT', path, { form: { ...form, ...change }, revision });
};
const static7 = { ipv4: 'static', addresses: ['192.0.2.7/24'] } as const;
const audit = async (): Promise<string[]> =>
  (await anna.get('/api/v1/audit')).body.entries.map(
    ({ action, what, outcome }: Record<string, string>) => `${action} ${what} ${outcome}`,
  );

describe('the form', () => {
  test('shows what is set, what was found, and what the rule makes of it', async () => {
    const told = await facts();
    expect(told).toMatchObject({
      canApply: true,
      file: box.file,
      isNew: true,
      fileFault: '',
      isApplying: false,
      trial: null,
      last: null,
    });
    expect(told.suggested).toMatchObject({ management: 'eth0', mirror: ['enx001122334455'] });
    expect(told.ports.map(({ name, bus, driver, speedMbps }) => [name, bus, driver, speedMbps])).toEqual([
      ['enx001122334455', 'usb', 'r8152', 1_000],
      ['eth0', 'platform', 'bcmgenet', 1_000],
    ]);
  });

  test('is checked: faults at their fields, changes, YAML', async () => {
    const { form } = await facts();
    const bad = await anna.ask('POST', `${path}/check`, { form: { ...form, vlan: 5_000 } });
    expect((bad.body as SetUpCheck).faults).toEqual([{ field: 'vlan', index: -1, message: expect.stringMatching(/4094/) }]);
    const good = (await anna.ask('POST', `${path}/check`, { form: { ...form, site: 'lisbon-02' } })).body as SetUpCheck;
    expect([good.faults, good.changes.map((one) => one.path)]).toEqual([[], ['site']]);
    expect(good.preview).toContain('site: lisbon-02');
    const none = await anna.ask('POST', `${path}/check`, { form: { ...form, vlan: 'x' } });
    expect([none.status, none.body.error.parameter]).toEqual([400, 'form']);
  });
});

describe('applying', () => {
  test('an answer that was taken is over, also when another took its place before anybody asked', async () => {
    await put(static7);
    box.apply();
    await box.desk.start();
    box.apply('late');
    expect(await facts()).toMatchObject({ isApplying: false, trial: null, last: { id: '', outcome: 'undone' } });
    expect((await put({ site: 'lisbon-02' })).status).toBe(202);
  });

  test('hands the file over; what became of it is told, and written down without its values', async () => {
    const told = await put({
      site: 'lisbon-02',
      broker: { ...(await facts()).form.broker, host: 'b.example', password: 'hunter2' },
    });
    expect(told.status).toBe(202);
    expect((await facts()).isApplying).toBe(true);
    expect((await put({ site: 'x' })).body.error.message).toMatch(/being applied/);
    box.apply();
    const after = await facts();
    expect(after).toMatchObject({
      isApplying: false,
      isNew: false,
      last: { id: told.body.id, outcome: 'kept' },
      form: { site: 'lisbon-02' },
    });
    expect([after.hasBrokerPassword, after.form.broker.password]).toEqual([true, '']);
    expect(box.settings).toContain('hunter2');
    expect(await audit()).toContain('settingsApplied site, mqtt.brokers done');
    expect(JSON.stringify(await anna.get('/api/v1/audit'))).not.toContain('hunter2');
  });

  test('another address: on trial, then kept; or gone back from; or nobody comes', async () => {
    await put(static7);
    box.apply();
    expect((await facts()).trial).toMatchObject({ who: 'anna', leftMs: expect.any(Number) });
    box.serve();
    expect((await anna.ask('POST', `${path}/keep`)).status).toBe(204);
    expect(await facts()).toMatchObject({ trial: null, last: { outcome: 'kept' }, form: { ipv4: 'static' } });

    await put({ ...static7, addresses: ['192.0.2.8/24'] });
    await expect.poll(async () => (await facts()).trial?.who, patient).toBe('anna');
    expect((await anna.ask('POST', `${path}/undo`)).status).toBe(204);
    expect(await facts()).toMatchObject({ trial: null, last: { outcome: 'undone' }, form: { addresses: ['192.0.2.7/24'] } });

    await put({ ...static7, addresses: ['192.0.2.9/24'] });
    await expect.poll(async () => (await facts()).trial?.who, patient).toBe('anna');
    box.apply('late');
    expect(await facts()).toMatchObject({
      trial: null,
      last: { outcome: 'undone', reasons: [expect.stringMatching(/nobody reached/)] },
    });
    const told = await anna.ask('POST', `${path}/keep`);
    expect([told.status, told.body.error.message]).toEqual([409, 'No settings are on trial.']);
    expect(await audit()).toEqual(expect.arrayContaining(['settingsKept  done', 'settingsUndone  done']));
  });

  test('what somebody has changed meanwhile is not overwritten, and faults are not handed over', async () => {
    const before = await facts();
    await put({ site: 'first' });
    box.apply();
    expect((await put({ site: 'second' }, anna, before)).body.error).toMatchObject({
      code: 'notNow',
      message: expect.stringMatching(/have changed/),
    });
    expect((await put({ vlan: 5_000 })).body.error.message).toMatch(/faults: 5000: too large/);
    expect(box.apply()).toBeUndefined();
  });

  test('takes an admin, the session’s token, and a password that was given lately; no token of the API', async () => {
    await anna.ask('POST', '/api/v1/users', { name: 'olga', role: 'operator', password });
    const olga = new Visitor(served.url);
    await olga.signIn('olga');
    expect((await olga.get(path)).status).toBe(200);
    expect((await put({ site: 'x' }, olga)).status).toBe(403);
    expect((await olga.ask('POST', `${path}/undo`)).status).toBe(403);
    expect((await new Visitor(served.url).get(path)).status).toBe(401);
    const { token } = (await anna.ask('POST', '/api/v1/tokens', { name: 'robot', role: 'admin' })).body;
    const robot = new Visitor(served.url);
    robot.extra.authorization = `Bearer ${token}`;
    expect((await put({ site: 'x' }, robot)).body.error.code).toBe('notAllowed');

    const before = await facts();
    const forged = await anna.ask('PUT', path, { form: before.form, revision: before.revision }, { 'x-csrf-token': 'x' });
    expect(forged.body.error.code).toBe('forged');
    const foreign = await anna.ask('PUT', path, {}, { 'sec-fetch-site': 'cross-site' });
    expect(foreign.body.error.code).toBe('forged');

    clock.laterMs += 601_000;
    expect((await put({ site: 'x' }, anna, before)).body.error.code).toBe('proofNeeded');
    const wrong = await anna.ask('POST', '/api/v1/session/proof', { password: 'wrong horse battery' });
    expect([wrong.status, wrong.body.error.message]).toEqual([401, 'That is not your password.']);
    expect((await put({ site: 'x' }, anna, before)).body.error.code).toBe('proofNeeded');
    expect((await anna.ask('POST', '/api/v1/session/proof', { password })).status).toBe(204);
    expect((await put({ site: 'x' }, anna, before)).status).toBe(202);
    expect(await audit()).toEqual(expect.arrayContaining(['proved  failed', 'proved  done']));
  });

  test('where nobody applies settings, the form is for an editor', async () => {
    using laptop = new SetUpBox({ clock, random: new SystemRandom() }, false);
    const other = await serve({ settings: { signIn: 'on' }, withAccess: true, setUp: laptop.desk });
    const vera = new Visitor(other.url);
    await vera.setUp(other.setUpCode());
    const { canApply, form, revision, file } = (await vera.get(path)).body as SetUpFacts;
    expect([canApply, file, form.mirrorPorts]).toEqual([false, laptop.file, ['enx001122334455']]);
    const told = await vera.ask('PUT', path, { form: { ...form, site: 'x' }, revision });
    expect([told.status, told.body.error.message]).toEqual([
      409,
      'Nobody applies settings here: this is not a box of the image.',
    ]);
    await other.stop();
  });
});

test('what became of settings is an event, once, whoever began it', async () => {
  await box.desk.start();
  await put(static7);
  box.apply();
  box.apply('late');
  await box.desk.start();
  box.desk.stop();
  await box.desk.start();
  expect(box.events).toEqual(['warn settingsUndone: the former settings are back: nobody reached the page in time']);
});
