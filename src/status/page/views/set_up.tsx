/**
 * Setting up the box, and changing that later: a short walk from its name to where its records go, checked by the box, shown as it will
 * stand in the settings file, applied. Where nobody applies settings (a program among others) it ends with what to write where.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { type SetUpCheck, type SetUpFacts, type SetUpForm, trialS } from '../../../flow/set_up_shapes.ts';
import { ask, BoxRefused } from '../api.ts';
import { duration } from '../format.ts';
import { Card } from '../parts/controls.tsx';
import { Snippet } from '../parts/copyable.tsx';
import { Field } from '../parts/field.tsx';
import {
  AddressSection,
  CollectorAuthority,
  CollectorSection,
  MoreSection,
  NameSection,
  PortSection,
  type SectionProps,
} from '../parts/set_up_fields.tsx';
import { saveText } from '../save_text.ts';
import { addressAfter, type DraftFaults, draftFaults, draftOf, formOfDraft, type SetUpDraft } from '../set_up_draft.ts';
import '../style/set_up.css';
import { useAnswer } from '../use_answer.ts';
import { useDeed, useSession } from '../use_session.ts';

const path = '/api/v1/settings';
const askEveryMs = 2_000;

export function SetUpView() {
  const { value: facts, trouble } = useAnswer<SetUpFacts>(path, (signal) => ask(path, signal), askEveryMs);
  return (
    <>
      <h1 class="said">Set up this box</h1>
      {facts !== undefined && <Walk facts={facts} />}
      {facts === undefined && trouble !== '' && (
        <Card title="Settings of this box">
          <p class="trouble">{trouble}</p>
        </Card>
      )}
    </>
  );
}

/** What was found, for the form that was checked: another form is to be checked again. */
interface Checked {
  readonly draft: SetUpDraft;
  readonly check: SetUpCheck;
}

interface Applied {
  readonly id: string;
  readonly form: SetUpForm;
  /** What had become of others then: it is no word about this. */
  readonly before: string | undefined;
}

function Walk({ facts }: { facts: SetUpFacts }) {
  const session = useSession();
  const deed = useDeed();
  const [begun, setBegun] = useState({ revision: facts.revision, draft: draftOf(facts.form) });
  const [draft, setDraft] = useState(begun.draft);
  const [checked, setChecked] = useState<Checked>();
  const [applied, setApplied] = useState<Applied>();
  const [proof, setProof] = useState<string>();
  const isTouched = draft !== begun.draft;
  // Other settings have come into force, and nobody has typed anything yet.
  useEffect(() => {
    if (begun.revision === facts.revision || (isTouched && applied === undefined)) return;
    const fresh = { revision: facts.revision, draft: draftOf(facts.form) };
    setBegun(fresh);
    setDraft(fresh.draft);
    setChecked(undefined);
  }, [facts.revision]);

  const isCurrent = checked?.draft === draft;
  const faults: DraftFaults = isCurrent ? draftFaults(checked.check.faults, formOfDraft(draft)) : {};
  const set = (change: Partial<SetUpDraft>): void => setDraft({ ...draft, ...change });
  const check = (): void =>
    void deed.run(async () => {
      const form = formOfDraft(draft);
      setApplied(undefined);
      setChecked({ draft, check: await session.change<SetUpCheck>('POST', `${path}/check`, { form }) });
    });
  const apply = (): void =>
    void deed.run(async () => {
      const form = formOfDraft(draft);
      if (proof !== undefined) await session.change('POST', '/api/v1/session/proof', { password: proof });
      try {
        const { id } = await session.change<{ id: string }>('PUT', path, { form, revision: begun.revision });
        setApplied({ id, form, before: facts.last?.id });
        setProof(undefined);
        setChecked(undefined);
      } catch (error) {
        if (error instanceof BoxRefused && error.code === 'proofNeeded') setProof('');
        throw error;
      }
    });
  const mayApply = facts.canApply && session.answer.role === 'admin';
  const sections: SectionProps = { facts, draft, faults, set };
  return (
    <form
      class="stack set-up"
      onSubmit={(event) => {
        event.preventDefault();
        check();
      }}
    >
      <Outcome facts={facts} applied={applied} />
      <Intro facts={facts} />
      <Step number={1} title={facts.canApply ? 'Name and site' : 'Site'}>
        <NameSection {...sections} />
      </Step>
      <Step number={2} title={facts.canApply ? 'Ports' : 'Mirror port'}>
        <PortSection {...sections} />
      </Step>
      {facts.canApply && (
        <Step number={3} title="Address of the box">
          <AddressSection {...sections} />
        </Step>
      )}
      <Step number={facts.canApply ? 4 : 3} title="Where flow records go">
        <CollectorSection {...sections} />
        {facts.canApply && <CollectorAuthority {...sections} />}
      </Step>
      <Step number={facts.canApply ? 5 : 4} title="Where there is one">
        <MoreSection {...sections} />
      </Step>
      <Card title="Check and apply">
        <div role="alert">
          {deed.trouble !== '' && <p class="trouble">{deed.trouble}</p>}
          {isCurrent && checked.check.faults.length > 0 && (
            <p class="trouble">
              {checked.check.faults.length === 1 ? 'One field is' : `${checked.check.faults.length} fields are`} not right yet:
              see above.{faults[''] !== undefined && ` ${faults['']}`}
            </p>
          )}
        </div>
        {isCurrent && checked.check.faults.length === 0 && <Preview facts={facts} check={checked.check} />}
        {proof !== undefined && (
          <Field
            label="Your password, once more"
            type="password"
            autocomplete="current-password"
            value={proof}
            onInput={setProof}
            hint="It was a while ago that you signed in"
          />
        )}
        <p class="form-end">
          <button type="submit" class="button" disabled={deed.busy}>
            Check
          </button>
          {mayApply && isCurrent && checked.check.faults.length === 0 && checked.check.changes.length > 0 && (
            <button
              type="button"
              class="button primary"
              disabled={deed.busy || facts.isApplying || facts.trial !== null}
              onClick={apply}
            >
              Apply
            </button>
          )}
        </p>
      </Card>
    </form>
  );
}

function Step({ number, title, children }: { number: number; title: string; children: preact.ComponentChildren }) {
  return (
    <fieldset class="card step">
      <legend>
        <span class="step-number" aria-hidden="true">
          {number}
        </span>
        {title}
      </legend>
      {children}
    </fieldset>
  );
}

function Intro({ facts: { isNew, canApply, file, fileFault } }: { facts: SetUpFacts }) {
  return (
    <Card title={isNew ? 'Set up this box' : 'Settings of this box'}>
      {fileFault !== '' && (
        <p class="trouble">The settings file has faults, so this form begins anew and takes its place: {fileFault}</p>
      )}
      {canApply ? (
        <p class="quiet">
          {isNew
            ? 'Nobody has said yet where this box stands and where its records go. It meters already; what is left empty the box finds out by itself.'
            : 'What is not on this form stays in the settings file as it is.'}
        </p>
      ) : (
        <p class="quiet">
          This program may not write its own settings. Fill this in, and the box checks it and shows the lines to put into{' '}
          {file === '' ? 'a file, which is then given as --config FILE' : <code>{file}</code>}. They are taken up by themselves;
          what needs a restart is said.
        </p>
      )}
    </Card>
  );
}

function Preview({ facts, check: { changes, preview } }: { facts: SetUpFacts; check: SetUpCheck }) {
  if (changes.length === 0) return <p class="quiet">Nothing differs from what is set now.</p>;
  return (
    <>
      <p class="quiet">
        Changed: {changes.map((one) => one.path).join(', ')}.{' '}
        {facts.canApply ? 'The settings file will say:' : 'Lines for the settings file; what else stands there stays:'}
      </p>
      <Snippet text={preview} label="the settings" />
      {!facts.canApply && (
        <p class="form-end">
          <button type="button" class="button" onClick={() => saveText('flowspan.yaml', preview)}>
            Save flowspan.yaml
          </button>
        </p>
      )}
    </>
  );
}

const outcomeWords = {
  kept: 'The settings are in force.',
  undone: 'The former settings are back.',
  refused: 'The settings were not taken.',
  failed: 'The settings could not be applied.',
} as const;

/** What became of what was applied, here or by somebody else. */
function Outcome({ facts, applied }: { facts: SetUpFacts; applied: Applied | undefined }) {
  const place = useRef<HTMLDivElement>(null);
  const isUnderWay = facts.isApplying || (applied !== undefined && facts.last?.id === applied.before && facts.trial === null);
  useEffect(() => {
    if (applied !== undefined) place.current?.scrollIntoView({ block: 'center' });
  }, [applied?.id]);
  const { last, trial } = facts;
  const isShown = isUnderWay || trial !== null || last !== null;
  const address = applied === undefined ? undefined : addressAfter(applied.form);
  return (
    <div ref={place} role="status">
      {isShown && (
        <div class={`banner ${!isUnderWay && trial === null && last?.outcome === 'kept' ? 'good' : 'warn'}`}>
          <div>
            {isUnderWay && (
              <>
                <strong>Being applied.</strong> The box may be gone for a minute, and ask you to sign in again.
                {address !== undefined && (
                  <>
                    {' '}
                    It should then be at <a href={address}>{address}</a>.
                  </>
                )}{' '}
                Unless somebody reaches its page and signs in as an admin within {duration(trialS * 1_000)}, an address that was
                changed goes back to what it was.
              </>
            )}
            {!isUnderWay && trial !== null && (
              <>
                <strong>On trial for {duration(trial.leftMs)} more.</strong> You have reached the page: the settings of{' '}
                {trial.who} are being kept.
              </>
            )}
            {!isUnderWay && trial === null && last !== null && (
              <>
                <strong>{outcomeWords[last.outcome]}</strong> {last.reasons.join(' ')}
              </>
            )}
          </div>
        </div>
      )}
    </div>
  );
}
