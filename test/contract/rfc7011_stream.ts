/**
 * Messages of one transport session taken apart as RFC 7011 draws them, by itself: nothing of the decoder that is tested
 * elsewhere, so that a shared mistake shows.
 */
export type Transport = 'udp' | 'tcp' | 'tls' | 'file';

export interface Stream {
  readonly transport: Transport;
  /** In the order in which they came. */
  readonly messages: readonly Uint8Array[];
  /** Wall time before the first and after the last. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Of the settings. */
  readonly domain: number;
  readonly octetsMax: number;
}

export interface FieldSpecifier {
  readonly id: number;
  readonly octets: number;
  readonly pen: number;
}
export interface Template {
  readonly kind: 'template';
  readonly message: number;
  readonly id: number;
  readonly options: boolean;
  readonly scopeCount: number;
  readonly fields: readonly FieldSpecifier[];
}
export interface DataSet {
  readonly kind: 'data';
  readonly message: number;
  readonly id: number;
  /** Undefined where none was sent before it. */
  readonly template: Template | undefined;
  readonly records: readonly (readonly Uint8Array[])[];
  readonly rest: Uint8Array;
}
export interface Header {
  readonly version: number;
  readonly length: number;
  readonly exportTimeS: number;
  readonly sequence: number;
  readonly domain: number;
}
export interface Taken {
  readonly headers: readonly Header[];
  readonly parts: readonly (Template | DataSet)[];
  readonly setIds: readonly number[];
  /** Where octets are not what their lengths say. */
  readonly torn: readonly string[];
}

const view = (octets: Uint8Array): DataView => new DataView(octets.buffer, octets.byteOffset, octets.length);

export function headerOf(message: Uint8Array): Header {
  const at = view(message);
  return {
    ...{ version: at.getUint16(0), length: at.getUint16(2), exportTimeS: at.getUint32(4) },
    ...{ sequence: at.getUint32(8), domain: at.getUint32(12) },
  };
}

export function take({ messages }: Pick<Stream, 'messages'>): Taken {
  const templates = new Map<number, Template>();
  const parts: (Template | DataSet)[] = [];
  const torn: string[] = [];
  const setIds: number[] = [];
  messages.forEach((message, number) => {
    let at = 16;
    while (at < message.length) {
      const octets = message.length - at < 4 ? 0 : view(message).getUint16(at + 2);
      if (octets < 4 || at + octets > message.length) {
        torn.push(`message ${number}, offset ${at}: a set of ${octets} octets`);
        break;
      }
      const id = view(message).getUint16(at);
      setIds.push(id);
      const body = message.subarray(at + 4, at + octets);
      if (id === 2 || id === 3) {
        for (const template of templatesIn(body, id === 3, number, torn)) {
          parts.push(template);
          if (template.fields.length === 0) templates.delete(template.id);
          else templates.set(template.id, template);
        }
      } else parts.push(dataIn(body, id, templates.get(id), number, torn));
      at += octets;
    }
  });
  return { headers: messages.map(headerOf), parts, setIds, torn };
}

function templatesIn(body: Uint8Array, options: boolean, message: number, torn: string[]): Template[] {
  const found: Template[] = [];
  const from = view(body);
  let at = 0;
  while (body.length - at >= 4) {
    const id = from.getUint16(at);
    const count = from.getUint16(at + 2);
    at += 4;
    const scopeCount = options && count > 0 ? from.getUint16(at) : 0;
    if (options && count > 0) at += 2;
    const fields: FieldSpecifier[] = [];
    for (let field = 0; field < count; field++) {
      if (body.length - at < 4) {
        torn.push(`message ${message}: template ${id} is cut off`);
        return found;
      }
      const first = from.getUint16(at);
      const octets = from.getUint16(at + 2);
      const hasPen = (first & 0x8000) !== 0;
      fields.push({ id: first & 0x7fff, octets, pen: hasPen ? from.getUint32(at + 4) : 0 });
      at += hasPen ? 8 : 4;
    }
    found.push({ kind: 'template', message, id, options, scopeCount, fields });
  }
  return found;
}

export const shortest = ({ fields }: Template): number =>
  fields.reduce((sum, { octets }) => sum + (octets === 0xffff ? 1 : octets), 0);

function dataIn(body: Uint8Array, id: number, template: Template | undefined, message: number, torn: string[]): DataSet {
  const records: Uint8Array[][] = [];
  let at = 0;
  while (template !== undefined && body.length - at >= Math.max(1, shortest(template))) {
    const values: Uint8Array[] = [];
    for (const { octets } of template.fields) {
      let length = octets;
      if (octets === 0xffff) {
        length = body[at] as number;
        at += 1;
        if (length === 255) {
          length = view(body).getUint16(at);
          at += 2;
        }
      }
      if (at + length > body.length) torn.push(`message ${message}: a value of set ${id} runs over its end`);
      values.push(body.subarray(at, at + length));
      at += length;
    }
    records.push(values);
  }
  return { kind: 'data', message, id, template, records, rest: body.subarray(Math.min(at, body.length)) };
}
