/**
 * A certificate that the box signs itself (RFC 5280), ECDSA on P-256: enough for TLS on its page, no authority over
 * anything else. Pure but for the key that Node's crypto makes.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { plausibleFromMs } from '../../core/clock.ts';
import { parseAddress } from '../../flow/addresses.ts';
import { bitString, boolean, type Der, explicit, implicit, integer, octetString, oid, sequence, set, time, utf8 } from './der.ts';

const oids = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
  subjectKeyIdentifier: '2.5.29.14',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

/** RFC 5280 4.1.2.5: no well-defined end. A board without a clock cannot tell one, and whoever trusts the box pins this very certificate. */
const foreverMs = Date.UTC(9999, 11, 31, 23, 59, 59);
/** RFC 5280, appendix A.1: ub-common-name. */
const commonNameMax = 64;

export interface CertificateRequest {
  readonly commonName: string;
  /** Names and addresses that browsers may call the box by. */
  readonly names: readonly string[];
  /** At least 64 bits of chance (CA/Browser Forum BR 7.1); 16 octets. */
  readonly serial: Uint8Array;
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

export interface Credentials {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

export const newKeys = (): CertificateRequest['keys'] => generateKeyPairSync('ec', { namedCurve: 'P-256' });

export function selfSigned(request: CertificateRequest): Credentials {
  const { commonName, names, serial, keys } = request;
  const spki = keys.publicKey.export({ type: 'spki', format: 'der' });
  const algorithm = sequence(oid(oids.ecdsaWithSha256));
  const name = sequence(
    set(sequence(oid(oids.organization), utf8('flowspan'))),
    set(sequence(oid(oids.commonName), utf8(commonName.slice(0, commonNameMax)))),
  );
  const toBeSigned = sequence(
    explicit(0, integer(Uint8Array.of(2))), // version 3
    // The first bit zero keeps it within 16 octets, the second one keeps it from being zero.
    integer(Uint8Array.from(serial, (octet, at) => (at === 0 ? (octet & 0x7f) | 0x40 : octet))),
    algorithm,
    name,
    sequence(time(plausibleFromMs), time(foreverMs)),
    name,
    spki,
    explicit(3, sequence(...extensions(names, spki))),
  );
  const signature = sign('sha256', toBeSigned, keys.privateKey);
  return {
    certificate: pem('CERTIFICATE', sequence(toBeSigned, algorithm, bitString(signature))),
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

function extensions(names: readonly string[], spki: Uint8Array): Der[] {
  const extension = (id: string, critical: boolean, value: Der): Der =>
    sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
  const general = names.map((name) => {
    // RFC 5280 4.2.1.6: iPAddress is [7], dNSName is [2].
    const address = parseAddress(name);
    return address === undefined ? implicit(2, Buffer.from(name, 'ascii')) : implicit(7, address);
  });
  return [
    extension(oids.basicConstraints, true, sequence()), // no authority
    extension(oids.keyUsage, true, bitString(Uint8Array.of(0x80), 7)), // digitalSignature
    extension(oids.extendedKeyUsage, false, sequence(oid(oids.serverAuth))),
    extension(oids.subjectAltName, false, sequence(...general)),
    extension(oids.subjectKeyIdentifier, false, octetString(createHash('sha1').update(spki).digest())),
  ];
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
