/** A new box of the image in a real browser: the way to settings for somebody who has the page and a USB stick. */
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { settingsSchema } from '../../src/config/schema.ts';
import { openBrowser } from './browser.ts';
import { startFakeBox } from './fake_box.ts';
import { axeViolations, openTab, sidewaysScroll } from './tab.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

it('saves a file to fill in, and says what to do with it; a program among others is not told of sticks', async () => {
  const box = await startFakeBox('first-start', { port: 0 }, undefined, { state: 'idle', reason: '' });
  const laptop = await startFakeBox('first-start');
  try {
    const { page, close, complaints } = await openTab(browser, `${box.url}/#on-call`, { size: 'phone', theme: 'light' });
    const save = page.getByRole('button', { name: 'Save flowspan.yaml' });
    await save.waitFor({ state: 'visible' });
    const [download] = await Promise.all([page.waitForEvent('download'), save.click()]);
    expect(download.suggestedFilename()).toBe('flowspan.yaml');
    const settings = settingsSchema.parse(parse(readFileSync(await download.path(), 'utf8')));
    expect([settings.site, settings.export.destinations.length]).toEqual(['lisbon-02', 1]);
    expect(await page.getByText('Plug the stick into the box').count()).toBe(1);
    expect(await axeViolations(page)).toEqual([]);
    expect(await sidewaysScroll(page)).toBe(0);
    expect(complaints).toEqual([]);
    await close();

    const other = await openTab(browser, `${laptop.url}/#on-call`, { size: 'phone', theme: 'light' });
    await other.page.getByText('Not configured yet').waitFor({ state: 'visible' });
    expect(await other.page.getByText(/USB stick/).count()).toBe(0);
    await other.close();
  } finally {
    await box.stop();
    await laptop.stop();
  }
});
