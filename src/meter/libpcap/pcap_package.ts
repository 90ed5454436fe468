/**
 * The npm package `pcap` (node-pcap 3.1.0, MIT), loaded only when a port is to be read with it. It holds no binary: our build
 * makes its binding against the Node that is pinned, or its own `node-gyp rebuild` did.
 *
 * Its binding is used without its JavaScript: a session there polls through libuv, which lets go of a socket for good when the
 * interface goes down, and forgets to close its handle. We ask for packets on a timer instead. The version is pinned for that.
 */
import { createRequire } from 'node:module';
import { ApplianceError } from '../../core/errors.ts';

/** `PcapSession` of the binding; throws plain Errors with libpcap's words. */
export interface PcapSession {
  /** Returns the link type's name. `onPacket` is called within `dispatch`, after frame and header were copied. */
  open_live(
    device: string,
    filter: string,
    bufferOctets: number,
    snapLength: number,
    savePath: string,
    onPacket: () => void,
    monitor: boolean,
    timeoutMs: number,
    onWarning: (words: string) => void,
    promiscuous: boolean,
  ): string;
  /** Takes all that is there: frames into `frame`, `struct { sec, usec, captured, wire }` into `header`. Negative when it failed. */
  dispatch(frame: Buffer, header: Buffer): number;
  /** Since the session was opened, modulo 2^32; `ps_recv` has passed the filter, `ps_drop` of these was lost. */
  stats(): { readonly ps_recv: number; readonly ps_drop: number };
  /** Takes effect within the next `dispatch`. */
  close(): void;
}

export interface PcapBinding {
  readonly PcapSession: new () => PcapSession;
  lib_version(): string;
}

export const howToGetPcap =
  'get it with: npm install --include=optional, then sh scripts/build-native -DFLOWSPAN_PCAP_PACKAGE=ON (needs g++ and libpcap-dev); ' +
  'or set meter.captureBy to ring';

/** Throws ApplianceError addonMissing, with how to get it. */
export function loadPcap(require: NodeJS.Require = createRequire(import.meta.url)): PcapBinding {
  // From a checkout, and from build/src/meter/libpcap; then as built by the package itself.
  const places = [
    '../../../build/native/pcap_binding.node',
    '../../../native/pcap_binding.node',
    'pcap/build/Release/pcap_binding.node',
  ];
  let cause: unknown;
  for (const place of places) {
    try {
      return require(place) as PcapBinding;
    } catch (error) {
      cause ??= error; // the next place may hold it; a binding of another Node fails here as well
    }
  }
  throw new ApplianceError('addonMissing', `the npm package pcap is not built here: ${howToGetPcap}`, { cause });
}

/** For `doctor`: whether it can be loaded, without keeping an error. */
export function isPcapBuilt(): boolean {
  try {
    loadPcap();
    return true;
  } catch (error) {
    if (error instanceof ApplianceError) return false;
    throw error;
  }
}
