/**
 * Reads mirror ports through the npm package `pcap` and feeds the native meter: for hosts without TPACKET_V3.
 *
 * Limits, said in the documentation: one thread, and that is the event loop's, so while it is busy only the kernel's buffer
 * (`ringBytes`) stands between a packet and its loss; stamps of microseconds; packets of several ports come a turn (10 ms)
 * apart; outer VLAN tags are there only because libpcap puts them back into the frame; what the host itself sends out of the port
 * is metered too (the filter `inbound` does not help: libpcap runs a filter itself over its first buffers, and there it fails).
 */
import type { MeterSettings } from '../../config/schema.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { ApplianceError } from '../../core/errors.ts';
import type { NativeInterface, NativeMeter } from '../addon.ts';
import { FrameFeed } from './frame_feed.ts';
import type { PcapBinding } from './pcap_package.ts';
import { PortReader } from './port_reader.ts';

export interface LibpcapParts {
  readonly clock: Clock;
  readonly settings: Pick<MeterSettings, 'interfaces' | 'filter' | 'ringBytes' | 'snapLength' | 'promiscuous'>;
  readonly binding: PcapBinding;
  /** Opened with a source of kind `feed` about the same interfaces. */
  readonly meter: NativeMeter;
  /** A bug that came up on a timer. */
  readonly onBug: (error: unknown) => void;
}

const turnMs = 10;
/** How often totals are told, and ports that were away are looked for. */
const lookMs = 100;
/** After this nothing is left in a buffer that the kernel has not handed over yet. */
const settleMs = 60;

export class LibpcapSource {
  readonly #parts: LibpcapParts;
  readonly #feed: FrameFeed;
  readonly #readers: readonly PortReader[];
  #readTimer: Timer | undefined;
  #lookTimer: Timer | undefined;

  constructor(parts: LibpcapParts) {
    const { settings, binding, meter } = parts;
    const { feedBuffer, feedSlotBytes } = meter;
    if (feedBuffer === undefined || feedSlotBytes === undefined) throw new Error('the meter was not opened to be fed');
    this.#parts = parts;
    const { interfaces, filter, ringBytes: bufferOctets, snapLength, promiscuous } = settings;
    const feedMeter = {
      feedBuffer,
      feedSlotBytes,
      feedSlot: () => meter.feedSlot(),
      feed: (slot: number, octets: number) => meter.feed(slot, octets),
    };
    const feed = new FrameFeed(feedMeter, interfaces.length);
    this.#feed = feed;
    this.#readers = interfaces.map(
      (device, port) => new PortReader(binding, { device, port, filter, bufferOctets, snapLength, promiscuous }, feed),
    );
  }

  start(): void {
    const { clock, onBug } = this.#parts;
    this.#look();
    this.#readTimer = clock.every(turnMs, () => this.#read(), onBug);
    this.#lookTimer = clock.every(lookMs, () => this.#look(), onBug);
  }

  /** Reads what the kernel still holds and ends. The meter is then told to stop. */
  async stop(): Promise<void> {
    await this.#parts.clock.sleep(settleMs);
    this.close();
  }

  /** Ends at once, with a last read. */
  close(): void {
    this.#readTimer?.cancel();
    this.#lookTimer?.cancel();
    this.#read();
    for (const reader of this.#readers) reader.close();
    this.#tell();
  }

  /** Why a port that is up is not read. */
  trouble(): ApplianceError | undefined {
    const words = this.#readers.map(({ trouble }) => trouble).find((text) => text !== '');
    return words === undefined ? undefined : new ApplianceError('captureUnreadable', words);
  }

  #read(): void {
    for (const reader of this.#readers) reader.read();
    this.#feed.flush();
  }

  #tell(): void {
    this.#readers.forEach((reader, port) => {
      const { tapped, lost } = reader.totals();
      this.#parts.meter.feedTotals(port, tapped, lost);
    });
  }

  #look(): void {
    if (this.#readers.some(({ isOpen }) => !isOpen)) {
      const ports: readonly NativeInterface[] = this.#parts.meter.stats().interfaces;
      this.#readers.forEach((reader, port) => {
        // Not while it is down: each try that fails costs some memory (the package does not close what it could not open).
        if (!reader.isOpen && ports[port]?.present === true && ports[port].up) reader.open();
      });
    }
    this.#tell();
  }
}
