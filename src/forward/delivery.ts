/**
 * Who gets the rows: every destination by itself, the first of a failover group that takes them, or each of a balance group
 * its share of the flows. A failover group has one place in the spool, under its own name; a balance group has one for each
 * share. A share whose member is down goes to the next, as in a failover group. Pure.
 */
import type { DestinationSettings } from '../config/schema.ts';

export interface Delivery {
  /** Of the destination or the group; of a share `group/member`. */
  readonly name: string;
  /** In the order in which they are tried; the settings' order, of a share from its own member on. */
  readonly members: readonly DestinationSettings[];
  /** Of a balance group: the names of all its members. Absent: every row is for this delivery. */
  readonly sharedBy?: readonly string[];
}

export function deliveriesOf(destinations: readonly DestinationSettings[]): Delivery[] {
  const groups = new Map<string, DestinationSettings[]>();
  for (const destination of destinations) {
    const { name, failoverGroup, balanceGroup } = destination;
    const key = failoverGroup || balanceGroup || name;
    groups.set(key, [...(groups.get(key) ?? []), destination]);
  }
  return [...groups].flatMap(([name, members]) => {
    if (members[0]!.balanceGroup === '') return [{ name, members }];
    const sharedBy = members.map((member) => member.name);
    return members.map((member, own) => ({
      name: `${name}/${member.name}`,
      members: [...members.slice(own), ...members.slice(0, own)],
      sharedBy,
    }));
  });
}

/** Members of balance groups by the names of their shares, for the spool. */
export function sharesOf(deliveries: readonly Delivery[]): ReadonlyMap<string, readonly string[]> {
  return new Map(deliveries.flatMap(({ name, sharedBy }) => (sharedBy === undefined ? [] : [[name, sharedBy] as const])));
}
