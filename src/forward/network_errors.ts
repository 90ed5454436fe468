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

/** @param address for the message */
export function networkError(error: unknown, address: string): ApplianceError {
  if (error instanceof ApplianceError) return error;
  const code = systemCode(error) ?? '';
  const known = meanings[code];
  if (known !== undefined) return new ApplianceError(known[0], `${address}: ${known[1]}`, { cause: error, fields: { code } });
  // OpenSSL's and Node's own codes for certificates and handshakes are many and all mean the same to us.
  if (isTlsCode(code))
    return new ApplianceError('tlsFailed', `${address}: TLS: ${messageOf(error)}`, { cause: error, fields: { code } });
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
