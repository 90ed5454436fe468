/**
 * What the traffic itself tells about the mirror that shows it: the closed list of troubles, and the shape in which the
 * pipeline reports them to page, doctor and MQTT. Times are wall time in ms, sizes octets. Shapes only.
 */

/** In the order in which a technician would look; the first ones leave nothing to see of the later ones. */
export const mirrorTroubles = [
  /** Nothing arrives at all. */
  'nothingSeen',
  /** Only broadcast and multicast: an ordinary port, not a mirror. */
  'notAMirror',
  /** TCP conversations of which only one direction is shown. */
  'oneWayMirror',
  /** The mirror port runs at its line rate and octets are missing. */
  'mirrorOversubscribed',
  /** Octets were acknowledged that never came past: lost between the mirrored line and this box. */
  'lossBeforeBox',
  /** 802.1Q tags are removed, of one direction or of all. */
  'vlanTagsStripped',
  /** The same packets before and after a router. */
  'routedDuplicates',
  /** The same packets twice, unchanged or in another VLAN. */
  'copies',
  /** Packets longer than any on the wire: merged or not yet cut by a network card. */
  'superPackets',
] as const;
export type MirrorTrouble = (typeof mirrorTroubles)[number];

export interface MirrorFinding {
  readonly code: MirrorTrouble;
  readonly level: 'warn' | 'error';
  /** A few words. */
  readonly title: string;
  /** A sentence with the numbers it rests on. */
  readonly evidence: string;
  /** The same numbers by name, for programs. */
  readonly figures: Readonly<Record<string, number>>;
  readonly sinceMs: number;
  /** What to change on the switch, in words that fit any vendor's. */
  readonly todo: string;
}

export interface MirrorStatus {
  /** Time that the figures below cover, at most the window; 0 until something was looked at. */
  readonly windowS: number;
  readonly packets: number;
  /** TCP conversations that could be judged, and those of them shown in one direction only. */
  readonly tcpConversations: number;
  readonly tcpOneWay: number;
  /**
   * Of TCP seen both ways: IP octets seen, and sequence space acknowledged that was never seen. The latter is at least that; at most it is
   * the third, since a segment that is sent again because the line lost it may hide one that the mirror lost.
   */
  readonly tcpSeenOctets: number;
  readonly tcpUnseenOctets: number;
  readonly tcpUnseenOctetsMax: number;
  readonly findings: readonly MirrorFinding[];
}

export const nothingKnownOfMirror: MirrorStatus = {
  windowS: 0,
  packets: 0,
  tcpConversations: 0,
  tcpOneWay: 0,
  tcpSeenOctets: 0,
  tcpUnseenOctets: 0,
  tcpUnseenOctetsMax: 0,
  findings: [],
};
