/** What is wrong with the updates of a box of the image. Pure; part of `alert_rules.ts`. */
import type { BoxStatus } from '../../flow/status_shapes.ts';
import { failedMax, outcomeWords, type UpdateRecord } from '../../flow/update_shapes.ts';
import type { Verdict } from './alert_rules.ts';

const hourMs = 3_600_000;
/** Whoever has not looked after it for so long does not mean to. */
const leftForMs = 7 * 24 * hourMs;

export function updateVerdicts({ updates, nowMs }: Pick<BoxStatus, 'updates' | 'nowMs'>): Verdict[] {
  if (updates.state === 'unavailable') return [];
  const judged = lastWord(updates.past);
  const isLeft =
    judged !== undefined &&
    nowMs - judged.atMs < leftForMs &&
    (judged.outcome === 'wentBack' ||
      judged.outcome === 'notJudged' ||
      // What somebody uploads they are told; nobody sits before the folder.
      ((judged.outcome === 'refused' || judged.outcome === 'failed') && judged.source === 'folder'));
  return [
    {
      code: 'updateLeft',
      subject: '',
      severity: 'ticket',
      is: isLeft ? 'bad' : 'good',
      raiseAfterMs: 0,
      clearAfterMs: 0,
      title: 'An update did not come about',
      text:
        judged === undefined
          ? ''
          : `Version ${judged.version || 'unknown'}: ${outcomeWords[judged.outcome]}${judged.outcome === 'failed' ? `, ${failedMax} times` : ''}${judged.reason === '' ? '' : `: ${judged.reason}`}.`,
      runbook:
        'The box works with the version from before, and does not try this bundle again. Take it out of the folder, or lower its share, before more boxes fetch it; then look at the reason.',
    },
    {
      code: 'updatesUnreachable',
      subject: '',
      severity: 'ticket',
      is: updates.isFetching && updates.checkFault !== '' ? 'bad' : 'good',
      raiseAfterMs: 24 * hourMs,
      clearAfterMs: 60_000,
      title: 'The folder of updates cannot be read',
      text: `For a day or more: ${updates.checkFault || 'it does not say why'}.`,
      runbook:
        'Does updates.folder.url lead to index.json, through device.proxy where one is needed? Is the server’s certificate good, and signed by updates.folder.caFile?',
    },
  ];
}

/** What became of the newest bundle of which something became, newest first given. A failure is tried again, so it takes the last of them. */
function lastWord(past: readonly UpdateRecord[]): UpdateRecord | undefined {
  const at = past.findIndex(({ outcome }) => outcome !== 'found' && outcome !== 'failed');
  const since = at < 0 ? past : past.slice(0, at);
  const isGivenUp = ({ sha256 }: UpdateRecord): boolean =>
    sha256 !== '' && since.filter((one) => one.outcome === 'failed' && one.sha256 === sha256).length >= failedMax;
  return since.find((record) => record.outcome === 'failed' && isGivenUp(record)) ?? past[at];
}
