/** Debug's flow table: the newest records as they come, all elements, a filter. The filter is in the link. */
import { useEffect, useState } from 'preact/hooks';
import '../style/explore.css';
import { Card } from './controls.tsx';
import { FilterBox } from './filter_box.tsx';
import { FlowList, useFlows } from './flow_list.tsx';

const periodMs = 3_000;
const asked = { last: '15m' } as const;

const filterOf = (hash: string): string => new URLSearchParams(hash.split('?')[1] ?? '').get('filter')?.slice(0, 1_500) ?? '';

export function LiveFlows() {
  const [filter, setFilter] = useState(() => filterOf(location.hash));
  const [held, setHeld] = useState(false);
  const flows = useFlows(asked, filter, held ? Number.POSITIVE_INFINITY : periodMs);
  useEffect(() => {
    const onChange = (): void => setFilter(filterOf(location.hash));
    addEventListener('popstate', onChange);
    return () => removeEventListener('popstate', onChange);
  }, []);
  const apply = (text: string): void => {
    history.pushState(null, '', text === '' ? '#debug' : `#debug?${new URLSearchParams({ filter: text })}`);
    setFilter(text);
  };
  return (
    <>
      <Card
        title="Live flows"
        note="the records of the last 15 minutes"
        actions={
          <button type="button" class="button" aria-pressed={held} onClick={() => setHeld(!held)}>
            {held ? 'Go on' : 'Hold still'}
          </button>
        }
      >
        <FilterBox value={filter} trouble={flows.trouble} place={flows.place} onApply={apply} />
      </Card>
      <FlowList flows={flows} fromMs={0} />
    </>
  );
}
