/** The page's entry: theme, connection, first drawing. */
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/parts.css';
import './style/charts.css';
import './style/on_call.css';
import './style/copy.css';
import { App } from './app.tsx';
import { BoxLink } from './live/box_link.ts';
import { BoxContext } from './live/use_box.ts';
import { startTheme } from './theme.ts';

startTheme();
const link = new BoxLink();
link.start();
render(
  <BoxContext.Provider value={link}>
    <App />
  </BoxContext.Provider>,
  document.getElementById('page')!,
);
