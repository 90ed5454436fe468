/**
 * What a command is, and what it may touch: arguments in, streams and an exit code out. Exit codes: 0 good, 1 failed,
 * 2 wrong usage. With `--json` nothing but data goes to standard output; logs go to standard error.
 */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { ApplianceError } from '../core/errors.ts';

export const exitCodes = { good: 0, failed: 1, usage: 2 } as const;

/** Standard streams and the signal that Ctrl-C raises. */
export interface Terminal {
  readonly out: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  readonly err: NodeJS.WritableStream & { isTTY?: boolean };
  /** Aborted by SIGINT or SIGTERM: finish what you do and return. */
  readonly interrupted: AbortSignal;
  /** Calls back at each SIGHUP that does not end the program. */
  readonly onHangup: (listener: () => void) => void;
}

export type OptionTable = NonNullable<ParseArgsConfig['options']>;
export type OptionValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** `meter FILE [--json] [--ipfix OUT]`, then a line per option. */
  readonly usage: string;
  readonly options: OptionTable;
  /** Names of the positional arguments; a trailing `?` makes one optional, `...` as many as there are. */
  readonly positionals: readonly string[];
  run(values: OptionValues, positionals: readonly string[], terminal: Terminal): Promise<number>;
}

/** Parses and checks arguments; throws `usage` with the words for the user. */
export function parseCommandLine(command: Command, argv: readonly string[]): { values: OptionValues; positionals: string[] } {
  let parsed: { values: OptionValues; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...argv],
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
      strict: true,
    }) as { values: OptionValues; positionals: string[] };
  } catch (error) {
    // parseArgs explains in its first sentence; the rest is advice about `--` that does not apply here: no cause, which would repeat it.
    throw new ApplianceError('usage', (error as Error).message.split('. ')[0] as string);
  }
  const required = command.positionals.filter((name) => !/(\?|\.\.\.)$/.test(name));
  if (parsed.values.help !== true) {
    if (parsed.positionals.length < required.length) {
      throw new ApplianceError('usage', `${command.name} needs ${required[parsed.positionals.length]}`);
    }
    const isOpen = command.positionals.at(-1)?.endsWith('...') === true;
    if (parsed.positionals.length > command.positionals.length && !isOpen) {
      throw new ApplianceError('usage', `${command.name} does not take '${parsed.positionals[command.positionals.length]}'`);
    }
  }
  return parsed;
}

/** A whole number given as an option, or the default. */
export function integerOption(values: OptionValues, name: string, fallback: number, minimum: number, maximum: number): number {
  const text = values[name];
  if (text === undefined) return fallback;
  const number = Number(text);
  if (!Number.isInteger(number) || number < minimum || number > maximum) {
    throw new ApplianceError('usage', `--${name} ${String(text)}: allowed: a whole number from ${minimum} to ${maximum}`);
  }
  return number;
}

/** Writes and waits while the reader is slow, so that a pipe never fills memory. False when the reader is gone. */
export async function write(stream: NodeJS.WritableStream, data: string | Uint8Array): Promise<boolean> {
  if ((stream as { destroyed?: boolean }).destroyed) return false;
  if (stream.write(data)) return true;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.removeListener('drain', done);
      stream.removeListener('close', done);
      stream.removeListener('error', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
    stream.once('error', done);
  });
  return !(stream as { destroyed?: boolean }).destroyed;
}
