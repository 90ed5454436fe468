/**
 * What to write into the settings for what is not configured yet, by the topic that the box names. Examples to be adapted:
 * names and addresses are made up. Pure; a test holds them against the settings schema.
 */
const snippets: Readonly<Record<string, string>> = {
  Metering: `meter:
  source: interface
  interfaces: [eth1]
`,
  'Flow records': `export:
  destinations:
    - name: central
      host: collector.example.net
      port: 4739
      transport: tcp
`,
  Summaries: `mqtt:
  brokers:
    - name: central
      host: broker.example.net
      port: 1883
`,
  Site: `site: lisbon-02
siteNetworks:
  - 10.20.0.0/16
  - 2001:db8:20::/48
`,
};

export interface Unconfigured {
  /** `Flow records`; empty when the box names none. */
  readonly topic: string;
  readonly text: string;
  readonly snippet: string | undefined;
}

/** @param line `Topic: what is so. What to do.` as `BoxStatus.notConfigured` has it */
export function unconfiguredOf(line: string): Unconfigured {
  const [, topic = '', text = line] = /^([^:]{1,30}): (.*)$/s.exec(line) ?? [];
  return { topic, text, snippet: Object.hasOwn(snippets, topic) ? snippets[topic] : undefined };
}

const head = `# Settings of this box. Put your own names and addresses in, and leave out what you do not have.
# Save it as flowspan.yaml on a USB stick, and plug that in: the box takes it, and restarts with it.
# OK.txt on the stick then says what is in force; ERROR.txt says which line is wrong, and the box goes on as it was.
`;
const device = `device:
  # Found as fs-lis-02.local. Without it: flowspan- and the end of the serial number
  hostName: fs-lis-02
  # Without DHCP:
  # ipv4: static
  # addresses: [192.0.2.7/24]
  # gateways: [192.0.2.1]
  # dnsServers: [192.0.2.53]
`;

/**
 * A whole file for a box of the image that nobody has set up; undefined for one that somebody has, whose settings it would replace. Which
 * port is mirrored the box finds by itself.
 */
export function firstSettings(lines: readonly string[]): string | undefined {
  const missing = new Set(lines.map((line) => unconfiguredOf(line).topic));
  const wanted = ['Site', 'Flow records', 'Summaries'];
  if (!wanted.every((topic) => missing.has(topic))) return undefined;
  return [head, ...wanted.map((topic) => snippets[topic]!), device].join('\n');
}
