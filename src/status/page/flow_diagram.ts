/**
 * Where the ledger's bands run in the diagram: stages from left to right, the main term straight on at the top, what
 * leaves it branching off below. Pure geometry in the units of the view box. What is zero has no band.
 */
import type { LedgerTermView, TermTone } from './ledger_account.ts';

export interface Node {
  readonly term: LedgerTermView;
  readonly stage: number;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

export interface Band {
  readonly tone: TermTone;
  readonly path: string;
}

export interface Diagram {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly Node[];
  readonly bands: readonly Band[];
}

export const nodeWidth = 6;
const mainHeight = 92;
const top = 44;
/** Even one packet of a billion is seen. */
const thinnest = 2.5;
const branchGap = 46;
const bottom = 40;

export function diagramOf(stages: readonly (readonly LedgerTermView[])[], width: number): Diagram {
  const nodes: Node[] = [];
  const bands: Band[] = [];
  const whole = Math.max(1, stages[0]?.[0]?.packets ?? 1);
  const step = (width - nodeWidth - 150) / Math.max(1, stages.length - 1);
  let parentHeight = mainHeight;
  let lowest = top + mainHeight;
  stages.forEach((terms, stage) => {
    const x = stage * step;
    const main = terms[0]!;
    const branches = terms.slice(1).filter((term) => term.packets > 0);
    const thick = branches.map((term) => Math.max(thinnest, (term.packets / whole) * mainHeight));
    const height = Math.max(thinnest, parentHeight - thick.reduce((all, one) => all + one, 0));
    nodes.push({ term: main, stage, x, y: top, height });
    if (stage > 0) bands.push({ tone: 'main', path: band(x - step + nodeWidth, top, x, top, height) });
    let leavesAt = top + height;
    let y = top + parentHeight + 26;
    branches.forEach((term, index) => {
      nodes.push({ term, stage, x, y, height: thick[index]! });
      bands.push({ tone: term.tone, path: band(x - step + nodeWidth, leavesAt, x, y, thick[index]!) });
      leavesAt += thick[index]!;
      y += Math.max(branchGap, thick[index]! + 30);
      lowest = Math.max(lowest, y - branchGap + thick[index]!);
    });
    parentHeight = height;
  });
  return { width, height: lowest + bottom, nodes, bands };
}

function band(x1: number, y1: number, x2: number, y2: number, thick: number): string {
  const middle = (x1 + x2) / 2;
  const f = (value: number): string => value.toFixed(1);
  return (
    `M${f(x1)} ${f(y1)}C${f(middle)} ${f(y1)} ${f(middle)} ${f(y2)} ${f(x2)} ${f(y2)}` +
    `V${f(y2 + thick)}C${f(middle)} ${f(y2 + thick)} ${f(middle)} ${f(y1 + thick)} ${f(x1)} ${f(y1 + thick)}Z`
  );
}
