/**
 * Named figures about the box, rendered for `/metrics` by prom-client. Hot paths keep plain numbers and are read through
 * gauges at scrape time; nothing here is called per packet or per flow. prom-client is loaded with the first scrape: a box
 * that nobody scrapes does without its load and its memory.
 */
import type * as PromClient from 'prom-client';

export interface Metrics {
  /** A figure that only grows. `name` without prefix, in Prometheus' habit: `spool_rows_dropped_total`. */
  counter(name: string, help: string, labels?: readonly string[]): { add(amount: number, labels?: Record<string, string>): void };
  /** A figure read when asked for. The function may return one number or one per label set. */
  gauge(name: string, help: string, read: () => number | MetricSample[], labels?: readonly string[]): void;
  /** Text exposition format 0.0.4. */
  render(): Promise<string>;
}

export interface MetricSample {
  readonly labels: Record<string, string>;
  readonly value: number;
}

const prefix = 'flowspan_';

export function createMetrics(): Metrics {
  const names = new Set<string>();
  const declarations: ((client: typeof PromClient, registry: PromClient.Registry) => void)[] = [];
  let registered = 0;
  let registry: PromClient.Registry | undefined;
  /** Two figures of one name are a bug, told where it is made and not at the first scrape. */
  const declare = (name: string, register: (typeof declarations)[number]): void => {
    if (names.has(name)) throw new Error(`a figure named ${name} exists already`);
    names.add(name);
    declarations.push(register);
  };
  return {
    counter(name, help, labels = []) {
      const sums = new Map<string, { readonly labels: Record<string, string>; value: number }>();
      declare(name, ({ Counter }, registry) => {
        new Counter({
          name: prefix + name,
          help,
          labelNames: [...labels],
          registers: [registry],
          collect() {
            this.reset();
            for (const sum of sums.values()) this.inc(sum.labels, sum.value);
          },
        });
      });
      if (labels.length === 0) sums.set('', { labels: {}, value: 0 });
      return {
        add(amount, values = {}) {
          const key = labels.map((label) => values[label] ?? '').join('\0');
          const sum = sums.get(key);
          if (sum === undefined) sums.set(key, { labels: values, value: amount });
          else sum.value += amount;
        },
      };
    },
    gauge(name, help, read, labels = []) {
      declare(name, ({ Gauge }, registry) => {
        new Gauge({
          name: prefix + name,
          help,
          labelNames: [...labels],
          registers: [registry],
          collect() {
            const value = read();
            this.reset();
            if (typeof value === 'number') this.set(value);
            else for (const sample of value) this.set(sample.labels, sample.value);
          },
        });
      });
    },
    async render() {
      const client = await import('prom-client');
      registry ??= new client.Registry();
      for (; registered < declarations.length; registered++) declarations[registered]!(client, registry);
      return registry.metrics();
    },
  };
}
