/**
 * How much memory flow records may take just now: what the setting says, and less while the whole program takes more than its share of
 * the machine's memory. Garbage of a moment drops no records: what counts is the least of the last looks. Pure.
 */

/** Half a minute of looks: collections and large answers come and go within it. */
export const looksTogether = 3;

export class FlowAllowance {
  readonly #bytesMax: number;
  readonly #bytesMin: number;
  readonly #programMax: number;
  readonly #taken: number[] = [];
  bytes: number;

  /**
   * @param bytesMax by the setting
   * @param bytesMin whatever the program takes
   * @param programMax octets that the program may take as a whole
   */
  constructor(bytesMax: number, bytesMin: number, programMax: number) {
    this.#bytesMax = bytesMax;
    this.#bytesMin = Math.min(bytesMin, bytesMax);
    this.#programMax = programMax;
    this.bytes = bytesMax;
  }

  get isShort(): boolean {
    return this.bytes < this.#bytesMax;
  }

  /** @param flowBytes of what the program takes as a whole */
  look(programBytes: number, flowBytes: number): void {
    // What the rest takes: it does not get less by records that make room.
    this.#taken.push(programBytes - flowBytes);
    if (this.#taken.length > looksTogether) this.#taken.shift();
    if (this.#taken.length < looksTogether) return;
    const rest = Math.min(...this.#taken);
    this.bytes = Math.min(this.#bytesMax, Math.max(this.#bytesMin, Math.floor(this.#programMax - rest)));
  }
}
