/** The fields of the set-up form, a section each: what it is called, where it stands, how it is reached, where its records go. */
import type { FoundPort, SetUpFacts } from '../../../flow/set_up_shapes.ts';
import type { DraftFaults, SetUpDraft } from '../set_up_draft.ts';
import { Check, Choice, Field, TextFile } from './field.tsx';

export interface SectionProps {
  readonly facts: SetUpFacts;
  readonly draft: SetUpDraft;
  readonly faults: DraftFaults;
  readonly set: (change: Partial<SetUpDraft>) => void;
}

export function NameSection({ facts, draft, faults, set }: SectionProps) {
  return (
    <>
      <Field
        label="Site"
        value={draft.site}
        onInput={(site) => set({ site })}
        fault={faults.site ?? ''}
        hint="The branch this box stands at, such as lisbon-02: in records, topics and on this page"
      />
      {facts.canApply && (
        <Field
          optional
          label="Name on the network"
          value={draft.hostName}
          onInput={(hostName) => set({ hostName })}
          fault={faults.hostName ?? ''}
          placeholder="flowspan-XXXX"
          hint="The page is then at https://NAME.local/; empty makes one of the serial number"
        />
      )}
    </>
  );
}

export function PortSection({ facts, draft, faults, set }: SectionProps) {
  const { ports, suggested, canApply } = facts;
  const wired = ports.filter(({ wireless }) => !wireless);
  const known = (value: string, list: readonly FoundPort[]) =>
    value === '' || list.some(({ name }) => name === value) ? [] : [{ value, name: `${value} (not there now)` }];
  const options = (list: readonly FoundPort[], value: string, rule: string) => [
    { value: '', name: `By itself: ${rule === '' ? 'none' : rule}` },
    ...list.map((port) => ({ value: port.name, name: portWords(port) })),
    ...known(value, list),
  ];
  return (
    <>
      {canApply && (
        <Choice
          label="Management port"
          value={draft.managementPort}
          options={options(ports, draft.managementPort, suggested.management)}
          onChange={(managementPort) => set({ managementPort })}
          fault={faults.managementPort ?? ''}
          hint="This page and the way to the collector"
        />
      )}
      <Choice
        label="Mirror port"
        value={draft.mirrorPorts}
        options={
          canApply
            ? options(wired, draft.mirrorPorts, suggested.mirror.join(', '))
            : [{ value: '', name: 'None' }, ...options(wired, draft.mirrorPorts, '').slice(1)]
        }
        onChange={(mirrorPorts) => set({ mirrorPorts })}
        fault={faults.mirrorPorts ?? ''}
        hint="Hangs on the switch’s mirror (SPAN) port; it gets no address and answers nobody"
      />
      {canApply && (
        <ul class="plain-list small faint">
          {suggested.why.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function portWords({ name, bus, driver, wireless, carrier, speedMbps, mac }: FoundPort): string {
  const kind = wireless ? 'Wi-Fi' : bus === 'usb' ? 'USB' : bus === 'platform' || bus === 'pci' ? 'built in' : driver;
  const link = speedMbps !== null ? `${speedMbps} Mbit/s` : carrier ? 'linked' : 'no link';
  return `${name} (${kind}, ${link}, ${mac})`;
}

const v4 = [
  { value: 'dhcp', name: 'By DHCP' },
  { value: 'static', name: 'Own address' },
  { value: 'off', name: 'None' },
] as const;
const v6 = [
  { value: 'auto', name: 'By itself (router, DHCPv6)' },
  { value: 'static', name: 'Own address' },
  { value: 'off', name: 'None' },
] as const;

export function AddressSection({ draft, faults, set }: SectionProps) {
  return (
    <>
      <Choice label="IPv4" value={draft.ipv4} options={v4} onChange={(ipv4) => set({ ipv4 })} fault={faults.ipv4 ?? ''} />
      {draft.ipv4 === 'static' && (
        <div class="field-pair">
          <Field
            mono
            label="IPv4 address"
            value={draft.ipv4Addresses}
            onInput={(ipv4Addresses) => set({ ipv4Addresses })}
            fault={faults.ipv4Addresses ?? ''}
            placeholder="192.0.2.7/24"
            hint="With the length of its prefix"
          />
          <Field
            optional
            mono
            label="IPv4 router"
            value={draft.ipv4Gateways}
            onInput={(ipv4Gateways) => set({ ipv4Gateways })}
            fault={faults.ipv4Gateways ?? ''}
            placeholder="192.0.2.1"
          />
        </div>
      )}
      <Choice label="IPv6" value={draft.ipv6} options={v6} onChange={(ipv6) => set({ ipv6 })} fault={faults.ipv6 ?? ''} />
      {draft.ipv6 === 'static' && (
        <div class="field-pair">
          <Field
            mono
            label="IPv6 address"
            value={draft.ipv6Addresses}
            onInput={(ipv6Addresses) => set({ ipv6Addresses })}
            fault={faults.ipv6Addresses ?? ''}
            placeholder="2001:db8::7/64"
            hint="With the length of its prefix"
          />
          <Field
            optional
            mono
            label="IPv6 router"
            value={draft.ipv6Gateways}
            onInput={(ipv6Gateways) => set({ ipv6Gateways })}
            fault={faults.ipv6Gateways ?? ''}
            placeholder="2001:db8::1"
          />
        </div>
      )}
      <div class="field-pair">
        <Field
          optional
          mono
          label="DNS servers"
          value={draft.dnsServers}
          onInput={(dnsServers) => set({ dnsServers })}
          fault={faults.dnsServers ?? ''}
          placeholder="192.0.2.53"
          hint="Empty takes those that the network tells"
        />
        <Field
          optional
          mono
          label="VLAN of management"
          value={draft.vlan}
          onInput={(vlan) => set({ vlan })}
          fault={faults.vlan ?? ''}
          hint="Tagged; empty: untagged"
        />
      </div>
    </>
  );
}

const transports = [
  { value: 'tcp', name: 'TCP' },
  { value: 'tls', name: 'TLS (encrypted)' },
  { value: 'udp', name: 'UDP' },
] as const;

export function CollectorSection({ draft, faults, set }: SectionProps) {
  return (
    <>
      <Field
        optional
        label="Collector"
        value={draft.collectorHost}
        onInput={(collectorHost) => set({ collectorHost })}
        fault={faults.collectorHost ?? ''}
        placeholder="collector.example.net"
        hint="Name or address; empty: flow records stay on the box"
      />
      {draft.collectorHost !== '' && (
        <div class="field-pair">
          <Choice
            label="Carried over"
            value={draft.collectorTransport}
            options={transports}
            onChange={(collectorTransport) => set({ collectorTransport, ...portFor(draft, collectorTransport) })}
            fault={faults.collectorTransport ?? ''}
            hint="TCP and TLS can prove arrival, UDP cannot"
          />
          <Field
            mono
            label="Port of the collector"
            value={draft.collectorPort}
            onInput={(collectorPort) => set({ collectorPort })}
            fault={faults.collectorPort ?? ''}
          />
        </div>
      )}
    </>
  );
}

/** IANA's for IPFIX: 4739, and 4740 over TLS; another one that somebody typed stays. */
function portFor({ collectorPort }: SetUpDraft, transport: SetUpDraft['collectorTransport']): Partial<SetUpDraft> {
  if (collectorPort !== '4739' && collectorPort !== '4740') return {};
  return { collectorPort: transport === 'tls' ? '4740' : '4739' };
}

export function CollectorAuthority({ draft, faults, set }: SectionProps) {
  if (draft.collectorHost === '' || draft.collectorTransport !== 'tls') return null;
  return (
    <TextFile
      label="Certificate of the authority that signs the collector’s (PEM)"
      accept=".pem,.crt,.cer"
      onText={(collectorCa) => set({ collectorCa })}
      fault={faults.collectorCa ?? ''}
      hint="Without one the usual authorities are believed"
    />
  );
}

export function MoreSection({ facts, draft, faults, set }: SectionProps) {
  return (
    <>
      <Field
        optional
        label="MQTT broker"
        value={draft.brokerHost}
        onInput={(brokerHost) => set({ brokerHost })}
        fault={faults.brokerHost ?? ''}
        placeholder="broker.example.net"
        hint="Gets health and summaries; empty: none"
      />
      {draft.brokerHost !== '' && (
        <>
          <div class="field-pair">
            <Field
              mono
              label="Port of the broker"
              value={draft.brokerPort}
              onInput={(brokerPort) => set({ brokerPort })}
              fault={faults.brokerPort ?? ''}
            />
            <Check
              label="Encrypted (TLS)"
              checked={draft.brokerTls}
              onChange={(brokerTls) =>
                set({
                  brokerTls,
                  ...(['1883', '8883'].includes(draft.brokerPort) ? { brokerPort: brokerTls ? '8883' : '1883' } : {}),
                })
              }
            />
          </div>
          <div class="field-pair">
            <Field
              optional
              label="User name at the broker"
              value={draft.brokerUsername}
              onInput={(brokerUsername) => set({ brokerUsername })}
              fault={faults.brokerUsername ?? ''}
            />
            <Field
              optional
              label="Password at the broker"
              type="password"
              autocomplete="new-password"
              value={draft.brokerPassword}
              onInput={(brokerPassword) => set({ brokerPassword })}
              fault={faults.brokerPassword ?? ''}
              hint={facts.hasBrokerPassword ? 'One is set; empty leaves it, for the same broker' : ''}
            />
          </div>
          {facts.canApply && draft.brokerTls && (
            <TextFile
              label="Certificate of the authority that signs the broker’s (PEM)"
              accept=".pem,.crt,.cer"
              onText={(brokerCa) => set({ brokerCa })}
              fault={faults.brokerCa ?? ''}
              hint="Without one the usual authorities are believed"
            />
          )}
        </>
      )}
      {facts.canApply && (
        <>
          <Field
            optional
            mono
            label="Time servers"
            value={draft.timeServers}
            onInput={(timeServers) => set({ timeServers })}
            fault={faults.timeServers ?? ''}
            placeholder="time.example.net nts, 192.0.2.123"
            hint="nts behind one that proves who it is; empty takes those that the network tells"
          />
          <Field
            optional
            mono
            label="Folder of updates"
            value={draft.updateFolder}
            onInput={(updateFolder) => set({ updateFolder })}
            fault={faults.updateFolder ?? ''}
            placeholder="https://updates.example.net/flowspan"
            hint="Empty: updates come on this page or by stick"
          />
        </>
      )}
    </>
  );
}
