/** A folder of updates on a real HTTPS server on loopback, which can be made to fail; and a proxy before it. For tests. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createProxy, type Server } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { CertificateFolder, type KeyPair } from '../../forward/certificates.ts';

export interface Asked {
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  /** Common name of the asker's certificate. */
  readonly by: string | undefined;
}

export class UpdateFolder {
  readonly certificates = new CertificateFolder();
  readonly authority: KeyPair;
  readonly asked: Asked[] = [];
  readonly files = new Map<string, Buffer>();
  /** The connection breaks after so many octets of a bundle. */
  cutAfter = Number.POSITIVE_INFINITY;
  /** As some servers do. */
  ignoresRanges = false;
  /** Answered instead. */
  status = 0;
  readonly #server;
  readonly #sockets = new Set<Socket>();
  #proxy: Server | undefined;
  /** What the proxy was asked for. */
  readonly tunnels: string[] = [];

  constructor() {
    this.authority = this.certificates.authority('authority');
    const { certificateFile, keyFile } = this.certificates.signed(this.authority, 'server', ['DNS:localhost', 'IP:127.0.0.1']);
    const options = {
      ...{ cert: readFileSync(certificateFile), key: readFileSync(keyFile), ca: readFileSync(this.authority.certificateFile) },
      ...{ requestCert: true, rejectUnauthorized: false },
    };
    this.#server = createServer(options, (request, response) => {
      const { range, authorization } = request.headers;
      const peer = (request.socket as TLSSocket).getPeerCertificate();
      const by = peer.subject?.CN;
      this.asked.push({ path: request.url!, range, authorization, by: Array.isArray(by) ? by[0] : by });
      const file = this.files.get(request.url!.replace('/flowspan/', ''));
      if (this.status !== 0) return void response.writeHead(this.status, { location: 'https://elsewhere.example/' }).end();
      if (file === undefined) return void response.writeHead(404).end();
      const from = this.ignoresRanges ? 0 : Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
      const part = file.subarray(from);
      if (from > 0 && part.length === 0) return void response.writeHead(416).end();
      const head = { 'content-length': part.length, 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` };
      response.writeHead(from === 0 ? 200 : 206, head);
      if (part.length <= this.cutAfter) return void response.end(part);
      response.write(part.subarray(0, this.cutAfter), () => setImmediate(() => response.destroy()));
    });
    this.#server.on('connection', (socket: Socket) => this.#sockets.add(socket));
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}/flowspan`;
  }

  /** Puts a bundle and an index that names it alone; `changed` is said of it. */
  offer(version: string, octets: number, changed: object = {}): Buffer {
    const file = `flowspan_${version}_amd64.raucb`;
    // The same octets for a version each time, and no two parts alike.
    const bundle = Buffer.alloc(octets);
    for (let at = 0; at < octets; at += 32) createHash('sha256').update(`${version} ${at}`).digest().copy(bundle, at);
    const sha256 = createHash('sha256').update(bundle).digest('hex');
    const entry = { compatible: 'flowspan-amd64', version, file, octets, sha256, ...changed };
    this.files.set(file, bundle);
    this.files.set('index.json', Buffer.from(JSON.stringify({ format: 1, bundles: [entry] })));
    return bundle;
  }

  /** One that answers CONNECT; gives its address. */
  async proxy(answer = 200): Promise<string> {
    const proxy = createProxy((_request, response) => void response.writeHead(405).end());
    proxy.on('connect', (request, stream) => {
      const client = stream as Socket;
      this.tunnels.push(request.url!);
      if (answer !== 200) return void client.end(`HTTP/1.1 ${answer} No\r\n\r\n`);
      const [, port] = request.url!.split(':');
      const server = connect(Number(port), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connected\r\n\r\n');
        client.pipe(server).pipe(client);
      });
      for (const socket of [client, server]) socket.on('error', () => socket.destroy());
      this.#sockets.add(client);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    this.#proxy = proxy;
    return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#proxy?.close();
    this.certificates.remove();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
