/**
 * Passwords: kept only as scrypt hashes (RFC 7914), in the text form of the PHC. Each check takes the same time and memory
 * whether the user exists or not. Limits: one hash at a time, `waitingMax` wait; 32 MiB and some 0.1–0.6 s of one core each.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../core/random.ts';
import { passwordLengthMax, passwordLengthMin } from '../../flow/access_shapes.ts';

/** OWASP's equal of N=2^17, p=1 for a board with little memory: a quarter of the memory, three times the work. */
const cost = { log2N: 15, r: 8, p: 3 } as const;
const hashOctets = 32;
const saltOctets = 16;
const waitingMax = 16;

export type PasswordHash = string;

/** Sentence about what is wrong with a new password, or undefined. NIST SP 800-63B 3.1.1.2: length counts, rules of composition do not. */
export function passwordFault(password: string, userName: string): string | undefined {
  const length = [...password].length;
  if (length < passwordLengthMin) return `too short; allowed: at least ${passwordLengthMin} characters`;
  if (length > passwordLengthMax) return `too long; allowed: at most ${passwordLengthMax} characters`;
  const plain = password.toLowerCase();
  if (new Set(plain).size < 4) return 'too uniform; allowed: at least four different characters';
  const bare = plain.replaceAll(/[^a-z]/g, '');
  for (const word of [userName.toLowerCase(), 'flowspan', 'password']) {
    if (word !== '' && plain.split(word).join('').length < 6)
      return `little more than ${JSON.stringify(word)}; allowed: something that nobody would try`;
  }
  if (/^(abcdefgh|qwerty|letmein)/.test(bare) && bare.length < 16)
    return 'a row of keys; allowed: something that nobody would try';
  return undefined;
}

export class Passwords {
  readonly #random: Random;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** Of nobody: compared against when there is no such user, so that the answer takes as long. */
  readonly #nobody: PasswordHash;

  constructor(random: Random) {
    this.#random = random;
    this.#nobody = phc(random.bytes(saltOctets), random.bytes(hashOctets));
  }

  /** True when no more than a few wait: else whoever asks is to come again. */
  get hasRoom(): boolean {
    return this.#waiting < waitingMax;
  }

  async hash(password: string): Promise<PasswordHash> {
    const salt = this.#random.bytes(saltOctets);
    return phc(salt, await this.#derive(password, salt, cost));
  }

  /** @param hash undefined when there is no such user: takes as long, and is false */
  async matches(password: string, hash: PasswordHash | undefined): Promise<boolean> {
    const kept = parsePhc(hash ?? this.#nobody);
    if (kept === undefined) return false;
    const derived = await this.#derive(password, kept.salt, kept);
    return timingSafeEqual(derived, kept.hash) && hash !== undefined;
  }

  /** One after the other: the threads that do this also serve the stores. */
  #derive(password: string, salt: Uint8Array, { log2N, r, p }: Cost): Promise<Buffer> {
    this.#waiting++;
    // NFKC as RFC 8265 prepares passwords (OpaqueString): the same letters typed on another keyboard are the same password.
    const text = password.slice(0, 4 * passwordLengthMax).normalize('NFKC');
    const work = this.#last.then(
      () =>
        new Promise<Buffer>((resolve, reject) => {
          scrypt(text, salt, hashOctets, { N: 2 ** log2N, r, p, maxmem: 2 * 128 * r * 2 ** log2N }, (error, derived) =>
            error === null ? resolve(derived) : reject(error),
          );
        }),
    );
    const settled = work.finally(() => {
      this.#waiting--;
    });
    this.#last = settled.catch(() => {}); // whoever asked hears of it; the next one is not concerned
    return settled;
  }
}

interface Cost {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

/** `$scrypt$ln=15,r=8,p=3$SALT$HASH` (PHC string format, base64 without padding). */
function phc(salt: Uint8Array, hash: Uint8Array): PasswordHash {
  return `$scrypt$ln=${cost.log2N},r=${cost.r},p=${cost.p}$${base64(salt)}$${base64(hash)}`;
}

/** Undefined for text that is none, or whose cost this program would never choose: a file must not make it take gigabytes. */
export function parsePhc(text: string): (Cost & { readonly salt: Buffer; readonly hash: Buffer }) | undefined {
  const parts = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43})$/.exec(text);
  if (parts === null) return undefined;
  const [log2N, r, p] = parts.slice(1, 4).map(Number) as [number, number, number];
  if (log2N < 10 || log2N > 17 || r < 1 || r > 16 || p < 1 || p > 16) return undefined;
  return { log2N, r, p, salt: Buffer.from(parts[4]!, 'base64'), hash: Buffer.from(parts[5]!, 'base64') };
}

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64').replace(/=+$/, '');
