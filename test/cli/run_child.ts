/** Run by `run.test.ts`: the command `run` with the arguments given; prints the code of the error it ends with, as JSON. */
import { parseCommandLine } from '../../src/cli/command.ts';
import { command } from '../../src/cli/run.ts';
import { ApplianceError } from '../../src/core/errors.ts';

const { values, positionals } = parseCommandLine(command, process.argv.slice(2));
const terminal = { out: process.stderr, err: process.stderr, onHangup: () => {}, interrupted: new AbortController().signal };
try {
  await command.run(values, positionals, terminal);
} catch (error) {
  if (!(error instanceof ApplianceError)) throw error;
  process.stdout.write(JSON.stringify({ code: error.code, message: error.message, retryable: error.retryable }));
}
