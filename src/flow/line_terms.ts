/** What the line at the mirrored port carries and costs, as the operator says, and what of it traffic is due to. Pure. */

export interface LineTerms {
  /** Both directions together; 0 where nobody has said. */
  readonly kbitsPerSecond: number;
  /** Shared out by volume; 0 for nothing. */
  readonly costPerMonth: number;
  /** Of 10⁹ octets, beside the month. */
  readonly costPerGigabyte: number;
  /** ISO 4217. */
  readonly currency: string;
}

const monthS = (365.25 / 12) * 86_400;

/** What `octets` of a time's `totalOctets` cost, in the currency of the terms; undefined where the line has no price. */
export function costOf(octets: number, of: { totalOctets: number; seconds: number }, terms: LineTerms): number | undefined {
  const { costPerMonth, costPerGigabyte } = terms;
  if (costPerMonth === 0 && costPerGigabyte === 0) return undefined;
  const share = of.totalOctets > 0 ? octets / of.totalOctets : 0;
  return (octets / 1e9) * costPerGigabyte + share * costPerMonth * (of.seconds / monthS);
}
