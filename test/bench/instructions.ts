/**
 * Instructions and badly foreseeable branches a packet, counted by callgrind in the meter's `process` alone: the same on a busy
 * machine as on a quiet one, so that a change of a few per cent is visible. Branches are those of valgrind's simple predictor,
 * which guesses worse than a processor of today; caches are not simulated. Needs valgrind, and says so when it is missing.
 */
import { spawnSync } from 'node:child_process';
import { type CaseName, nativeBench } from './captures.ts';
import { table } from './table.ts';

/** Enough that most packets find their flow; with valgrind a case takes some seconds. */
const packets = 400_000;

export interface InstructionCount {
  readonly instructions: number;
  readonly mispredictions: number;
}

/** Of callgrind's summary on stderr; undefined when it is not there. Events: Ir Bc Bcm Bi Bim. */
export function countsOf(stderr: string): InstructionCount | undefined {
  const sums = /Collected : (\d+) \d+ (\d+) \d+ (\d+)/.exec(stderr);
  if (sums === null) return undefined;
  return { instructions: Number(sums[1]), mispredictions: Number(sums[2]) + Number(sums[3]) };
}

export function printInstructions(cases: readonly CaseName[], print: (text: string) => void): void {
  print('\n## Instructions a packet, by callgrind: the meter alone\n\n');
  const program = nativeBench('meter_bench');
  const rows: string[][] = [];
  for (const name of cases) {
    const collect = '--toggle-collect=flowspan::MeterCore::process(*';
    const valgrind = ['--tool=callgrind', '--callgrind-out-file=/dev/null', '--branch-sim=yes', collect];
    const run = spawnSync('valgrind', [...valgrind, program, '1', name], {
      encoding: 'utf8',
      env: { ...process.env, FLOWSPAN_BENCH_PACKETS: String(packets) },
    });
    const counts = countsOf(run.stderr ?? '');
    if (run.status !== 0 || counts === undefined) {
      print(`not counted: ${run.error === undefined ? `valgrind ended with ${run.status}` : 'valgrind is not installed'}\n`);
      return;
    }
    rows.push([name, (counts.instructions / packets).toFixed(0), (counts.mispredictions / packets).toFixed(2)]);
  }
  print(table(['case', 'instructions', 'branches guessed wrongly'], rows));
  print(`\nThe first ${packets.toLocaleString('en')} packets of each case: new flows weigh more than in a whole one.\n`);
}
