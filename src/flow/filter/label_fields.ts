/** The fields of a filter that ask for labels, one a kind. Pure. */
import { type LabelKind, labelDimensions, labelKinds } from '../labels.ts';
import type { FieldEntry } from './filter_fields.ts';

const names: Readonly<Record<LabelKind, string>> = {
  site: 'site',
  tenant: 'tenant',
  service: 'service',
  costCentre: 'cost-centre',
};
const examples: Readonly<Record<LabelKind, string>> = {
  site: 'site berlin',
  tenant: 'tenant none',
  service: 'service [mail, backup]',
  costCentre: 'cost-centre "4711 IT"',
};

export const labelEntries: readonly FieldEntry[] = labelKinds.map((kind) => ({
  name: names[kind],
  aliases: kind === 'costCentre' ? ['costCentre'] : [],
  kind: 'label',
  label: labelDimensions[kind],
  columns: [`${labelDimensions[kind]}Id`],
  max: 2 ** 32 - 1,
  what: `the ${names[kind]} label; in quotation marks where it has blanks or signs`,
  example: examples[kind],
}));
