/**
 * A module beside another one, as source or as built.
 * @param from `import.meta.url` of the module it lies beside
 */
export function siblingModule(name: string, from: string): URL {
  return new URL(`./${name}${from.endsWith('.ts') ? '.ts' : '.js'}`, from);
}
