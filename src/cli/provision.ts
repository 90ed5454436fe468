/** `flowspan provision`: settings, certificates and the network of a box from its boot partition or a stick, at every boot. */
import { SystemClock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import { loadAddon } from '../meter/addon.ts';
import { type Provisioned, provision } from '../system/provision/provision.ts';
import { reportWords } from '../system/provision/report.ts';
import { type Command, exitCodes } from './command.ts';

export const command: Command = {
  name: 'provision',
  summary: 'settings and network of an appliance from its boot partition or a stick',
  usage: `provision --from FOLDER… [--root FOLDER] [--check] [--json]

  --from FOLDER   where flowspan.yaml and certificates/ lie; may be given several times, the last one with settings is taken
  --root FOLDER   root of the file system to write to (default /)
  --check         decide and tell only
  --json          what was decided, as one JSON object

Checks what is offered as a whole: with one fault nothing of it is taken, ERROR.txt beside it says why, and the box goes on with what it
had. Else it lies in /etc/flowspan, and OK.txt says what is in force. Then the network is made of what is kept, below /run: files
for systemd-networkd, chrony, wpa_supplicant, nftables; /run/flowspan/hostname and ports.env for scripts. Running it again changes nothing.
A file named factory-reset makes the box forget everything first; on another folder than the first one, at its next start. Ends with 1 when what is offered has faults.`,
  options: {
    from: { type: 'string', multiple: true },
    root: { type: 'string' },
    check: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  positionals: [],
  async run(values, _positionals, { out }) {
    const from = (values.from ?? []) as string[];
    if (from.length === 0) throw new ApplianceError('usage', 'provision needs --from FOLDER');
    const job = { from, root: String(values.root ?? '/'), nowMs: knownNowMs(), dry: values.check === true };
    const { rendered, sysctls, certificates, settingsText, ...told } = provision(job);
    if (values.json === true) {
      const files = { rendered, sysctls, certificates: Object.keys(certificates), settingsChange: settingsText !== undefined };
      out.write(`${JSON.stringify({ ...told, ...files })}\n`);
    } else {
      out.write(resetWords[told.reset]);
      out.write(`${reportWords({ rendered, sysctls, certificates, settingsText, ...told }).join('\n')}\n`);
    }
    return told.state === 'refused' ? exitCodes.failed : exitCodes.good;
  },
};

const resetWords: Record<Provisioned['reset'], string> = {
  no: '',
  done: 'the box was reset: it has forgotten everything\n',
  atNextStart: 'the box forgets everything at its next start\n',
};

/** At boot the time may be anything: dates are judged by a clock that the kernel says is synchronised. */
function knownNowMs(): number | undefined {
  try {
    return loadAddon().kernelClock()?.synchronised === true ? new SystemClock().wallMs() : undefined;
  } catch (error) {
    if (error instanceof ApplianceError) return undefined; // a laptop without the addon
    throw error;
  }
}
