/** `flowspan run`: the service. Says where the page is and what is not configured yet; a signal flushes and stops. */
import { Appliance } from '../appliance.ts';
import { defaultSettings, type LoadedSettings, readSettings } from '../config/load.ts';
import { safeSettings } from '../config/safe_mode.ts';
import { type Settings, settingsSchema } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import { jsonSink, type LogLevel, type LogSink, textSink } from '../core/log.ts';
import { systemWorld, worldFor } from '../core/world.ts';
import { grouped } from '../flow/grouped.ts';
import { VERSION } from '../flow/version.ts';
import { thisMachine } from '../machine.ts';
import { SettingsWatch } from '../system/settings_watch.ts';
import { type Command, exitCodes, type OptionValues, type Terminal } from './command.ts';

/**
 * Time for a planned stop: the cache flushed, collectors drained as far as they answer, everything on disk. A second is the rule;
 * a box whose cores are busy elsewhere needs longer, and what is not done by then is lost. Below systemd's 90 s.
 */
const stopDeadlineMs = 60_000;

export const command: Command = {
  name: 'run',
  summary: 'the service: meter, keep, forward, show',
  usage: `run [--config FILE] [options]

  --config FILE        settings; without a file, the defaults (the demo office)
  --interface NAME     meter this mirror port; may be given several times
  --capture FILE       replay this capture in real time instead
  --demo               replay the demo office
  --address ADDRESS    where the page listens (default 127.0.0.1)
  --port NUMBER        port of the page (default 8480)
  --data FOLDER        where everything that is kept lives (default var)
  --log-level LEVEL    debug, info, warn, error
  --safe               only the page and health over MQTT; settings that cannot be read stop nothing

Options win over the file. SIGINT and SIGTERM flush and stop. A changed file is taken up while running, at once on SIGHUP; what
needs a restart is said.`,
  options: {
    config: { type: 'string' },
    interface: { type: 'string', multiple: true },
    capture: { type: 'string' },
    demo: { type: 'boolean' },
    address: { type: 'string' },
    port: { type: 'string' },
    data: { type: 'string' },
    'log-level': { type: 'string' },
    safe: { type: 'boolean' },
  },
  positionals: [],
  async run(values, _positionals, terminal) {
    const { settings, remarks } = settingsOf(values);
    let running: Appliance | undefined;
    const level = (): LogLevel => (running?.settings.current ?? settings).log.level;
    const world = systemWorld((clock) => sinkFor(settings, terminal, level, clock));
    const appliance = new Appliance(settings, world, thisMachine(String(values.config ?? '')));
    running = appliance;
    await appliance.start(terminal.interrupted);
    appliance.settings.remark(remarks);
    greet(appliance, settings, terminal);
    const { meter } = appliance.status();
    if (meter.state === 'failed') {
      await appliance.stop(stopDeadlineMs);
      // An interface that is not there yet is waited for; this needs another setting or another right. Failed always says why.
      throw new ApplianceError(meter.code!, meter.reason);
    }
    const watch = new SettingsWatch({
      world: worldFor(world, 'settings'),
      path: values.config === undefined ? '' : String(values.config),
      reload: () => reload(appliance, values),
    });
    await watch.start(terminal.interrupted);
    terminal.onHangup(() => void watch.now());
    if (!terminal.interrupted.aborted) {
      await new Promise((resolve) => terminal.interrupted.addEventListener('abort', resolve, { once: true }));
    }
    await watch.stop(0);
    terminal.out.write('\nstopping: what is in the cache is being reported and saved\n');
    return farewell(appliance, terminal);
  },
};

function reload(appliance: Appliance, values: OptionValues): void {
  try {
    const { settings, remarks } = settingsOf(values);
    appliance.settings.take(settings);
    appliance.settings.remark(remarks);
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error;
    appliance.settings.refuse(error.message);
  }
}

function sinkFor(settings: Settings, terminal: Terminal, level: () => LogLevel, clock: Clock): LogSink {
  const { format } = settings.log;
  const forPeople = format === 'text' || (format === 'auto' && terminal.err.isTTY === true);
  return forPeople ? textSink(level, clock, (line) => terminal.err.write(line)) : jsonSink(level);
}

function greet(appliance: Appliance, settings: Settings, { out }: Terminal): void {
  const { meter, notConfigured } = appliance.status();
  const sources: Record<Settings['meter']['source'], string> = {
    interface: settings.meter.interfaces.join(', '),
    capture: `${settings.meter.capture}, replayed`,
    demo: 'the demo office, replayed as if it came from a mirror port',
    none: 'nothing',
  };
  const waits = meter.state === 'waiting' ? ` (waiting: ${meter.reason})` : '';
  const page = !settings.status.enabled
    ? 'off (status.enabled is false)'
    : appliance.page.url || (appliance.page.reason === '' ? 'is still starting' : `does not work: ${appliance.page.reason}`);
  const lines = [
    `flowspan ${VERSION}`,
    `  metering   ${sources[settings.meter.source]}${waits}`,
    `  page       ${page}${appliance.page.url ? '/' : ''}`,
    ...accessLines(appliance),
    `  kept in    ${settings.dataFolder}`,
    ...(notConfigured.length > 0 ? ['  not configured yet:', ...notConfigured.map((line) => `    - ${line}`)] : []),
    'Ctrl-C stops.',
    '',
  ];
  out.write(lines.join('\n'));
}

/** How to get in: only here and in the log, never on the page. */
function accessLines(appliance: Appliance): string[] {
  const { fingerprint, setUpCode } = appliance.page;
  return [
    ...(setUpCode === '' ? [] : [`  set-up     code ${setUpCode}: enter it on the page to make the first admin`]),
    ...(fingerprint === ''
      ? []
      : [
          '  identity   a certificate of its own making: the browser warns once, and should show SHA-256',
          `             ${fingerprint}`,
        ]),
  ];
}

async function farewell(appliance: Appliance, { out, err }: Terminal): Promise<number> {
  const report = await appliance.stop(stopDeadlineMs);
  const waiting = (count: number, what: string, whom: string): string =>
    count === 0 ? `nothing waits for a ${whom}` : `${grouped(count)} ${what} wait for a ${whom}, on disk`;
  out.write(
    [
      `stopped. Metered ${grouped(report.meteredPackets)} packets into ${grouped(report.records)} records.`,
      `saved: history up to now (${grouped(report.historyWindows)} windows since start); ` +
        `${waiting(report.waitingRecords, 'records', 'collector')}; ${waiting(report.waitingMessages, 'messages', 'broker')}`,
      '',
    ].join('\n'),
  );
  const lost = [
    ...(report.lostPackets > 0 ? [`${grouped(report.lostPackets)} packets that were still in the meter's cache`] : []),
    ...(report.lostRecords > 0 ? [`${grouped(report.lostRecords)} records that did not reach the disk`] : []),
  ];
  if (lost.length > 0) err.write(`flowspan run: lost for lack of time or room: ${lost.join(', ')}\n`);
  if (report.failed.length === 0) return lost.length === 0 ? exitCodes.good : exitCodes.failed;
  err.write(`flowspan run: did not stop as planned: ${report.failed.join(', ')}\n`);
  return exitCodes.failed;
}

/** The file's settings with the options over them, checked as a whole. */
function settingsOf(values: OptionValues): LoadedSettings {
  const isSafe = values.safe === true;
  const { settings: base, remarks } =
    values.config === undefined
      ? { settings: defaultSettings(), remarks: [] }
      : isSafe
        ? readableSettings(values.config as string)
        : readSettings(values.config as string);
  const meter: Record<string, unknown> = { ...base.meter };
  const status: Record<string, unknown> = { ...base.status };
  if (values.interface !== undefined) Object.assign(meter, { source: 'interface', interfaces: values.interface });
  if (values.capture !== undefined) Object.assign(meter, { source: 'capture', capture: values.capture });
  if (values.demo === true) meter.source = 'demo';
  if (values.address !== undefined) status.address = values.address;
  if (values.port !== undefined) status.port = Number(values.port);
  const log = { ...base.log, ...(values['log-level'] === undefined ? {} : { level: values['log-level'] }) };
  const dataFolder = values.data ?? base.dataFolder;
  const result = settingsSchema.safeParse({ ...base, meter, status, log, dataFolder });
  if (result.success) return { settings: isSafe || result.data.safeMode ? safeSettings(result.data) : result.data, remarks };
  const issue = result.error.issues[0]!;
  throw new ApplianceError('usage', `${issue.path.join('.')}: ${issue.message}`);
}

/** For safe mode: a file that stops the service must not stop what tells about it. The page is then on every address, with sign-in. */
function readableSettings(path: string): LoadedSettings {
  try {
    return readSettings(path);
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error;
    const base = defaultSettings();
    return { settings: { ...base, status: { ...base.status, address: '::' } }, remarks: [] };
  }
}
