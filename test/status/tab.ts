/** One tab of the browser for the page's tests. Everything it says to its console is kept. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { sizes } from './browser.ts';

export type Size = keyof typeof sizes;
export type Theme = 'light' | 'dark';

export interface Tab {
  readonly page: Page;
  /** Errors and warnings of the console, uncaught exceptions, requests that failed or left the box. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export async function openTab(
  browser: Browser,
  url: string,
  { size, theme, ...more }: { size: Size; theme: Theme } & BrowserContextOptions,
): Promise<Tab> {
  const context = await browser.newContext({
    viewport: sizes[size],
    colorScheme: theme,
    deviceScaleFactor: size === 'phone' ? 2 : 1,
    hasTouch: size === 'phone',
    isMobile: size === 'phone',
    timezoneId: 'Europe/Lisbon',
    locale: 'en-GB',
    reducedMotion: 'reduce',
    ...more,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(url).origin)) complaints.push(`left the box: ${request.url()}`);
  });
  await page.goto(url);
  await page.waitForSelector('main h1');
  return { page, complaints, close: () => context.close() };
}

export interface Violation {
  readonly rule: string;
  readonly impact: string;
  readonly where: string;
}

/** Everything that axe-core finds, its best practices and the size of targets (WCAG 2.2) among it. Runs beside the page's policy, which would forbid a script tag. */
export async function axeViolations(page: Page): Promise<Violation[]> {
  axeSource ??= await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(axeSource);
  const found = (await page.evaluate(
    'axe.run(document, { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } })',
  )) as {
    violations: { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }[];
  };
  return found.violations.map(({ id, impact, nodes }) => ({
    rule: id,
    impact,
    where: nodes.map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary}`).join('\n'),
  }));
}

let axeSource: string | undefined;

/** How far the page can be scrolled sideways, in CSS pixels: 0 on a good page. */
export function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
