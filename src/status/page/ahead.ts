/** What `public/ahead.js` has asked for before the scripts came: taken once, by the first view. */
import type { SessionAnswer } from '../../flow/access_shapes.ts';
import type { TrafficSecond } from '../../flow/status_shapes.ts';
import { after } from './browser_clock.ts';

interface Ahead {
  readonly session: Promise<SessionAnswer | undefined>;
  /** Asked for as soon as the stream was opened, so that none is missed between the two. */
  readonly seconds: Promise<{ readonly seconds: readonly TrafficSecond[] } | undefined>;
  readonly events: {
    readonly source: EventSource | undefined;
    /** Events of the stream, until somebody else listens. */
    readonly heard: readonly Event[];
    readonly hear: (event: Event) => void;
  };
}

/** The stream of live figures as it has been so far. */
export interface FirstStream {
  readonly source: EventSource;
  readonly heard: readonly Event[];
  /** To be taken off the source. */
  readonly hear: (event: Event) => void;
  /** Those up to where the stream began; undefined where they have not been told yet. */
  readonly seconds: readonly TrafficSecond[] | undefined;
  /** The same, however late; undefined where they cannot be told. */
  readonly secondsLater: Promise<readonly TrafficSecond[] | undefined>;
}

/** The first view waits this long for figures to begin with; a box that takes longer is asked for nothing twice. */
const waitMs = 250;

function ahead(): Ahead | undefined {
  return (globalThis as { ahead?: Ahead }).ahead;
}

export const sessionAhead = async (): Promise<SessionAnswer | undefined> => ahead()?.session;

/** Undefined where nobody may look, and where there is no stream: then all is asked for in the usual way. */
export async function streamAhead(): Promise<FirstStream | undefined> {
  const asked = ahead();
  if (asked === undefined) return undefined;
  const secondsLater = asked.seconds.then((answer) => answer?.seconds);
  const late = new Promise<undefined>((resolve) => void after(waitMs, () => resolve(undefined)));
  const seconds = await Promise.race([secondsLater, late]);
  const { source, heard, hear } = asked.events;
  if (source === undefined || source.readyState === EventSource.CLOSED) return undefined;
  return { source, heard, hear, seconds, secondsLater };
}
