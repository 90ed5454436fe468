/**
 * Which requests are answered at all, and with which headers. Pure.
 *
 * A web site somewhere can point a name of its own at this box's address and let a visitor's browser read the page (DNS
 * rebinding). The browser then names that site in `Host`; so only addresses and known names are answered.
 */
import { isIP } from 'node:net';

export const urlLengthMax = 2_048;

export interface HostRule {
  /** Address the server listens on. */
  readonly boundAddress: string;
  /** Names that are the box's own, in any case. */
  readonly names: readonly string[];
}

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

/** @param hostHeader as the browser sent it, port included */
export function hostAllowed(hostHeader: string | undefined, rule: HostRule): boolean {
  const host = hostOf(hostHeader ?? '');
  if (host === '') return false;
  if (host === 'localhost' || rule.names.some((name) => name.toLowerCase() === host)) return true;
  if (isIP(host) === 0) return false;
  // An address cannot be rebound. Bound to loopback, others than loopback mean that somebody forwards to us unasked.
  return isLoopback(rule.boundAddress) ? isLoopback(host) : true;
}

/** `[::1]:8480` → `::1`, `Box.Local.:80` → `box.local`; empty when it is no host. */
function hostOf(header: string): string {
  const bracketed = /^\[([0-9a-f:.]+)\](?::\d{1,5})?$/i.exec(header);
  if (bracketed !== null) return bracketed[1]!.toLowerCase();
  const plain = /^([a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header);
  return plain === null ? '' : plain[1]!.toLowerCase().replace(/\.$/, '');
}

/** On every answer. Nothing from outside, nothing inline, nobody may frame the page. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};
