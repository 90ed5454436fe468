/**
 * One interface read through the npm package `pcap`: its session, and the account of it. Opened again by its owner after the
 * interface was away. JavaScript thread; `read` takes all that the kernel holds.
 */
import type { FrameFeed } from './frame_feed.ts';
import type { PcapBinding, PcapSession } from './pcap_package.ts';

export interface PortReaderOptions {
  readonly device: string;
  /** Place in the list of interfaces. */
  readonly port: number;
  readonly filter: string;
  readonly bufferOctets: number;
  readonly snapLength: number;
  readonly promiscuous: boolean;
}

/** How long the kernel may keep an unfinished buffer to itself. */
const retireMs = 20;
/** Put back by libpcap, the tag makes a frame longer than what was asked for. */
const tagOctets = 8;
/** What `dispatch` returns when it has closed the session (PCAP_ERROR_BREAK). */
const broken = -2;
/**
 * The package cannot close a session whose interface is gone: buffer and descriptor stay until the process ends. After so many
 * the port is left alone, since memory would run out.
 */
export const stuckSessionsMax = 8;
const linkTypes = ['LINKTYPE_ETHERNET', 'LINKTYPE_RAW'];

export class PortReader {
  readonly #binding: PcapBinding;
  readonly #options: PortReaderOptions;
  readonly #feed: FrameFeed;
  readonly #header = new Uint32Array(4);
  readonly #headerOctets = Buffer.from(this.#header.buffer);
  readonly #frameWords: Uint32Array;
  readonly #frame: Buffer;
  #session: PcapSession | undefined;
  /** Frames that this session has given, was shown, and lost. */
  #given = 0;
  #shown = 0;
  #dropped = 0;
  /** Of sessions that have ended: shown by the kernel; of these lost. */
  #tappedBefore = 0;
  #lostBefore = 0;
  #stuck = 0;
  /** Why it is not open, in libpcap's words; empty when it is or nobody tried. */
  trouble = '';

  constructor(binding: PcapBinding, options: PortReaderOptions, feed: FrameFeed) {
    this.#binding = binding;
    this.#options = options;
    this.#feed = feed;
    this.#frameWords = new Uint32Array(((options.snapLength + tagOctets) >>> 2) + 2);
    this.#frame = Buffer.from(this.#frameWords.buffer);
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  /** False when it could not be opened; `trouble` says why. */
  open(): boolean {
    const { device, filter, bufferOctets, snapLength, promiscuous } = this.#options;
    if (this.#stuck >= stuckSessionsMax) {
      this.trouble = `${device} was unplugged ${this.#stuck} times, and the npm package pcap keeps memory each time: restart the service`;
      return false;
    }
    const session = new this.#binding.PcapSession();
    const warn = (): void => {}; // only ever that the port has no IPv4 address, as a mirror port should
    try {
      const onPacket = this.#onPacket;
      const link = session.open_live(device, filter, bufferOctets, snapLength, '', onPacket, false, retireMs, warn, promiscuous);
      this.#session = session;
      this.#given = this.#shown = this.#dropped = 0;
      this.trouble = '';
      if (linkTypes.includes(link)) return true;
      this.close();
      this.trouble = `libpcap shows ${device} with link type ${link}`;
    } catch (error) {
      this.trouble = `${device} cannot be read: ${(error as Error).message}`;
    }
    return false;
  }

  /** Packs what is there. A session that fails is closed; its owner opens it again. */
  read(): void {
    const session = this.#session;
    if (session !== undefined && session.dispatch(this.#frame, this.#headerOctets) < 0) this.close();
  }

  /**
   * Frames that the kernel showed this port's sessions, and of these how many never came to the meter. To be asked now and
   * then: the package counts modulo 2^32, which a busy port goes through in hours.
   */
  totals(): { tapped: number; lost: number } {
    this.#count();
    const refused = this.#feed.refused[this.#options.port]!;
    return { tapped: this.#tappedBefore + this.#shown, lost: refused + this.#lostBefore + this.#dropped };
  }

  #count(): void {
    if (this.#session === undefined) return;
    const { ps_recv, ps_drop } = this.#session.stats();
    this.#shown += (ps_recv - this.#shown) >>> 0;
    this.#dropped += (ps_drop - this.#dropped) >>> 0;
  }

  /** Counts what the kernel showed and nobody will read any more as lost. */
  close(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#count();
    this.#session = undefined;
    this.#tappedBefore += this.#shown;
    this.#lostBefore += Math.max(this.#dropped, this.#shown - this.#given);
    this.#shown = this.#dropped = 0;
    session.close();
    // Where the handle is given back; of an interface that has vanished libpcap only says so, every time.
    if (session.dispatch(this.#frame, this.#headerOctets) !== broken) this.#stuck++;
  }

  readonly #onPacket = (): void => {
    if (this.#session === undefined) return; // closing: counted as lost already
    this.#given++;
    this.#feed.add(this.#options.port, this.#header, this.#frame, this.#frameWords);
  };
}
