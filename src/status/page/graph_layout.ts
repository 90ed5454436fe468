/**
 * Who talks to whom, as a picture: hosts around an ellipse, the largest first, conversations as arcs between them. The same
 * data gives the same picture. Pure. Limits: `nodesMax` hosts, `edgesMax` conversations.
 */

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly octets: number;
}

export interface GraphNode {
  readonly name: string;
  readonly octets: number;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Where its name stands: left or right of it. */
  readonly side: 'start' | 'end';
}

export interface GraphEdge extends Edge {
  readonly path: string;
  readonly width: number;
}

export interface Graph {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

const nodesMax = 28;
const edgesMax = 60;
const width = 960;
const height = 560;
const radiusX = 260;
const radiusY = 235;

export function layOut(conversations: readonly Edge[]): Graph {
  const volumes = new Map<string, number>();
  for (const { from, to, octets } of conversations)
    for (const end of [from, to]) volumes.set(end, (volumes.get(end) ?? 0) + octets);
  const ranked = [...volumes].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, nodesMax);
  const shown = new Set(ranked.map(([name]) => name));
  const edges = conversations.filter(({ from, to }) => shown.has(from) && shown.has(to)).slice(0, edgesMax);
  const order = neighboursTogether(
    ranked.map(([name]) => name),
    edges,
  );
  const largest = Math.max(1, ...ranked.map(([, octets]) => octets));
  const places = new Map<string, GraphNode>();
  order.forEach((name, i) => {
    const octets = volumes.get(name)!;
    places.set(name, { name, octets, ...placeOf(i, order.length), radius: 4 + 12 * Math.sqrt(octets / largest) });
  });
  const widest = Math.max(1, ...edges.map(({ octets }) => octets));
  return {
    width,
    height,
    nodes: order.map((name) => places.get(name)!),
    edges: edges.map((edge) => ({
      ...edge,
      path: arc(places.get(edge.from)!, places.get(edge.to)!),
      width: 1 + 9 * Math.sqrt(edge.octets / widest),
    })),
  };
}

/** Down the right side and up the left, at even heights: by even angles, names near the top and the bottom would cover each other. */
function placeOf(at: number, of: number): Pick<GraphNode, 'x' | 'y' | 'side'> {
  const onRight = Math.ceil(of / 2);
  const isRight = at < onRight;
  const part = isRight ? (at + 0.5) / onRight : (of - at - 0.5) / (of - onRight);
  const up = 2 * part - 1;
  const out = radiusX * Math.sqrt(1 - up * up);
  return { x: width / 2 + (isRight ? out : -out), y: height / 2 + radiusY * up, side: isRight ? 'start' : 'end' };
}

/** A host stands beside the one it talks to most, so that the thickest arcs are short. */
function neighboursTogether(names: readonly string[], edges: readonly Edge[]): string[] {
  const order: string[] = [];
  const left = new Set(names);
  const take = (name: string): void => {
    if (!left.delete(name)) return;
    order.push(name);
    const partners = edges
      .filter(({ from, to }) => from === name || to === name)
      .map(({ from, to }) => (from === name ? to : from))
      .filter((partner) => left.has(partner));
    if (partners[0] !== undefined) take(partners[0]);
  };
  for (const name of names) take(name);
  return order;
}

/** Bent towards the middle, so that arcs of neighbours do not cover each other. */
function arc(from: GraphNode, to: GraphNode): string {
  const bend = 0.35;
  const middleX = ((from.x + to.x) / 2) * bend + (width / 2) * (1 - bend);
  const middleY = ((from.y + to.y) / 2) * bend + (height / 2) * (1 - bend);
  const round = (value: number): number => Math.round(value * 10) / 10;
  return `M${round(from.x)} ${round(from.y)}Q${round(middleX)} ${round(middleY)} ${round(to.x)} ${round(to.y)}`;
}
