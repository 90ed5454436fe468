/**
 * Setting up a new box of the image in a real browser, on a phone and on a desktop: from the code on its console to records at a collector;
 * faults at their fields, an address on trial, going back. What applies settings is the real program over folders of its own.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadSettings } from '../../src/config/load.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { password } from './access/visitor.ts';
import { openBrowser } from './browser.ts';
import { type FakeBox, startFakeBox } from './fake_box.ts';
import { SetUpBox } from './set_up_box.ts';
import { axeViolations, openTab, type Size, sidewaysScroll } from './tab.ts';

/** Where pictures go, for whoever looks: not compared. */
const pictures = process.env.PICTURES ?? '';

let browser: Browser;
let folder: string;
let set: SetUpBox;
let box: FakeBox;
beforeAll(async () => {
  browser = await openBrowser();
  if (pictures !== '') mkdirSync(pictures, { recursive: true });
});
afterAll(() => browser?.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'set-up-page-'));
});
afterEach(async () => {
  await box?.stop();
  set?.[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

async function begin(isOfImage = true): Promise<void> {
  set = new SetUpBox({ clock: new SystemClock(), random: new SystemRandom() }, isOfImage).serve();
  const updates = isOfImage ? ({ state: 'idle', reason: '' } as const) : undefined;
  box = await startFakeBox('first-start', { port: 0, signIn: 'on' }, folder, updates, set.desk);
}
const shows = (page: Page, text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor({ state: 'visible' });
const picture = async (page: Page, name: string): Promise<void> => {
  if (pictures !== '') await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
};
async function firstAdmin(size: Size) {
  const tab = await openTab(browser, `${box.url}/`, { size, theme: 'light' });
  const { page } = tab;
  await page.getByLabel('Set-up code').fill(box.setUpCode());
  await page.getByLabel('Your name').fill('anna');
  await page.getByLabel('New password').fill(password);
  await page.getByLabel('Password again').fill(password);
  await page.getByRole('button', { name: 'Make the first admin' }).click();
  return tab;
}
async function isGood(page: Page): Promise<void> {
  expect(await axeViolations(page)).toEqual([]);
  expect(await sidewaysScroll(page)).toBe(0);
}

test.each<Size>(['phone', 'desktop'])(
  '%s: the first admin is walked from the code to settings that are in force',
  async (size) => {
    await begin();
    const { page, close, complaints } = await firstAdmin(size);
    await shows(page, 'Nobody has said yet where this box stands');
    await shows(page, /management: eth0 .*built-in port/);
    expect(await page.getByLabel('Mirror port').locator('option').first().textContent()).toBe('By itself: enx001122334455');
    await picture(page, `${size}-1-begun`);
    await isGood(page);

    await page.getByLabel('Site').fill('lisbon 02');
    await page.getByLabel('Collector', { exact: true }).fill('collector.example.net');
    await page.getByLabel('Carried over').selectOption('tls');
    expect(await page.getByLabel('Port of the collector').inputValue()).toBe('4740');
    await page.getByLabel('MQTT broker').fill('broker.example.net');
    await page.getByLabel('Password at the broker').fill('hunter2-hunter2');
    await page.getByLabel('IPv4', { exact: true }).selectOption('static');
    await page.getByLabel('IPv4 address').fill('192.0.2.7');
    await page.getByRole('button', { name: 'Check' }).click();
    await shows(page, '2 fields are not right yet');
    expect(await page.getByLabel('Site').getAttribute('aria-invalid')).toBe('true');
    await shows(page, /"192\.0\.2\.7": not allowed; allowed: an address with its prefix length/);
    expect(await page.getByRole('button', { name: 'Apply' }).count()).toBe(0);
    await picture(page, `${size}-2-faults`);
    await isGood(page);

    await page.getByLabel('Site').fill('lisbon-02');
    await page.getByLabel('IPv4', { exact: true }).selectOption('dhcp');
    await page.getByRole('button', { name: 'Check' }).click();
    await shows(page, 'site: lisbon-02');
    expect(await page.getByText('hunter2').count()).toBe(0);
    await picture(page, `${size}-3-preview`);
    await isGood(page);
    await page.getByRole('button', { name: 'Apply' }).click();
    await shows(page, 'The settings are in force.');
    await picture(page, `${size}-4-applied`);
    await isGood(page);
    const { site, export: exporting, mqtt } = loadSettings(set.file);
    expect([site, exporting.destinations[0]!.host, exporting.destinations[0]!.port, mqtt.brokers[0]!.password]).toEqual([
      'lisbon-02',
      'collector.example.net',
      4_740,
      'hunter2-hunter2',
    ]);

    // Later, by the way that is there for it.
    await page.goto(`${box.url}/#access`);
    await page.getByRole('link', { name: 'Change settings' }).click();
    await shows(page, 'What is not on this form stays');
    expect(await page.getByLabel('Site').inputValue()).toBe('lisbon-02');
    expect(await page.getByLabel('Password at the broker').inputValue()).toBe('');
    expect(complaints.filter((one) => !one.includes('favicon'))).toEqual([]);
    await close();
  },
);

test('another address is kept because somebody has reached the page with it, and everybody is told', async () => {
  await begin();
  const { page, close } = await firstAdmin('desktop');
  await page.getByLabel('IPv4', { exact: true }).selectOption('static');
  await page.getByLabel('IPv4 address').fill('192.0.2.7/24');
  await page.getByLabel('IPv4 router').fill('192.0.2.1');
  await page.getByRole('button', { name: 'Check' }).click();
  await shows(page, '- 192.0.2.7/24');
  await page.getByRole('button', { name: 'Apply' }).click();
  await shows(page, 'The settings of anna are kept');
  await shows(page, 'The settings are in force.');
  await picture(page, 'desktop-5-kept');
  await expect.poll(() => set.desk.state(), { timeout: 60_000 }).toMatchObject({ trial: null, last: { outcome: 'kept' } });
  expect(loadSettings(set.file).device).toMatchObject({ ipv4: 'static', addresses: ['192.0.2.7/24'], gateways: ['192.0.2.1'] });
  await close();
});

test('On call leads to the form', async () => {
  await begin();
  const { page, close } = await firstAdmin('desktop');
  await shows(page, 'Name and site');
  await page.goto(`${box.url}/#on-call`);
  await page.getByRole('link', { name: 'Set up this box' }).click();
  await shows(page, 'Name and site');
  await close();
});

test('a program among others says what to write, and where', async () => {
  await begin(false);
  const { page, close } = await firstAdmin('phone');
  await shows(page, 'This program may not write its own settings');
  await shows(page, set.file);
  expect(await page.getByLabel('IPv4', { exact: true }).count()).toBe(0);
  await page.getByLabel('Site').fill('lisbon-02');
  await page.getByRole('button', { name: 'Check' }).click();
  await shows(page, 'site: lisbon-02');
  expect(await page.getByRole('button', { name: 'Apply' }).count()).toBe(0);
  await picture(page, 'phone-6-by-hand');
  await isGood(page);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save flowspan.yaml' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('flowspan.yaml');
  expect(loadSettings(await download.path()).site).toBe('lisbon-02');
  await close();
});
