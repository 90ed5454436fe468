/**
 * One line that says how the box is: port, uplinks, history, ledger. On a good day it shows that everything works; each
 * part leads to its place, the ledger unfolds here.
 */
import type { ComponentChildren } from 'preact';
import type { BoxStatus, TrafficSecond } from '../../../flow/status_shapes.ts';
import { silentAfterS, silentForS, uplinkHealth } from '../attention.ts';
import { bytes, duration, percent, shortCount } from '../format.ts';
import { accountOf } from '../ledger_account.ts';
import { type Tone, ToneIcon } from './controls.tsx';
import { ChevronIcon } from './icons.tsx';
import { accountWords, LedgerDetail } from './ledger.tsx';

interface Props {
  readonly status: BoxStatus;
  readonly seconds: readonly TrafficSecond[];
  readonly open: boolean;
  readonly onToggle: (open: boolean) => void;
}

interface Part {
  readonly tone: Tone;
  readonly title: string;
  readonly more: string;
}

export function StatusStrip({ status, seconds, open, onToggle }: Props) {
  const account = accountOf(status.ledger);
  const lost = account.lost === 0 ? 'none dropped' : `${percent(account.lost, account.onPort)} dropped before the meter`;
  return (
    <section class={`card strip ${account.balanced ? '' : 'bad'}`} aria-label="State of the box" id="ledger">
      <div class="strip-parts">
        {[port(status, seconds), uplinks(status), history(status)].map((part) => (
          <a key={part.title} class="strip-part" href="#on-call">
            <PartBody {...part} />
          </a>
        ))}
        <button type="button" class="strip-part" aria-expanded={open} onClick={() => onToggle(!open)}>
          <PartBody
            tone={account.balanced ? 'good' : 'bad'}
            title={
              <>
                Accounted for: <strong>{accountWords(account)}</strong>
              </>
            }
            more={`${shortCount(account.onPort)} packets, ${lost}`}
          />
          <span class={`chevron ${open ? 'up' : ''}`}>
            <ChevronIcon />
          </span>
        </button>
      </div>
      <LedgerDetail ledger={status.ledger} open={open} />
    </section>
  );
}

function PartBody({ tone, title, more }: { tone: Tone; title: ComponentChildren; more: string }) {
  return (
    <>
      <span class={`tone ${tone}`}>
        <ToneIcon tone={tone} />
      </span>
      <span class="strip-words">
        <span class="strip-title">{title}</span>
        <span class="strip-more">{more}</span>
      </span>
    </>
  );
}

function port({ meter }: BoxStatus, seconds: readonly TrafficSecond[]): Part {
  const { interfaces, source, state, reason } = meter;
  if (state === 'failed') return { tone: 'bad', title: 'The meter has failed', more: reason };
  const [first] = interfaces;
  if (source !== 'interface' || first === undefined) {
    const title = { demo: 'Demo office', capture: 'A capture file', none: 'Nothing is metered', interface: 'No interface' }[
      source
    ];
    return { tone: state === 'metering' ? 'good' : 'warn', title, more: state };
  }
  const down = interfaces.filter(({ up }) => !up);
  const names = interfaces.map(({ name }) => name).join(', ');
  if (down.length > 0)
    return { tone: 'bad', title: `${down.map(({ name }) => name).join(', ')}: no link`, more: 'check the cable' };
  const silentS = silentForS(seconds);
  if (silentS >= silentAfterS)
    return { tone: 'warn', title: `${names} silent`, more: `nothing for ${duration(silentS * 1_000)}` };
  const newest = seconds.at(-1);
  const speedMbps = interfaces.reduce((sum, { speedMbps: one }) => sum + (one ?? Number.NaN), 0);
  const used = newest === undefined || Number.isNaN(speedMbps) ? '' : `${percent(newest.octets * 8, speedMbps * 1e6)} of `;
  const speed = Number.isNaN(speedMbps) ? 'link up' : speedMbps >= 1_000 ? `${speedMbps / 1_000} Gbit/s` : `${speedMbps} Mbit/s`;
  return {
    tone: state === 'metering' ? 'good' : 'warn',
    title: `${names} ${state}`,
    more: used === '' ? speed : `${used}${speed} used`,
  };
}

function uplinks({ uplinks: all }: BoxStatus): Part {
  if (all.length === 0) return { tone: 'info', title: 'No uplink is set', more: 'records stay in this box' };
  const up = all.filter(({ state }) => state === 'up').length;
  const tones = all.map(uplinkHealth);
  const tone = tones.includes('bad') ? 'bad' : tones.includes('warn') ? 'warn' : 'good';
  const waiting = all.reduce((sum, { backlogRecords }) => sum + backlogRecords, 0);
  return {
    tone,
    title: up === all.length ? `${up} ${up === 1 ? 'uplink' : 'uplinks'} up` : `${up} of ${all.length} uplinks up`,
    more: waiting === 0 ? 'nothing waits' : `${shortCount(waiting)} records wait`,
  };
}

function history({ stores }: BoxStatus): Part {
  const store = stores.find(({ name }) => name === 'history');
  if (store === undefined) return { tone: 'info', title: 'No history', more: 'history.enabled is false' };
  if (store.state === 'stopped') return { tone: 'bad', title: 'History stopped', more: store.reason };
  return {
    tone: 'good',
    title: 'History open',
    more: `${bytes(store.octetsOnDisk)} of ${bytes(store.octetsMax)}`,
  };
}
