/**
 * Secrets that the box makes itself: session ids, API tokens, the set-up code. They are long enough that a plain hash
 * keeps them; only hashes are held. Pure but for the entropy that is handed in.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../core/random.ts';

/** Crockford's base 32: no I, L, O, U, so that nobody misreads a code on a console. */
const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const codeLetters = 12;

export const digest = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

export function sameText(a: string, b: string): boolean {
  // Of the hashes, so that neither length nor content shows in the time it takes.
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

/** 256 bits, for a cookie. */
export const newSecret = (random: Random): string => Buffer.from(random.bytes(32)).toString('base64url');

/** `4F7K-9QXM-2PLR`: 60 bits, which nobody guesses against a rate limit. */
export function newSetUpCode(random: Random): string {
  const code = [...random.bytes(codeLetters)].map((octet) => letters[octet % letters.length]).join('');
  return code.replaceAll(/(.{4})(?=.)/g, '$1-');
}

/** As typed by a person: any case, with or without dashes, O for 0, I and L for 1. */
export function plainCode(typed: string): string {
  return typed
    .slice(0, 64)
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
}

export interface NewToken {
  readonly id: string;
  /** Shown once: `fst_ID_SECRET`. */
  readonly token: string;
  readonly hash: string;
}

export function newToken(random: Random): NewToken {
  const id = Buffer.from(random.bytes(6)).toString('hex');
  const secret = newSecret(random);
  return { id, token: `fst_${id}_${secret}`, hash: digest(secret) };
}

/** The two halves of a token as presented, or undefined when it is none. */
export function parseToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const parts = /^fst_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/.exec(text);
  return parts === null ? undefined : { id: parts[1]!, secret: parts[2]! };
}
