/** The settings reference in `config/`, from `src/config/schema.ts`. */
import { defaultYaml, jsonSchema, referenceMarkdown } from '../../src/config/reference.ts';

export function files(): Record<string, string> {
  return {
    'config/settings.md': referenceMarkdown(),
    'config/default.yaml': defaultYaml(),
    'config/flowspan.schema.json': `${JSON.stringify(jsonSchema(), null, 2)}\n`,
  };
}
