import { meterCounters } from '../../src/flow/decode_annotations.ts';
import type { NativeAddon, NativeStats } from '../../src/meter/addon.ts';
import { addon } from './metering.ts';

/** The addon, with packets that the kernel is said to have dropped at every look; and what it was asked to change. */
export function withDrops(pressed: { packets: number; asked?: object[] }): NativeAddon {
  let dropped = 0;
  const at = meterCounters.indexOf('droppedByKernelPackets');
  return {
    ...addon,
    open(options) {
      const meter = addon.open(options);
      const stats = (): NativeStats => {
        const told = meter.stats();
        told.counters[at] = dropped += pressed.packets;
        return told;
      };
      return new Proxy(meter, {
        get: (target, name) => {
          if (name === 'stats') return stats;
          if (name === 'configure') {
            return (change: Parameters<typeof meter.configure>[0]) => {
              pressed.asked?.push(change);
              return meter.configure(change);
            };
          }
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
}
