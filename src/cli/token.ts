/** `flowspan token`: what programs use the API with. Works on a running box and on a stopped one. */
import { ApplianceError } from '../core/errors.ts';
import { roles } from '../flow/access_shapes.ts';
import { asRole, withoutToken, withToken } from '../status/access/accounts.ts';
import { newToken } from '../status/access/secrets.ts';
import { openDesk } from './accounts.ts';
import { configUsage } from './box_folder.ts';
import { type Command, exitCodes, integerOption } from './command.ts';

const dayMs = 86_400_000;

export const command: Command = {
  name: 'token',
  summary: 'what programs use the API with: list, make, revoke',
  usage: `token list|make|revoke [NAME|ID] [options]

  list             tokens, never their secrets
  make NAME        says the token, once; NAME says what it is for
  revoke ID        it opens nothing from then on

  --role ROLE      ${roles.join(', ')} (default viewer)
  --days N         good for so long (default 0: until revoked)
  --json           for programs
  --data FOLDER    data folder of the box (default var, or as --config says)
${configUsage}

Sent as 'Authorization: Bearer TOKEN'. Tokens make neither users nor tokens.`,
  options: {
    role: { type: 'string' },
    days: { type: 'string' },
    json: { type: 'boolean' },
    data: { type: 'string' },
    config: { type: 'string' },
  },
  positionals: ['ACTION', 'NAME?'],
  async run(values, [action, name], terminal) {
    const { out } = terminal;
    const { clock, random, file, audit } = await openDesk(values, terminal);
    if (action === 'list') {
      const tokens = file.accounts.tokens.map(({ hash: _, ...entry }) => entry);
      if (values.json === true) out.write(`${JSON.stringify({ tokens })}\n`);
      else if (tokens.length === 0) out.write('there are no tokens\n');
      else
        for (const { id, name, role, expiresMs } of tokens) {
          const until = expiresMs === 0 ? 'until revoked' : `until ${new Date(expiresMs).toISOString().slice(0, 10)}`;
          out.write(`${id}  ${role.padEnd(9)} ${until.padEnd(17)} ${name}\n`);
        }
      return exitCodes.good;
    }
    if (action !== 'make' && action !== 'revoke')
      throw new ApplianceError('usage', `token ${action}: allowed: list, make, revoke`);
    if (name === undefined) throw new ApplianceError('usage', `token ${action} needs ${action === 'make' ? 'a NAME' : 'an ID'}`);
    if (action === 'revoke') {
      await file.change((accounts) => withoutToken(accounts, name));
      audit.note('console', '', 'tokenRevoked', name);
      out.write(`${name} opens nothing any more\n`);
    } else {
      const role = asRole(String(values.role ?? 'viewer'));
      const days = integerOption(values, 'days', 0, 0, 3_650);
      const { id, token, hash } = newToken(random);
      const createdMs = Math.round(clock.wallMs());
      const entry = { id, name, role, createdMs, createdBy: 'console', expiresMs: days === 0 ? 0 : createdMs + days * dayMs };
      await file.change((accounts) => withToken(accounts, { ...entry, hash }));
      audit.note('console', '', 'tokenMade', `${id} ${name} as ${role}`);
      // Alone on its line, so that a script can take it.
      if (values.json === true) out.write(`${JSON.stringify({ ...entry, token })}\n`);
      else out.write(`${token}\n`);
      if (values.json !== true) terminal.err.write(`${id}: ${role}; this is the only time it is shown\n`);
    }
    await audit.settled();
    return exitCodes.good;
  },
};
