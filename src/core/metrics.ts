/**
 * Named figures about the box, rendered for `/metrics` by prom-client. Hot paths keep plain numbers and are read through
 * gauges at scrape time; nothing here is called per packet or per flow.
 */
import { Counter, Gauge, Registry } from 'prom-client';

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
  const registry = new Registry();
  return {
    counter(name, help, labels = []) {
      const counter = new Counter({ name: prefix + name, help, labelNames: [...labels], registers: [registry] });
      return { add: (amount, values = {}) => counter.inc(values, amount) };
    },
    gauge(name, help, read, labels = []) {
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
    },
    render: () => registry.metrics(),
  };
}
