/** `flowspan user`: who may sign in to the page. Works on a running box and on a stopped one. */
import { ApplianceError } from '../core/errors.ts';
import { roles, roleWords } from '../flow/access_shapes.ts';
import { asRole, findUser, plainName, withChange, withoutUser, withUser } from '../status/access/accounts.ts';
import { Passwords, passwordFault } from '../status/access/passwords.ts';
import { askNewPassword, type Desk, openDesk } from './accounts.ts';
import { configUsage } from './box_folder.ts';
import { type Command, exitCodes, type OptionValues, type Terminal } from './command.ts';

export const command: Command = {
  name: 'user',
  summary: 'who may sign in: list, add, password, role, remove; log of what was done',
  usage: `user list|add|password|role|remove|log [NAME] [options]

  list             users and roles
  add NAME         asks for a password, or takes the first line of standard input
  password NAME    a new one; ends the user's sessions
  role NAME        with --role: another role
  remove NAME
  log              what was done, newest first: --last N (default 50)

${roles.map((role) => `  --role ${role.padEnd(10)}${roleWords[role]}`).join('\n')}
  --json           for programs
  --data FOLDER    data folder of the box (default var, or as --config says)
${configUsage}

As root it is done as the user who owns the data folder. The first user that is made asks for sign-in from then on, on loopback too (status.signIn).`,
  options: {
    role: { type: 'string' },
    last: { type: 'string' },
    json: { type: 'boolean' },
    data: { type: 'string' },
    config: { type: 'string' },
  },
  positionals: ['ACTION', 'NAME?'],
  async run(values, [action, typed], terminal) {
    const act = actions[action!];
    if (act === undefined) throw new ApplianceError('usage', `user ${action}: allowed: ${Object.keys(actions).join(', ')}`);
    const desk = await openDesk(values, terminal);
    const name = plainName(typed ?? '');
    if (name === '' && action !== 'list' && action !== 'log') throw new ApplianceError('usage', `user ${action} needs a NAME`);
    await act({ desk, name, values, terminal });
    await desk.audit.settled();
    return exitCodes.good;
  },
};

interface Call {
  readonly desk: Desk;
  readonly name: string;
  readonly values: OptionValues;
  readonly terminal: Terminal;
}

const actions: Readonly<Record<string, (call: Call) => Promise<void>>> = { list, add, password, role, remove, log };

async function list({ desk, values, terminal: { out } }: Call): Promise<void> {
  const users = desk.file.accounts.users.map(({ name, role, createdMs }) => ({ name, role, createdMs }));
  if (values.json === true) out.write(`${JSON.stringify({ users })}\n`);
  else if (users.length === 0) out.write('there are no users\n');
  else for (const { name, role } of users) out.write(`${name.padEnd(24)}${role}\n`);
}

async function add({ desk, name, values, terminal }: Call): Promise<void> {
  const first = desk.file.accounts.users.length === 0;
  const role = values.role === undefined ? (first ? 'admin' : 'viewer') : asRole(String(values.role));
  if (first && role !== 'admin') throw new ApplianceError('accountRefused', 'the first user must be an admin');
  // Before a password is asked for in vain.
  withUser(desk.file.accounts, { name, role, createdMs: 0, hash: '' });
  const hash = await newHash(desk, name, terminal);
  await desk.file.change((accounts) => withUser(accounts, { name, role, createdMs: Math.round(desk.clock.wallMs()), hash }));
  desk.audit.note('console', '', 'userAdded', `${name} as ${role}`);
  terminal.out.write(`${name} may sign in as ${role}\n`);
}

async function password({ desk, name, terminal }: Call): Promise<void> {
  if (findUser(desk.file.accounts, name) === undefined) throw new ApplianceError('accountRefused', `there is no user ${name}`);
  const hash = await newHash(desk, name, terminal);
  await desk.file.change((accounts) => withChange(accounts, name, { hash }));
  desk.audit.note('console', '', 'passwordChanged', name);
  terminal.out.write(`${name} has a new password; sessions with the old one end\n`);
}

async function role({ desk, name, values, terminal: { out } }: Call): Promise<void> {
  if (values.role === undefined) throw new ApplianceError('usage', `user role needs --role; allowed: ${roles.join(', ')}`);
  const role = asRole(String(values.role));
  await desk.file.change((accounts) => withChange(accounts, name, { role }));
  desk.audit.note('console', '', 'userChanged', `${name}, role ${role}`);
  out.write(`${name} is ${role} now\n`);
}

async function remove({ desk, name, terminal: { out } }: Call): Promise<void> {
  await desk.file.change((accounts) => withoutUser(accounts, name));
  desk.audit.note('console', '', 'userRemoved', name);
  out.write(`${name} is gone\n`);
}

async function log({ desk, values, terminal: { out } }: Call): Promise<void> {
  const last = Number(values.last ?? 50);
  if (!Number.isInteger(last) || last < 1 || last > 10_000)
    throw new ApplianceError('usage', `--last ${String(values.last)}: allowed: a whole number from 1 to 10000`);
  const entries = await desk.audit.newest(last);
  if (values.json === true) out.write(`${JSON.stringify({ entries })}\n`);
  else if (entries.length === 0) out.write('nothing was done yet\n');
  else
    for (const { atMs, who, from, action, what, outcome } of entries) {
      const words = [new Date(atMs).toISOString(), who || '-', from || '-', action, what, outcome === 'done' ? '' : outcome];
      // What strangers typed must not steer the terminal.
      out.write(
        `${words
          .filter((word) => word !== '')
          .join('  ')
          .replaceAll(/\p{C}/gu, '?')}\n`,
      );
    }
}

async function newHash({ random }: Desk, name: string, terminal: Terminal): Promise<string> {
  const typed = await askNewPassword(terminal);
  const fault = passwordFault(typed, name);
  if (fault !== undefined) throw new ApplianceError('accountRefused', `the password is ${fault}`);
  return new Passwords(random).hash(typed);
}
