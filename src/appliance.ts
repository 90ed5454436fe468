/**
 * The composition root: the only place that constructs services and says who hears whom. Reads as the drawing in
 * `src/README.md`. Constructing does nothing; `start` opens in the order of the list below, `stop` closes in reverse.
 */
import { join } from 'node:path';
import { placesTold } from './config/place_settings.ts';
import type { Settings } from './config/schema.ts';
import { type Service, ServiceGroup } from './core/lifecycle.ts';
import { siblingModule } from './core/sibling_module.ts';
import { type World, worldFor } from './core/world.ts';
import { hostNamesFile } from './flow/host_names.ts';
import type { BoxStatus } from './flow/status_shapes.ts';
import { type StopReport, stopReport } from './flow/stop_report.ts';
import { VERSION } from './flow/version.ts';
import { deliveriesOf, sharesOf } from './forward/delivery.ts';
import { Exporters } from './forward/exporters.ts';
import { meteringFacts } from './forward/ipfix/metering_facts.ts';
import { MqttReporter } from './forward/mqtt/reporter.ts';
import type { MqttUplink } from './forward/mqtt/uplink.ts';
import { mqttUplinks } from './forward/mqtt/uplinks.ts';
import { Outbox } from './forward/outbox.ts';
import { Spool } from './forward/spool.ts';
import { type Machine, pagePlaces, thisMachine } from './machine.ts';
import { demoCaptureIn } from './meter/demo_source.ts';
import { MeterService } from './meter/meter_service.ts';
import { addonProjector } from './meter/projector.ts';
import { keptSelectors, SelectorsInUse } from './meter/selectors_in_use.ts';
import { MirrorTruth } from './pipeline/mirror_truth.ts';
import { NameBook } from './pipeline/name_book.ts';
import { ObservedNames } from './pipeline/names/observed_names.ts';
import { PipelineService } from './pipeline/pipeline_service.ts';
import { PageThread } from './status/page_thread.ts';
import { type BoxStores, boxStores, storeStatuses } from './store/box_stores.ts';
import { History } from './store/history.ts';
import { AlertService } from './system/alerts/alert_service.ts';
import { dataPlaneHealth, dataPlanePulses, type PartPulse } from './system/box_health.ts';
import { BoxReporter } from './system/box_reporter.ts';
import { ClockState } from './system/clock_state.ts';
import { EventJournal } from './system/event_journal.ts';
import { FigureService } from './system/figures/figure_service.ts';
import { HostMonitor } from './system/host_health.ts';
import { LinkSpeeds } from './system/link_speeds.ts';
import { makeOwnFolder } from './system/own_folder.ts';
import { PlaceFiles } from './system/place_files.ts';
import { ProcessMemory } from './system/process_memory.ts';
import { settingsFacts } from './system/settings_facts.ts';
import { SettingsInForce } from './system/settings_in_force.ts';
import { SettingsLog } from './system/settings_log.ts';
import { SupervisorLink } from './system/supervisor_link.ts';
import { boxUpdates, hearsAnnouncements } from './system/updates/box_updates.ts';
import type { UpdateService } from './system/updates/update_service.ts';

export class Appliance {
  readonly #settings: Settings;
  /** What of them may change while running. */
  readonly settings: SettingsInForce;
  readonly #world: World;
  readonly #machine: Machine;
  readonly #journal: EventJournal;
  readonly #clock: ClockState;
  readonly #host: HostMonitor;
  readonly #page: PageThread;
  readonly #stores: BoxStores;
  readonly #history: History;
  readonly #spool: Spool;
  readonly #outbox: Outbox;
  readonly #exporters: Exporters;
  readonly #mqttUplinks: readonly MqttUplink[];
  readonly #mqttReporter: MqttReporter;
  readonly #names: NameBook;
  readonly #hostNames: ObservedNames;
  readonly #pipeline: PipelineService;
  readonly #meter: MeterService;
  readonly #mirror: MirrorTruth;
  readonly #linkSpeeds: LinkSpeeds;
  readonly #figures: FigureService;
  readonly #alerts: AlertService;
  readonly #updates: UpdateService;
  readonly #pulses: readonly PartPulse[];
  readonly #services: ServiceGroup;
  /** Monotonic: when that was is known once the time is. */
  readonly #startedNs: bigint;
  readonly #identity: { readonly site: string; readonly node: string };

  /** @param machine what is outside of the program; another one in the simulation */
  constructor(settings: Settings, world: World, machine: Machine = thisMachine()) {
    this.#settings = settings;
    this.#world = world;
    this.#machine = machine;
    this.#startedNs = world.clock.monotonicNs();
    this.#identity = { site: settings.site, node: settings.node || machine.nodeName };
    const folder = (name: string): string => join(settings.dataFolder, name);
    const part = (name: string): World => worldFor(world, name);

    this.#journal = new EventJournal(part('events'));
    const onEvent = this.#journal.add.bind(this.#journal);

    const { addon, bootId } = machine;

    // The box and its clock.
    this.#clock = new ClockState({
      world: part('clock'),
      bootId,
      store: machine.textFile(folder('boots.json')),
      onEvent,
      evidence: machine.evidence,
      onLearned: (changeMs) => this.#journal.correct(changeMs),
    });
    this.#host = new HostMonitor({
      world: part('host'),
      dataFolder: settings.dataFolder,
      clockSynchronised: () => this.#clock.synchronised,
      ...{ files: machine.files, slow: machine.slowFigures, isOwnDisk: machine.updateFolders !== undefined, onEvent },
      inMemory: () => [this.#spool, this.#outbox],
    });
    this.#page = new PageThread({
      world: part('page'),
      settings,
      entry: siblingModule('status_thread', import.meta.url),
      historyFolder: settings.history.enabled ? folder('history') : '',
      intervalOf: (selectorId) => this.#meter.selectorOf(selectorId)?.interval ?? 1,
      metrics: () => world.metrics.render(),
      onBegun: () => this.#hostNames.showAgain(),
      onAlertAct: (act) => this.#alerts.act(act),
      ...pagePlaces(machine),
      onUpdateAct: (act) => this.#updates.act(act),
      onEvent,
    });

    // What is kept.
    this.#stores = boxStores({ world: part('store'), settings, opener: machine.storeOpener });
    this.#history = new History(
      settings.history,
      {
        kv: this.#stores.history,
        clockTrusted: () => this.#clock.trusted(),
      },
      world,
    );

    // What is forwarded.
    const metering = () => ({ ...this.#identity, source: settings.meter.source, selectors: this.#meter.selectors() });
    const deliveries = deliveriesOf(settings.export.destinations);
    const destinations = deliveries.map(({ name }) => name);
    const brokers = settings.mqtt.brokers.map(({ name }) => name);
    this.#spool = new Spool({
      world: part('spool'),
      kv: this.#stores.spool,
      wasDamaged: () => this.#stores.spool.status().state === 'repaired',
      begun: () => this.#stores.spool.begun,
      settings: settings.spool,
      ...{ destinations, sharedBy: sharesOf(deliveries) },
      rowClock: this.#clock,
      compression: machine.compression,
      onEvent,
    });
    this.#exporters = new Exporters({
      world,
      settings: settings.export,
      lane: (name) => this.#spool.lane(name),
      rowClock: this.#clock,
      projector: addonProjector(addon),
      measures: addon,
      openTransport: machine.openTransport,
      facts: () => meteringFacts({ ...this.#meter.figures(), ...metering(), startedMs: this.#startedMs }),
      onEvent,
    });
    this.#outbox = new Outbox({ world: part('outbox'), kv: this.#stores.outbox, settings: settings.mqtt, brokers, onEvent });
    this.#mqttUplinks = mqttUplinks({
      worldFor: part,
      settings: settings.mqtt,
      identity: this.#identity,
      lane: (broker) => this.#outbox.lane(broker),
      open: machine.openMqtt,
      ...(hearsAnnouncements(settings, machine) ? { onAnnounced: (isForAll: boolean) => this.#updates.announced(isForAll) } : {}),
      onEvent,
    });
    this.#mqttReporter = new MqttReporter({
      world: part('mqtt'),
      settings: settings.mqtt,
      identity: this.#identity,
      append: (message) => this.#outbox.append(message),
      status: () => this.status(),
      timeAwaited: () => this.#clock.awaited(),
    });
    this.#journal.onEvent((event) => this.#mqttReporter.event(event));

    // From packets to windows and rows.
    const keepsHistory = settings.history.enabled;
    const settingsLog = new SettingsLog({
      world: part('settings'),
      file: machine.textFile(folder('settings.json')),
      settings,
      onEvent,
    });
    this.settings = new SettingsInForce({
      settings,
      log: settingsLog,
      apply: ({ meter, siteNetworks, names }) => {
        this.#pipeline.configure({ siteNetworks });
        this.#hostNames.configure(names);
        return this.#meter.configure(meter, names);
      },
      onEvent,
    });
    this.#names = new NameBook({ world: part('names'), file: machine.textFile(folder('names.json')), onEvent });
    this.#hostNames = new ObservedNames({
      world: part('host names'),
      settings: settings.names,
      file: machine.textFile(folder(hostNamesFile)),
      show: (changes) => this.#page.names(changes),
      onEvent,
    });
    const told = placesTold(settings.places);
    const placeFiles = new PlaceFiles({ world: part('places'), ...settings.places, onEvent });
    this.#pipeline = new PipelineService(
      { siteNetworks: settings.siteNetworks, ...settings.history },
      {
        ...{ clock: this.#clock, markLocality: addon.markLocality, countRows: addon.countRows },
        labels: { rules: settings.labels, names: this.#names },
        hostNames: () => this.#hostNames.lookup,
        ...(told.length > 0 ? { places: { lookup: placeFiles, told } } : {}),
        selectorOf: (selectorId) => this.#meter.selectorOf(selectorId),
        // Nobody waits for rows while no collector is set: keeping them would only fill the disk.
        keepRows: (block) => {
          this.#mirror.add(block);
          if (destinations.length > 0) this.#spool.append(block);
        },
        showRows: (block, wallOffsetNs) => this.#page.rows(block, wallOffsetNs),
        ...(keepsHistory ? { hourSoFar: (hourStartMs: number) => this.#history.hourSoFar(hourStartMs) } : {}),
      },
      world,
    );
    if (keepsHistory) this.#pipeline.onWindow((window) => this.#history.add(window));
    this.#pipeline.onWindow((window) => this.#page.window(window));
    // The spool is opened before the meter; one that cannot be opened may hold anything.
    const mayHoldRows = (): boolean => this.#spool.status().state !== 'open' || this.#spool.status().octetsOnDisk > 0;
    const selectors = new SelectorsInUse(part('meter'), keptSelectors(machine.textFile(folder('selectors.json')), mayHoldRows));
    this.#meter = new MeterService(part('meter'), settings.meter, {
      bootId,
      receive: (block) => this.#pipeline.process(block),
      observed: { settings: settings.names, receive: this.#hostNames.receive },
      demoCapture: (signal) => demoCaptureIn(settings.dataFolder, signal),
      memoryFolder: settings.dataFolder,
      onEvent,
      addon,
      selectors,
    });
    const ports = settings.meter.source === 'interface' ? settings.meter.interfaces : [];
    this.#linkSpeeds = new LinkSpeeds(part('links'), ports, () => this.#meter.figures().counts);
    this.#mirror = new MirrorTruth({
      ...{ world: part('mirror'), readEvidence: addon.readEvidence },
      duplicates: settings.meter.duplicates,
      filtered: settings.meter.filter !== '',
      figures: () => ({
        metering: this.#meter.status().state === 'metering',
        counts: this.#meter.figures().counts,
        unsizedPackets: this.#meter.ledger().annotations.superPacket ?? 0,
        capacityMbps: this.#linkSpeeds.capacityMbps(),
      }),
      onEvent,
    });
    this.#figures = new FigureService(part('figures'), settings.targets, machine.textFile(folder('figures.json')), () => ({
      status: this.status(),
      latencyMs: this.#exporters.latencyMs(),
      completenessPercent: this.#pipeline.enrichment().completePercent,
      alertsLastDay: this.#alerts.raisedLastDay,
      written: this.#host.written,
    }));
    for (const told of [this.#mqttReporter, this.#figures]) this.#pipeline.onWindow(told.windowClosed.bind(told));
    this.#alerts = new AlertService({
      world: part('alerts'),
      settings: settings.alerts,
      identity: this.#identity,
      store: machine.textFile(folder('alerts.json')),
      status: () => this.status(),
      targets: () => this.#figures.targets(),
      onChange: (alert) => this.#mqttReporter.alert(alert),
    });
    this.#updates = boxUpdates({
      ...{ world: part('updates'), settings, identity: this.#identity, onEvent },
      clock: this.#clock,
      folders: machine.updateFolders,
    });
    const reporter = new BoxReporter({
      world: part('report'),
      journal: this.#journal,
      counts: () => this.#meter.figures().counts,
      status: () => this.status(),
      onSecond: (second, elapsedMs) => {
        this.#page.second(second);
        this.#pipeline.second(second.atMs, elapsedMs, second.octets);
      },
      onStatus: (status) => this.#page.status(status),
      onUnmetered: (fromMs, toMs) => this.#pipeline.markUnmetered(fromMs, toMs),
    });

    this.#pulses = dataPlanePulses({
      meter: () => this.#meter.answeredAtMs,
      pipeline: () => this.#pipeline.tickedAtMs,
      spool: () => this.#spool.tickedAtMs,
    });

    // The page first and last, so that a box with a dead disk can still say so; the meter last and first.
    const services: Service[] = [
      new ProcessMemory(part('memory'), addon, machine.files),
      this.#clock,
      settingsLog,
      this.#page,
      this.#host,
      ...(keepsHistory ? [this.#stores.history, this.#history] : []),
      ...(destinations.length > 0 ? [this.#stores.spool, this.#spool] : []),
      ...(brokers.length > 0 ? [this.#stores.outbox, this.#outbox] : []),
      selectors,
      this.#exporters,
      ...this.#mqttUplinks,
      this.#names,
      this.#hostNames,
      placeFiles,
      this.#pipeline,
      this.#mqttReporter,
      this.#linkSpeeds,
      this.#mirror,
      this.#meter,
      this.#figures,
      this.#alerts,
      this.#updates,
      reporter,
      new SupervisorLink({
        world: part('supervisor'),
        ...{ ...machine.supervisor, isSafe: settings.safeMode },
        pulses: this.#pulses.filter(({ part }) => part !== 'spool'),
        status: () => this.status(),
        onEvent,
      }),
    ];
    this.#services = new ServiceGroup(services, world.clock, world.log);
  }

  async start(signal: AbortSignal): Promise<void> {
    makeOwnFolder(this.#settings.dataFolder, this.#machine.makeFolder, this.#journal);
    await this.#services.start(signal);
  }

  async stop(deadlineMs: number): Promise<StopReport> {
    const failed = await this.#services.stop(deadlineMs);
    const accounts = this.#exporters.accounts().map(({ account }) => account);
    return stopReport({
      pendingRecords: accounts.map(({ pending }) => pending),
      droppedAtEndRecords: accounts.map(({ dropped }) => dropped.shutdown ?? 0),
      pendingMessages: this.#mqttUplinks.map((uplink) => uplink.status().backlogRecords),
      historyWindows: this.#history.figures.windowsWritten,
      counts: this.#meter.figures().counts,
      untakenRecords: this.#meter.untakenRecords(),
      failed,
    });
  }

  /** Where the page is, or why not; how to get in, for the console alone: never part of the status. */
  get page(): Pick<PageThread, 'url' | 'reason' | 'fingerprint' | 'setUpCode'> {
    return this.#page;
  }

  /** Where the rows of every destination went, by its name. */
  accounts(): ReturnType<Exporters['accounts']> {
    return this.#exporters.accounts();
  }

  /** Everything the box says about itself, now. */
  status(): BoxStatus {
    const stores = storeStatuses(this.#settings, this.#stores, { spool: this.#spool, outbox: this.#outbox });
    const meter = this.#linkSpeeds.withSpeeds(this.#meter.status());
    const nowMs = this.#world.clock.monotonicMs();
    return {
      version: VERSION,
      ...this.#identity,
      nowMs: Math.round(this.#world.clock.wallMs()),
      startedMs: this.#startedMs,
      meter,
      ledger: this.#meter.ledger(),
      mirror: this.#mirror.status(),
      uplinks: [...this.#exporters.statuses(), ...this.#mqttUplinks.map((uplink) => uplink.status())],
      stores,
      host: this.#host.health(),
      dataPlane: dataPlaneHealth({ nowMs, meter, pulses: this.#pulses, stores }),
      events: this.#journal.entries,
      alerts: this.#alerts.alerts,
      figures: this.#figures.figures,
      restartNeededFor: this.settings.waiting(),
      ports: this.#linkSpeeds.account(),
      enrichment: this.#pipeline.enrichment(),
      updates: this.#updates.status(),
      ...settingsFacts(this.#settings),
    };
  }

  get #startedMs(): number {
    return Number((this.#startedNs + (this.#clock.wallOffsetNs(this.#clock.bootId) ?? 0n)) / 1_000_000n);
  }
}
