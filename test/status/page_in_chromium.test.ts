/**
 * The built page in a real browser, over the real server and a pretended office: every view, size and theme; every trouble a
 * technician may find; keyboard alone; a box that hangs, goes away and comes back.
 */
import { scheduler } from 'node:timers/promises';
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from './browser.ts';
import { type FakeBox, startFakeBox } from './fake_box.ts';
import type { Scenario } from './fake_feed.ts';
import { getRaw } from './served.ts';
import { axeViolations, openTab, type Size, sidewaysScroll, type Tab, type Theme } from './tab.ts';

const weightMax = 100_000;

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

const boxes: FakeBox[] = [];
const tabs: Tab[] = [];
afterEach(async () => {
  for (const tab of tabs.splice(0)) await tab.close();
  for (const box of boxes.splice(0)) await box.stop();
});

async function startBox(scenario: Scenario, port = 0): Promise<FakeBox> {
  const box = await startFakeBox(scenario, { port });
  boxes.push(box);
  return box;
}

async function look(url: string, size: Size = 'desktop', theme: Theme = 'light', more = {}): Promise<Tab> {
  const tab = await openTab(browser, url, { size, theme, ...more });
  tabs.push(tab);
  return tab;
}

/** What the main part says, to eyes and to screen readers; thin spaces as plain ones. */
const seen = async (page: Page): Promise<string> =>
  ((await page.locator('main').textContent()) ?? '').replaceAll(/[\u202f\u00a0]/g, ' ');
const shows = (page: Page, text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor({ state: 'visible' });

const firstWords = {
  overview: [
    'Traffic now',
    'Accounted for',
    'Hosts',
    'Conversations',
    'Applications',
    'Protocols',
    'VLANs',
    '10.20.1.14',
    'https',
  ],
  'on-call': [
    'Targets',
    'Records that arrived, of the last hour',
    'Uplinks',
    'noc-archive',
    'Flow’s end to sent',
    '99 of 100 within 31 s',
    'Stores',
    'Interfaces',
    'Events',
    'Processor',
    'eth1',
  ],
  explore: ['Traffic', 'Broken down', 'Flow records', '10.20.1.14', 'Earlier', 'Such as'],
  debug: [
    'Live flows',
    'Meter',
    'Flow cache',
    'Block queue',
    'Metering threads',
    'Thread 1',
    'Ended by FIN or RST',
    'Sampling',
    'all others',
    'guests',
    '1 flow in 16',
    'Encrypted',
    'Ports against the meter',
    'They agree',
    'Application by its port',
    '"receivedPackets"',
    '/metrics',
  ],
} as const;
const names = { overview: 'Overview', 'on-call': 'On call', explore: 'Explore', debug: 'Debug' } as const;
const views = Object.keys(firstWords) as (keyof typeof firstWords)[];
const everyLook = (['phone', 'desktop'] as const).flatMap((size) =>
  (['light', 'dark'] as const).map((theme) => ({ size, theme })),
);

describe('every view', { timeout: 120_000 }, () => {
  it.each(everyLook)('on a $size, $theme: content, no complaint, nothing cut, accessible', async ({ size, theme }) => {
    const box = await startBox('normal');
    const { page, complaints } = await look(`${box.url}/#overview`, size, theme);
    for (const view of views) {
      if (view !== 'overview') await page.getByRole('link', { name: names[view] }).first().click();
      for (const words of firstWords[view]) await shows(page, words);
      expect(await seen(page), view).not.toMatch(/undefined|NaN|\[object|Infinity/);
      expect(await sidewaysScroll(page), view).toBeLessThanOrEqual(0);
      expect(await axeViolations(page), view).toEqual([]);
    }
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe(theme);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [r = 0, g = 0, b = 0] = ground.match(/\d+/g)!.map(Number);
    expect(r + g + b < 200).toBe(theme === 'dark');
    expect(complaints).toEqual([]);
  });
});

describe('troubles', { timeout: 120_000 }, () => {
  const troubles: [Scenario, string, (string | RegExp)[]][] = [
    ['no-data', '', [/No traffic for \d+\smin/, /mirror session/i, 'flowspan doctor']],
    ['uplink-down', '', [/Uplink noc-archive is down/]],
    [
      'uplink-down',
      '#on-call',
      [/things need attention/, /The connection timed out/, /Next attempt/, 'Refused', /Check mqtt\.brokers/, /supply voltage/],
    ],
    [
      'catching-up',
      '#on-call',
      ['Everything works', 'Catching up', /records left of 3\.6/, /about 31\smin/, /observation domain 2147483649/],
    ],
    ['disk-full', '#on-call', ['The history is stopped', 'The disk is full', /opens again by itself/]],
    [
      'ledger-fault',
      '#overview?ledger',
      [/does not hold for packets/, 'metered = handed over + in the cache', /difference of 127/],
    ],
    [
      'first-start',
      '#on-call',
      ['Not configured yet', /Add one under export\.destinations/, /collector\.example\.net/, /10\.20\.0\.0\/16/],
    ],
    ['just-on', '', ['No history yet', 'No host yet', /The first window closes about two minutes after/]],
    ['just-on', '#explore', ['No history yet', 'Nothing is counted yet', /The first window closes about two minutes after/]],
    ['just-on', '#explore?from=1767264000000&to=1767267600000', [/The box was off, or its port saw no traffic/]],
    ['year', '#on-call', ['Everything works', /Show all 200/]],
    [
      'year',
      '#overview',
      [
        ...['Cost centres', /€\d/, 'Of the line'],
        ...['Growth', /(more|less|as) .*the week before/, /the line carries|all of the line/, /one second in twenty|not grow/i],
      ],
    ],
    ['first-start', '#overview', [/Set line\.kbitsPerSecond|shows after two weeks/]],
    [
      'one-way-mirror',
      '#on-call',
      [
        'The mirror shows one direction only',
        /5,122 of 5,310 TCP conversations/,
        /set the monitor session to both directions/,
        'Seen both ways',
        '1 trouble',
      ],
    ],
    ['one-way-mirror', '#overview', ['The mirror shows one direction only']],
    ['year', '#overview', ['Anomalies', 'not looked for yet', /stun/, /times as much/, /A comparison of two days/]],
    ['first-start', '', ['Anomalies', 'No comparison with a week before yet', /0 of the same 24 hours|of the last 24 hours/]],
    ['year', '#overview?last=7d', ['Last 7 days', /2001:db8:/, 'A week before', /(than|as) a week before/]],
  ];
  it.each(troubles)('%s, at %j', async (scenario, hash, words) => {
    const box = await startBox(scenario);
    const { page, complaints } = await look(`${box.url}/${hash}`, 'phone', 'dark');
    for (const text of words) await shows(page, text);
    expect(await seen(page)).not.toMatch(/undefined|NaN|\[object|Infinity/);
    expect(await axeViolations(page)).toEqual([]);
    // From the smallest phone still sold to a wide screen.
    for (const width of [320, 390, 768, 1024, 1440, 2560]) {
      await page.setViewportSize({ width, height: 900 });
      expect(await sidewaysScroll(page), `${width} pixels`).toBeLessThanOrEqual(0);
    }
    expect(complaints).toEqual([]);
  });

  it('a ledger that does not balance is never called 100 %', async () => {
    const box = await startBox('ledger-fault');
    const { page } = await look(box.url);
    await shows(page, /does not hold/);
    expect(await page.locator('body').textContent()).not.toMatch(/Accounted for: 100/);
  });

  it('says that nothing was metered when the history is empty', async () => {
    const box = await startBox('no-data');
    const { page } = await look(box.url);
    await shows(page, 'Nothing was metered in this time');
    await shows(page, /No host in this time/);
  });

  it('shows what others wrote as text, never as markup', async () => {
    const box = await startBox('uplink-down');
    const { page, complaints } = await look(`${box.url}/#on-call`);
    const status = box.live.latest()!;
    const evil = '<img src=x onerror=document.title=1><script>document.title=2</script>';
    box.hang();
    box.live.pushStatus({
      ...status,
      uplinks: status.uplinks.map((uplink) => ({ ...uplink, state: 'waiting', reason: evil })),
      events: [{ atMs: status.nowMs, level: 'error', event: 'odd', text: evil }],
    });
    await shows(page, evil);
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});

describe('the connection', { timeout: 120_000 }, () => {
  it('says when the box hangs, when it is gone, and that it is back', async () => {
    const box = await startBox('normal');
    const { page } = await look(box.url);
    const state = page.locator('header [role=status]');
    await state.getByText('Live').waitFor();
    box.hang();
    await state.getByText(/Silent since \d\d:\d\d:\d\d/).waitFor();
    await shows(page, /has not reported since/);
    const port = Number(new URL(box.url).port);
    await boxes.splice(0)[0]!.stop();
    await state.getByText('Reconnecting').waitFor();
    await state.getByText(/Lost since/).waitFor();
    await shows(page, /What you see is from then/);
    // The last figures stay to be read, but no old rate is shown as now.
    await shows(page, '10.20.1.14');
    expect(await page.locator('.hero-value').textContent()).toBe('–');
    await startBox('normal', port);
    await state.getByText('Live').waitFor({ timeout: 30_000 });
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});

describe('the first view', { timeout: 120_000 }, () => {
  /** A tab in which the page's script is held back until `until` holds, and what was asked for. */
  async function lookSlowly(
    scenario: Scenario,
    until: (asked: readonly string[], page: Page) => boolean | Promise<boolean>,
    routes: Readonly<Record<string, (route: Route) => Promise<void>>>,
  ): Promise<[Page, string[]]> {
    const box = await startBox(scenario);
    const page = await browser.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    for (const [path, go] of Object.entries(routes)) await page.route(`**${path}`, go, { times: 1 });
    await page.route(/assets\/index-.*\.js$/, async (route) => {
      await expect.poll(() => until(asked, page), { timeout: 20_000 }).toBe(true);
      await route.continue();
    });
    await page.goto(box.url, { waitUntil: 'commit' });
    return [page, asked];
  }
  const times = (asked: readonly string[], path: string): number => asked.filter((one) => one === path).length;

  /** The stream is open, as the page has heard: only then need nobody ask for seconds again. */
  const isOpen = (page: Page): Promise<boolean> =>
    page.evaluate(() =>
      (globalThis as { ahead?: { events: { heard: { type: string }[] } } }).ahead!.events.heard.some(
        ({ type }) => type === 'open',
      ),
    );

  it.each([
    { seconds: 'are there first', laterMs: 0 },
    { seconds: 'come later', laterMs: 1_000 },
  ])(
    'asks for its figures while its scripts are on their way, and for none of them twice, where seconds $seconds',
    async ({ laterMs }) => {
      const [page, asked] = await lookSlowly(
        'normal',
        async (already, page) => already.includes('/api/v1/traffic/seconds') && (await isOpen(page)),
        {
          '/api/v1/traffic/seconds': async (route) => {
            await scheduler.wait(laterMs);
            await route.continue();
          },
        },
      );
      await page.locator('.hero-value', { hasText: /\d/ }).waitFor();
      await shows(page, 'Live');
      // It goes on by the same stream, from where the seconds it has asked for end.
      const before = await page.locator('.hero-value').textContent();
      await expect.poll(() => page.locator('.hero-value').textContent(), { timeout: 20_000 }).not.toBe(before);
      for (const path of ['/api/v1/session', '/api/v1/events', '/api/v1/traffic/seconds'])
        expect([path, times(asked, path)]).toEqual([path, 1]);
      await page.close();
    },
  );

  it.each(['/api/v1/session', '/api/v1/events', '/api/v1/traffic/seconds'])(
    'comes all the same where %s fails at first',
    async (path) => {
      const [page, asked] = await lookSlowly('normal', (already) => already.includes(path), { [path]: (route) => route.abort() });
      await page.locator('.hero-value', { hasText: /\d/ }).waitFor();
      await shows(page, 'Live');
      expect(times(asked, path)).toBeGreaterThan(1);
      await page.close();
    },
  );
});

describe('an uplink', { timeout: 120_000 }, () => {
  it('that goes down and comes back is said while it lasts, in every view, and no longer', async () => {
    const box = await startBox('normal');
    const { page, complaints } = await look(`${box.url}/#on-call`);
    await shows(page, 'Everything works');
    const status = box.live.latest()!;
    const [first, ...others] = status.uplinks;
    box.hang();
    const reason = 'The connection timed out.';
    const waiting = {
      state: 'waiting',
      reason,
      backlogRecords: 41_300,
      backlogOctets: 9_000_000,
      backlogAgeMs: 95_000,
      kind: 'netflow',
    } as const;
    box.live.pushStatus({ ...status, uplinks: [{ ...first!, ...waiting }, ...others] });
    await shows(page, `Uplink ${first!.name} is down`);
    await shows(page, /41.300 records wait in the spool/);
    await shows(page, reason);
    await shows(page, 'NetFlow');
    await page.getByText('1 need attention').waitFor({ state: 'attached' });
    await page.getByRole('link', { name: 'Overview' }).click();
    await shows(page, new RegExp(`Uplink ${first!.name} is down`));
    await shows(page, /\d of \d uplinks up/);
    box.live.pushStatus(status);
    await page.getByText(/is down/).waitFor({ state: 'detached' });
    await page
      .getByRole('navigation')
      .getByRole('link', { name: /^On call/ })
      .click();
    await shows(page, 'Everything works');
    expect(await page.getByText('need attention').count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});

describe('by hand', { timeout: 120_000 }, () => {
  it('everything is reached by keyboard alone', async () => {
    const box = await startBox('normal');
    const { page } = await look(box.url);
    const focused = (): Promise<string> =>
      page.evaluate(
        () => document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute('aria-label') || '',
      );
    const tabTo = async (wanted: RegExp): Promise<void> => {
      for (let n = 0; n < 60; n++) {
        if (wanted.test(await focused())) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`no way by keyboard to ${wanted}`);
    };
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    await tabTo(/^packets\/s$/);
    expect(await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)).not.toBe('none');
    await page.keyboard.press('Enter');
    await shows(page, /packets\/s$/);
    await tabTo(/Accounted for/);
    await page.keyboard.press('Enter');
    await shows(page, 'Terms of the ledger');
    await tabTo(/^24 h$/);
    await page.keyboard.press('Space');
    await shows(page, 'Last 24 hours');
    await page.reload();
    await page.keyboard.press('Tab');
    await tabTo(/^On call/);
    await page.keyboard.press('Enter');
    await shows(page, 'Stores');
    await tabTo(/^Theme/);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
  });

  it('a chart is read point by point with the keyboard, and said', async () => {
    const box = await startBox('normal');
    const { page } = await look(box.url);
    await shows(page, '10.20.1.14');
    for (const chart of await page.getByRole('slider').all()) {
      expect(await chart.getAttribute('aria-label')).toMatch(/^Traffic of the last/i);
      await chart.focus();
      await page.keyboard.press('Home');
      const first = await chart.getAttribute('aria-valuetext');
      expect(first).toMatch(/\d\d:\d\d.*(bit\/s|not metered)/);
      expect(await chart.getAttribute('aria-valuenow')).toBe('0');
      await page.keyboard.press('ArrowRight');
      expect(await chart.getAttribute('aria-valuetext')).not.toBe(first);
      expect(await chart.getAttribute('aria-valuenow')).toBe('1');
      await page.keyboard.press('End');
      expect(await chart.getAttribute('aria-valuenow')).toBe(await chart.getAttribute('aria-valuemax'));
    }
    expect(await page.getByRole('slider').count()).toBe(2);
  });

  it('the address carries the state, and links of others are understood', async () => {
    const box = await startBox('normal');
    const { page } = await look(`${box.url}/#overview?last=24h`);
    await shows(page, 'Last 24 hours');
    await page.getByRole('button', { name: '6 h', exact: true }).click();
    await shows(page, 'Last 6 hours');
    expect(page.url()).toContain('last=6h');
    await page.getByRole('navigation').getByRole('link', { name: 'On call' }).click();
    await shows(page, 'Stores');
    await page.goBack();
    await shows(page, 'Last 6 hours');
    await page.goBack();
    await shows(page, 'Last 24 hours');
  });

  it('a chosen theme is kept, and is there before the first drawing', async () => {
    const box = await startBox('normal');
    const { page } = await look(box.url, 'desktop', 'light');
    const theme = page.getByRole('button', { name: /^Theme/ });
    await theme.click();
    await theme.click();
    const chosen = await page.evaluate(() => document.documentElement.dataset.theme);
    expect(chosen).toBe('dark');
    await page.goto(`${box.url}/?again`, { waitUntil: 'commit' });
    await page.waitForFunction(() => document.body !== null);
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
  });

  it('a click on an address copies it', async () => {
    const box = await startBox('normal');
    const { page } = await look(box.url, 'desktop', 'light', { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByRole('button', { name: '10.20.1.14', exact: true }).first().click();
    await shows(page, 'Copied');
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('10.20.1.14');
  });
});

describe('weight', () => {
  it(`the first view is at most ${weightMax} octets over the wire, gzip`, async () => {
    const box = await startBox('normal');
    const { page } = await look(box.url);
    await shows(page, '10.20.1.14');
    await page.locator('.hero .plot canvas').waitFor();
    const paths = await page.evaluate(() => [
      location.pathname,
      ...performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname),
    ]);
    const assets = [...new Set(paths)].filter((path) => !path.startsWith('/api/'));
    expect(assets.length).toBeGreaterThanOrEqual(4);
    let octets = 0;
    for (const path of assets) {
      const { status, head, body } = await getRaw(Number(new URL(box.url).port), path, ['accept-encoding: gzip']);
      expect(status, path).toBe(200);
      octets += head.length + body.length;
    }
    expect(octets).toBeLessThanOrEqual(weightMax);
  });
});
