/** The addon's projection behind the interface that exporters use. */
import { packTable } from '../flow/projection.ts';
import type { Projector } from '../flow/projector.ts';
import type { NativeAddon } from './addon.ts';

export function addonProjector(addon: NativeAddon): Projector {
  return {
    compile(table) {
      const compiled = addon.compileProjection(packTable(table));
      const words = new Int32Array(3);
      const result = { octets: 0, rows: 0, records: 0 };
      return {
        run(rows, firstRow, count, out, outOffset, limit, wallOffsetNs) {
          addon.project(compiled, rows, firstRow, count, out, outOffset, limit, wallOffsetNs, words);
          result.octets = words[0] as number;
          result.rows = words[1] as number;
          result.records = words[2] as number;
          return result;
        },
      };
    },
  };
}
