import { expect, it } from 'vitest';
import { layOut } from '../../../src/status/page/graph_layout.ts';

const talk = Array.from({ length: 300 }, (_, i) => ({
  from: `10.0.0.${i % 60}`,
  to: `192.0.2.${(i * 7) % 40}`,
  octets: 1_000_000 / (i + 1),
}));

it('is the same for the same data, bounded, and inside its frame', () => {
  const graph = layOut(talk);
  expect(layOut(talk)).toEqual(graph);
  expect(graph.nodes.length).toBeLessThanOrEqual(28);
  expect(graph.edges.length).toBeLessThanOrEqual(60);
  for (const { x, y, radius } of graph.nodes) {
    expect(x - radius).toBeGreaterThanOrEqual(0);
    expect(x + radius).toBeLessThanOrEqual(graph.width);
    expect(y - radius).toBeGreaterThanOrEqual(0);
    expect(y + radius).toBeLessThanOrEqual(graph.height);
  }
  const places = graph.nodes.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`);
  expect(new Set(places).size).toBe(places.length);
  const names = new Set(graph.nodes.map(({ name }) => name));
  for (const { from, to } of graph.edges) expect(names.has(from) && names.has(to)).toBe(true);
});

it('draws nothing of nothing, and a host that talks to itself', () => {
  expect(layOut([])).toMatchObject({ nodes: [], edges: [] });
  expect(layOut([{ from: 'a', to: 'a', octets: 0 }]).nodes).toHaveLength(1);
});

it.each([2, 5, 14, 27, 28])('no name of %i hosts covers another', (hosts) => {
  const { nodes } = layOut(
    Array.from({ length: hosts - 1 }, (_, i) => ({ from: 'hub', to: `2001:db8::${i}`, octets: 1_000 - i })),
  );
  expect(nodes).toHaveLength(hosts);
  for (const side of ['start', 'end'] as const) {
    const heights = nodes
      .filter((node) => node.side === side)
      .map(({ y }) => y)
      .sort((a, b) => a - b);
    for (const [i, y] of heights.slice(1).entries()) expect(y - heights[i]!).toBeGreaterThan(16);
  }
  // Right of the middle names go to the right, left of it to the left.
  for (const { x, side } of nodes) expect(x > 480).toBe(side === 'start');
});
