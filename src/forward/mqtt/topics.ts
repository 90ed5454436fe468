/** Every MQTT topic there is, below `<topicPrefix>/<site>/<node>/`. The table is the single source; documentation is checked against it. */

export const topics = {
  state: { name: 'state', retain: true, about: 'Whether the box is connected; the last will says offline' },
  health: { name: 'health', retain: false, about: 'The box itself, its meter, uplinks and stores' },
  summary1m: { name: 'summary/1m', retain: false, about: 'Traffic of one minute' },
  summary1h: { name: 'summary/1h', retain: false, about: 'Traffic of one hour' },
  alert: { name: 'alert/<id>', retain: true, about: 'An alert about the box: raised, acknowledged, muted, cleared' },
  event: { name: 'event', retain: false, about: 'Something happened to the box' },
} as const;
export type Topic = keyof typeof topics;

export interface Identity {
  readonly site: string;
  readonly node: string;
}

/**
 * What a box listens to, where it fetches updates: a message there, retained or not, says that its folder holds something new. The
 * payload is not looked at, except that the same one retained is no news at the next connection.
 */
export const announcementTopics = (prefix: string, { site, node }: Identity): { readonly all: string; readonly own: string } => ({
  all: `${prefix}/update`,
  own: `${prefix}/${site}/${node}/update`,
});

/** `flowspan/v1/branch-17/box-1/summary/1m`. */
export function topicName(topic: Topic, prefix: string, identity: Identity, id = ''): string {
  return [prefix, identity.site, identity.node, topics[topic].name.replace('<id>', id)].join('/');
}
