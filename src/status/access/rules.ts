/** When the page asks for sign-in and speaks TLS, and which requests may change something. Pure. */
import type { StatusSettings } from '../../config/schema.ts';
import { isLoopback } from '../request_rules.ts';

type Reach = Pick<StatusSettings, 'address' | 'allowedHosts' | 'signIn' | 'tls' | 'certificateFile'>;

/**
 * `auto`: whoever reaches the page from another machine signs in. On loopback nobody needs to, until somebody has made a
 * user, or a further name is allowed: then a proxy stands before the page.
 */
export function signInWanted({ signIn, address, allowedHosts }: Reach, hasUsers: boolean): boolean {
  if (signIn !== 'auto') return signIn === 'on';
  return hasUsers || allowedHosts.length > 0 || !isLoopback(address);
}

export function tlsWanted({ tls, address, certificateFile }: Reach): boolean {
  if (tls !== 'auto') return tls === 'on';
  return certificateFile !== '' || !isLoopback(address);
}

export interface Origins {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site`: the browser's own word on where the request comes from. */
  readonly fetchSite: string | undefined;
}

/** False for a request that a page of another site made a browser send. Programs send neither header. */
export function sameOrigin({ host, origin, fetchSite }: Origins): boolean {
  if (fetchSite !== undefined && fetchSite !== 'same-origin') return false;
  if (origin === undefined) return true;
  try {
    // Hosts only: before a proxy that ends TLS the scheme is another.
    return new URL(origin).host.toLowerCase() === (host ?? '').toLowerCase().replace(/:(80|443)$/, '');
  } catch {
    return false; // `null`, which sandboxed frames send, or nonsense
  }
}
