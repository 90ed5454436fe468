/** The session as a hook, and what forms that change something need: sent once, its trouble in words. */
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { BoxRefused, BoxUnreachable } from './api.ts';
import type { PageSession } from './session.ts';

export const SessionContext = createContext<PageSession | undefined>(undefined);

export function useSession(): PageSession {
  const session = useContext(SessionContext)!;
  const [, draw] = useState(0);
  useEffect(() => session.subscribe(() => draw((n) => n + 1)), [session]);
  return session;
}

export interface Deed {
  readonly busy: boolean;
  /** What the box refused, in its words; empty when all is well. */
  readonly trouble: string;
  /** True when it was done. */
  run(work: () => Promise<void>): Promise<boolean>;
}

export function useDeed(): Deed {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState('');
  return {
    busy,
    trouble,
    run: async (work) => {
      setBusy(true);
      setTrouble('');
      try {
        await work();
        return true;
      } catch (error) {
        if (!(error instanceof BoxRefused || error instanceof BoxUnreachable)) throw error;
        setTrouble(error.message);
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}
