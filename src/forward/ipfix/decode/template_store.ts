/**
 * Templates of one transport session and observation domain, and names learned from RFC 5610 options. Limits: `templatesMax`
 * templates with `fieldsMax` fields together, `typesMax` learned elements; beyond them the oldest is forgotten.
 */
import { type Element, type ElementType, elementNumbered } from '../../../flow/elements.ts';

export interface DecodedTemplateField {
  readonly id: number;
  readonly pen: number;
  /** Octets, or 65535 for variable length. */
  readonly octets: number;
}

export interface DecodedTemplate {
  readonly templateId: number;
  readonly fields: readonly DecodedTemplateField[];
  /** Leading fields that are scope; 0 for a template of flow records. */
  readonly scopeCount: number;
}

interface LearnedType {
  readonly name: string;
  readonly type: ElementType | undefined;
}

export const templatesMax = 4_096;
export const fieldsMax = 262_144;
const typesMax = 4_096;

/** RFC 5610 section 3.1, by code; signed and single float types are read as octets. */
const typeCodes: readonly (ElementType | undefined)[] = [
  ...([
    'octetArray',
    'unsigned8',
    'unsigned16',
    'unsigned32',
    'unsigned64',
    undefined,
    undefined,
    'signed32',
    undefined,
  ] as const),
  ...([undefined, 'float64', 'boolean', 'macAddress', 'string', 'dateTimeSeconds', 'dateTimeMilliseconds'] as const),
  ...(['dateTimeMicroseconds', 'dateTimeNanoseconds', 'ipv4Address', 'ipv6Address'] as const),
];

export class TemplateStore {
  readonly #privatePen: number;
  readonly #templates = new Map<string, DecodedTemplate>();
  #fields = 0;
  readonly #types = new Map<string, LearnedType>();

  constructor(privatePen: number) {
    this.#privatePen = privatePen;
  }

  find(domain: number, templateId: number): DecodedTemplate | undefined {
    return this.#templates.get(`${domain}/${templateId}`);
  }

  put(domain: number, template: DecodedTemplate): void {
    const key = `${domain}/${template.templateId}`;
    this.#forget(key);
    this.#templates.set(key, template);
    this.#fields += template.fields.length;
    while (this.#templates.size > templatesMax || this.#fields > fieldsMax)
      this.#forget(this.#templates.keys().next().value as string);
  }

  withdraw(domain: number, templateId: number): boolean {
    return this.#forget(`${domain}/${templateId}`);
  }

  /** RFC 7011 section 8.1: id 2 withdraws every template of the domain, id 3 every options template. */
  withdrawAll(domain: number, options: boolean): number {
    let count = 0;
    for (const [key, template] of this.#templates) {
      if (key.startsWith(`${domain}/`) && template.scopeCount > 0 === options) {
        this.#forget(key);
        count++;
      }
    }
    return count;
  }

  #forget(key: string): boolean {
    this.#fields -= this.#templates.get(key)?.fields.length ?? 0;
    return this.#templates.delete(key);
  }

  learn(pen: number, id: number, name: string, typeCode: number): void {
    const key = `${pen}/${id}`;
    this.#types.delete(key);
    this.#types.set(key, { name, type: typeCodes[typeCode] });
    if (this.#types.size > typesMax) this.#types.delete(this.#types.keys().next().value as string);
  }

  /** Name and type of an element; `pen/id` for one that nobody has explained. */
  describe({ id, pen }: DecodedTemplateField): { readonly name: string; readonly type: ElementType | undefined } {
    const known: Element | undefined = elementNumbered(id, pen, this.#privatePen === 0 ? Number.NaN : this.#privatePen);
    return (
      known ?? this.#types.get(`${pen}/${id}`) ?? { name: pen === 0 ? `element${id}` : `element${pen}/${id}`, type: undefined }
    );
  }
}
