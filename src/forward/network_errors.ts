/** What a socket's error means for an exporter: system codes to the closed list, with words for a technician. Pure. */
import { ApplianceError, type ErrorCode, messageOf, systemCode } from '../core/errors.ts';

const meanings: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ECONNREFUSED: ['connectRefused', 'nothing listens there: is the collector running, and on this port?'],
  ETIMEDOUT: ['connectTimedOut', 'no answer: is the collector reachable, does a firewall drop it?'],
  EHOSTUNREACH: ['networkUnreachable', 'the host cannot be reached from here'],
  ENETUNREACH: ['networkUnreachable', 'there is no route: is the uplink connected?'],
  ENETDOWN: ['networkUnreachable', 'the network port is down'],
  EHOSTDOWN: ['networkUnreachable', 'the host does not answer on its own network'],
  ENOTFOUND: ['nameUnresolved', 'the name is not known: check the spelling and the DNS server'],
  EAI_AGAIN: ['nameUnresolved', 'the DNS server does not answer'],
  EAI_NODATA: ['nameUnresolved', 'the name has no address'],
  ECONNRESET: ['connectionLost', 'the collector, or something on the way, broke the connection'],
  EPIPE: ['connectionLost', 'the collector closed the connection'],
  ECONNABORTED: ['connectionLost', 'the connection was given up'],
  EADDRNOTAVAIL: ['addressUnavailable', 'this box has no address to send from'],
  EMSGSIZE: ['messageTooLong', 'a message is larger than the way allows'],
  EACCES: ['networkUnreachable', 'sending there is not permitted on this box'],
  EPERM: ['networkUnreachable', 'sending there is not permitted on this box'],
  ENOBUFS: ['networkUnreachable', 'the network port takes no more for now'],
};

/** OpenSSL's and Node's codes for certificates are many; these are the ones that a setting can cure. */
const tlsMeanings: readonly (readonly [RegExp, string])[] = [
  [
    /^(UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_|INVALID_CA)/,
    'the other side’s certificate is not signed by an authority we trust: set caFile',
  ],
  [
    /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    'the other side’s certificate is for another name: host must be a name that it holds',
  ],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    'the other side’s certificate is not valid at this time: is it to be renewed, is this box’s clock right?',
  ],
  [/ALERT_CERTIFICATE_REQUIRED$/, 'the other side asks for our certificate: set certificateFile and keyFile'],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|ACCESS_DENIED|DECRYPT_ERROR)$/,
    'the other side refuses our certificate: does it trust the authority that signed certificateFile, is it still valid?',
  ],
];

/** @param address for the message */
export function networkError(error: unknown, address: string): ApplianceError {
  if (error instanceof ApplianceError) return error;
  const code = systemCode(error) ?? '';
  const known = meanings[code];
  if (known !== undefined) return new ApplianceError(known[0], `${address}: ${known[1]}`, { cause: error, fields: { code } });
  if (isTlsCode(code)) {
    const words = tlsMeanings.find(([pattern]) => pattern.test(code))?.[1] ?? messageOf(error);
    return new ApplianceError('tlsFailed', `${address}: TLS: ${words}`, { cause: error, fields: { code } });
  }
  return new ApplianceError('connectionLost', `${address}: ${messageOf(error)}`, { cause: error, fields: { code } });
}

function isTlsCode(code: string): boolean {
  return (
    /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/.test(code) ||
    ['EPROTO', 'HOSTNAME_MISMATCH', 'INVALID_CA', 'ERROR_IN_CERT_NOT_AFTER_FIELD', 'ERROR_IN_CERT_NOT_BEFORE_FIELD'].includes(
      code,
    )
  );
}
