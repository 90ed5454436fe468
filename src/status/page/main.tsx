/** The page's entry: theme, connection, first drawing. */
import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import 'uplot/dist/uPlot.min.css';
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/parts.css';
import './style/charts.css';
import './style/on_call.css';
import './style/copy.css';
import './style/forms.css';
import { sessionAhead, streamAhead } from './ahead.ts';
import { App } from './app.tsx';
import { BoxLink } from './live/box_link.ts';
import { BoxContext } from './live/use_box.ts';
import { Later } from './parts/later.tsx';
import { PageSession } from './session.ts';
import { startTheme } from './theme.ts';
import { SessionContext, useSession } from './use_session.ts';

startTheme();
const session = new PageSession();
const link = new BoxLink(() => void session.doubt());

/** Live figures flow while somebody may see them; another user begins with nothing of the one before. */
function Root() {
  const { isIn } = useSession();
  useEffect(() => {
    if (isIn) link.start();
    else link.stop();
  }, [isIn]);
  return isIn ? <App /> : <Later load={entrance} />;
}
const entrance = () => import('./views/entrance.tsx').then(({ Entrance }) => Entrance);

await session.begin(await sessionAhead());
session.watch();
// Drawn once, with figures, where they are there already.
if (session.isIn) link.start(await streamAhead());
render(
  <SessionContext.Provider value={session}>
    <BoxContext.Provider value={link}>
      <Root />
    </BoxContext.Provider>
  </SessionContext.Provider>,
  document.getElementById('page')!,
);
