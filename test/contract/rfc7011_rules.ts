/**
 * What RFC 7011 demands of an exporter, as far as it shows in what is sent: each with what breaks it in a stream, and how to
 * break it, so that a rule that sees nothing is itself found out.
 */
import { elementNumbered, VARIABLE_LENGTH } from '../../src/flow/elements.ts';
import {
  type DataSet,
  headerOf,
  type Stream,
  shortest,
  type Taken,
  type Template,
  type Transport,
  take,
} from './rfc7011_stream.ts';

export const privatePen = 99_999;
const REVERSE_PEN = 29_305;

export interface Rule {
  readonly section: string;
  readonly must: string;
  /** All, where it is absent. */
  readonly transports?: readonly Transport[];
  readonly broken: (stream: Stream, taken: Taken) => string[];
  readonly breakIt: (stream: Stream) => Stream;
}

const templatesOf = ({ parts }: Taken): Template[] => parts.filter((part) => part.kind === 'template');
const dataOf = ({ parts }: Taken): DataSet[] => parts.filter((part) => part.kind === 'data');
/** A copy of the stream in which one message is changed, or replaced by what the change gives. */
const changed = (stream: Stream, number: number, change: (message: Uint8Array, at: DataView) => unknown): Stream => {
  const messages = copied(stream);
  const index = number < 0 ? messages.length + number : number;
  const message = messages[index]!;
  const other = change(message, new DataView(message.buffer));
  if (other instanceof Uint8Array) messages[index] = Uint8Array.from(other);
  return { ...stream, messages };
};
const copied = ({ messages }: Stream): Uint8Array<ArrayBuffer>[] => messages.map((message) => Uint8Array.from(message));
/** The first place in a stream where a set with such an id begins. */
function setAt(stream: Stream, wanted: (id: number) => boolean): { message: number; at: number } {
  for (const [message, octets] of stream.messages.entries()) {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    for (let at = 16; at < octets.length; at += view.getUint16(at + 2)) if (wanted(view.getUint16(at))) return { message, at };
  }
  throw new Error('no such set');
}
const inSet =
  (wanted: (id: number) => boolean, change: (view: DataView, at: number) => void) =>
  (stream: Stream): Stream => {
    const { message, at } = setAt(stream, wanted);
    return changed(stream, message, (_, view) => change(view, at));
  };
const isData = (id: number): boolean => id > 255;
/** A message with the header of the last and these sets. */
function plus(stream: Stream, body: readonly number[]): Stream {
  const last = stream.messages.at(-1)!;
  const message = new Uint8Array(16 + body.length);
  message.set(last.subarray(0, 16));
  message.set(body, 16);
  const view = new DataView(message.buffer);
  view.setUint16(2, message.length);
  const counted = take({ messages: stream.messages });
  view.setUint32(8, counted.headers.length === 0 ? 0 : sequenceAfter(stream));
  return { ...stream, messages: [...stream.messages, message] };
}
function sequenceAfter(stream: Stream): number {
  return dataOf(take(stream)).reduce((sum, { records }) => sum + records.length, 0);
}
const unsigneds = /^(un)?signed|^float/;

export const rules: readonly Rule[] = [
  {
    section: '3.1',
    must: 'the version of each message is 10',
    broken: (_, { headers }) => headers.filter(({ version }) => version !== 10).map(({ version }) => `version ${version}`),
    breakIt: (stream) => changed(stream, 1, (_, view) => view.setUint16(0, 9)),
  },
  {
    section: '3.1',
    must: 'the length is that of the message, header and sets',
    broken: ({ messages }) =>
      messages.filter((message) => headerOf(message).length !== message.length).map(() => 'another length'),
    breakIt: (stream) => changed(stream, 0, (_, view) => view.setUint16(2, view.getUint16(2) + 4)),
  },
  {
    section: '3.1',
    must: 'the export time is when the message leaves',
    broken: ({ fromMs, toMs }, { headers }) =>
      headers
        .filter(({ exportTimeS }) => exportTimeS < Math.floor(fromMs / 1_000) || exportTimeS * 1_000 > toMs)
        .map(({ exportTimeS }) => `${exportTimeS}`),
    breakIt: (stream) => changed(stream, -1, (_, view) => view.setUint32(4, view.getUint32(4) + 3_600)),
  },
  {
    section: '3.1',
    must: 'the sequence number counts the data records sent before in session and domain, options data included',
    broken: (_, { headers, parts }) => {
      const counts = headers.map((_, message) =>
        parts.reduce((sum, part) => sum + (part.kind === 'data' && part.message < message ? part.records.length : 0), 0),
      );
      return headers.flatMap(({ sequence }, message) =>
        sequence === counts[message] ? [] : [`${sequence}, not ${counts[message]}`],
      );
    },
    breakIt: (stream) => changed(stream, -1, (_, view) => view.setUint32(8, view.getUint32(8) + 1)),
  },
  {
    section: '3.1',
    must: 'the observation domain is that of the settings',
    broken: ({ domain }, { headers }) =>
      headers.filter((header) => header.domain !== domain).map((header) => `domain ${header.domain}`),
    breakIt: (stream) => changed(stream, -1, (_, view) => view.setUint32(12, 0)),
  },
  {
    section: '3.3.1',
    must: 'sets fill their message, and values their set',
    broken: (_, { torn }) => [...torn],
    breakIt: inSet(isData, (view, at) => view.setUint16(at + 2, view.getUint16(at + 2) + 8)),
  },
  {
    section: '3.3.1',
    must: 'padding is shorter than any record of the set, and zero',
    broken: (_, taken) =>
      dataOf(taken)
        .filter(({ template, rest }) => template !== undefined && rest.some((octet) => octet !== 0))
        .map(({ id }) => `set ${id} ends with something`),
    breakIt: (stream) => {
      const { message, at } = setAt(stream, (id) => id > 255 && id < 512);
      return changed(stream, message, (octets, view) => {
        const end = at + view.getUint16(at + 2);
        const longer = Uint8Array.from([...octets.subarray(0, end), 7, ...octets.subarray(end)]);
        const its = new DataView(longer.buffer);
        its.setUint16(2, longer.length);
        its.setUint16(at + 2, end + 1 - at);
        return longer;
      });
    },
  },
  {
    section: '3.3.2',
    must: 'sets are 2, 3, or data from 256 on',
    broken: (_, { setIds }) => setIds.filter((id) => id < 2 || (id > 3 && id < 256)).map((id) => `set ${id}`),
    breakIt: inSet(isData, (view, at) => view.setUint16(at, 4)),
  },
  {
    section: '3.4.1',
    must: 'templates are numbered from 256 on, and have fields',
    broken: (_, taken) =>
      templatesOf(taken)
        .filter(({ id, fields }) => id < 256 || fields.length === 0)
        .map(({ id }) => `template ${id}`),
    breakIt: inSet(
      (id) => id === 2,
      (view, at) => view.setUint16(at + 4, 255),
    ),
  },
  {
    section: '3.4.2.2',
    must: 'options templates have a scope, and no more of it than fields',
    broken: (_, taken) =>
      templatesOf(taken)
        .filter(({ options, scopeCount, fields }) => options && (scopeCount === 0 || scopeCount > fields.length))
        .map(({ id, scopeCount }) => `template ${id} with a scope of ${scopeCount}`),
    breakIt: inSet(
      (id) => id === 3,
      (view, at) => view.setUint16(at + 8, 0),
    ),
  },
  {
    section: '3.2',
    must: 'fields bear numbers of IANA, of RFC 5103 or of our own enterprise that stand for an element',
    broken: (_, taken) =>
      templatesOf(taken).flatMap(({ id, fields }) =>
        fields
          .filter((field) => elementNumbered(field.id, field.pen, privatePen) === undefined)
          .map((field) => `${id}: ${field.pen}/${field.id}`),
      ),
    breakIt: inSet(
      (id) => id === 2,
      (view, at) => view.setUint16(at + 8, 0),
    ),
  },
  {
    section: '6.1, 6.2',
    must: 'a value has the octets of its type; only numbers may have fewer, none has more or none',
    broken: (_, taken) =>
      templatesOf(taken).flatMap(({ id, fields }) =>
        fields.flatMap((field) => {
          const element = elementNumbered(field.id, field.pen, privatePen);
          if (element === undefined || field.octets === element.octets || element.octets === VARIABLE_LENGTH) return [];
          const isReduced = unsigneds.test(element.type) && field.octets > 0 && field.octets < element.octets;
          return isReduced ? [] : [`template ${id}: ${element.name} of ${field.octets} octets`];
        }),
      ),
    breakIt: inSet(
      (id) => id === 2,
      (view, at) => view.setUint16(at + 10, 0),
    ),
  },
  {
    section: '6.1.6',
    must: 'strings are UTF-8',
    broken: (_, taken) =>
      textsOf(taken)
        .filter((octets) => !isUtf8(octets))
        .map((octets) => Buffer.from(octets).toString('hex')),
    breakIt: (stream) => {
      const [text] = textsOf(take(stream)).filter(({ length }) => length > 2);
      const messages = copied(stream);
      for (const message of messages) {
        const at = Buffer.from(message).indexOf(text!);
        if (at >= 0) message[at] = 0xff;
      }
      return { ...stream, messages };
    },
  },
  {
    section: '6.1.9',
    must: 'the lowest eleven bits of a fraction of dateTimeMicroseconds are zero',
    transports: ['tcp', 'tls', 'file'],
    broken: (_, taken) => {
      const low = microsecondsOf(taken).map((octets) => new DataView(octets.buffer, octets.byteOffset, 8).getUint32(4) & 0x7ff);
      return [
        ...(low.length === 0 ? ['no such value was sent'] : []),
        ...low.filter((bits) => bits !== 0).map((bits) => `bits ${bits}`),
      ];
    },
    breakIt: (stream) => {
      const messages = copied(stream);
      const [time] = microsecondsOf(take({ messages }));
      time![7] = 1;
      return { ...stream, messages };
    },
  },
  {
    section: '8',
    must: 'a template comes before its data',
    broken: (_, taken) =>
      dataOf(taken)
        .filter(({ template }) => template === undefined)
        .map(({ id }) => `data of ${id}`),
    breakIt: (stream) => ({ ...stream, messages: stream.messages.slice(1) }),
  },
  {
    section: '8',
    must: 'a template’s number means one thing in session and domain',
    broken: (_, taken) => {
      const meanings = new Map<number, string>();
      return templatesOf(taken).flatMap(({ id, options, scopeCount, fields }) => {
        const meaning = JSON.stringify([options, scopeCount, fields]);
        const before = meanings.get(id);
        meanings.set(id, meaning);
        return before === undefined || before === meaning ? [] : [`template ${id} changed`];
      });
    },
    breakIt: (stream) => plus(stream, [0, 2, 0, 12, 1, 0, 0, 1, 0, 1, 0, 8]),
  },
  {
    section: '8.1',
    must: 'over a transport that loses nothing a template is sent once',
    transports: ['tcp', 'tls', 'file'],
    broken: (_, taken) => {
      const ids = templatesOf(taken).map(({ id }) => id);
      return ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `template ${id}`);
    },
    breakIt: (stream) => plus(stream, [...stream.messages[0]!.subarray(16)]),
  },
  {
    section: '8.2',
    must: 'no data bears an export time before that of its template',
    broken: (_, taken) =>
      dataOf(taken)
        .filter(
          ({ message, template }) =>
            template !== undefined && taken.headers[message]!.exportTimeS < taken.headers[template.message]!.exportTimeS,
        )
        .map(({ id, message }) => `data of ${id} in message ${message}`),
    breakIt: (stream) => {
      const last = dataOf(take(stream)).at(-1)!;
      return changed(stream, last.message, (_, view) => view.setUint32(4, view.getUint32(4) - 60));
    },
  },
  {
    section: '8.4',
    must: 'over UDP templates are sent again',
    transports: ['udp'],
    broken: (_, taken) => {
      const ids = templatesOf(taken).map(({ id }) => id);
      return [...new Set(ids)].filter((id) => ids.filter((one) => one === id).length < 3).map((id) => `template ${id}`);
    },
    breakIt: (stream) => ({
      ...stream,
      messages: stream.messages.filter((message, index) => index < 4 || take({ messages: [message] }).setIds.every(isData)),
    }),
  },
  {
    section: '8.4',
    must: 'over UDP no template is withdrawn',
    transports: ['udp'],
    broken: (_, taken) =>
      templatesOf(taken)
        .filter(({ fields }) => fields.length === 0)
        .map(({ id }) => `template ${id}`),
    breakIt: (stream) => plus(stream, [0, 2, 0, 8, 1, 0, 0, 0]),
  },
  {
    section: '3.3.1',
    must: 'a record is longer than padding to four octets',
    broken: (_, taken) =>
      templatesOf(taken)
        .filter(
          (template) =>
            template.fields.length > 0 && shortest(template) < 4 && !template.fields.some(({ octets }) => octets === 0xffff),
        )
        .map(({ id }) => `template ${id}`),
    breakIt: (stream) => plus(stream, [0, 2, 0, 12, 3, 0, 0, 1, 0, 4, 0, 1]),
  },
  {
    section: '10.3.3',
    must: 'a datagram fits 512 octets while the path is unknown',
    transports: ['udp'],
    broken: ({ messages, octetsMax }) =>
      messages.filter(({ length }) => length > octetsMax).map(({ length }) => `${length} octets`),
    breakIt: (stream) => ({ ...stream, messages: [...stream.messages, new Uint8Array(600)] }),
  },
  {
    section: 'RFC 5103 6.1',
    must: 'reverse elements stand beside their forward ones',
    broken: (_, taken) =>
      templatesOf(taken).flatMap(({ id, fields }) =>
        fields
          .filter(
            ({ pen, id: reverse }) => pen === REVERSE_PEN && !fields.some((other) => other.pen === 0 && other.id === reverse),
          )
          .map((field) => `template ${id}: ${field.id}`),
      ),
    // reverseOctetDeltaCount alone.
    breakIt: (stream) => plus(stream, [0, 2, 0, 16, 3, 0, 0, 1, 0x80, 1, 0, 8, 0, 0, 0x72, 0x79]),
  },
];

function valuesOf(taken: Taken, wanted: (type: string) => boolean): Uint8Array[] {
  return dataOf(taken).flatMap(({ template, records }) => {
    const places = (template?.fields ?? []).flatMap((field, index) =>
      wanted(elementNumbered(field.id, field.pen, privatePen)?.type ?? '') ? [index] : [],
    );
    return records.flatMap((values) => places.map((index) => values[index]!));
  });
}
const textsOf = (taken: Taken): Uint8Array[] => valuesOf(taken, (type) => type === 'string');
const microsecondsOf = (taken: Taken): Uint8Array[] => valuesOf(taken, (type) => type === 'dateTimeMicroseconds');

function isUtf8(octets: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(octets);
    return true;
  } catch {
    return false; // what is asked
  }
}
