/**
 * Pictures of the page: `npm run shots -- [--out FOLDER] [--only TEXT]`. One for each view, size, theme and
 * scenario of the list; `--only` takes those whose name contains the text. For looking; tests do not compare pictures.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openBrowser, sizes } from './browser.ts';
import { startFakeBox } from './fake_box.ts';
import type { Scenario } from './fake_feed.ts';

const { values } = parseArgs({
  options: { out: { type: 'string', default: '/tmp/flowspan-shots' }, only: { type: 'string', default: '' } },
});

const wanted: readonly [view: string, scenario: Scenario][] = [
  ['overview', 'normal'],
  ['on-call', 'normal'],
  ['debug', 'normal'],
  ['explore', 'normal'],
  ['explore?filter=tcp+and+prot+80', 'normal'],
  ['explore?by=service&filter=host+10.20.1.11', 'normal'],
  ['explore?picture=graph&last=24h', 'normal'],
  ['explore?picture=matrix', 'normal'],
  ['overview?ledger', 'normal'],
  ['overview?last=24h', 'normal'],
  ['overview', 'no-data'],
  ['on-call', 'uplink-down'],
  ['overview', 'uplink-down'],
  ['on-call', 'catching-up'],
  ['on-call', 'disk-full'],
  ['overview?ledger', 'ledger-fault'],
  ['overview', 'first-start'],
  ['on-call', 'first-start'],
  ['on-call', 'one-way-mirror'],
  ['overview?last=7d', 'year'],
  ['on-call', 'year'],
];

mkdirSync(values.out, { recursive: true });
const browser = await openBrowser();
for (const [view, scenario] of wanted) {
  for (const size of Object.keys(sizes) as (keyof typeof sizes)[]) {
    for (const theme of ['light', 'dark'] as const) {
      const name = `${view.replaceAll(/\W+/g, '-')}-${size}-${theme}-${scenario}`;
      if (!name.includes(values.only)) continue;
      const box = await startFakeBox(scenario);
      const page = await browser.newPage({
        viewport: sizes[size],
        colorScheme: theme,
        timezoneId: 'Europe/Lisbon',
        deviceScaleFactor: size === 'phone' ? 2 : 1,
      });
      await page.goto(`${box.url}/#${view}`);
      await page.evaluate(() => document.fonts.ready.then(() => undefined));
      await page.waitForTimeout(1_200);
      await page.screenshot({ path: join(values.out, `${name}.png`), fullPage: true });
      await page.close();
      await box.stop();
    }
  }
}
await browser.close();
