/**
 * The names of labels for whoever searches: the file that the name book of the pipeline writes before the first row bears a
 * number. Read again when it has changed; what cannot be read is no name. An edge.
 */
import { readFile, stat } from 'node:fs/promises';
import { NameDictionary } from '../flow/dictionary.ts';

export function labelNamesIn(path: string): () => Promise<NameDictionary> {
  let known = { at: '', names: new NameDictionary() };
  return async () => {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const at = `${mtimeMs} ${size} ${ino}`;
      if (at !== known.at) known = { at, names: NameDictionary.read(await readFile(path, 'utf8')) ?? known.names };
    } catch {
      // No label has been given yet, or the disk does not tell: rows show their numbers.
    }
    return known.names;
  };
}
