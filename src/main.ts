/** The process edge: arguments, signals, exit code. What a command does stands in `cli/`. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Command, exitCodes, parseCommandLine, type Terminal } from './cli/command.ts';
import { ApplianceError, messageOf } from './core/errors.ts';
import { VERSION } from './flow/version.ts';

/** Commands in the order in which help lists them; loaded only when called, so that a small one starts at once. */
const commands: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  run: () => import('./cli/run.ts'),
  meter: () => import('./cli/meter.ts'),
  decode: () => import('./cli/decode.ts'),
  top: () => import('./cli/top.ts'),
  flows: () => import('./cli/flows.ts'),
  query: () => import('./cli/query.ts'),
  evidence: () => import('./cli/evidence.ts'),
  health: () => import('./cli/health.ts'),
  provision: () => import('./cli/provision.ts'),
  names: () => import('./cli/names.ts'),
  'support-bundle': () => import('./cli/support_bundle.ts'),
  doctor: () => import('./cli/doctor.ts'),
  updates: () => import('./cli/updates.ts'),
  alert: () => import('./cli/alert.ts'),
  user: () => import('./cli/user.ts'),
  token: () => import('./cli/token.ts'),
  'check-config': () => import('./cli/check_config.ts'),
};

async function overview(): Promise<string> {
  const lines = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => `  ${name.padEnd(16)}${(await load()).command.summary}`),
  );
  return `flowspan ${VERSION}: meters the traffic of a mirror port into flows\n\n${lines.join('\n')}\n\nflowspan COMMAND --help tells more.\n`;
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const { stdout, stderr } = process;
  // A reader that closes the pipe (`| head`) is not an error of ours.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    stdout.write(await overview());
    return name === undefined ? exitCodes.usage : exitCodes.good;
  }
  if (name === '--version' || name === 'version') {
    stdout.write(`flowspan ${VERSION}\n`);
    return exitCodes.good;
  }
  const load = commands[name];
  if (load === undefined) {
    stderr.write(`flowspan: there is no command '${name}'; there are: ${Object.keys(commands).join(', ')}\n`);
    return exitCodes.usage;
  }
  const { command } = await load();
  try {
    const { values, positionals } = parseCommandLine(command, rest);
    if (values.help === true) {
      stdout.write(`${command.summary}\n\nUsage: flowspan ${command.usage}\n`);
      return exitCodes.good;
    }
    return await command.run(values, positionals, terminal());
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error;
    stderr.write(`flowspan ${name}: ${messageOf(error)}\n`);
    if (error.code !== 'usage') return exitCodes.failed;
    stderr.write(`Usage: flowspan ${command.usage.split('\n')[0]}\n`);
    return exitCodes.usage;
  }
}

/** Services are told to read their settings again this way. At a terminal it means that the terminal is gone: the end, as ever. */
function onHangup(listener: () => void): void {
  if (process.stdout.isTTY !== true) process.on('SIGHUP', listener);
}

function terminal(): Terminal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // A second Ctrl-C means now: whoever presses it twice does not want to wait for a flush.
      if (controller.signal.aborted) process.exit(exitCodes.failed);
      controller.abort(new ApplianceError('deadlineExceeded', `interrupted by ${signal}`));
    });
  }
  return { out: process.stdout, err: process.stderr, interrupted: controller.signal, onHangup };
}

/**
 * Keeps compiled code in the build folder, written at a planned end: a quarter of a start is compiling. Never in the system's
 * temporary folder, where others could put code of theirs. A folder that cannot be written only costs the time.
 */
function keepCompiledCode(): void {
  const beside = import.meta.url.endsWith('.ts') ? '../build/compile-cache' : '../compile-cache';
  const folder = fileURLToPath(new URL(beside, import.meta.url));
  enableCompileCache(folder);
  // The page's thread takes it from here.
  process.env.NODE_COMPILE_CACHE ??= folder;
}

keepCompiledCode();
process.exitCode = await main(process.argv.slice(2));
