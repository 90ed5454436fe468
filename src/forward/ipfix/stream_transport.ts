/**
 * IPFIX over TCP (RFC 7011 section 10.4) and TLS (section 11.1): 1.2 or later, the collector's certificate checked against
 * its name, ours shown where it is asked for. Certificates are read at each connection, so a renewed one is taken up.
 */
import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { DestinationSettings } from '../../config/schema.ts';
import type { Clock } from '../../core/clock.ts';
import { ApplianceError, messageOf } from '../../core/errors.ts';
import type { Link, SocketMeasures, Transport } from '../link.ts';
import { connected, descriptorOf, StreamLink } from './stream_link.ts';

const defaultMessageOctets = 16_384;
/** A dead line is noticed after this, whether or not there is something to send. */
const silenceMaxMs = 60_000;
const keepAliveMs = 15_000;
/** A collector that would refuse our certificate has done so after this, or after two handshakes' time on a slow line. */
const refusalWithinMs = 1_000;

export class StreamTransport implements Transport {
  readonly address: string;
  readonly proof: string;
  readonly #settings: DestinationSettings;
  readonly #clock: Clock;
  readonly #measures: SocketMeasures;
  #session: Buffer | undefined;
  /** What the session was made with. */
  #sessionFiles: Buffer | undefined;

  constructor(settings: DestinationSettings, clock: Clock, measures: SocketMeasures) {
    this.#settings = settings;
    this.#clock = clock;
    this.#measures = measures;
    this.address = `${settings.transport}://${isIP(settings.host) === 6 ? `[${settings.host}]` : settings.host}:${settings.port}`;
    this.proof = `the collector’s host has received it (TCP); after a break the last ${sizeInWords(settings.resendMarginBytes)} are sent again`;
  }

  async open(signal: AbortSignal): Promise<Link> {
    const { host, port, connectTimeoutMs, messageBytesMax, transport } = this.#settings;
    const tls = transport === 'tls' ? await this.#tlsOptions() : undefined;
    const endMs = this.#clock.monotonicMs() + connectTimeoutMs;
    // Names with several addresses are tried one after the other (RFC 8305).
    const socket = connect({ host, port, autoSelectFamily: true });
    try {
      await connected(this.#clock, socket, 'connect', connectTimeoutMs, this.address, signal);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, keepAliveMs);
      this.#measures.setUserTimeout(descriptorOf(socket), silenceMaxMs);
      const stream = tls === undefined ? socket : await this.#secure(socket, tls, endMs, signal);
      return new StreamLink({
        clock: this.#clock,
        measures: this.#measures,
        address: this.address,
        messageOctetsMax: messageBytesMax === 0 ? defaultMessageOctets : messageBytesMax,
        stream,
        socket,
      });
    } catch (error) {
      socket.on('error', () => {}); // it is being thrown away
      socket.destroy();
      throw error;
    }
  }

  close(): void {
    this.#session = undefined;
  }

  async #secure(socket: Socket, options: ConnectionOptions, endMs: number, signal: AbortSignal): Promise<Socket> {
    const startMs = this.#clock.monotonicMs();
    const stream = connectTls({ ...options, socket });
    let hasTicket = false;
    stream.on('session', (session) => {
      hasTicket = true;
      this.#session = session;
    });
    try {
      await connected(this.#clock, stream, 'secureConnect', Math.max(1, endMs - startMs), this.address, signal);
      if (stream.getProtocol() === 'TLSv1.3' && !hasTicket)
        await this.#taken(stream, Math.max(refusalWithinMs, 2 * (this.#clock.monotonicMs() - startMs)), signal);
    } catch (error) {
      // A session the collector does not want any more must not keep us out.
      this.#session = undefined;
      stream.on('error', () => {});
      stream.destroy();
      throw error;
    }
    return stream;
  }

  /**
   * Under TLS 1.3 our side is done before the collector has looked at our certificate (RFC 8446 section 2): a refusal comes
   * a round trip later, and what was sent meanwhile would count as arrived although nobody will read it. A session ticket
   * says that we are in (section 4.6.1); from a collector that gives none, silence for a while has to do.
   */
  async #taken(stream: Socket, withinMs: number, signal: AbortSignal): Promise<void> {
    try {
      await connected(this.#clock, stream, 'session', withinMs, this.address, signal);
    } catch (error) {
      if (!(error instanceof ApplianceError && error.code === 'connectTimedOut')) throw error;
    }
    // The event comes from within OpenSSL's reading; to write there spoils the record that is being read.
    await this.#clock.sleep(0, signal);
  }

  async #tlsOptions(): Promise<ConnectionOptions> {
    const { host, caFile, certificateFile, keyFile } = this.#settings;
    const read = async (path: string): Promise<Buffer | undefined> => {
      if (path === '') return undefined;
      try {
        return await readFile(path);
      } catch (error) {
        throw new ApplianceError('tlsFailed', `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
      }
    };
    const [ca, cert, key] = await Promise.all([read(caFile), read(certificateFile), read(keyFile)]);
    // A session taken up again checks and shows no certificates (RFC 8446 section 2.2): another file needs another session.
    const files = Buffer.concat([ca, cert, key].filter((file) => file !== undefined));
    if (this.#sessionFiles?.equals(files) !== true) this.#session = undefined;
    this.#sessionFiles = files;
    return {
      minVersion: 'TLSv1.2',
      // RFC 6066: only names are sent; the certificate is checked against an address too.
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    };
  }
}

function sizeInWords(octets: number): string {
  return octets >= 1_024 ? `${Math.round(octets / 1_024)} KiB` : `${octets} octets`;
}
