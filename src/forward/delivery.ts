/**
 * Who gets the rows: every destination by itself, or the first of a failover group that takes them. A group has one place
 * in the spool, under its own name. Pure.
 */
import type { DestinationSettings } from '../config/schema.ts';

export interface Delivery {
  /** Of the destination, or of the group. */
  readonly name: string;
  /** In the order in which they are tried; the settings' order. */
  readonly members: readonly DestinationSettings[];
}

export function deliveriesOf(destinations: readonly DestinationSettings[]): Delivery[] {
  const groups = new Map<string, DestinationSettings[]>();
  for (const destination of destinations) {
    const { name, failoverGroup } = destination;
    const key = failoverGroup === '' ? name : failoverGroup;
    groups.set(key, [...(groups.get(key) ?? []), destination]);
  }
  return [...groups].map(([name, members]) => ({ name, members }));
}
