/** The box's state as hooks: what is drawn follows it. */
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { BoxLink } from './box_link.ts';
import type { BoxState } from './box_state.ts';

export const BoxContext = createContext<BoxLink | undefined>(undefined);

export function useBox(): BoxState {
  const link = useContext(BoxContext)!;
  const [state, setState] = useState(link.state);
  useEffect(() => {
    setState(link.state);
    return link.subscribe(() => setState(link.state));
  }, [link]);
  return state;
}
