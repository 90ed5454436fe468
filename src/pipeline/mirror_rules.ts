/**
 * From evidence to judgement: for each trouble of the mirror a measure, from where on it is raised, below what it is
 * cleared, and how much must have been seen to say either. Every threshold stands in `thresholds`. Pure.
 */
import { grouped } from '../flow/grouped.ts';
import type { MirrorFinding, MirrorTrouble } from '../flow/mirror_findings.ts';
import type { Evidence } from './mirror_sums.ts';

/** Shares from 0 to 1 unless the name says otherwise. `raise` and `clear` differ, so that a finding does not flutter. */
export const thresholds = {
  nothingSeen: { raise: 120, clear: 10, unit: 's without a packet' },
  notAMirror: { raise: 0.95, clear: 0.8, packetsMin: 20, unansweredMinMs: 900_000, unansweredFirstMs: 60_000 },
  oneWayMirror: { raise: 0.3, clear: 0.1, error: 0.6, conversationsMin: 20 },
  mirrorOversubscribed: { raise: 0.001, clear: 0.0005, lineShare: 0.9, busyMinMs: 3_000, conversationsMin: 5 },
  lossBeforeBox: { raise: 0.005, clear: 0.001, error: 0.05, conversationsMin: 20, affectedMin: 5, octetsMin: 100_000 },
  splitByTag: { raise: 0.1, clear: 0.02, conversationsMin: 20 },
  movingStations: { raise: 0.1, clear: 0.02, sightingsMin: 50, addressesMin: 4 },
  subnetsUntagged: { raise: 2, clear: 2 },
  routedDuplicates: { raise: 0.05, clear: 0.01, packetsMin: 500, recordsMin: 10 },
  copies: { raise: 0.05, clear: 0.01, packetsMin: 500, duplicatesMin: 50 },
  superPackets: { raise: 0.01, clear: 0.001, conversationsMin: 20, affectedMin: 5 },
} as const;

export interface MirrorContext {
  readonly windowS: number;
  /** The meter receives: it is open, and waits for nothing. */
  readonly metering: boolean;
  readonly silentMs: number;
  /** Since a two-way conversation of two stations was last seen, or since the start. */
  readonly unansweredMs: number;
  readonly everAnswered: boolean;
  readonly subnetsUntagged: number;
  /** Rate of the mirror ports together; null when nobody tells. */
  readonly capacityMbps: number | null;
  readonly duplicates: 'off' | 'report' | 'remove';
  readonly filtered: boolean;
}

export interface Reading extends Omit<MirrorFinding, 'sinceMs' | 'level'> {
  readonly level: MirrorFinding['level'];
  /** Enough was seen to raise or to clear. */
  readonly enough: boolean;
  readonly raised: boolean;
  readonly cleared: boolean;
}

/** One reading for each trouble, in the order of `mirrorTroubles`. */
export function readMirror(e: Evidence, context: MirrorContext): Reading[] {
  const oversubscribed = oversubscription(e, context);
  return [
    silence(context),
    onlyGroups(e, context),
    oneWay(e, context),
    oversubscribed,
    loss(e, context, oversubscribed.raised),
    strippedTags(e, context),
    routed(e, context),
    copies(e, context),
    superPackets(e, context),
  ];
}

interface Judgement {
  readonly code: MirrorTrouble;
  readonly level?: MirrorFinding['level'];
  readonly enough: boolean;
  readonly value: number;
  readonly raise: number;
  readonly clear: number;
  readonly title: string;
  readonly evidence: string;
  readonly figures: Readonly<Record<string, number>>;
  readonly todo: string;
}

function reading({ code, level = 'warn', enough, value, raise, clear, title, evidence, figures, todo }: Judgement): Reading {
  const [raised, cleared] = [enough && value >= raise, enough && value < clear];
  return { code, level, title, evidence, figures, todo, enough, raised, cleared };
}

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
const count = (value: number): string => grouped(Math.round(value));
const percent = (value: number): string => `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;
const span = ({ windowS }: MirrorContext): string => (windowS < 90 ? `${windowS} s` : `${Math.round(windowS / 60)} min`);
const filterNote = ({ filtered }: MirrorContext): string => (filtered ? ' Check first that meter.filter is not the cause.' : '');

function silence(context: MirrorContext): Reading {
  const silentS = Math.floor(context.silentMs / 1_000);
  const { raise, clear } = thresholds.nothingSeen;
  return reading({
    code: 'nothingSeen',
    level: 'error',
    enough: context.metering,
    value: silentS,
    raise,
    clear,
    title: 'Nothing arrives from the mirror',
    evidence: `no packet for ${silentS} s, although the port is being metered`,
    figures: { silentS },
    todo: `On the switch, check that the monitor session is enabled, that this port is its destination, and that its source is the port or VLAN whose traffic you want.${filterNote(context)}`,
  });
}

function onlyGroups(e: Evidence, context: MirrorContext): Reading {
  const { raise, clear, packetsMin, unansweredMinMs, unansweredFirstMs } = thresholds.notAMirror;
  // A site may be quiet at night: what was a mirror a moment ago still is one.
  const silentLong = context.unansweredMs >= (context.everAnswered ? unansweredMinMs : unansweredFirstMs);
  const value = silentLong ? share(e.groupPackets, e.rowPackets) : 0;
  return reading({
    code: 'notAMirror',
    level: 'error',
    enough: e.rowPackets >= packetsMin,
    value,
    raise,
    clear,
    title: 'This port shows no mirrored traffic',
    evidence: `${count(e.groupPackets)} of ${count(e.rowPackets)} packets in the last ${span(context)} went to broadcast or multicast, as on any ordinary switch port; no conversation of two stations was seen both ways`,
    figures: { groupPackets: e.groupPackets, packets: e.rowPackets },
    todo: `On the switch, make this port the destination of a monitor session; now it is an ordinary access port.${filterNote(context)}`,
  });
}

function oneWay(e: Evidence, context: MirrorContext): Reading {
  const { raise, clear, error, conversationsMin } = thresholds.oneWayMirror;
  // Two halves that VLANs keep apart are both there: that is another trouble.
  const lonely = Math.max(0, e.tcpOneWay - 2 * (e.tcpSplitByTag + e.tcpSplitByVlan));
  const all = lonely + e.tcpTwoWay;
  const value = share(lonely, all);
  const most = value >= error;
  return reading({
    code: 'oneWayMirror',
    level: most ? 'error' : 'warn',
    enough: all >= conversationsMin,
    value,
    raise,
    clear,
    title: most ? 'The mirror shows one direction only' : 'The mirror shows a part of the traffic in one direction only',
    evidence: `${count(lonely)} of ${count(all)} TCP conversations in the last ${span(context)} were seen in one direction only, although their acknowledgements prove that the other side answered`,
    figures: { oneWayConversations: lonely, conversations: all },
    todo: `On the switch, set the monitor session to both directions (receive and transmit) for every source port; where the way back takes another link (asymmetric routing), mirror that link too.${filterNote(context)}`,
  });
}

function oversubscription(e: Evidence, context: MirrorContext): Reading {
  const { raise, clear, busyMinMs, conversationsMin } = thresholds.mirrorOversubscribed;
  const unseen = unseenShare(e);
  const busyS = Math.round(e.busyMs / 1_000);
  const mbps = Math.round(share(e.octets * 8, e.meteredMs * 1_000));
  const capacityMbps = context.capacityMbps ?? 0;
  return reading({
    code: 'mirrorOversubscribed',
    enough: context.capacityMbps !== null && e.tcpTwoWay >= conversationsMin,
    // Below line rate nothing overflows, whatever is missing.
    value: e.busyMs >= busyMinMs ? unseen : 0,
    raise,
    clear,
    title: 'The mirror port is oversubscribed',
    evidence: `the port ran at ${percent(thresholds.mirrorOversubscribed.lineShare)} of its ${count(capacityMbps)} Mbit/s or more for ${busyS} s of the last ${span(context)}, and ${shareBounds(e)} of the TCP octets were acknowledged but never seen (${count(e.tcpUnseenOctets)} octets${hiding(e)})`,
    figures: {
      busyS,
      capacityMbps,
      meanMbps: mbps,
      unseenOctets: e.tcpUnseenOctets,
      unseenOctetsMax: unseenOctetsMax(e),
      seenOctets: e.tcpSeenOctets,
      retransmittedPackets: e.tcpRetransmitted,
    },
    todo: 'On the switch, mirror fewer ports or VLANs, or use a faster destination port: both directions of a full-duplex line need twice its rate.',
  });
}

/**
 * Of the TCP octets of conversations seen both ways, at least. Seen ones count with their headers, so the share is rather low; and where
 * the line itself loses packets too, what is sent again hides some of what the mirror lost.
 */
export function unseenShare(e: Evidence): number {
  return share(e.tcpUnseenOctets, e.tcpSeenOctets + e.tcpUnseenOctets);
}

/** The most that may have been acknowledged and never seen: every segment sent again hid one of its length. */
export function unseenOctetsMax(e: Evidence): number {
  return e.tcpUnseenOctets + e.tcpHiddenOctetsMax;
}

function shareBounds(e: Evidence): string {
  const [least, most] = [percent(unseenShare(e)), percent(share(unseenOctetsMax(e), e.tcpSeenOctets + unseenOctetsMax(e)))];
  return least === most ? `about ${least}` : `at least ${least}, and at most ${most},`;
}
/** Why the two are apart. */
const hiding = (e: Evidence): string =>
  e.tcpHiddenOctetsMax === 0
    ? ''
    : `; ${count(e.tcpRetransmitted)} segments were sent again, each of which may hide one that is missing`;

function loss(e: Evidence, context: MirrorContext, oversubscribed: boolean): Reading {
  const { raise, clear, error, conversationsMin, affectedMin, octetsMin } = thresholds.lossBeforeBox;
  const unseen = unseenShare(e);
  // What this box dropped itself is missing too; packets are estimated by their mean length.
  const missing = share(e.tcpUnseenOctets, share(e.tcpSeenOctets, e.tcpSeenPackets));
  const ownFault = e.lostInBoxPackets >= missing / 2 && e.lostInBoxPackets > 0;
  const explained = ownFault || oversubscribed || e.tcpRowsWithUnseen < affectedMin;
  return reading({
    code: 'lossBeforeBox',
    level: unseen >= error ? 'error' : 'warn',
    enough: e.tcpTwoWay >= conversationsMin && e.tcpSeenOctets >= octetsMin,
    value: explained ? 0 : unseen,
    raise,
    clear,
    title: 'The mirror loses packets before they reach this box',
    evidence: `${shareBounds(e)} of the TCP octets in the last ${span(context)} were acknowledged by their receiver but never seen here: ${count(e.tcpUnseenOctets)} octets, about ${count(missing)} packets, in ${count(e.tcpRowsWithUnseen)} of ${count(e.tcpTwoWay)} conversations${hiding(e)}; this box itself dropped ${count(e.lostInBoxPackets)}`,
    figures: {
      unseenOctets: e.tcpUnseenOctets,
      unseenOctetsMax: unseenOctetsMax(e),
      seenOctets: e.tcpSeenOctets,
      estimatedPackets: Math.round(missing),
      affectedConversations: e.tcpRowsWithUnseen,
      conversations: e.tcpTwoWay,
      lostInBoxPackets: e.lostInBoxPackets,
    },
    todo: 'On the switch, look at the output drops of the mirror port: mirror fewer ports, give the session a faster port, or use a TAP; bursts overflow a port whose mean rate looks harmless.',
  });
}

function strippedTags(e: Evidence, context: MirrorContext): Reading {
  const { splitByTag, movingStations, subnetsUntagged } = thresholds;
  const halves = e.tcpSplitByTag;
  const conversations = e.tcpTwoWay + Math.ceil(e.tcpOneWay / 2);
  const one = reading({
    code: 'vlanTagsStripped',
    enough: conversations >= splitByTag.conversationsMin,
    value: share(halves, conversations),
    raise: splitByTag.raise,
    clear: splitByTag.clear,
    title: 'VLAN tags are missing in one direction',
    evidence: `${count(halves)} of ${count(conversations)} TCP conversations in the last ${span(context)} carry an 802.1Q tag in one direction and none in the other, so that their halves do not meet`,
    figures: { splitConversations: halves, conversations },
    todo: 'On the switch, let the monitor session keep the tags of both directions (encapsulation replicate, tagged mirror); until then meter.vlanInKey: false joins the halves.',
  });
  if (one.raised) return one;
  // Without a single tag: signs of several VLANs whose tags were taken off.
  const untagged = e.taggedRows === 0;
  const moving = untagged && e.macSightings >= movingStations.sightingsMin ? share(e.macChanges, e.macSightings) : 0;
  const moves = moving >= movingStations.raise && e.macChangedAddresses >= movingStations.addressesMin;
  const subnets = untagged ? context.subnetsUntagged : 0;
  const several = subnets >= subnetsUntagged.raise;
  const signs = [
    ...(moves
      ? [
          `${count(e.macChangedAddresses)} addresses of the site send now under one MAC and now under another (${percent(moving)} of their flows)`,
        ]
      : []),
    ...(several ? [`stations send broadcasts of ${subnets} different subnets`] : []),
  ];
  const still = moving >= movingStations.clear || several;
  return {
    ...one,
    title: 'VLAN tags seem to be stripped',
    evidence: `no frame of the last ${span(context)} carried an 802.1Q tag, but ${signs.join(', and ') || 'several VLANs showed before'}: several VLANs look like one`,
    figures: {
      ...one.figures,
      changedAddresses: e.macChangedAddresses,
      macChanges: e.macChanges,
      macSightings: e.macSightings,
      subnets,
    },
    todo: 'On the switch, let the monitor session keep 802.1Q tags (encapsulation replicate, tagged mirror, trunk as destination); if two routers or two subnets on one VLAN are meant to be there, nothing is wrong.',
    enough: one.enough || e.untaggedRows + e.taggedRows >= movingStations.sightingsMin,
    raised: moves || several,
    cleared: (one.cleared || !one.enough) && !still,
  };
}

/** Copies that a router made of them, as packets: of rows whose TTLs span a hop half are. */
function routedCopies(e: Evidence, { duplicates }: MirrorContext): number {
  const spread = e.ttlSpreadPackets / 2;
  // The duplicate window compares packets whatever their TTL: where it saw none, the TTLs vary for another reason.
  return e.routedPairPackets + (duplicates === 'off' ? spread : Math.min(spread, e.duplicatePackets));
}

function routed(e: Evidence, context: MirrorContext): Reading {
  const { raise, clear, packetsMin, recordsMin } = thresholds.routedDuplicates;
  const routedPackets = routedCopies(e, context);
  const records = e.ttlSpreadRows + e.routedPairs;
  const value = records >= recordsMin ? share(routedPackets, e.rowPackets) : 0;
  return reading({
    code: 'routedDuplicates',
    enough: e.rowPackets >= packetsMin,
    value,
    raise,
    clear,
    title: 'The mirror shows packets before and after a router',
    evidence: `about ${count(routedPackets)} of ${count(e.rowPackets)} packets in the last ${span(context)} (${percent(share(routedPackets, e.rowPackets))}) are second copies: same addresses and ports, TTL one or two lower${e.routedPairs > 0 ? ', other MACs and another VLAN' : ''}, in ${count(records)} flow records`,
    figures: { routedCopies: Math.round(routedPackets), packets: e.rowPackets, records },
    todo: 'On the switch, mirror one side of the router only (its port towards the site, or the VLANs behind it, not both); meter.duplicates: remove takes the second copies out here.',
  });
}

function copies(e: Evidence, context: MirrorContext): Reading {
  const { raise, clear, packetsMin, duplicatesMin } = thresholds.copies;
  const plain = Math.max(0, e.duplicatePackets - routedCopies(e, context));
  const value = plain >= duplicatesMin && context.duplicates === 'report' ? share(plain, e.decodedPackets) : 0;
  const inVlans = e.vlanPairs > 0;
  return reading({
    code: 'copies',
    enough: e.decodedPackets >= packetsMin,
    value,
    raise,
    clear,
    title: 'The mirror shows packets twice',
    evidence: `${count(plain)} of ${count(e.decodedPackets)} packets in the last ${span(context)} (${percent(share(plain, e.decodedPackets))}) were exact copies of one just seen${inVlans ? `; ${count(e.vlanPairs)} flow records appear in two VLANs` : ''}`,
    figures: { copies: plain, packets: e.decodedPackets, recordsInTwoVlans: e.vlanPairs },
    todo: 'On the switch, mirror each conversation once: both directions of the uplink alone, or receive only on all ports, not both directions of every port or VLAN; meter.duplicates: remove takes copies out here.',
  });
}

function superPackets(e: Evidence, context: MirrorContext): Reading {
  const { raise, clear, conversationsMin, affectedMin } = thresholds.superPackets;
  const affected = e.superRows + e.unsizedPackets;
  return reading({
    code: 'superPackets',
    enough: e.tcpRows >= conversationsMin,
    value: affected >= affectedMin ? share(affected, e.tcpRows) : 0,
    raise,
    clear,
    title: 'Packets are longer than any on the wire',
    evidence: `${count(e.superRows)} of ${count(e.tcpRows)} TCP records in the last ${span(context)} hold packets that were merged or not cut yet, the longest of ${count(e.longestTcpOctets)} octets${e.unsizedPackets > 0 ? `; ${count(e.unsizedPackets)} packets gave no length` : ''}: packets are counted too low`,
    figures: {
      superRecords: e.superRows,
      tcpRecords: e.tcpRows,
      longestOctets: e.longestTcpOctets,
      unsizedPackets: e.unsizedPackets,
    },
    todo: 'Mirror on a switch port instead of a host; where the source is a host or hypervisor, turn off GRO, LRO and TSO on the mirrored interface (ethtool -K NAME gro off lro off tso off), and keep meter.manageOffloads on.',
  });
}
