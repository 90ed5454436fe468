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
