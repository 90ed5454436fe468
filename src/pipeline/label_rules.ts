/**
 * The rules for labels, made ready for rows: for each kind the first rule that matches and names one decides. Addresses,
 * VLANs and ports are first turned into classes (which rules they satisfy), so that a row costs four look-ups and one
 * in a table of what each combination of classes led to. Pure; made anew when settings change.
 *
 * Limits: `combinationsMax` combinations are remembered; beyond that the table starts again.
 */
import { type LabelKind, type LabelRule, labelKindsOf, parseRange, parseService, portCount } from '../flow/labels.ts';
import type { RowCursor } from '../flow/row_cursor.ts';
import { presenceBit } from '../flow/row_layout.ts';
import { servicePort } from '../flow/service_port.ts';
import { ClassBook, PrefixClasses } from './prefix_classes.ts';

const combinationsMax = 65_536;
const vlanIds = 4_096;
/** Index of frames without a tag, behind every VLAN id. */
const untagged = vlanIds;

const bits = {
  addresses: presenceBit('addresses'),
  ports: presenceBit('ports'),
  protocol: presenceBit('protocol'),
  vlan: presenceBit('vlan'),
} as const;

/** Labels of one flow, by kind, as numbers of the dictionary; 0 is none. */
type Labels = Readonly<Record<LabelKind, number>>;

const present: readonly [LabelKind, number][] = [
  ['site', presenceBit('siteLabel')],
  ['tenant', presenceBit('tenantLabel')],
  ['service', presenceBit('serviceLabel')],
  ['costCentre', presenceBit('costCentreLabel')],
];

export class LabelRules {
  /** Kinds that some rule gives; the others need no dimension. */
  readonly kinds: readonly LabelKind[];
  readonly #rules: readonly LabelRule[];
  readonly #numbers: readonly Labels[];
  readonly #prefixes: PrefixClasses;
  readonly #vlans = new ClassBook();
  readonly #vlanClasses: Uint32Array;
  readonly #services = new ClassBook();
  readonly #serviceClasses = new Map<number, Uint32Array>();
  readonly #found = new Map<number, Labels>();

  /**
   * @param rules as in the settings, already checked there
   * @param numberOf the dictionary's number of a label
   */
  constructor(rules: readonly LabelRule[], numberOf: (kind: LabelKind, label: string) => number) {
    this.#rules = rules;
    this.kinds = labelKindsOf(rules);
    this.#numbers = rules.map((rule) => labelsFrom((kind) => (rule[kind] === undefined ? 0 : numberOf(kind, rule[kind]))));
    this.#prefixes = new PrefixClasses(rules.map(({ prefixes }) => prefixes ?? []));
    this.#vlanClasses = this.#compileVlans();
    this.#compileServices();
  }

  /** Writes the labels of the row under the cursor into it. */
  apply(row: RowCursor): void {
    if (this.kinds.length === 0) return;
    const bitsSet = row.view.getUint32(row.base + 4);
    let from = 0;
    let to = 0;
    if ((bitsSet & bits.addresses) !== 0) {
      const { view } = row;
      if (row.ipVersion === 6) {
        from = this.#prefixes.ofV6(view, row.sourceAddressOffset);
        to = this.#prefixes.ofV6(view, row.destinationAddressOffset);
      } else {
        from = this.#prefixes.ofV4(view.getUint32(row.sourceAddressOffset));
        to = this.#prefixes.ofV4(view.getUint32(row.destinationAddressOffset));
      }
    }
    const vlan = this.#vlanClasses[(bitsSet & bits.vlan) === 0 ? untagged : row.dot1qVlanId & (vlanIds - 1)]!;
    const service = this.#serviceClass(row, bitsSet);
    const prefixCount = this.#prefixes.members.length;
    const key = ((from * prefixCount + to) * this.#vlans.members.length + vlan) * this.#services.members.length + service;
    let labels = this.#found.get(key);
    if (labels === undefined) {
      labels = this.#judge(from, to, vlan, service);
      if (this.#found.size >= combinationsMax) this.#found.clear();
      this.#found.set(key, labels);
    }
    for (const [kind, bit] of present) {
      if (labels[kind] === 0) continue;
      write[kind](row, labels[kind]);
      row.setPresent(bit);
    }
  }

  #serviceClass(row: RowCursor, bitsSet: number): number {
    if ((bitsSet & bits.protocol) === 0) return 0;
    const protocol = row.protocolIdentifier;
    const classes = this.#serviceClasses.get(protocol);
    if (classes === undefined) return 0;
    if ((bitsSet & bits.ports) === 0) return classes[portCount]!;
    return classes[servicePort(protocol, row.sourceTransportPort, row.destinationTransportPort, row.biflowDirection)]!;
  }

  /** Of what the rules ask: the first rule of each kind. */
  #judge(from: number, to: number, vlan: number, service: number): Labels {
    const ends = new Set([...this.#prefixes.members[from]!, ...this.#prefixes.members[to]!]);
    const tags = new Set(this.#vlans.members[vlan]);
    const services = new Set(this.#services.members[service]);
    const matches = this.#rules.flatMap((rule, index) =>
      (rule.prefixes === undefined || ends.has(index)) &&
      (rule.vlans === undefined || tags.has(index)) &&
      (rule.ports === undefined || services.has(index))
        ? [this.#numbers[index]!]
        : [],
    );
    return labelsFrom((kind) => matches.find((labels) => labels[kind] !== 0)?.[kind] ?? 0);
  }

  #compileVlans(): Uint32Array {
    const rulesOf = Array.from({ length: vlanIds + 1 }, (): number[] => []);
    for (const [index, { vlans }] of this.#rules.entries()) {
      for (const vlan of vlans ?? []) {
        if (vlan === 'untagged') rulesOf[untagged]!.push(index);
        else {
          const { first, last } = parseRange(String(vlan), vlanIds - 1)!;
          for (let id = first; id <= last; id++) rulesOf[id]!.push(index);
        }
      }
    }
    return Uint32Array.from(rulesOf, (rules) => this.#vlans.of(new Set(rules)));
  }

  #compileServices(): void {
    const rulesOf = new Map<number, Map<number, Set<number>>>();
    for (const [index, { ports }] of this.#rules.entries()) {
      for (const text of ports ?? []) {
        const { protocol, first, last } = parseService(text)!;
        const byPort = rulesOf.get(protocol) ?? new Map<number, Set<number>>();
        rulesOf.set(protocol, byPort);
        for (let port = first; port <= last; port++) byPort.set(port, (byPort.get(port) ?? new Set()).add(index));
      }
    }
    for (const [protocol, byPort] of rulesOf) {
      const classes = new Uint32Array(portCount + 1);
      for (const [port, rules] of byPort) classes[port] = this.#services.of(rules);
      this.#serviceClasses.set(protocol, classes);
    }
  }
}

const write: Readonly<Record<LabelKind, (row: RowCursor, number: number) => void>> = {
  site: (row, number) => {
    row.siteLabelId = number;
  },
  tenant: (row, number) => {
    row.tenantLabelId = number;
  },
  service: (row, number) => {
    row.serviceLabelId = number;
  },
  costCentre: (row, number) => {
    row.costCentreLabelId = number;
  },
};

function labelsFrom(of: (kind: LabelKind) => number): Labels {
  return { site: of('site'), tenant: of('tenant'), service: of('service'), costCentre: of('costCentre') };
}
