/**
 * `flowspan meter FILE`: meters a capture offline, on packet time, as fast as the machine can. Rows go straight to the
 * output, without enrichment, rollup or spool: the same file gives the same flows every time.
 */
import { basename } from 'node:path';
import { defaultSettings, loadSettings } from '../config/load.ts';
import type { MeterSettings } from '../config/schema.ts';
import { settingsSchema } from '../config/schema.ts';
import { ApplianceError } from '../core/errors.ts';
import { grouped } from '../flow/grouped.ts';
import { type ProfileName, profileNames, profileSpec } from '../flow/profiles.ts';
import type { RowBlock } from '../flow/row_block.ts';
import { rowToJson } from '../flow/row_json.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import type { SelectorFact } from '../flow/selectors.ts';
import { IpfixFile } from '../forward/ipfix/file_writer.ts';
import type { MeteringFacts } from '../forward/ipfix/options_tables.ts';
import { loadAddon } from '../meter/addon.ts';
import { OfflineMeter } from '../meter/offline.ts';
import { addonProjector } from '../meter/projector.ts';
import { type Command, exitCodes, integerOption, type OptionValues, write } from './command.ts';

export const command: Command = {
  name: 'meter',
  summary: 'meter a capture file offline: flows as JSON, as an IPFIX file, the ledger',
  usage: `meter FILE [--json] [--ipfix OUT] [--ledger] [options]

  FILE                   pcap or pcapng, also .gz
  --json                 one flow a line, element names as keys
  --ipfix OUT            an IPFIX file (RFC 5655); OUT.part until it is complete
  --rotate-bytes N       several, OUT-00000001.ipfix and so on, the next when one is as large
  --rotate-s S           the next when packet time passes a multiple of S seconds
  --profile NAME         elements in the IPFIX file: ${profileNames.join(', ')} (default standard)
  --pen NUMBER           your private enterprise number, for elements IANA has none for
  --ledger               the account of every packet as one JSON object, the last line
  --config FILE          take the section 'meter' from a settings file
  --filter EXPR          only packets that match (pcap-filter language)
  --threads N            metering threads; the same flows, in another order
  --cache-flows N        flows held at once
  --active-timeout S     a long flow is reported this often
  --idle-timeout S       a flow without packets for this long has ended
  --sampling KIND:N      count:N or random:N, one packet of N; flowHash:N, one flow of N; pools of the settings stay
  --duplicates MODE      off, report, remove
  --tunnels LIST         tunnels to open, separated by commas
  --seed N               seed of random sampling (default 1)

Without --json, --ipfix and --ledger it prints what was metered in words.`,
  options: {
    json: { type: 'boolean' },
    ledger: { type: 'boolean' },
    ipfix: { type: 'string' },
    'rotate-bytes': { type: 'string' },
    'rotate-s': { type: 'string' },
    profile: { type: 'string' },
    pen: { type: 'string' },
    config: { type: 'string' },
    filter: { type: 'string' },
    threads: { type: 'string' },
    'cache-flows': { type: 'string' },
    'active-timeout': { type: 'string' },
    'idle-timeout': { type: 'string' },
    sampling: { type: 'string' },
    duplicates: { type: 'string' },
    tunnels: { type: 'string' },
    seed: { type: 'string' },
  },
  positionals: ['FILE'],
  async run(values, [path], { out, err, interrupted }) {
    const settings = meterSettings(values);
    const profile = profileOption(values);
    const seed = BigInt(integerOption(values, 'seed', 1, 0, Number.MAX_SAFE_INTEGER));
    const privatePen = integerOption(values, 'pen', 0, 0, 0xffff_ffff);
    const addon = loadAddon();
    const meter = new OfflineMeter(addon, { path: path as string, settings, seed });
    const file =
      values.ipfix === undefined
        ? undefined
        : new IpfixFile(values.ipfix as string, {
            projector: addonProjector(addon),
            profile: profileSpec(profile),
            privatePen,
            facts: () => factsOf(meter, path as string),
            ...rotation(values),
          });
    let complete = false;
    try {
      for (const block of meter.blocks()) {
        if (interrupted.aborted) throw interrupted.reason;
        file?.append(block);
        if (values.json === true && !(await write(out, jsonLines(block)))) return exitCodes.failed;
      }
      file?.close();
      complete = true;
      const trouble = meter.trouble();
      if (values.ledger === true) await write(out, `${JSON.stringify(meter.ledger())}\n`);
      else if (values.json !== true && file === undefined) out.write(inWords(meter));
      if (trouble === undefined) return exitCodes.good;
      err.write(`flowspan meter: ${trouble.message}\n`);
      return exitCodes.failed;
    } finally {
      if (!complete) file?.discard();
      meter.close();
    }
  },
};

/** What collectors are told of the metering, in options. */
function factsOf(meter: OfflineMeter, path: string): Omit<MeteringFacts, 'startedMs'> {
  const { counts } = meter.figures();
  return {
    domainName: basename(path),
    selectors: meter.selectors(),
    interfaces: [{ index: 0, name: basename(path), description: 'capture file' }],
    ignoredPackets: counts.undecodablePackets,
    ignoredOctets: counts.undecodableOctets,
    droppedPackets: 0,
    observedFlows: counts.flowsCreated,
  };
}

function rotation(values: OptionValues): { rotateOctets?: number; rotateS?: number } {
  const { 'rotate-bytes': octets, 'rotate-s': seconds } = values;
  return {
    ...(octets === undefined ? {} : { rotateOctets: integerOption(values, 'rotate-bytes', 0, 4_096, Number.MAX_SAFE_INTEGER) }),
    ...(seconds === undefined ? {} : { rotateS: integerOption(values, 'rotate-s', 0, 1, 31_536_000) }),
  };
}

function jsonLines(block: RowBlock): string {
  let lines = '';
  for (let i = 0; i < block.count; i++) lines += `${JSON.stringify(rowToJson(block.bytes, block.firstRow + i * ROW_BYTES))}\n`;
  return lines;
}

function inWords(meter: OfflineMeter): string {
  const { received, metered, sampledOut, handedOver, undecodable, filtered, annotations, balanced } = meter.ledger();
  const number = (value: number | null): string => (value === null ? 'unknown' : grouped(value));
  const notes = Object.entries(annotations).map(([reason, packets]) => `  ${reason}: ${number(packets)} packets`);
  return [
    `received      ${number(received.packets)} packets, ${number(received.octets)} octets`,
    ...(filtered.packets > 0 ? [`filtered      ${number(filtered.packets)} packets`] : []),
    ...(undecodable.packets > 0 ? [`undecodable   ${number(undecodable.packets)} packets`] : []),
    ...(sampledOut.packets > 0 ? [`sampled out   ${number(sampledOut.packets)} packets`] : []),
    `metered       ${number(metered.packets)} packets, ${number(metered.octets)} octets`,
    `records       ${number(handedOver.records)}`,
    ...(sampledOut.packets > 0 ? meter.selectors().map(selectorWords) : []),
    ...(notes.length > 0 ? ['decoded only in part:', ...notes] : []),
    `accounted for ${balanced ? '100 %' : 'NOT everything: this is a fault of flowspan'}`,
    '',
  ].join('\n');
}

function selectorWords({
  selectorId,
  pool = '',
  kind,
  interval,
  observedPackets = 0,
  selectedPackets = 0,
}: SelectorFact): string {
  const rate = kind === 'none' ? 'every packet' : `${kind} 1 in ${interval}`;
  const place = pool === '' ? 'outside of pools' : `pool ${pool}`;
  const counted = `${grouped(selectedPackets)} of ${grouped(observedPackets)} packets`;
  return `selector ${String(selectorId).padEnd(5)}${place}: ${rate}, ${counted}`;
}

function profileOption(values: OptionValues): ProfileName {
  const name = values.profile ?? 'standard';
  if (!(profileNames as readonly unknown[]).includes(name)) {
    throw new ApplianceError('usage', `--profile ${String(name)}: allowed: ${profileNames.join(', ')}`);
  }
  return name as ProfileName;
}

/** Options become settings and are checked by the schema, so that bounds and words are the same as in a file. */
function meterSettings(values: OptionValues): MeterSettings {
  const base = values.config === undefined ? defaultSettings() : loadSettings(values.config as string);
  const numbers = {
    threads: 'threads',
    'cache-flows': 'cacheFlows',
    'active-timeout': 'activeTimeoutS',
    'idle-timeout': 'idleTimeoutS',
  };
  const change: Record<string, unknown> = { source: 'none' };
  for (const [option, key] of Object.entries(numbers)) if (values[option] !== undefined) change[key] = Number(values[option]);
  for (const key of ['filter', 'duplicates']) if (values[key] !== undefined) change[key] = values[key];
  if (values.tunnels !== undefined) change.tunnels = String(values.tunnels).split(',').filter(Boolean);
  if (values.sampling !== undefined) {
    const [kind, interval] = String(values.sampling).split(':');
    change.sampling = { ...base.meter.sampling, kind, interval: Number(interval) };
  }
  const result = settingsSchema.safeParse({ ...base, meter: { ...base.meter, ...change } });
  if (result.success) return result.data.meter;
  const issue = result.error.issues[0]!;
  throw new ApplianceError('usage', `meter: ${issue.path.slice(1).join('.')}: ${issue.message}`);
}
