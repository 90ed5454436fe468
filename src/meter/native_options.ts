/** From the settings section `meter` to what the addon takes. Pure; defaults and bounds are the schema's. */
import { observedKinds } from '../config/name_settings.ts';
import type { MeterSettings, NameSettings } from '../config/schema.ts';
import type { NativeObservations, NativeOptions, NativeSampling, NativeSource } from './addon.ts';

/** Rows wait at most this long for their block to fill: the page and the collectors see a quiet site too. */
const blockMaxAgeMs = 1_000;

/** What the meter shows of packets that name hosts. */
export function nativeObservations(names: NameSettings): NativeObservations {
  return { kinds: observedKinds(names), perSecond: names.observationsPerSecondMax };
}

/**
 * @param sampling as `samplingPlan` makes it
 * @param capture path of the capture to replay when the source is not an interface
 * @param memoryFolder where the meter keeps what it changed at ports; empty for nowhere
 * @param seed of the keyed hash and of random sampling
 */
export function nativeOptions(
  settings: MeterSettings,
  sampling: NativeSampling,
  capture: string,
  seed: bigint,
  memoryFolder = '',
): NativeOptions {
  const source = sourceOf(settings, capture);
  if (source.kind !== 'file') source.memoryFolder = memoryFolder;
  const options = cacheOptions(settings, sampling, seed);
  // Whoever feeds is one thread, so another one would have nothing to do.
  return { ...options, source, threads: source.kind === 'feed' ? 1 : options.threads };
}

/** Everything but the source: the same for live metering, replays and files. */
export function cacheOptions(settings: MeterSettings, sampling: NativeSampling, seed: bigint): Omit<NativeOptions, 'source'> {
  const byProtocol = Object.entries(settings.idleTimeoutByProtocolS).map(([protocol, s]) => [protocol, s * 1_000]);
  return {
    sampling,
    threads: settings.threads,
    cacheFlows: settings.cacheFlows,
    activeTimeoutMs: settings.activeTimeoutS * 1_000,
    idleTimeoutMs: settings.idleTimeoutS * 1_000,
    idleTimeoutByProtocolMs: Object.fromEntries(byProtocol),
    lingerMs: settings.lingerMs,
    vlanInKey: settings.vlanInKey,
    duplicates: settings.duplicates,
    duplicateWindowMs: settings.duplicateWindowMs,
    tunnels: settings.tunnels,
    rowsPerBlock: settings.rowsPerBlock,
    blocks: Math.max(settings.blocks, 2 * settings.threads),
    blockMaxAgeMs,
    seed,
  };
}

function sourceOf(settings: MeterSettings, capture: string): NativeSource {
  if (settings.source !== 'interface') {
    return { kind: 'file', path: capture, pace: 'realtime', loop: settings.loop, filter: settings.filter };
  }
  return {
    kind: settings.captureBy === 'libpcap' ? 'feed' : 'ring',
    interfaces: settings.interfaces,
    filter: settings.filter,
    ringBytes: settings.ringBytes,
    snapLength: settings.snapLength,
    promiscuous: settings.promiscuous,
    manageOffloads: settings.manageOffloads,
    earlyDrop: settings.earlyDrop,
  };
}
