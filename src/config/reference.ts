/**
 * The settings reference, derived from the schema: Markdown for people, YAML with every default, JSON schema for editors.
 * Pure; `scripts/generate.ts` writes the results to `config/`.
 */
import { z } from 'zod';
import { settingsSchema } from './schema.ts';
import { unwrap } from './schema_at.ts';

interface Setting {
  readonly path: string;
  readonly type: string;
  readonly byDefault: string;
  readonly unit: string;
  readonly reason: string;
  readonly restart: boolean;
}

interface JsonNode {
  type?: string | string[];
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  maxItems?: number;
  items?: JsonNode;
  properties?: Record<string, JsonNode>;
  default?: unknown;
  description?: string;
  unit?: string;
  restart?: boolean;
  anyOf?: JsonNode[];
  const?: unknown;
  pattern?: string;
  format?: string;
  additionalProperties?: JsonNode | boolean;
}

export function jsonSchema(): JsonNode {
  return z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' }) as JsonNode;
}

/** Every setting, in the order of the schema; `[]` in a path stands for each item of a list. */
export function settingsList(): Setting[] {
  return walk(jsonSchema(), '');
}

/** Paths of every key, for the test that the reference names them all. */
export function schemaPaths(schema: unknown = settingsSchema, path = ''): string[] {
  const inner = unwrap(schema) as { shape?: Record<string, unknown>; element?: unknown };
  if (inner.shape !== undefined) {
    return Object.entries(inner.shape).flatMap(([key, child]) => schemaPaths(child, path === '' ? key : `${path}.${key}`));
  }
  if (inner.element !== undefined && (unwrap(inner.element) as { shape?: object }).shape !== undefined) {
    return schemaPaths(inner.element, `${path}[]`);
  }
  return [path];
}

function walk(node: JsonNode, path: string): Setting[] {
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([key, child]) => walk(child, path === '' ? key : `${path}.${key}`));
  }
  const list: Setting = {
    path,
    type: typeWords(node),
    byDefault: node.default === undefined ? '(required)' : JSON.stringify(node.default),
    unit: node.unit ?? '',
    reason: node.description ?? '',
    restart: node.restart ?? true,
  };
  const items = node.items?.properties === undefined ? [] : walk(node.items, `${path}[]`);
  return [list, ...items];
}

function typeWords(node: JsonNode): string {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (node.anyOf !== undefined) {
    if (node.anyOf.some((option) => option.const === '')) return 'a name, or empty';
    const none = node.anyOf.find((option) => option.type === 'null');
    if (none !== undefined)
      return `${node.anyOf
        .filter((option) => option !== none)
        .map(typeWords)
        .join(', ')} or \`null\``;
    const whole = node.anyOf.find((option) => option.type === 'integer');
    if (whole !== undefined) return `${typeWords(whole)} or a range`;
    if (node.anyOf.every(({ format }) => format?.startsWith('cidr'))) return 'an address prefix';
    return node.anyOf.every(({ format }) => format?.startsWith('ipv')) ? 'an address' : 'text';
  }
  if (node.type === 'array')
    return node.items?.properties ? `list, at most ${node.maxItems}` : `list of ${typeWords(node.items ?? {})}`;
  if (node.type === 'integer' || node.type === 'number') return `${node.minimum}–${node.maximum}`;
  if (node.type === 'boolean') return 'true, false';
  if (node.type === 'object') return 'map';
  return 'text';
}

export function referenceMarkdown(): string {
  const bySection = new Map<string, Setting[]>();
  for (const setting of settingsList()) {
    const section = setting.path.includes('.') || setting.path.includes('[') ? setting.path.split(/[.[]/)[0]! : 'general';
    bySection.set(section, [...(bySection.get(section) ?? []), setting]);
  }
  const sections = [...bySection].map(([section, settings]) => {
    const rows = settings.map((s) => {
      const unit = s.unit === '' ? '' : ` ${s.unit}`;
      return `| \`${s.path}\` | ${s.type.replaceAll('|', '\\|')}${unit} | \`${s.byDefault}\` | ${s.reason}${s.restart ? '' : ' (taken up while running)'} |`;
    });
    return [`## ${section}`, '', '| setting | allowed | default | reason |', '| --- | --- | --- | --- |', ...rows].join('\n');
  });
  return `# Settings

Generated from \`src/config/schema.ts\` by \`npm run fix\`. Do not edit.

One YAML file holds them all: \`flowspan run --config flowspan.yaml\`, checked by \`flowspan check-config flowspan.yaml\`.
Unknown keys are refused. What is left out has its default. \`[]\` stands for each item of a list.

${sections.join('\n\n')}
`;
}

/** `config/default.yaml`: every setting with its default, as comments tell what it is for. */
export function defaultYaml(): string {
  const lines = ['# Every setting with its default. Generated from src/config/schema.ts; copy what you change.', ''];
  const write = (node: JsonNode, indent: number): void => {
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      const pad = ' '.repeat(indent);
      if (child.properties !== undefined) {
        lines.push(`${pad}${key}:`);
        write(child, indent + 2);
      } else {
        lines.push(`${pad}# ${child.description ?? ''}`, `${pad}${key}: ${JSON.stringify(child.default)}`);
      }
    }
  };
  write(jsonSchema(), 0);
  return `${lines.join('\n')}\n`;
}
