/**
 * What the box is. Files first, read once at start; `systeminformation` only for what they do not tell, and later, because it
 * starts processes (6–12 ms each; some fifteen for the model of a virtual machine). An edge.
 */
import type { HostFiles } from './host_files.ts';
import { dmiModel, parseDeviceTreeModel, parseMillidegrees, parseOsName } from './proc_text.ts';

export interface Inventory {
  /** Undefined for what no file tells. */
  readonly model: string | undefined;
  readonly os: string | undefined;
  readonly kernel: string;
  /** File of the processor's sensor; undefined when none was found. */
  readonly temperatureFile: string | undefined;
}

/** For what no file tells. Each starts processes: rarely. */
export interface SlowFigures {
  model(): Promise<string>;
  os(): Promise<string>;
  temperatureC(): Promise<number | null>;
}

/** Loaded when first asked: most boxes tell everything by files. */
async function systeminformation(): Promise<typeof import('systeminformation')> {
  return (await import('systeminformation')).default;
}

export const slowFigures: SlowFigures = {
  async model() {
    const { manufacturer, model } = await (await systeminformation()).system();
    return dmiModel(manufacturer, model) ?? 'unknown';
  },
  async os() {
    const { distro, release } = await (await systeminformation()).osInfo();
    return `${distro} ${release}`.trim();
  },
  async temperatureC() {
    const { main } = await (await systeminformation()).cpuTemperature();
    return main === null || !Number.isFinite(main) || main <= 0 ? null : main;
  },
};

export async function takeInventory(files: HostFiles): Promise<Inventory> {
  const deviceTree = parseDeviceTreeModel((await files.read('/proc/device-tree/model')) ?? '');
  const dmi = dmiModel(
    (await files.read('/sys/class/dmi/id/sys_vendor')) ?? '',
    (await files.read('/sys/class/dmi/id/product_name')) ?? '',
  );
  return {
    model: deviceTree ?? dmi,
    os: parseOsName((await files.read('/etc/os-release')) ?? ''),
    kernel: files.kernel(),
    temperatureFile: await findSensor(files),
  };
}

/** Thermal zones and sensors that measure the processor, best first. */
const zoneTypes = /^(cpu[-_]?thermal|x86_pkg_temp|soc[-_]?thermal|acpitz)/;
const sensorNames = /^(coretemp|k10temp|zenpower|cpu_thermal)$/;

async function findSensor(files: HostFiles): Promise<string | undefined> {
  for (const zone of await files.list('/sys/class/thermal')) {
    const folder = `/sys/class/thermal/${zone}`;
    if (!zoneTypes.test((await files.read(`${folder}/type`)) ?? '')) continue;
    if (parseMillidegrees((await files.read(`${folder}/temp`)) ?? '') !== undefined) return `${folder}/temp`;
  }
  for (const device of await files.list('/sys/class/hwmon')) {
    const folder = `/sys/class/hwmon/${device}`;
    if (!sensorNames.test(((await files.read(`${folder}/name`)) ?? '').trim())) continue;
    if (parseMillidegrees((await files.read(`${folder}/temp1_input`)) ?? '') !== undefined) return `${folder}/temp1_input`;
  }
  return undefined;
}
