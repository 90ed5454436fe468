/** A collector in a network namespace of its own: counts what comes and says so when it is asked. */
import { TcpCollector, UdpCollector } from '../collector.ts';

export interface CollectorReport {
  /** Flow records as they came, and how many of them are different. */
  readonly records: number;
  readonly distinct: number;
  readonly packets: number;
  readonly sessions: number;
  readonly violations: readonly string[];
  /** Records that the sequence numbers say are missing. */
  readonly missing: number;
  /** Within each session the times of the flows never go back. */
  readonly ordered: boolean;
}

const [kind, address, port] = process.argv.slice(2) as [string, string, string];
const tcp = new TcpCollector();
const udp = new UdpCollector();
tcp.address = udp.address = address;
await (kind === 'udp' ? udp : tcp).listen(Number(port));

function report(): CollectorReport {
  const sessions = kind === 'udp' ? [udp.session] : tcp.sessions;
  const flows = sessions.flatMap((session) => session.flows);
  // The forward record of each row has another time and count.
  const seen = new Map(flows.map(({ values }) => [JSON.stringify(values), Number(values.packetDeltaCount)]));
  const starts = sessions.map((session) => session.flows.map(({ values }) => Number(values.flowStartMilliseconds)));
  return {
    records: flows.length,
    distinct: seen.size,
    packets: [...seen.values()].reduce((sum, packets) => sum + packets, 0),
    sessions: sessions.length,
    violations: sessions.flatMap(({ check }) => check.violations),
    missing: sessions.reduce((sum, session) => sum + missingIn(session.messages), 0),
    ordered: starts.every((times) => times.every((time, index) => index === 0 || time >= times[index - 1]!)),
  };
}

function missingIn(messages: readonly { sequence: number; records: readonly unknown[] }[]): number {
  let [missing, expected] = [0, messages[0]?.sequence ?? 0];
  for (const { sequence, records } of messages) {
    missing += sequence - expected;
    expected = sequence + records.length;
  }
  return missing;
}

process.on('message', () => process.send?.(report()));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
