/**
 * `scripts/check-arm64`, second half: the whole program under emulation gives the rows that it gives here, octet for octet,
 * and instructions a packet of both. Prints Markdown; ends with 1 when anything differs.
 *
 * Debian's qemu has no plugin that counts. What it can log is each block of instructions it translates, and each it runs:
 * the sum of the lengths of those run is the count, the same as single-stepping gives, seven times sooner.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDemoCapture } from '../../src/meter/demo/demo_capture.ts';
import { countsOf } from '../bench/instructions.ts';
import { table } from '../bench/table.ts';
import { ethernet, ipv4, type Layer, raw, udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { mpls } from '../golden/layers/link.ts';
import { gre, toPort, tunnelPorts, vxlan } from '../golden/layers/tunnel.ts';
import { request4, request6 } from '../golden/samples.ts';
import { root } from '../repo/sources.ts';

const [qemu, sysroot, armNode] = process.argv.slice(2) as [string, string, string];
const folder = join(root, 'build/arm64/captures');
const emulated = [qemu, '-L', sysroot];
const packets = 40_000;

interface Metered {
  readonly name: string;
  readonly options: readonly string[];
}

async function captures(): Promise<readonly Metered[]> {
  mkdirSync(folder, { recursive: true });
  const office = join(folder, 'office.pcap');
  await writeDemoCapture(office, { seed: 17, durationS: 120 });
  const odd = join(folder, 'odd.pcap');
  const inner = ethernet({ payload: request4(40) });
  const outer = (payload: Layer): Uint8Array =>
    ethernet({ payload: ipv4({ source: '10.8.0.1', destination: '10.8.0.2', payload }) });
  const frames = [
    udpFrame({ vlans: [{ id: 7, tpid: 0x88a8 }, { id: 8 }] }),
    ethernet({ payload: mpls([16, 17], request6(60).octets) }),
    outer(toPort(tunnelPorts.vxlan, vxlan(5, inner))),
    outer(gre(request6(50), { key: 3 })),
    ethernet({ payload: raw(0x88cc, new Uint8Array(60)) }),
  ];
  writeFileSync(odd, pcapFile(packetsOf(frames)));
  return [
    { name: office, options: [] },
    { name: office, options: ['--sampling', 'random:4'] },
    { name: office, options: ['--duplicates', 'remove', '--cache-flows', '4096'] },
    { name: odd, options: ['--tunnels', 'vxlan,gre'] },
  ];
}

function rowsOf(program: readonly string[], { name, options }: Metered): string {
  const [command, ...args] = [...program, 'meter', name, '--json', '--ledger', ...options];
  const run = spawnSync(command!, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')}\n${run.stderr}`);
  return run.stdout;
}

/** Instructions of a whole run of the bench that makes all frames and meters so many. */
function instructionsThere(name: string, metered: number): number {
  const env = { ...process.env, FLOWSPAN_BENCH_PACKETS: String(packets), FLOWSPAN_BENCH_PROCESS: String(metered) };
  const bench = join(root, 'build/native-arm64/bench/meter_bench');
  // Tens of millions of lines, which awk takes faster than JavaScript; and qemu opens its log by name, which must be a pipe.
  const pipeline = '"$1" -d in_asm,exec,nochain -D /dev/stdout -L "$2" "$3" 1 "$4" | awk "$5"';
  const run = spawnSync('sh', ['-c', pipeline, 'sh', qemu, sysroot, bench, name, sumOfBlocks], { encoding: 'utf8', env });
  const total = Number(run.stdout);
  if (!(total > 0)) throw new Error(`the emulator of ${name} did not log what was expected: ${run.stderr}`);
  return total;
}

/** `IN:` opens a block, a line an instruction; `Trace` names the block that runs by its second number. */
const sumOfBlocks = `
  /^IN:/ { start = ""; next }
  /^0x/ { if (start == "") { start = substr($1, 3, length($1) - 3); sub(/^0+/, "", start); octets[start] = 0 } octets[start]++; next }
  /^Trace/ { split($4, part, "/"); sub(/^0+/, "", part[2]); if (!(part[2] in octets)) unknown = 1; total += octets[part[2]] }
  END { printf "%.0f\\n", unknown ? 0 : total }`;

function instructionsHere(name: string): number {
  const bench = join(root, 'build/native-bench/bench/meter_bench');
  const options = ['--tool=callgrind', '--callgrind-out-file=/dev/null', '--branch-sim=yes'];
  const run = spawnSync('valgrind', [...options, '--toggle-collect=flowspan::MeterCore::process(*', bench, '1', name], {
    encoding: 'utf8',
    env: { ...process.env, FLOWSPAN_BENCH_PACKETS: String(packets), FLOWSPAN_BENCH_PROCESS: String(packets) },
  });
  const counts = countsOf(run.stderr);
  if (counts === undefined) throw new Error(`valgrind ended with ${run.status}`);
  return counts.instructions;
}

let differ = 0;
for (const metered of await captures()) {
  const here = rowsOf([process.execPath, join(root, 'src/main.ts')], metered);
  const there = rowsOf([...emulated, armNode, join(root, 'build/arm64/program/src/main.js')], metered);
  const what = `${metered.name.slice(folder.length + 1)} ${metered.options.join(' ')}`.trim();
  const rows = here.trimEnd().split('\n').length - 1;
  if (here === there) process.stdout.write(`${what}: ${rows} rows and the ledger are the same on both\n`);
  else {
    differ++;
    process.stdout.write(`${what}: DIFFERS\n`);
  }
}

const counted: string[][] = [];
for (const name of ['imix', 'min64', 'flood', 'elephants']) {
  const arm = instructionsThere(name, packets) - instructionsThere(name, 0);
  const here = instructionsHere(name);
  counted.push([name, (arm / packets).toFixed(0), (here / packets).toFixed(0), (arm / here).toFixed(2)]);
}
process.stdout.write(`\nInstructions a packet, the first ${packets.toLocaleString('en')} of each case\n\n`);
process.stdout.write(table(['case', 'arm64', 'x86-64', 'ratio'], counted));
process.exitCode = differ === 0 ? 0 : 1;
