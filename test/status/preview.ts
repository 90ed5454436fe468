/**
 * Serves the built page over an office that is not there, to look at it:
 * `node test/status/preview.ts [--port N] [--scenario NAME] [--address A]`. Ends with Ctrl-C.
 */
import { parseArgs } from 'node:util';
import { startFakeBox } from './fake_box.ts';
import { type Scenario, scenarios } from './fake_feed.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8480' },
    scenario: { type: 'string', default: 'normal' },
    address: { type: 'string', default: '127.0.0.1' },
  },
});
const scenario = scenarios.find((name) => name === values.scenario) as Scenario | undefined;
if (scenario === undefined) throw new Error(`there is no scenario ${values.scenario}; there is ${scenarios.join(', ')}`);
const box = await startFakeBox(scenario, { port: Number(values.port), address: values.address });
process.stdout.write(`${box.url}\n`);
process.once('SIGINT', () => void box.stop());
process.once('SIGTERM', () => void box.stop());
