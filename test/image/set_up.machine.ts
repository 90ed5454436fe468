/**
 * A box without settings is set up on its page: what is applied meters and exports, an address under which nobody finds the box again is gone
 * back from by itself, and what was kept is there after the power went away, on the boot partition too.
 */
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { SetUpFacts, SetUpForm } from '../../src/flow/set_up_shapes.ts';
import { Collector } from '../appliance/collector.ts';
import { captured, siteConversations } from '../captures/conversations.ts';
import { answers, ask, comeBack, ports, sees, signIn, statusOf } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines, type Machine, seconds } from './machine.ts';

let built: BuiltImage;
beforeAll(async () => {
  built = await buildImage();
}, 1_500_000);
afterEach(endMachines, 30_000);

const path = '/api/v1/settings';

/** Somebody signed in, as the page asks for them. */
class Admin {
  readonly #machine: Machine;
  readonly cookie: string;
  #csrf = '';

  constructor(machine: Machine, cookie: string) {
    this.#machine = machine;
    this.cookie = cookie;
  }

  async facts(): Promise<SetUpFacts> {
    const answer = await ask(this.#machine.pagePort, path, { cookie: this.cookie });
    expect(answer.status, answer.body).toBe(200);
    return JSON.parse(answer.body) as SetUpFacts;
  }

  async send(method: 'PUT' | 'POST', where: string, body: unknown, status: number): Promise<string> {
    if (this.#csrf === '') {
      const session = await ask(this.#machine.pagePort, '/api/v1/session', { cookie: this.cookie });
      this.#csrf = (JSON.parse(session.body) as { csrfToken: string }).csrfToken;
    }
    const answer = await ask(this.#machine.pagePort, where, { method, body, cookie: this.cookie, csrf: this.#csrf });
    expect(answer.status, answer.body).toBe(status);
    return answer.body;
  }

  /** The number under which it is told what became of it. */
  async apply(change: Partial<SetUpForm>): Promise<string> {
    const { form, revision } = await this.facts();
    const told = await this.send('PUT', path, { form: { ...form, ...change }, revision }, 202);
    return (JSON.parse(told) as { id: string }).id;
  }

  /** Asks until it is so; the service may begin again meanwhile. */
  async tells(what: string, wanted: (facts: SetUpFacts) => boolean, deadlineS: number): Promise<SetUpFacts> {
    const endMs = performance.now() + deadlineS * this.#machine.patience * 1_000;
    let last = '';
    while (performance.now() < endMs) {
      try {
        const facts = await this.facts();
        if (wanted(facts)) return facts;
        last = JSON.stringify(facts);
      } catch (error) {
        last = String(error);
      }
      await seconds(2);
    }
    throw new Error(`${what}: not within ${deadlineS} s (${last})\n${this.#machine.console.slice(-6_000)}`);
  }
}

/** Once the service runs with that site: signed in anew, since sessions end with it. */
async function comeBackTo(machine: Machine, site: string): Promise<Admin> {
  const endMs = performance.now() + 300_000 * machine.patience;
  for (;;) {
    const admin = new Admin(machine, await comeBack(machine));
    const status = await statusOf(machine, admin.cookie).catch(String);
    if (typeof status !== 'string' && status.site === site) return admin;
    if (performance.now() > endMs) throw new Error(`not of the site ${site}: ${JSON.stringify(status).slice(0, 500)}`);
    await seconds(5);
  }
}

test('a box without settings is set up on its page, comes back from an address that nobody reaches, and keeps what was kept', async () => {
  const collector = await new Collector().listen();
  using disk = new Disk(built);
  disk.probe(
    'log',
    'exec journalctl --follow --lines=all --unit=flowspan-settings.service --unit=flowspan-settings-late.service --unit=flowspan.service --output=cat\n',
  );
  // Ten minutes as it ships.
  disk.dropIn('flowspan-settings-late.timer', '[Timer]\nOnActiveSec=\nOnActiveSec=90\n');
  const machine = await disk.boot().start();
  let anna = new Admin(machine, await signIn(machine, 600));
  const found = await anna.facts();
  expect(found).toMatchObject({
    canApply: true,
    isNew: true,
    suggested: { management: ports.management, mirror: [ports.mirror] },
  });

  // Where to the records go: in force at once, for good.
  const toCollector = { host: '10.0.2.2', port: collector.port, transport: 'tcp' as const, ca: '' };
  const first = await anna.apply({ site: 'set-up-test', collector: toCollector });
  // The service begins anew for it.
  anna = await comeBackTo(machine, 'set-up-test');
  await anna.tells('kept', ({ last }) => last?.id === first && last.outcome === 'kept', 120);
  await sees(machine, anna.cookie, 'metering', ({ meter }) => meter.state === 'metering', 120);
  const frames = siteConversations({ conversations: 40, segments: 20 }).map((packet) => captured(packet).frame);
  await machine.mirror(frames, 200);
  await expect.poll(() => collector.packets, { timeout: 300_000 }).toBe(frames.length);
  expect([collector.errors, collector.duplicates]).toEqual([[], 0]);
  await expect.poll(() => disk.read('flowspan.yaml'), { timeout: 60_000 }).toContain('set-up-test');

  // No way in from here: after a while the box is where it was. (With another IPv4 address it would still be reached: QEMU sends on to the
  // former one by the port's MAC address, and the redirect to the page's port takes whatever comes to the port.)
  const wrong = { ipv4: 'off' as const, ipv6: 'static' as const, addresses: ['fd00:77::1/64'], gateways: [] };
  const second = await anna.apply(wrong);
  // Whoever asks an address that nobody has waits for long.
  const lost = async (): Promise<boolean> => {
    const answer = ask(machine.pagePort, '/readyz').catch(() => undefined);
    return (await Promise.race([answer, seconds(5)])) === undefined;
  };
  await expect.poll(lost, { timeout: 200_000, interval: 2_000 }).toBe(true);
  await answers(machine, '/readyz', 200, 1_000);
  anna = new Admin(machine, await comeBack(machine));
  await anna.tells(
    'undone',
    ({ last, trial, isApplying }) => last?.outcome === 'undone' && trial === null && last.id !== second && !isApplying,
    180,
  );
  const back = await anna.facts();
  expect([back.form.ipv4, back.form.site]).toEqual(['dhcp', 'set-up-test']);
  expect(disk.read('flowspan.yaml')).not.toContain('fd00:77::1');

  // The address that it has, as a fixed one: on trial until somebody who reached the page says so.
  const fixed = {
    ...{ ipv4: 'static' as const, ipv6: 'off' as const, addresses: ['10.0.2.15/24'] },
    ...{ gateways: ['10.0.2.2'], dnsServers: ['10.0.2.3'] },
  };
  await anna.apply(fixed);
  await anna.tells('on trial', ({ trial }) => trial !== null, 120);
  await anna.send('POST', `${path}/keep`, {}, 204);
  await anna.tells('kept', ({ last, trial }) => last?.outcome === 'kept' && trial === null, 120);
  await machine.cutPower();

  const again = await disk.boot().start();
  await answers(again, '/readyz', 200, 600);
  const later = new Admin(again, await comeBack(again));
  const { form, isNew, trial } = await later.facts();
  expect(isNew).toBe(false);
  expect(trial).toBeNull();
  expect(form, again.console.slice(-6_000)).toMatchObject({
    site: 'set-up-test',
    ipv4: 'static',
    addresses: ['10.0.2.15/24'],
    collector: toCollector,
  });
  expect(disk.read('flowspan.yaml')).toContain('10.0.2.15/24');
  expect(disk.read('ERROR.txt')).toBeUndefined();
  await again.cutPower();
  await collector.vanish();
});
