/**
 * What happened to the mirror ports between two looks, as events for the journal: down, up, unplugged, plugged again, renamed,
 * another MTU. Ports are compared by place, which is their order in the settings; names may change. Pure.
 */
import type { BoxEvent, InterfaceStatus } from '../flow/status_shapes.ts';

export type InterfaceChange = Pick<BoxEvent, 'level' | 'event' | 'text'>;

/** For a port that was not looked at before only what does not work: it has been opened, which is no change. */
export function interfaceChanges(before: readonly InterfaceStatus[], now: readonly InterfaceStatus[]): InterfaceChange[] {
  return now.flatMap((port, place) => {
    const earlier = before[place];
    return [...(earlier === undefined ? [] : changesOf(earlier, port)), ...earlyDropChanges(earlier, port)];
  });
}

function changesOf(before: InterfaceStatus, now: InterfaceStatus): InterfaceChange[] {
  const { name } = now;
  if (!now.present) {
    const goesOn = 'metering goes on when it is back';
    return before.present ? [say('warn', 'interfaceUnplugged', `${name} was unplugged or deleted; ${goesOn}`)] : [];
  }
  const changes: InterfaceChange[] = [];
  // Out and in again between two looks: only the kernel's number tells.
  const another = now.index !== before.index;
  if (!before.present || another) changes.push(say('info', 'interfacePlugged', `${name} is back, as a new device`));
  else if (name !== before.name) {
    const todo = `name it in meter.interfaces before the next start, or give it its old name`;
    changes.push(say('warn', 'interfaceRenamed', `${before.name} is now called ${name} and is still metered; ${todo}`));
  }
  if (now.mtu !== before.mtu && before.present) {
    changes.push(say('info', 'interfaceMtuChanged', `the MTU of ${name} is now ${now.mtu} (was ${before.mtu})`));
  }
  const wasUp = before.present && before.up;
  if (wasUp && !now.up) changes.push(say('warn', 'interfaceDown', `${name} is down; metering goes on when it is up`));
  if (!wasUp && now.up) changes.push(say('info', 'interfaceUp', `${name} is up`));
  return changes;
}

const skipped = 'skipped: ';

function earlyDropChanges(before: InterfaceStatus | undefined, { name, earlyDrop, present }: InterfaceStatus): InterfaceChange[] {
  if (!present || earlyDrop === before?.earlyDrop) return [];
  if (earlyDrop.startsWith(skipped)) {
    const why = earlyDrop.slice(skipped.length);
    return [say('warn', 'earlyDropSkipped', `mirrored frames of ${name} are not dropped early: ${why}`)];
  }
  const wasSkipped = before?.earlyDrop.startsWith(skipped) === true;
  return wasSkipped && earlyDrop === 'on' ? [say('info', 'earlyDropOn', `mirrored frames of ${name} are dropped early now`)] : [];
}

const say = (level: BoxEvent['level'], event: string, text: string): InterfaceChange => ({ level, event, text });
