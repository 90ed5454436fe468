/**
 * What went wrong with a broker, as one of our error codes and in words for a technician. Pure. Recognised by error codes
 * of the system, of TLS, and by MQTT 5 reason codes (section 2.4 of the standard); never by text.
 */
import { ApplianceError, type ErrorCode, systemCode } from '../../core/errors.ts';

type Words = readonly [ErrorCode, string];

/** CONNACK and DISCONNECT. 1–5 are those of a broker that answers in MQTT 3.1.1 (section 3.2.2.3 there). */
const connectReasons: Readonly<Record<number, Words>> = {
  1: ['connectRefused', 'the broker does not speak MQTT 5, which flowspan needs to learn of refused messages'],
  2: ['connectRefused', 'the broker does not accept the client identifier'],
  3: ['connectRefused', 'the broker is not available at the moment'],
  4: ['credentialsRefused', 'the broker does not accept the user name or password'],
  5: ['credentialsRefused', 'the broker does not allow this user to connect'],
  129: ['connectRefused', 'the broker could not read our message'],
  130: ['connectRefused', 'the broker found fault with our use of the protocol'],
  132: ['connectRefused', 'the broker does not speak MQTT 5, which flowspan needs to learn of refused messages'],
  133: ['connectRefused', 'the broker does not accept the client identifier'],
  134: ['credentialsRefused', 'the broker does not accept the user name or password'],
  135: ['credentialsRefused', 'the broker does not allow this user to connect'],
  136: ['connectRefused', 'the broker is not available at the moment'],
  137: ['connectRefused', 'the broker is busy'],
  138: ['connectRefused', 'the broker has banned this client'],
  139: ['connectionLost', 'the broker is shutting down'],
  141: ['connectionLost', 'the broker heard nothing from us for too long'],
  142: ['connectRefused', 'another client took our place: two boxes have the same site and node name'],
  149: ['messageTooLong', 'a message was too large for the broker'],
  151: ['connectRefused', 'the broker’s quota is used up'],
  156: ['connectRefused', 'the broker asks to use another server'],
  157: ['connectRefused', 'the broker has moved to another server'],
  159: ['connectRefused', 'the broker limits how often we may connect'],
};

/** PUBACK. */
const publishReasons: Readonly<Record<number, string>> = {
  131: 'the broker does not want it',
  135: 'this user may not publish to the topic',
  144: 'the broker does not accept the topic’s name',
  149: 'it is too large for the broker',
  151: 'the broker’s quota is used up',
  153: 'the broker does not accept the payload’s format',
};

const systemWords: Readonly<Record<string, Words>> = {
  ECONNREFUSED: ['connectRefused', 'nothing listens on that port'],
  ECONNRESET: ['connectionLost', 'the other side closed the connection'],
  EPIPE: ['connectionLost', 'the other side closed the connection'],
  ETIMEDOUT: ['connectTimedOut', 'no answer'],
  ENOTFOUND: ['nameUnresolved', 'the name is not known: check it and the DNS server'],
  EAI_AGAIN: ['nameUnresolved', 'the DNS server does not answer'],
  ENETUNREACH: ['networkUnreachable', 'there is no route to that network'],
  EHOSTUNREACH: ['networkUnreachable', 'the host cannot be reached'],
  ENETDOWN: ['networkUnreachable', 'the network is down'],
  EADDRNOTAVAIL: ['networkUnreachable', 'this box has no address to reach it from'],
};

const tlsWords: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired (or this box’s clock is ahead)',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: check this box’s clock',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself: set caFile to it if you trust it',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority this box does not know: set caFile',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an authority this box does not know: set caFile',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by an authority this box does not know: set caFile',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an authority this box does not know: set caFile',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name than the host that is set',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port',
  EPROTO: 'it does not speak TLS on this port',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a certificate of ours: set certificateFile and keyFile',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'it ended the handshake; it may ask for a certificate of ours (certificateFile, keyFile)',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not know the authority of our certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'our certificate has expired',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'keyFile does not belong to certificateFile',
};

const isTls = (code: string): boolean => code in tlsWords || /^ERR_(SSL|TLS|OSSL)_|^CERT_|^UNABLE_TO_|_CERT(_|$)/.test(code);

/** An error of the socket, of TLS or of name resolution. */
export function socketFailure(error: unknown, address: string): ApplianceError {
  if (error instanceof ApplianceError) return error;
  const code = systemCode(error) ?? '';
  if (isTls(code)) {
    return new ApplianceError('tlsFailed', `${address}: TLS failed: ${tlsWords[code] ?? code}`, {
      cause: error,
      fields: { code },
    });
  }
  const [kind, words] = systemWords[code] ?? ['connectionLost', 'the connection was lost'];
  return new ApplianceError(kind, `${address}: ${words}`, { cause: error, fields: { code } });
}

/** A CONNACK or DISCONNECT with a reason code other than 0. */
export function refusal(reasonCode: number, address: string): ApplianceError {
  const [kind, words] = connectReasons[reasonCode] ?? ['connectionLost', 'the broker ended the connection'];
  return new ApplianceError(kind, `${address}: ${words} (reason code ${reasonCode})`, { fields: { reasonCode } });
}

/** A PUBACK with a reason code that refuses. */
export function publishFailure(reasonCode: number, topic: string): ApplianceError {
  const words = publishReasons[reasonCode] ?? 'the broker refused it';
  return new ApplianceError('publishRefused', `${topic}: ${words} (reason code ${reasonCode})`, {
    fields: { reasonCode, topic },
  });
}

/** Reason codes of a refusal that passes by itself: not available, busy. */
const passingRefusals: ReadonlySet<unknown> = new Set([3, 136, 137]);

/** What a session's end is to us: `refused` waits for a person and is tried again slowly, `waiting` passes by itself. */
export function isRefusal(error: ApplianceError): boolean {
  if (error.code === 'connectRefused') {
    return typeof error.fields.reasonCode === 'number' && !passingRefusals.has(error.fields.reasonCode);
  }
  return error.code === 'credentialsRefused' || error.code === 'tlsFailed' || error.code === 'settingsUnreadable';
}

/** 0x97: the broker as a whole takes nothing more for now. The message is not to blame and is sent again later. */
export function isPassing(error: ApplianceError): boolean {
  return error.code === 'publishRefused' && error.fields.reasonCode === 151;
}

/** DISCONNECT 0x95: some message was too large for the broker; its topic would be among the fields if it were known which. */
export function isTooLongForSession(error: ApplianceError): boolean {
  return error.code === 'messageTooLong' && error.fields.topic === undefined;
}
