/**
 * What the appliance has of the machine it runs on: native meter, disks, clock evidence, network. The other half of the
 * world as an argument: `World` is time, chance, log and metrics; this is everything else that is outside of the program.
 * Production takes `thisMachine`; the simulation makes another one. Only edges are named here, nothing is opened.
 */
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { SetUpPlace } from './flow/set_up_shapes.ts';
import { type OpenTransport, openTransport } from './forward/ipfix/open_transport.ts';
import { type OpenSession, openSession } from './forward/mqtt/session.ts';
import { type RowCompression, zstdCompression } from './forward/row_compression.ts';
import { loadAddon, type NativeAddon } from './meter/addon.ts';
import { type GuardedKvOptions, openerOf, type StoreOpener } from './store/guarded_kv.ts';
import { TextFile, type TextStore } from './system/boot_file.ts';
import { lampFile } from './system/box_lamp.ts';
import { currentBootId, type MachineEvidence, machineEvidence } from './system/clock_state.ts';
import { type HostFiles, hostFiles } from './system/host_files.ts';
import { type SlowFigures, slowFigures } from './system/inventory.ts';
import { nodeNameOf } from './system/node_name.ts';
import { setUpPlaceOf } from './system/provision/set_up_desk.ts';
import { type SupervisorLinkParts, supervisorOf } from './system/supervisor_link.ts';
import { type UpdateFolders, updateFoldersOf } from './system/updates/handover.ts';

export interface Machine {
  /** This boot, on whose monotonic clock rows are. */
  readonly bootId: string;
  /** What this box is called where the settings do not say. */
  readonly nodeName: string;
  /** Meter, projection, socket measures. */
  readonly addon: NativeAddon;
  /** What speaks for the clock. */
  readonly evidence: () => Promise<MachineEvidence>;
  readonly files: HostFiles;
  readonly slowFigures: SlowFigures;
  /** Makes a folder and those above it. Throws what the system says. */
  readonly makeFolder: (path: string) => void;
  readonly textFile: (path: string) => TextStore;
  readonly storeOpener: (options: GuardedKvOptions) => StoreOpener;
  readonly openTransport: OpenTransport;
  readonly openMqtt: OpenSession;
  readonly compression: RowCompression;
  /** Where updates lie and are told of; absent where the box is not of the image. */
  readonly updateFolders?: UpdateFolders | undefined;
  /** Where the settings lie, and who applies what is set on the page; absent: nothing is set there. */
  readonly setUpPlace?: SetUpPlace;
  /** Who started this process, and how soon it wants to hear of it. */
  readonly supervisor: Pick<SupervisorLinkParts, 'notify' | 'watchdogMs' | 'lamp'>;
}

/** Of the machine, what the page's thread needs. */
export const pagePlaces = ({ updateFolders, setUpPlace }: Machine) => ({
  updateFolder: updateFolders?.folder ?? '',
  ...(setUpPlace === undefined ? {} : { setUpPlace }),
});

/**
 * @param settingsFile empty: the program was started without one
 * @throws ApplianceError when the addon is missing or of another version
 */
export function thisMachine(settingsFile = ''): Machine {
  const addon = loadAddon();
  const { address, watchdogMs } = supervisorOf(process.env, process.pid);
  return {
    supervisor: {
      notify: address === '' ? undefined : (text) => addon.notifyService(address, text),
      watchdogMs,
      lamp: lampFile(process.env),
    },
    bootId: currentBootId(),
    nodeName: nodeNameOf(hostname()),
    addon,
    evidence: () => machineEvidence(addon.kernelClock),
    files: hostFiles,
    slowFigures,
    makeFolder: (path) => mkdirSync(path, { recursive: true }),
    textFile: (path) => new TextFile(path),
    storeOpener: openerOf,
    openTransport,
    openMqtt: openSession,
    compression: zstdCompression,
    updateFolders: updateFoldersOf(process.env),
    setUpPlace: setUpPlaceOf(settingsFile === '' ? '' : resolve(settingsFile), process.env),
  };
}
