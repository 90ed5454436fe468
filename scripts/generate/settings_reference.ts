/** Placeholder until the schema stands: replaced in the same change. */
export function files(): Record<string, string> {
  return {};
}
