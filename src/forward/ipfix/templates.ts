/** Template and options template records (RFC 7011 sections 3.4.1 and 3.4.2). Pure. */
import { type Element, penOf } from '../../flow/elements.ts';
import type { ProjectionPlan, TemplateField } from '../../flow/projection.ts';

/** Field specifiers: id, length, and the enterprise number where the enterprise bit is set (RFC 7011 section 3.2). */
function specifiers(fields: readonly TemplateField[], privatePen: number): number[] {
  return fields.flatMap(({ element, octets }) => {
    const pen = knownPen(element, privatePen);
    const length = [octets >> 8, octets & 0xff];
    if (pen === 0) return [element.id >> 8, element.id & 0xff, ...length];
    return [
      (element.id >> 8) | 0x80,
      element.id & 0xff,
      ...length,
      pen >>> 24,
      (pen >>> 16) & 0xff,
      (pen >>> 8) & 0xff,
      pen & 0xff,
    ];
  });
}

function knownPen(element: Element, privatePen: number): number {
  const pen = penOf(element, privatePen);
  if (pen === undefined) throw new Error(`${element.name} needs a private enterprise number`);
  return pen;
}

export function templateRecord(plan: Pick<ProjectionPlan, 'templateId' | 'fields'>, privatePen: number): Uint8Array {
  const { templateId, fields } = plan;
  return Uint8Array.from([
    templateId >> 8,
    templateId & 0xff,
    fields.length >> 8,
    fields.length & 0xff,
    ...specifiers(fields, privatePen),
  ]);
}

/** Scope fields stand first; there is at least one (RFC 7011 section 3.4.2.2). */
export function optionsTemplateRecord(
  templateId: number,
  scope: readonly TemplateField[],
  fields: readonly TemplateField[],
  privatePen: number,
): Uint8Array {
  const all = [...scope, ...fields];
  return Uint8Array.from([
    ...[templateId >> 8, templateId & 0xff, all.length >> 8, all.length & 0xff, scope.length >> 8, scope.length & 0xff],
    ...specifiers(all, privatePen),
  ]);
}
