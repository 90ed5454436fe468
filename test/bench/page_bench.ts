/**
 * The page's first view on a slow phone: what goes over the wire, and when it shows figures and answers. Chromium with its
 * processor slowed down to a quarter, over a WLAN of 10 Mbit/s and 20 ms; nothing in its cache. Prints one line of JSON a figure.
 *
 *   scripts/bench page [--rounds 5]
 */
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { openBrowser, sizes } from '../status/browser.ts';
import { startFakeBox } from '../status/fake_box.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = Number(values.rounds);
const slowdown = 4;
const network = { offline: false, latency: 20, downloadThroughput: 1.25e6, uploadThroughput: 6.25e5 };
const print = (figure: object): void => void process.stdout.write(`${JSON.stringify({ bench: 'page', ...figure })}\n`);

interface Measured {
  /** The first figure of the line is there. */
  readonly figureMs: number;
  /** And the main thread is free: what is touched then answers at once. */
  readonly interactiveMs: number;
  /** The first chart is drawn. */
  readonly chartMs: number;
  /** Until the figure, and until the chart: the stream of live figures, which never ends, not among them. */
  readonly octets: number;
  readonly octetsWithChart: number;
}

/** Runs in the page, before anything of it. */
function watch(): void {
  const told = { figureMs: 0, busyUntilMs: 0, chartMs: 0 };
  Object.assign(globalThis, { told });
  new PerformanceObserver((list) => {
    for (const task of list.getEntries())
      if (told.figureMs === 0 || task.startTime <= told.figureMs) told.busyUntilMs = task.startTime + task.duration;
  }).observe({ type: 'longtask', buffered: true });
  const look = (): void => {
    const text = document.querySelector('.hero-value')?.textContent ?? '';
    if (told.figureMs === 0 && /\d/.test(text)) told.figureMs = performance.now();
    if (document.querySelector('.hero .plot canvas') !== null) told.chartMs = performance.now();
    if (told.figureMs === 0 || told.chartMs === 0) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

async function measure(browser: Browser, url: string): Promise<Measured> {
  const context = await browser.newContext({ viewport: sizes.phone, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', network);
  await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
  let octets = 0;
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    octets += encodedDataLength;
  });
  await page.addInitScript(watch);
  await page.goto(url, { waitUntil: 'commit' });
  await page.locator('.hero-value', { hasText: /\d/ }).waitFor();
  const octetsThen = octets;
  await page.locator('.hero .plot canvas').waitFor();
  const octetsWithChart = octets;
  await page.waitForTimeout(300); // long tasks are told once they are over
  const { figureMs, busyUntilMs, chartMs } = await page.evaluate<Record<'figureMs' | 'busyUntilMs' | 'chartMs', number>>('told');
  await context.close();
  return { figureMs, interactiveMs: Math.max(figureMs, busyUntilMs), chartMs, octets: octetsThen, octetsWithChart };
}

const box = await startFakeBox('normal');
const browser = await openBrowser();
const all: Measured[] = [];
for (let round = 0; round < rounds; round++) all.push(await measure(browser, box.url));
await browser.close();
await box.stop();
const least = (of: (one: Measured) => number): number => Math.round(Math.min(...all.map(of)));
print({ what: 'octets until the first figure, data among them', value: least(({ octets }) => octets) });
print({
  what: 'octets of the first view with its chart, data among them',
  value: least(({ octetsWithChart }) => octetsWithChart),
});
print({ what: 'first chart, ms', value: least(({ chartMs }) => chartMs) });
print({ what: 'first figure, ms', value: least(({ figureMs }) => figureMs) });
print({
  what: 'interactive, ms',
  value: least(({ interactiveMs }) => interactiveMs),
  most: 1_000,
  rounds: all.map(({ interactiveMs }) => Math.round(interactiveMs)),
});
