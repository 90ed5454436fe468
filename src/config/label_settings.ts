/** The section `labels`: names of the operator's own for traffic, by address, VLAN and port. */
import { z } from 'zod';
import { type LabelKind, labelKinds, parseRange, parseService } from '../flow/labels.ts';
import { facts, prefix } from './setting_kinds.ts';

const vlanMax = 4_094;
const vlan = z.union([z.number(), z.string()]).refine(isVlan, {
  error: `a VLAN id up to ${vlanMax}, a range such as 30-39, or untagged`,
});
const servicePort = z.string().refine((text) => parseService(text) !== undefined, {
  error: 'a protocol with a port, such as tcp/443, with a range, such as udp/5060-5061, or alone, such as icmp',
});
const label = z
  .string()
  .max(63)
  .regex(/^(?![\s(])[^\p{C}]*(?<![\s)])$/u, 'visible characters, at most 63, without spaces or brackets at its ends')
  .min(1);

const conditions = ['prefixes', 'vlans', 'ports'] as const;
const reasons: Readonly<Record<LabelKind, string>> = {
  site: 'Site that such traffic belongs to',
  tenant: 'Tenant, department or customer that it belongs to',
  service: 'What it is used for',
  costCentre: 'Who pays for it',
};
const labelOf = (kind: LabelKind) => label.optional().meta(facts({ reason: reasons[kind] }));

const rule = z
  .strictObject({
    prefixes: z
      .array(prefix)
      .min(1)
      .max(1_000)
      .optional()
      .meta(facts({ reason: 'One end of the flow lies in one of these; left out, any address will do' })),
    vlans: z
      .array(vlan)
      .min(1)
      .max(256)
      .optional()
      .meta(facts({ reason: 'Its outer VLAN is one of these: ids, ranges such as 30-39, or untagged' })),
    ports: z
      .array(servicePort)
      .min(1)
      .max(256)
      .optional()
      .meta(facts({ reason: 'Its service is one of these: tcp/443, udp/5060-5061, icmp' })),
    site: labelOf('site'),
    tenant: labelOf('tenant'),
    service: labelOf('service'),
    costCentre: labelOf('costCentre'),
  })
  .refine((one) => labelKinds.some((kind) => one[kind] !== undefined), {
    error: `names no label: at least one of ${labelKinds.join(', ')}`,
  });

export const labels = z
  .array(rule)
  .max(1_000)
  .default([])
  .refine((rules) => !rules.slice(0, -1).some((one) => isCatchAll(one) && labelKinds.every((kind) => one[kind] !== undefined)), {
    error: 'a rule without conditions that gives every label leaves nothing for the rules behind it: put it last',
  })
  .meta(
    facts({
      reason:
        'Names for traffic: of each kind the first rule decides whose conditions all hold; the history, the page and the summaries then count by them',
    }),
  );

function isCatchAll(one: Partial<Record<(typeof conditions)[number], unknown>>): boolean {
  return conditions.every((condition) => one[condition] === undefined);
}

function isVlan(vlan: number | string): boolean {
  return vlan === 'untagged' || parseRange(String(vlan), vlanMax) !== undefined;
}
