/** Explore and the live flow table in a real browser: from the chart to the flows, by mouse, by keyboard, by link. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from './browser.ts';
import { type FakeBox, startFakeBox } from './fake_box.ts';
import { axeViolations, openTab, sidewaysScroll, type Tab } from './tab.ts';

let browser: Browser;
let box: FakeBox;
beforeAll(async () => {
  browser = await openBrowser();
  box = await startFakeBox('normal');
});
afterAll(async () => {
  await box?.stop();
  await browser?.close();
});

const tabs: Tab[] = [];
afterEach(async () => {
  for (const tab of tabs.splice(0)) await tab.close();
});

async function look(hash: string, size: 'phone' | 'desktop' = 'desktop'): Promise<Tab> {
  const tab = await openTab(browser, `${box.url}/${hash}`, { size, theme: 'light' });
  tabs.push(tab);
  return tab;
}
const shows = (page: Page, text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor({ state: 'visible' });
const filterLine = (page: Page) => page.getByRole('searchbox', { name: 'Flow filter' });
const hashOf = (page: Page): string => decodeURIComponent(new URL(page.url()).hash.replaceAll('+', ' '));

describe('explore', { timeout: 120_000 }, () => {
  it('from a host to its conversations to one of them, and back', async () => {
    const { page, complaints } = await look('#explore');
    await shows(page, /^About [\d,]+ different in this time, ± \d+ in 95 of 100 cases\.$/);
    await page.getByRole('button', { name: '10.20.1.14', exact: true }).click();
    await shows(page, 'Traffic of 10.20.1.14');
    expect(hashOf(page)).toBe('#explore?by=conversation&filter=host 10.20.1.14');
    await page.getByRole('button', { name: '10.20.1.14 ⇄ 142.250.185.78' }).click();
    await shows(page, 'Traffic of 10.20.1.14 ⇄ 142.250.185.78');
    expect(await filterLine(page).inputValue()).toBe('host 10.20.1.14 and host 142.250.185.78');
    await page.goBack();
    await page.goBack();
    await page.getByRole('button', { name: '10.20.1.9', exact: true }).waitFor();
    expect(await filterLine(page).inputValue()).toBe('');
    expect(complaints).toEqual([]);
  });

  it('hosts have their names beside their addresses: in breakdowns, tables, and what a record opens to', async () => {
    const { page, complaints } = await look('#explore');
    const row = page.getByRole('listitem').filter({ has: page.getByRole('button', { name: '10.20.1.14', exact: true }) });
    await row.getByText('laptop-anna').waitFor({ state: 'visible' });
    expect(await row.getByText('laptop-anna').getAttribute('title')).toMatch(
      /10\.20\.1\.14 is laptop-anna: from its lease \(DHCP\)/,
    );
    await page.goto(`${box.url}/#explore?by=conversation&filter=host+10.20.1.14`);
    await shows(page, 'laptop-anna ⇄ www.example.com');
    const cell = page.getByRole('cell').filter({ hasText: 'laptop-anna' }).first();
    await cell.waitFor({ state: 'visible' });
    expect(await cell.textContent()).toMatch(/10\.20\.1\.14:\d+laptop-anna/);
    await page.goto(`${box.url}/#explore?picture=graph`);
    await page.getByRole('button', { name: /^10\.20\.1\.14, laptop-anna, .*: show its conversations$/ }).waitFor();
    await page.goto(`${box.url}/#explore?picture=matrix`);
    await page.getByRole('rowheader').filter({ hasText: '10.20.1.14' }).getByText('laptop-anna').waitFor();
    await page.goto(`${box.url}/#overview`);
    const hosts = page.locator('.top-host');
    await hosts.getByText('laptop-anna').waitFor({ state: 'visible' });
    await hosts.getByRole('button', { name: '10.20.1.14' }).waitFor({ state: 'visible' });
    expect(await axeViolations(page)).toEqual([]);
    const { page: phone } = await look('#explore', 'phone');
    await shows(phone, 'laptop-anna');
    expect(await sidewaysScroll(phone)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
  });

  it('a filter finds records; a record opens to all of its elements', async () => {
    const { page, complaints } = await look('#explore?by=service');
    await filterLine(page).fill('udp and src ip 10.20.1.11');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: '10.20.0.53 domain (udp/53)' }).waitFor();
    const table = page.getByRole('region', { name: 'Flow records' }).getByRole('row');
    await table.nth(1).waitFor();
    expect(await table.nth(1).textContent()).toMatch(/udp10\.20\.1\.11:40\d+10\.20\.0\.53:53/);
    await table.nth(1).getByRole('button').click();
    await shows(page, 'reverseLayer2OctetDeltaCount');
    await page.getByRole('button', { name: 'Show more records' }).click();
    await expect.poll(() => table.count()).toBeGreaterThan(60);
    expect(complaints).toEqual([]);
  });

  it('a host’s name finds its records; one that no host bears is marked', async () => {
    const { page } = await look('#explore?by=source&filter=src+hostname+laptop-*');
    await page.getByRole('button', { name: '10.20.1.14' }).first().waitFor();
    expect(await page.getByRole('button', { name: /^10\.20\.1\.11/ }).count()).toBe(0);
    await filterLine(page).fill('udp and hostname lapdog');
    await page.keyboard.press('Enter');
    await shows(page, /at 17: no host that is known now is called 'lapdog'/);
    expect(await page.locator('mark').textContent()).toBe('lapdog');
  });

  it('a mistake is marked where it is, with what is allowed', async () => {
    const { page } = await look('#explore');
    await filterLine(page).fill('tcp and prot 80');
    await page.keyboard.press('Enter');
    await shows(page, /at 8: 'prot' is no field; did you mean/);
    expect(await page.locator('mark').textContent()).toBe('prot');
    expect(await filterLine(page).getAttribute('aria-invalid')).toBe('true');
    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => page.locator('mark').count()).toBe(0);
  });

  it('a stretch of the chart becomes the time, by mouse and by keyboard', async () => {
    const { page } = await look('#explore?last=24h');
    await page.locator('.history .u-over').waitFor();
    // What the chart says of itself: how much it shows.
    const shown = async (): Promise<string> => (await page.locator('.history .plot').getAttribute('aria-label'))!.split(': ')[1]!;
    const ofTheDay = await shown();
    const area = (await page.locator('.history .u-over').boundingBox())!;
    await page.mouse.move(area.x + area.width * 0.5, area.y + 50);
    await page.mouse.down();
    await page.mouse.move(area.x + area.width * 0.75, area.y + 60, { steps: 5 });
    await page.mouse.up();
    await expect.poll(() => hashOf(page)).toMatch(/from=\d+&to=\d+/);
    const { from, to } = Object.fromEntries(new URLSearchParams(hashOf(page).split('?')[1])) as Record<string, string>;
    expect((Number(to) - Number(from)) / 3_600_000).toBeCloseTo(6, 0);

    await expect.poll(shown, { timeout: 15_000 }).not.toBe(ofTheDay);
    await page.locator('.history .plot').focus();
    for (const key of ['ArrowLeft', 'Enter', 'PageUp', 'Enter']) await page.keyboard.press(key);
    await expect
      .poll(
        () =>
          Number(new URLSearchParams(hashOf(page).split('?')[1]).get('to')) -
          Number(new URLSearchParams(hashOf(page).split('?')[1]).get('from')),
      )
      .toBeLessThan(Number(to) - Number(from));
    await page.getByRole('button', { name: 'Wider' }).click();
    await page.getByRole('button', { name: '1 h', exact: true }).click();
    await expect.poll(() => hashOf(page)).toBe('#explore');
  });

  it('a stretch of the chart becomes the time by finger, and one that moves up scrolls', async () => {
    const { page } = await look('#explore?last=24h', 'phone');
    const over = page.locator('.history .u-over');
    await over.waitFor();
    await over.scrollIntoViewIfNeeded();
    const area = (await over.boundingBox())!;
    const touches = await page.context().newCDPSession(page);
    const swipe = async (...points: readonly (readonly [x: number, y: number])[]): Promise<void> => {
      for (const [at, [x, y]] of points.entries())
        await touches.send('Input.dispatchTouchEvent', {
          type: at === 0 ? 'touchStart' : 'touchMove',
          touchPoints: [{ x: area.x + area.width * x, y: area.y + y }],
        });
      await touches.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    };
    const scrolled = (): Promise<number> => page.evaluate(() => scrollY);
    const before = await scrolled();
    await swipe([0.5, 150], [0.5, 100], [0.5, 40], [0.5, 10]);
    await expect.poll(scrolled).toBeGreaterThan(before);
    expect(hashOf(page)).toBe('#explore?last=24h');
    await page.evaluate((y) => scrollTo(0, y), before);
    await swipe([0.5, 60], [0.55, 62], [0.65, 61], [0.75, 60]);
    await expect.poll(() => hashOf(page)).toMatch(/from=\d+&to=\d+/);
    const { from, to } = Object.fromEntries(new URLSearchParams(hashOf(page).split('?')[1])) as Record<string, string>;
    expect((Number(to) - Number(from)) / 3_600_000).toBeCloseTo(6, 0);
  });

  it('a link opens the same in another browser: time, breakdown, filter and picture', async () => {
    const { page } = await look('#explore?last=24h');
    await page.getByRole('combobox', { name: 'Broken down by' }).selectOption('application');
    await filterLine(page).fill('tcp and dst port 443');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Wider' }).click();
    await page.getByRole('button', { name: 'Graph' }).click();
    await expect.poll(() => hashOf(page)).toMatch(/picture=graph/);
    const shown = async (tab: Page): Promise<unknown[]> => {
      await tab.locator('.topology .node').first().waitFor();
      return [
        await filterLine(tab).inputValue(),
        await tab.locator('.explore-time').textContent(),
        await tab.locator('.topology .node').count(),
        await tab.getByRole('button', { name: 'Graph' }).getAttribute('aria-pressed'),
      ];
    };
    const here = await shown(page);
    const other = await openTab(browser, page.url(), { size: 'desktop', theme: 'dark' });
    tabs.push(other);
    expect(await shown(other.page)).toEqual(here);
    await other.page.getByRole('button', { name: 'List', exact: true }).click();
    expect(await other.page.getByRole('combobox', { name: 'Broken down by' }).inputValue()).toBe('application');
  });

  it('graph and matrix lead on, with the keyboard too', async () => {
    const { page, complaints } = await look('#explore?picture=graph');
    const node = page.getByRole('button', { name: /^10\.20\.1\.14, .*conversations$/ });
    await node.focus();
    await page.keyboard.press('Enter');
    await shows(page, 'Traffic of 10.20.1.14');
    await page.goto(`${box.url}/#explore?picture=matrix`);
    // Records below have buttons in cells too; the matrix itself stands there only once it answers the question.
    const matrix = page.getByRole('region', { name: 'Hosts and services' });
    await matrix.getByRole('cell').getByRole('button').first().click();
    await expect
      .poll(() => hashOf(page))
      .toMatch(/by=conversation&filter=host 10\.20\.1\.\d+ and host 198\.51\.100\.7 and proto tcp and port 443/);
    expect(complaints).toEqual([]);
  });

  it.each(['#explore?filter=udp', '#explore?picture=graph', '#explore?picture=matrix', '#debug?filter=udp'])(
    'on a phone: %s fits and is accessible',
    async (hash) => {
      const { page, complaints } = await look(hash, 'phone');
      await page.locator('.flow-table, .topology, .heat-map').first().waitFor();
      expect(await sidewaysScroll(page)).toBeLessThanOrEqual(0);
      expect(await axeViolations(page)).toEqual([]);
      expect(await page.locator('main').textContent()).not.toMatch(/undefined|NaN|\[object|Infinity/);
      expect(complaints).toEqual([]);
    },
  );
});

describe('live flows', { timeout: 60_000 }, () => {
  it('follow a filter that is in the link, and hold still', async () => {
    const { page } = await look('#debug?filter=udp');
    const rows = page.getByRole('region', { name: 'Flow records' }).getByRole('row');
    await rows.nth(1).waitFor();
    expect(await rows.nth(1).textContent()).toContain('10.20.0.53:53');
    await filterLine(page).fill('tcp and dst port 443');
    await page.keyboard.press('Enter');
    await expect.poll(() => rows.nth(1).textContent()).toContain('198.51.100.7:443');
    expect(hashOf(page)).toBe('#debug?filter=tcp and dst port 443');
    await page.getByRole('button', { name: 'Hold still' }).first().click();
    await page.getByRole('button', { name: 'Go on' }).first().waitFor();
  });
});
