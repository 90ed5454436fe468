/**
 * What the box is: asked once at start. Files first; `systeminformation` only for what they do not tell, because it starts
 * processes (6–12 ms each). An edge.
 */
import systeminformation from 'systeminformation';
import type { HostFiles } from './host_files.ts';
import { dmiModel, parseDeviceTreeModel, parseMillidegrees, parseOsName } from './proc_text.ts';

export interface Inventory {
  readonly model: string;
  readonly os: string;
  readonly kernel: string;
  /** File of the processor's sensor; undefined when none was found. */
  readonly temperatureFile: string | undefined;
}

/** For what no file tells. */
export interface SlowFigures {
  model(): Promise<string>;
  os(): Promise<string>;
  /** Starts processes: rarely. */
  temperatureC(): Promise<number | null>;
}

export const slowFigures: SlowFigures = {
  async model() {
    const { manufacturer, model } = await systeminformation.system();
    return dmiModel(manufacturer, model) ?? 'unknown';
  },
  async os() {
    const { distro, release } = await systeminformation.osInfo();
    return `${distro} ${release}`.trim();
  },
  async temperatureC() {
    const { main } = await systeminformation.cpuTemperature();
    return main === null || !Number.isFinite(main) || main <= 0 ? null : main;
  },
};

export async function takeInventory(files: HostFiles, slow: SlowFigures): Promise<Inventory> {
  const deviceTree = parseDeviceTreeModel((await files.read('/proc/device-tree/model')) ?? '');
  const dmi = dmiModel(
    (await files.read('/sys/class/dmi/id/sys_vendor')) ?? '',
    (await files.read('/sys/class/dmi/id/product_name')) ?? '',
  );
  return {
    model: deviceTree ?? dmi ?? (await slow.model()),
    os: parseOsName((await files.read('/etc/os-release')) ?? '') ?? (await slow.os()),
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
