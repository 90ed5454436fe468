/** Updates in a real browser: what everybody sees of slots and of the last ones; an admin uploads a bundle, is shown its version, and confirms. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pieceOctetsMax } from '../../src/status/upload_desk.ts';
import { password, Visitor } from './access/visitor.ts';
import { openBrowser } from './browser.ts';
import { type FakeBox, startFakeBox } from './fake_box.ts';
import { axeViolations, openTab, sidewaysScroll } from './tab.ts';

const folder = mkdtempSync(join(tmpdir(), 'updates-'));
let browser: Browser;
let box: FakeBox;
beforeAll(async () => {
  browser = await openBrowser();
  box = await startFakeBox('normal', { port: 0, signIn: 'on' }, folder);
  const anna = new Visitor(box.url);
  await anna.setUp(box.setUpCode());
  await anna.ask('POST', '/api/v1/users', { name: 'vera', role: 'viewer', password });
});
afterAll(async () => {
  await browser?.close();
  await box?.stop();
  rmSync(folder, { recursive: true });
});

const shows = (page: Page, text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor({ state: 'visible' });

async function signedIn(name: string) {
  const tab = await openTab(browser, `${box.url}/#on-call`, { size: 'desktop', theme: 'light' });
  await tab.page.getByLabel('Name').fill(name);
  await tab.page.getByLabel('Password').fill(password);
  await tab.page.getByRole('button', { name: 'Sign in' }).click();
  await shows(tab.page, 'Slot A');
  return tab;
}

it('a viewer sees slots, what waits and why the box went back, and nothing to upload', async () => {
  const { page, close } = await signedIn('vera');
  await shows(page, /0\.2\.0 waits: the window is 01:00 to 05:00/);
  await shows(page, /did not meter, and the box went back/);
  expect(await page.getByRole('button', { name: 'Upload' }).count()).toBe(0);
  await close();
});

it('an admin uploads in pieces, is shown the version, and confirms it', async () => {
  const { page, close } = await signedIn('anna');
  const bundle = Buffer.alloc(pieceOctetsMax * 2 + 17, 'a bundle of sorts ');
  const path = join(folder, 'flowspan_0.3.0_amd64.raucb');
  writeFileSync(path, bundle);
  expect(await page.getByRole('button', { name: 'Upload' }).isDisabled()).toBe(true);
  await page.getByLabel(/^Bundle/).setInputFiles(path);
  await page.getByRole('button', { name: 'Upload' }).click();
  const install = page.getByRole('button', { name: 'Install 0.3.0 and restart' });
  await install.waitFor({ state: 'visible' });
  expect(readFileSync(join(folder, 'upload.part')).equals(bundle)).toBe(true);
  expect(await axeViolations(page)).toEqual([]);
  for (const width of [320, 390, 768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    expect(await sidewaysScroll(page), `${width} pixels`).toBeLessThanOrEqual(0);
  }
  await install.click();
  await shows(page, 'Restarting');
  await close();
});
