/** Signing in, in a real browser: a new box, three roles, the end of a session, phone and desktop, keyboard and screen reader. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { password, Visitor } from './access/visitor.ts';
import { openBrowser } from './browser.ts';
import { type FakeBox, startFakeBox } from './fake_box.ts';
import type { Scenario } from './fake_feed.ts';
import { axeViolations, openTab, type Size, sidewaysScroll, type Tab, type Theme } from './tab.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

const boxes: FakeBox[] = [];
const tabs: Tab[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const tab of tabs.splice(0)) await tab.close();
  for (const box of boxes.splice(0)) await box.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function startBox(settings: Record<string, unknown> = {}, scenario: Scenario = 'normal'): Promise<FakeBox> {
  const folder = mkdtempSync(join(tmpdir(), 'access-'));
  folders.push(folder);
  const box = await startFakeBox(scenario, { port: 0, signIn: 'on', ...settings }, folder);
  boxes.push(box);
  return box;
}

async function look(url: string, size: Size = 'desktop', theme: Theme = 'light', more = {}): Promise<Tab> {
  const tab = await openTab(browser, url, { size, theme, ...more });
  tabs.push(tab);
  return tab;
}

const shows = (page: Page, text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor({ state: 'visible' });

async function checked(page: Page): Promise<void> {
  expect(await axeViolations(page)).toEqual([]);
  for (const width of [320, 390, 768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    expect(await sidewaysScroll(page), `${width} pixels`).toBeLessThanOrEqual(0);
  }
}

/** A box with an admin anna and a viewer vera. */
async function boxWithUsers(
  settings: Record<string, unknown> = {},
  scenario: Scenario = 'normal',
): Promise<{ box: FakeBox; anna: Visitor }> {
  const box = await startBox(settings, scenario);
  const anna = new Visitor(box.url);
  await anna.setUp(box.setUpCode());
  await anna.ask('POST', '/api/v1/users', { name: 'vera', role: 'viewer', password });
  return { box, anna };
}

async function signIn(page: Page, name: string, secret = password): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

describe('a new box', { timeout: 120_000 }, () => {
  it.each([
    ['phone', 'dark'],
    ['desktop', 'light'],
  ] as const)('is set up by keyboard alone, on a %s, %s', async (size, theme) => {
    const box = await startBox();
    const { page, complaints } = await look(box.url, size, theme);
    await shows(page, 'Set up this box');
    const asked = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
    expect(asked.filter((name) => /\/api\//.test(name)).map((name) => name.replace(/.*\/api/, '/api'))).toEqual([
      '/api/v1/session',
    ]);
    await checked(page);
    // The first field has the focus already.
    await page.keyboard.type(box.setUpCode().toLowerCase());
    await page.keyboard.press('Tab');
    await page.keyboard.type('anna');
    await page.keyboard.press('Tab');
    await page.keyboard.type(password);
    await page.keyboard.press('Tab');
    await page.keyboard.type(`${password}!`);
    await shows(page, 'Not the same yet');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Enter');
    await shows(page, 'Traffic now');
    await page.getByRole('link', { name: 'Access: anna, admin' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('says what is wrong with a code or a password', async () => {
    const box = await startBox();
    const { page } = await look(box.url);
    const enter = async (code: string, secret: string): Promise<void> => {
      await page.getByLabel('Set-up code').fill(code);
      await page.getByLabel('Your name').fill('anna');
      await page.getByLabel('New password').fill(secret);
      await page.getByLabel('Password again').fill(secret);
      await page.getByRole('button', { name: 'Make the first admin' }).click();
    };
    await enter('0000-0000-0000', password);
    await shows(page, /That is not the set-up code/);
    await enter(box.setUpCode(), 'short');
    await shows(page, /too short; allowed: at least 12 characters/);
    expect(await axeViolations(page)).toEqual([]);
  });
});

describe('signing in', { timeout: 120_000 }, () => {
  it('shows nothing of the box before, the page after, and nothing again when signed out', async () => {
    const { box } = await boxWithUsers();
    const { page } = await look(box.url, 'phone', 'light');
    await shows(page, 'Sign in');
    await checked(page);
    expect(await page.content()).not.toMatch(/branch|10\.20\./);
    await signIn(page, 'vera', 'not her password');
    await shows(page, 'Name and password do not belong together.');
    expect(await page.getByLabel('Password').inputValue()).toBe('');
    await signIn(page, 'Vera');
    await shows(page, '10.20.1.14');
    expect(await page.evaluate(() => document.cookie)).toBe('');
    await page.reload();
    await shows(page, '10.20.1.14');
    await page.getByRole('link', { name: 'Access: vera, viewer' }).click();
    await shows(page, 'Change your password');
    expect(await page.getByText('Add a user').count()).toBe(0);
    await checked(page);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await shows(page, 'You are signed out.');
    expect(await page.locator('body').textContent()).not.toContain('10.20.1.14');
  });

  it('an admin makes users and tokens, changes roles, and sees what was done', async () => {
    const { box, anna } = await boxWithUsers();
    const { page, complaints } = await look(box.url);
    await signIn(page, 'anna');
    await page.getByRole('link', { name: /^Access/ }).click();
    const add = page.locator('form', { hasText: 'Add a user' });
    await add.getByLabel('Name').fill('olaf');
    await add.getByLabel('Role').selectOption('operator');
    await add.getByLabel('First password').fill(password);
    await add.getByRole('button', { name: 'Add' }).click();
    await page.getByLabel('Role of olaf').waitFor();
    await page.getByLabel('Role of vera').selectOption('operator');
    const make = page.locator('form', { hasText: 'Make a token' });
    await make.getByLabel('What it is for').fill('our prometheus');
    await make.getByRole('button', { name: 'Make' }).click();
    await shows(page, /^fst_[0-9a-f]{12}_/);
    await checked(page);
    await page.getByRole('button', { name: 'Remove olaf' }).click();
    await page.getByRole('button', { name: 'Remove olaf: really' }).click();
    await page.getByLabel('Role of olaf').waitFor({ state: 'detached' });
    expect((await anna.get('/api/v1/users')).body.users).toMatchObject([{ name: 'anna' }, { name: 'vera', role: 'operator' }]);
    await page.reload();
    await shows(page, /user removed/);
    await shows(page, /token made/);
    expect(await page.locator('body').textContent()).not.toMatch(/fst_[0-9a-f]{12}_/);
    expect(complaints).toEqual([]);
  });

  it('a session that an admin ends takes the page away within seconds, and says why', async () => {
    const { box, anna } = await boxWithUsers();
    const { page } = await look(box.url);
    await signIn(page, 'vera');
    await shows(page, '10.20.1.14');
    await anna.ask('PATCH', '/api/v1/users/vera', { password: 'another good horse' });
    await shows(page, 'Your session is over. Sign in again to go on.');
    expect(await page.locator('body').textContent()).not.toContain('10.20.1.14');
    await signIn(page, 'vera', 'another good horse');
    await shows(page, '10.20.1.14');
  });

  it('over TLS with the box’s own certificate, as behind the browser’s warning', async () => {
    const box = await startBox({ tls: 'on' });
    const { page } = await look(box.url, 'desktop', 'light', { ignoreHTTPSErrors: true });
    await page.getByLabel('Set-up code').fill(box.setUpCode());
    await page.getByLabel('Your name').fill('anna');
    await page.getByLabel('New password').fill(password);
    await page.getByLabel('Password again').fill(password);
    await page.keyboard.press('Enter');
    await shows(page, '10.20.1.14');
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ name: '__Host-flowspan', httpOnly: true, secure: true, sameSite: 'Strict' });
    // Typed without https, as people do.
    await page.goto(box.url.replace('https:', 'http:'));
    await shows(page, '10.20.1.14');
    expect(page.url()).toMatch(/^https:/);
  });

  it('viewers see prefixes where addresses are hidden from them', async () => {
    const { box } = await boxWithUsers({ viewerAddresses: 'truncated' });
    const { page } = await look(box.url);
    await signIn(page, 'vera');
    await shows(page, '10.20.1.0/24');
    expect(await page.locator('body').textContent()).not.toContain('10.20.1.14');
    expect(await page.locator('body').textContent()).not.toContain('10.20.1.14');
    // A prefix leads on, as a host does to others.
    await page.getByRole('link', { name: 'Explore' }).click();
    await page
      .getByRole('button', { name: /^10\.20\.1\.0\/24/ })
      .first()
      .click();
    await expect.poll(() => page.getByRole('searchbox', { name: 'Flow filter' }).inputValue()).toBe('net 10.20.1.0/24');
    await page.locator('.flow-table tbody tr').first().waitFor();
    expect(await page.locator('main').textContent()).not.toMatch(/mistake|10\.20\.1\.1\d/);
  });
});

describe('alerts', { timeout: 120_000 }, () => {
  it('say what to do, are looked after and muted by whoever may, and only seen by viewers', async () => {
    const { box, anna } = await boxWithUsers({}, 'uplink-down');
    await anna.ask('POST', '/api/v1/users', { name: 'olaf', role: 'operator', password });
    const { page, complaints } = await look(`${box.url}/#on-call`, 'phone', 'light');
    await signIn(page, 'olaf');
    await shows(page, '2 stand, 1 to look at now');
    await shows(page, /Nothing is lost while the spool has room/);
    await shows(page, /olaf looks after it/);
    await page.getByRole('button', { name: 'I look after it: Uplink noc-archive is down' }).click();
    await page.getByText('olaf looks after it').nth(1).waitFor();
    await page.getByLabel('Mute: Uplink noc-archive is down').selectOption('8 hours');
    await shows(page, /Muted by olaf until/);
    await shows(page, /cleared .* after 1\sh/);
    await checked(page);
    expect(complaints).toEqual([]);
    const seen = await look(`${box.url}/#on-call`, 'desktop', 'dark');
    await signIn(seen.page, 'vera');
    await shows(seen.page, /Muted by olaf until/);
    expect(await seen.page.getByRole('button', { name: /look after it|Unmute/ }).count()).toBe(0);
    await checked(seen.page);
  });

  it('can be tended on an open page too, as on a box without users', async () => {
    const box = await startFakeBox('uplink-down');
    boxes.push(box);
    const { page } = await look(`${box.url}/#on-call`);
    await page.getByRole('button', { name: 'I look after it: Uplink noc-archive is down' }).click();
    await shows(page, /anybody looks after it/);
  });
});

describe('sessions in time', { timeout: 120_000 }, () => {
  it('a browser in which nobody moves is signed out; one in which somebody moves is not', async () => {
    const { box } = await boxWithUsers({ sessionIdleS: 6 });
    const [idle, busy] = [await look(box.url), await look(box.url)];
    for (const { page } of [idle, busy]) {
      await signIn(page, 'vera');
      await shows(page, '10.20.1.14');
    }
    const over = idle.page
      .getByText('Your session is over. Sign in again to go on.')
      .waitFor({ timeout: 40_000 })
      .then(() => true);
    for (let n = 0; !(await Promise.race([over, busy.page.waitForTimeout(500).then(() => false)])); n++)
      await busy.page.mouse.move(50 + (n % 2) * 20, 50);
    expect(await busy.page.getByText('10.20.1.14').count()).toBeGreaterThan(0);
  }, 60_000);
});
