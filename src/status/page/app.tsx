/** The frame around the views: header, navigation, connection, theme, footer. */
import { useEffect, useState } from 'preact/hooks';
import { attentionOf } from './attention.ts';
import { after, wallMs } from './browser_clock.ts';
import { duration, timeOfDay, zoneName } from './format.ts';
import { accountOf } from './ledger_account.ts';
import type { BoxState, Connection } from './live/box_state.ts';
import { useBox } from './live/use_box.ts';
import { Mark, MoonIcon, PersonIcon, SunIcon, SystemIcon } from './parts/icons.tsx';
import { fetchLater, Later } from './parts/later.tsx';
import { accountWords } from './parts/ledger.tsx';
import { SettingsTrial } from './parts/settings_trial.tsx';
import { hashOf, useRoute, type View } from './route.ts';
import { chooseTheme, chosenTheme, type Theme, themes } from './theme.ts';
import { useSession } from './use_session.ts';
import { Overview } from './views/overview.tsx';

const names: Readonly<Record<View, string>> = {
  overview: 'Overview',
  'on-call': 'On call',
  explore: 'Explore',
  debug: 'Debug',
  access: 'Access',
  'set-up': 'Set up',
};

/** Views that stand in the navigation; access is reached by the person in the corner, and what is set from there and from On call. */
const shown = (Object.keys(names) as View[]).filter((name) => name !== 'access' && name !== 'set-up');
const onCallView = () => import('./views/on_call.tsx').then(({ OnCall }) => OnCall);
const debugView = () => import('./views/debug.tsx').then(({ Debug }) => Debug);
const exploreView = () => import('./views/explore.tsx').then(({ Explore }) => Explore);
const setUpView = () => import('./views/set_up.tsx').then(({ SetUpView }) => SetUpView);
const accessView = () => import('./views/access.tsx').then(({ AccessView }) => AccessView);

/** Loaded when first looked at; fetched a while after the first view, too, so that a box that goes away can still be looked at. */
const laterViews = [onCallView, exploreView, debugView];
const fetchAfterMs = 20_000;

export function App() {
  const box = useBox();
  const route = useRoute();
  const { status, connection } = box;

  useEffect(() => {
    document.title = `${names[route.view]} · ${status === undefined ? 'flowspan' : `${status.node} · flowspan`}`;
  }, [route.view, status?.node]);

  useEffect(() => after(fetchAfterMs, () => laterViews.forEach(fetchLater)), []);

  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <Header box={box} view={route.view} range={route.range} />
      <main id="main" tabIndex={-1} class={connection.kind === 'lost' ? 'is-lost' : ''}>
        <Trouble connection={connection} />
        <SettingsTrial />
        {status === undefined ? (
          <Waiting connection={connection} />
        ) : route.view === 'on-call' ? (
          <Later load={onCallView} />
        ) : route.view === 'explore' ? (
          <Later load={exploreView} />
        ) : route.view === 'set-up' ? (
          <Later load={setUpView} />
        ) : route.view === 'access' ? (
          <Later load={accessView} />
        ) : route.view === 'debug' ? (
          <Later load={debugView} />
        ) : (
          <Overview box={box} route={route} />
        )}
      </main>
      <Footer box={box} />
    </>
  );
}

function Header({ box, view, range }: { box: BoxState; view: View; range: '1h' | '6h' | '24h' | '7d' }) {
  const { status, seconds, connection } = box;
  const attention = status === undefined ? [] : attentionOf(status, seconds);
  const bad = attention.some(({ level }) => level === 'bad');
  return (
    <header class="top-bar">
      <div class="top-bar-in">
        <div class="brand">
          <Mark />
          <p class="place">
            <strong class="clip">{status?.node ?? 'flowspan'}</strong>
            <span class="faint clip">{status?.site ?? ''}</span>
          </p>
        </div>
        <nav aria-label="Views">
          {shown.map((name) => (
            <a key={name} href={hashOf({ view: name, range, ledger: false })} aria-current={name === view ? 'page' : undefined}>
              {names[name]}
              {name === 'on-call' && attention.length > 0 && (
                <span class={`count ${bad ? 'bad' : 'warn'}`}>
                  {attention.length}
                  <span class="said"> need attention</span>
                </span>
              )}
            </a>
          ))}
        </nav>
        <div class="top-bar-end">
          <ConnectionState connection={connection} />
          <Person here={view === 'access'} />
          <ThemeChoice />
        </div>
      </div>
    </header>
  );
}

/** Who is signed in, and the way to users, tokens and signing out. Nothing where nobody signs in. */
function Person({ here }: { here: boolean }) {
  const { answer } = useSession();
  if (answer.state !== 'signedIn') return null;
  return (
    <a class="icon-button" href="#access" aria-current={here ? 'page' : undefined} title={`${answer.name} (${answer.role})`}>
      <PersonIcon />
      <span class="said">
        Access: {answer.name}, {answer.role}
      </span>
    </a>
  );
}

const connectionWords: Readonly<Record<Connection['kind'], string>> = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  lost: 'Lost',
  silent: 'Silent',
};

function ConnectionState({ connection }: { connection: Connection }) {
  const since = connection.kind === 'lost' || connection.kind === 'silent' ? ` since ${timeOfDay(connection.sinceMs)}` : '';
  return (
    <p class={`connection ${connection.kind}`} role="status">
      <i aria-hidden="true" />
      <span>
        {connectionWords[connection.kind]}
        <span class="connection-since">{since}</span>
      </span>
    </p>
  );
}

const themeIcons: Readonly<Record<Theme, typeof SunIcon>> = { system: SystemIcon, light: SunIcon, dark: MoonIcon };

function ThemeChoice() {
  const [theme, setTheme] = useState(chosenTheme);
  const next = themes[(themes.indexOf(theme) + 1) % themes.length]!;
  const Icon = themeIcons[theme];
  return (
    <button
      type="button"
      class="icon-button"
      title={`Theme: ${theme}`}
      aria-label={`Theme: ${theme}. Change to ${next}`}
      onClick={() => {
        chooseTheme(next);
        setTheme(next);
      }}
    >
      <Icon />
    </button>
  );
}

function Trouble({ connection }: { connection: Connection }) {
  if (connection.kind === 'lost') {
    return (
      <p class="banner bad" role="alert">
        <span>
          <strong>The box has not answered since {timeOfDay(connection.sinceMs)}.</strong> What you see is from then. Trying again
          by itself; is the box powered, and are you on its network?
        </span>
      </p>
    );
  }
  if (connection.kind !== 'silent') return null;
  return (
    <p class="banner bad" role="alert">
      <span>
        <strong>The meter’s process has not reported since {timeOfDay(connection.sinceMs)}.</strong> The page works, the rest of
        the box may hang. Its watchdog restarts it; if not, look at the log.
      </span>
    </p>
  );
}

function Waiting({ connection }: { connection: Connection }) {
  if (connection.kind === 'lost') return null;
  return (
    <div class="waiting" aria-busy="true">
      <div class="skeleton tall" />
      <div class="skeleton" />
      <div class="skeleton tall" />
      <span class="said">Connecting to the box</span>
    </div>
  );
}

/** Clocks further apart than this are said: times on the page are the box's. */
const clocksApartMs = 5_000;

function Footer({ box }: { box: BoxState }) {
  const { status, clockOffsetMs } = box;
  const account = status === undefined ? undefined : accountOf(status.ledger);
  const apart = Math.abs(clockOffsetMs) > clocksApartMs;
  return (
    <footer class="foot">
      <div class="foot-in">
        {account !== undefined && (
          <a class={account.balanced ? '' : 'bad-text'} href="#overview?ledger">
            Accounted for: {accountWords(account)}
          </a>
        )}
        <span>Times in {zoneName(wallMs())}</span>
        {apart && (
          <span class="warn-text">
            The box’s clock is {duration(Math.abs(clockOffsetMs))} {clockOffsetMs > 0 ? 'ahead of' : 'behind'} this browser’s
          </span>
        )}
        {status !== undefined && <span class="foot-version">flowspan {status.version}</span>}
      </div>
    </footer>
  );
}
