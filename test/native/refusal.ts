/** What a call across the seam was refused with: the error's code, then its words. */
export function refusalOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return `${(error as { code: string }).code} ${(error as Error).message}`;
  }
  return 'nothing was refused';
}
