/** Who talks to whom: hosts in a circle, conversations as arcs. A host leads to its conversations; the list says the same. */
import { useMemo, useState } from 'preact/hooks';
import type { AnswerAboutHosts } from '../../../flow/host_names.ts';
import { bytes } from '../format.ts';
import { type Edge, layOut } from '../graph_layout.ts';
import { withName } from './host_name.tsx';

export interface TopologyProps {
  readonly conversations: readonly Edge[];
  readonly about: AnswerAboutHosts;
  readonly onHost: (host: string) => void;
}

export function Topology({ conversations, about, onHost }: TopologyProps) {
  // There is room for addresses; what they are called is said of what is pointed at.
  const called = (address: string): string => withName(address, about);
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
            <title>{`${called(edge.from)} and ${called(edge.to)}: ${bytes(edge.octets)}`}</title>
          </path>
        ))}
        {graph.nodes.map((node) => (
          // biome-ignore lint/a11y/useSemanticElements: a button cannot stand in a picture
          <g
            key={node.name}
            class={isNear(node.name) ? 'node' : 'node is-far'}
            role="button"
            tabIndex={0}
            aria-label={`${called(node.name)}, ${bytes(node.octets)}: show its conversations`}
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
            <title>{`${called(node.name)}, ${bytes(node.octets)}`}</title>
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
