/**
 * The composition root of the page's thread: the server, its view of the history through a handle of its own, and the live
 * figures that the main thread sends. Nothing here can delay metering.
 */
import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { Settings } from './config/schema.ts';
import { ApplianceError, messageOf } from './core/errors.ts';
import { measureHeap } from './core/heap_figures.ts';
import { jsonSink } from './core/log.ts';
import { residentNow } from './core/resident.ts';
import { systemWorld, type World } from './core/world.ts';
import type { HistoryReader } from './flow/history_shapes.ts';
import { loadAddon } from './meter/addon.ts';
import { KnownNames } from './status/known_hosts.ts';
import { LiveBuffer } from './status/live_feed.ts';
import { MacVendorFile } from './status/mac_vendor_file.ts';
import type { PageThreadData } from './status/page_thread.ts';
import { StatusServer } from './status/status_server.ts';
import { type LinkPort, PageEnd } from './status/thread_link.ts';
import { FlowKeeper } from './store/flow_keeper.ts';
import { openHistoryReader } from './store/history_reader.ts';
import { labelNamesIn } from './store/label_names.ts';
import { RecentWindows } from './store/recent_windows.ts';
import { SetUpDesk } from './system/provision/set_up_desk.ts';

/** Built, the page lies beside the program; from sources, in the build folder. */
function pageFolder(): string {
  const places = ['../page', '../build/page'].map((place) => fileURLToPath(new URL(place, import.meta.url)));
  return places.find((place) => existsSync(place)) ?? (places[0] as string);
}

/** Of the machine's memory, or of what a container may have of it (0, or more than there is, where it has no bound). */
function programOctetsMax({ history }: Settings): number {
  const constrained = process.constrainedMemory();
  const machine = totalmem();
  return ((constrained > 0 ? Math.min(machine, constrained) : machine) * history.memoryPercentMax) / 100;
}

/** What nobody else has a use for: pages of files come again from the disk. Rings are the kernel's, for this program alone. */
async function takenOctets({ meter }: Settings): Promise<number | undefined> {
  const resident = await residentNow();
  const rings = meter.source === 'interface' && meter.captureBy === 'ring' ? meter.interfaces.length * meter.threads : 0;
  return resident && resident.anonymous + resident.shared + rings * meter.ringBytes;
}

const noHistory: HistoryReader = {
  top: () => Promise.reject(new ApplianceError('storeClosed', 'no history is kept: history.enabled is false')),
  series: () => Promise.reject(new ApplianceError('storeClosed', 'no history is kept: history.enabled is false')),
};

async function run(
  world: World,
  port: LinkPort,
  { settings, historyFolder, updateFolder, setUpPlace, flowRing }: PageThreadData,
): Promise<void> {
  measureHeap(world.metrics, 'page');
  const live = new LiveBuffer();
  const recent = new RecentWindows(settings.history.tenSecondsForS);
  const history = historyFolder === '' ? noHistory : openHistoryReader(historyFolder, {}, recent);
  const names = new KnownNames();
  const vendors = new MacVendorFile(world, settings.names.macVendorFile);
  const link: PageEnd = new PageEnd(world.clock, port, {
    onSecond: (second) => live.pushSecond(second),
    onStatus: (status) => live.pushStatus(status),
    onWindow: (window) => recent.add(window),
    onNames: (changes) => names.take(changes),
    onRowsWait: () => keeper?.takeIn(),
    onStop: (deadlineMs) => {
      // What is kept first: a browser that does not let go must not cost records.
      void stopKeeping()
        .then(() => server.stop(deadlineMs))
        .finally(() => link.stopped());
    },
  });
  const keeper =
    flowRing === undefined
      ? undefined
      : new FlowKeeper(settings.history, {
          world,
          ring: flowRing,
          folder: join(settings.dataFolder, 'flows'),
          packFlows: loadAddon().packFlows,
          names: labelNamesIn(join(settings.dataFolder, 'names.json')),
          clockTrusted: () => live.latest()?.host?.clockSynchronised === true,
          onEvent: (level, event, text) => link.event(level, event, text),
          program: { taken: () => takenOctets(settings), octetsMax: programOctetsMax(settings) },
        });
  const stopKeeping = async (): Promise<void> => {
    await kept;
    await keeper?.stop();
  };
  const setUp =
    setUpPlace === undefined
      ? undefined
      : new SetUpDesk({
          ...{ world, place: setUpPlace, settings, root: '/' },
          onEvent: (level, event, text) => link.event(level, event, text),
        });
  const server = new StatusServer(world, settings.status, {
    history,
    topK: settings.history.topK,
    live,
    ...(keeper === undefined ? {} : { flows: keeper }),
    hosts: { names, vendorOf: vendors.of },
    metrics: async () => (await link.metrics()) + (await world.metrics.render()),
    pageFolder: pageFolder(),
    dataFolder: settings.dataFolder,
    ...(updateFolder === '' ? {} : { updates: { folder: updateFolder, act: (act) => link.updateAct(act) } }),
    ...(setUp === undefined ? {} : { setUp }),
    onSetUpCode: (code) => link.setUpCode(code),
    onAlertAct: async (act) => {
      const alerts = await link.act(act);
      // Whoever asks next sees what they have just done.
      const status = live.latest();
      if (status !== undefined) live.pushStatus({ ...status, alerts });
    },
  });
  link.open();
  // The page does not wait for a disk that is looked through.
  const kept = keeper?.start();
  try {
    // However long it takes: a slow board that was given up after a time would begin again and again, and never have a page.
    await server.start(new AbortController().signal);
    link.listening(server.url, server.fingerprint);
    await setUp?.start();
    // Some megabytes of text: nobody waits for them.
    await vendors.start();
  } catch (error) {
    if (!(error instanceof ApplianceError)) world.log.error('pageBug', { reason: messageOf(error) });
    link.failed(error);
  }
}

// The main thread says where the page is; of this thread only trouble belongs into the log.
await run(
  systemWorld(() => jsonSink('warn')),
  parentPort as LinkPort,
  workerData as PageThreadData,
);
