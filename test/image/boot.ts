/** What every boot needs: settings on the FAT, the page behind TLS, and the way in by the set-up code on the console. */
import { type Agent, request } from 'node:https';
import { stringify } from 'yaml';
import type { SettingsInput } from '../../src/config/schema.ts';
import type { BoxStatus } from '../../src/flow/status_shapes.ts';
import { type Machine, seconds } from './machine.ts';

/** As the guest names its ports: by the slots that `machine.ts` puts them into. */
export const ports = { management: 'enp0s16', mirror: 'enp0s17' } as const;

/** A branch whose collector is this host. Flows end soon, so that a test need not wait. */
export function branchSettings(collectorPort: number, more: Partial<SettingsInput> = {}): string {
  const settings: SettingsInput = {
    site: 'boot-test',
    meter: { source: 'interface', interfaces: [ports.mirror], idleTimeoutS: 3 },
    export: { destinations: [{ name: 'central', host: '10.0.2.2', port: collectorPort, transport: 'tcp', profile: 'standard' }] },
    status: { address: '::' },
    dataFolder: '/var/lib/flowspan',
    ...more,
  };
  return stringify(settings);
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly cookie: string;
}

/** Over TLS through the forwarded port; the certificate is the box's own. */
export function ask(
  port: number,
  path: string,
  options: { method?: string; body?: unknown; octets?: Uint8Array; cookie?: string; csrf?: string; agent?: Agent } = {},
): Promise<Answer> {
  const { method = 'GET', body, octets, cookie, csrf, agent = false } = options;
  const headers = {
    host: 'localhost',
    ...(cookie ? { cookie } : {}),
    ...(csrf ? { 'x-csrf-token': csrf } : {}),
    ...(body ? { 'content-type': 'application/json' } : {}),
    ...(octets ? { 'content-type': 'application/octet-stream', 'content-length': octets.length } : {}),
  };
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port, path, method, headers, rejectUnauthorized: false, agent, timeout: 180_000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const kept = (response.headers['set-cookie'] ?? []).map((one) => one.split(';')[0]).join('; ');
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString(), cookie: kept });
        });
      },
    );
    asking.on('timeout', () => asking.destroy(new Error(`${path}: no answer within three minutes`)));
    asking.on('error', reject).end(octets ?? (body === undefined ? undefined : JSON.stringify(body)));
  });
}

/** Asks until somebody answers as wanted. */
export async function answers(machine: Machine, path: string, status: number, deadlineS: number): Promise<Answer> {
  const endMs = performance.now() + deadlineS * machine.patience * 1_000;
  let last = '';
  while (performance.now() < endMs) {
    try {
      const answer = await ask(machine.pagePort, path);
      if (answer.status === status) return answer;
      last = `${answer.status} ${answer.body}`;
    } catch (error) {
      last = String(error); // not listening yet
    }
    await seconds(1);
  }
  throw new Error(`${path}: not ${status} within ${deadlineS} s (${last})\n${machine.console.slice(-6_000)}`);
}

/** The first admin, by the code that the console shows last: a page that started again has another. Gives the session's cookie. */
export async function signIn(machine: Machine, deadlineS = 300): Promise<string> {
  const endMs = performance.now() + deadlineS * machine.patience * 1_000;
  await machine.shows(/set-up +code ([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})/, deadlineS);
  for (;;) {
    const code = [...machine.console.matchAll(/set-up +code ([0-9A-Z-]{14})/g)].at(-1)![1]!;
    const body = { code, name: 'anna', password: 'correct horse battery staple' };
    const answer = await ask(machine.pagePort, '/api/v1/setup', { method: 'POST', body }).catch(String);
    if (typeof answer !== 'string' && answer.status === 200) return answer.cookie;
    if (performance.now() > endMs)
      throw new Error(`set-up: ${typeof answer === 'string' ? answer : `${answer.status} ${answer.body}`}`);
    await seconds(10);
  }
}

/** Whoever was made by `signIn` before, by name and password. Gives the session's cookie. */
export async function comeBack(machine: Machine, deadlineS = 300): Promise<string> {
  const body = { name: 'anna', password: 'correct horse battery staple' };
  const endMs = performance.now() + deadlineS * machine.patience * 1_000;
  for (;;) {
    const answer = await ask(machine.pagePort, '/api/v1/session', { method: 'POST', body }).catch(String);
    if (typeof answer !== 'string' && answer.status === 200) return answer.cookie;
    if (performance.now() > endMs)
      throw new Error(`sign-in: ${typeof answer === 'string' ? answer : `${answer.status} ${answer.body}`}`);
    await seconds(5);
  }
}

export async function statusOf(machine: Machine, cookie: string): Promise<BoxStatus> {
  const answer = await ask(machine.pagePort, '/api/v1/status', { cookie });
  if (answer.status !== 200) throw new Error(`status: ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body) as BoxStatus;
}

/** Asks until the status is as wanted. */
export async function sees(
  machine: Machine,
  cookie: string,
  what: string,
  wanted: (status: BoxStatus) => boolean,
  deadlineS: number,
): Promise<BoxStatus> {
  const endMs = performance.now() + deadlineS * machine.patience * 1_000;
  for (;;) {
    const status = await statusOf(machine, cookie);
    if (wanted(status)) return status;
    if (performance.now() > endMs) {
      const { meter, ledger, uplinks, stores } = status;
      throw new Error(`${what}: not within ${deadlineS} s: ${JSON.stringify({ meter, ledger, uplinks, stores })}`);
    }
    await seconds(2);
  }
}

/** Until everything that was sent into the mirror port, so many packets, has been acknowledged by the only collector. */
export function seesAllAcknowledged(machine: Machine, cookie: string, packets: number): Promise<BoxStatus> {
  return sees(
    machine,
    cookie,
    'everything is with the collector',
    ({ ledger, uplinks }) =>
      ledger.metered.packets >= packets &&
      ledger.cached.packets === 0 &&
      uplinks[0]?.acknowledgedRecords === ledger.handedOver.records,
    180,
  );
}
