/** Times of NetFlow 5 and 9: milliseconds since the exporter's start, which wrap after 49.7 days. Pure. */

/** A flow's time lies at most one wrap before the export, never after it. */
export function wallOfUptime(flowMs: number, uptimeMs: number, exportTimeMs: number): number {
  return exportTimeMs - ((uptimeMs - flowMs) >>> 0);
}
