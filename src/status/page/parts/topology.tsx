/** Who talks to whom: hosts in a circle, conversations as arcs. A host leads to its conversations; the list says the same. */
import { useMemo, useState } from 'preact/hooks';
import { bytes } from '../format.ts';
import { type Edge, layOut } from '../graph_layout.ts';

export function Topology({ conversations, onHost }: { conversations: readonly Edge[]; onHost: (host: string) => void }) {
  const graph = useMemo(() => layOut(conversations), [conversations]);
  const [near, setNear] = useState('');
  const touches = (edge: Edge): boolean => near === '' || edge.from === near || edge.to === near;
  const isNear = (name: string): boolean =>
    near === '' || name === near || graph.edges.some((edge) => touches(edge) && (edge.from === name || edge.to === name));
  return (
    <div class="topology">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a picture */}
      <svg
        viewBox={`0 0 ${graph.width} ${graph.height}`}
        role="group"
        aria-label={`Who talks to whom: ${graph.nodes.length} hosts`}
      >
        {graph.edges.map((edge) => (
          <path
            key={`${edge.from} ${edge.to}`}
            class={touches(edge) ? 'edge' : 'edge is-far'}
            d={edge.path}
            stroke-width={edge.width}
          >
            <title>{`${edge.from} and ${edge.to}: ${bytes(edge.octets)}`}</title>
          </path>
        ))}
        {graph.nodes.map((node) => (
          // biome-ignore lint/a11y/useSemanticElements: a button cannot stand in a picture
          <g
            key={node.name}
            class={isNear(node.name) ? 'node' : 'node is-far'}
            role="button"
            tabIndex={0}
            aria-label={`${node.name}, ${bytes(node.octets)}: show its conversations`}
            onClick={() => onHost(node.name)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' || event.key === ' ') {
                event.preventDefault();
                onHost(node.name);
              }
            }}
            onPointerEnter={() => setNear(node.name)}
            onPointerLeave={() => setNear('')}
            onFocus={() => setNear(node.name)}
            onBlur={() => setNear('')}
          >
            <circle cx={node.x} cy={node.y} r={node.radius} />
            <text
              x={node.x + (node.side === 'start' ? node.radius + 6 : -node.radius - 6)}
              y={node.y + 4}
              text-anchor={node.side}
            >
              {node.name}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}
