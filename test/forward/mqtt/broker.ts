/** Real Mosquitto for the tests, each on a free port with a configuration of its own, and a subscriber that remembers. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`did not happen: ${what}`);
    await sleep(10);
  }
}

export class Mosquitto {
  readonly port: number;
  readonly folder: string;
  readonly #lines: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, lines: readonly string[], folder: string) {
    this.port = port;
    this.folder = folder;
    this.#lines = lines;
  }

  /** @param lines of mosquitto.conf, in which FOLDER and PORT are replaced; by default one open listener */
  static async start(
    lines: readonly string[] = ['listener PORT 127.0.0.1', 'allow_anonymous true'],
    folder = temporaryFolder(),
  ): Promise<Mosquitto> {
    const broker = new Mosquitto(await freePort(), lines, folder);
    await broker.run();
    return broker;
  }

  async run(): Promise<void> {
    const config = join(this.folder, 'mosquitto.conf');
    // Not 0 (no limit): Mosquitto 2.0.11 then ends the session of whoever sends what it refuses.
    const fixed = ['persistence false', 'user root', 'max_queued_messages 100000', 'log_dest none'];
    writeFileSync(
      config,
      [...fixed, ...this.#lines].join('\n').replaceAll('FOLDER', this.folder).replaceAll('PORT', String(this.port)),
    );
    this.#process = spawn('mosquitto', ['-c', config], { stdio: 'ignore' });
    await until('mosquitto listens', () => answers(this.port));
  }

  /** SIGKILL: what the broker held is gone. */
  async kill(): Promise<void> {
    await this.#signal('SIGKILL');
  }
  async stop(): Promise<void> {
    await this.#signal('SIGTERM');
  }
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }
  thaw(): void {
    this.#process?.kill('SIGCONT');
  }
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #signal(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const gone = once(running, 'exit');
    running.kill(signal);
    await gone;
  }
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'flowspan-mqtt-'));
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

export interface Received {
  readonly topic: string;
  readonly payload: Buffer;
  readonly packet: IPublishPacket;
}

/** Receives everything at QoS 1, in the order of arrival; reconnects by itself with a lasting session. */
export class Subscriber {
  readonly received: Received[] = [];
  readonly #client: MqttClient;

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on('message', (topic, payload, packet) => this.received.push({ topic, payload, packet }));
  }

  static async connect(port: number, options: mqtt.IClientOptions = {}): Promise<Subscriber> {
    const client = mqtt.connect({
      host: '127.0.0.1',
      port,
      protocolVersion: 5,
      reconnectPeriod: 20,
      clean: false,
      clientId: `subscriber-${port}`,
      properties: { sessionExpiryInterval: 3_600 },
      ...options,
    });
    // Connection errors while the broker is away are part of the tests.
    client.on('error', () => {});
    const subscriber = new Subscriber(client);
    await new Promise((resolve) => client.once('connect', resolve));
    await client.subscribeAsync('#', { qos: 1, rap: true });
    return subscriber;
  }

  get connected(): boolean {
    return this.#client.connected;
  }
  /** Connected and, should the broker have forgotten it, subscribed again. */
  async ready(): Promise<void> {
    await until('the subscriber is connected', () => this.connected);
    await this.#client.subscribeAsync('#', { qos: 1, rap: true });
  }
  on(topicEnd: string): Received[] {
    return this.received.filter(({ topic }) => topic.endsWith(topicEnd));
  }
  json(topicEnd: string): Record<string, unknown>[] {
    return this.on(topicEnd).map(({ payload }) => JSON.parse(payload.toString()) as Record<string, unknown>);
  }
  async end(): Promise<void> {
    await this.#client.endAsync(true);
  }
}

/** A TCP relay between box and broker that can be cut, held, or made slow: the broker itself lives on and counts. */
export class Relay {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #connections = 0;
  #shut = false;

  private constructor(port: number, server: Server) {
    this.port = port;
    this.#server = server;
  }

  static async start(to: number, onData: (relay: Relay, fromBroker: boolean, octets: Buffer) => void = () => {}): Promise<Relay> {
    let relay: Relay;
    const server = createServer((box) => {
      if (relay.#shut) {
        box.destroy();
        return;
      }
      const broker = connectTcp({ port: to, host: '127.0.0.1' });
      const pair = [box, broker] as const;
      relay.#connections++;
      relay.#pairs.add(pair);
      for (const [from, other] of [
        [box, broker],
        [broker, box],
      ] as const) {
        from.on('data', (octets) => {
          other.write(octets);
          onData(relay, from === broker, octets as Buffer);
        });
        from.on('error', () => {});
        from.on('close', () => {
          relay.#pairs.delete(pair);
          other.destroy();
        });
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    relay = new Relay((server.address() as { port: number }).port, server);
    return relay;
  }

  get connections(): number {
    return this.#connections;
  }
  /** Breaks what there is and takes nothing new until `open`. */
  shut(): void {
    this.#shut = true;
    this.cut();
  }
  open(): void {
    this.#shut = false;
  }
  cut(): void {
    for (const [box, broker] of this.#pairs) {
      box.destroy();
      broker.destroy();
    }
  }
  /** Nothing reaches the broker any more, and nobody is told. */
  hold(): void {
    for (const [box, broker] of this.#pairs) {
      box.pause();
      broker.pause();
    }
  }
  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** An authority, a certificate for 127.0.0.1 and localhost, an expired one, one for another name, and a client's. */
export function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', '/CN=test authority');
  // `openssl ca`, for it alone signs for a time that is over, in OpenSSL 3.0 as in 3.5.
  writeFileSync(
    join(folder, 'ca.cnf'),
    '[ca]\ndefault_ca = authority\n[authority]\ndatabase = index.txt\nrand_serial = yes\nnew_certs_dir = .\ndefault_md = sha256\npolicy = names\n[names]\ncommonName = supplied\n',
  );
  writeFileSync(join(folder, 'index.txt'), '');
  const leaf = (name: string, san: string, ...validity: string[]): void => {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${san}\n`);
    const authority = ['-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key'];
    const files = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', `${name}.ext`];
    openssl('ca', '-batch', '-notext', ...authority, ...files, ...validity);
  };
  leaf('server', 'IP:127.0.0.1,DNS:localhost', '-days', '30');
  leaf('expired', 'IP:127.0.0.1,DNS:localhost', '-startdate', '20200101000000Z', '-enddate', '20200201000000Z');
  leaf('elsewhere', 'DNS:elsewhere.example', '-days', '30');
  leaf('client', 'DNS:box', '-days', '30');
}
