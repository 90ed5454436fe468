/** What the traffic tells about the mirror: how much was looked at, what is missing of it, and since when something is wrong. */
import type { MirrorStatus } from '../../../flow/mirror_findings.ts';
import { count, duration, moment, percent } from '../format.ts';
import { Badge, Card, Empty } from './controls.tsx';
import { Fact } from './places.tsx';

export function Mirror({ mirror, nowMs }: { mirror: MirrorStatus; nowMs: number }) {
  const { windowS, tcpConversations, tcpOneWay, tcpSeenOctets, tcpUnseenOctets, tcpUnseenOctetsMax, findings } = mirror;
  const bad = findings.some(({ level }) => level === 'error');
  const both = tcpConversations - tcpOneWay;
  return (
    <Card
      title="Mirror"
      note={windowS === 0 ? undefined : `last ${duration(windowS * 1_000)}`}
      actions={
        windowS === 0 ? undefined : findings.length === 0 ? (
          <Badge tone="good">No trouble seen</Badge>
        ) : (
          <Badge tone={bad ? 'bad' : 'warn'}>{findings.length === 1 ? '1 trouble' : `${findings.length} troubles`}</Badge>
        )
      }
    >
      {windowS === 0 ? (
        <Empty title="Nothing has been looked at yet" />
      ) : (
        <dl class="facts">
          <Fact name="TCP conversations" value={count(tcpConversations)} />
          <Fact name="Seen both ways" value={tcpConversations === 0 ? '–' : percent(both, tcpConversations)} />
          <Fact
            name="Acknowledged, never seen"
            value={tcpSeenOctets === 0 ? '–' : bounds(tcpSeenOctets, tcpUnseenOctets, tcpUnseenOctetsMax)}
            title="Share of TCP octets, estimated: what was lost before this box. Where the line itself loses packets, segments sent again may hide some of it"
          />
        </dl>
      )}
      {findings.map(({ code, title, sinceMs }) => (
        <p key={code} class="small quiet">
          {title}, since {moment(sinceMs, nowMs)}
        </p>
      ))}
    </Card>
  );
}

/** The share at least, and at most where segments that were sent again may hide more. */
function bounds(seen: number, least: number, most: number): string {
  const [low, high] = [percent(least, seen + least), percent(most, seen + most)];
  return low === high ? low : `${low} to ${high}`;
}
