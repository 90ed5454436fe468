/**
 * What settings are made of: a value with its default and bounds, and what the reference says about it. `schema.ts` and
 * the sections beside it alone say which settings there are.
 */
import { z } from 'zod';

export interface Facts {
  /** Why one would change it, in a sentence for the operator. */
  reason: string;
  unit?: string;
  /** True when the service must restart to take it up; otherwise it is taken up while running. */
  restart?: boolean;
  /** Nobody is shown its value. */
  secret?: boolean;
}

export const facts = ({ reason, unit, restart = true, secret = false }: Facts): Record<string, unknown> => ({
  description: reason,
  ...(unit === undefined ? {} : { unit }),
  restart,
  ...(secret ? { writeOnly: true } : {}),
});

export const MIB = 1024 * 1024;
export const integer = (minimum: number, maximum: number, value: number, about: Facts) =>
  z.int().min(minimum).max(maximum).default(value).meta(facts(about));
export const flag = (value: boolean, about: Facts) => z.boolean().default(value).meta(facts(about));
export const text = (value: string, about: Facts) => z.string().max(1_000).default(value).meta(facts(about));
export const choice = <const T extends readonly [string, ...string[]]>(values: T, value: NoInfer<T[number]>, about: Facts) =>
  z
    .enum(values)
    .default(value as never)
    .meta(facts(about));

export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
    'letters, digits, dot, dash and underscore, starting with a letter or digit, at most 63',
  );
export const prefix = z.union([z.cidrv4(), z.cidrv6()], { error: 'an address prefix such as 10.20.0.0/16 or 2001:db8::/48' });
export const port = z.int().min(1).max(65535);
/** Not a URL: a user, a key or a path would be shown wherever the host is. */
const hostName = z
  .string()
  .max(253)
  .regex(/^[\p{L}\p{N}_.:%[\]-]*$/u, 'a name or an address alone, without a scheme, a user or a path');
export const host = hostName.min(1);
export const hostOrNone = hostName.default('');
