/**
 * Certificates and keys that the settings name, before anything relies on them: whether they can be read, belong together, and are in their
 * time. Pure.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { messageOf } from '../../core/errors.ts';

export interface CertificatePair {
  /** `status`, `export.destinations[0]`: where the settings name it. */
  readonly path: string;
  readonly certificate: { readonly file: string; readonly pem: string };
  readonly key: { readonly file: string; readonly pem: string };
}

export interface CertificateFinding {
  /** Faults are refused; remarks are told: a box may not know the time yet. */
  readonly kind: 'fault' | 'remark';
  readonly text: string;
}

const dayMs = 86_400_000;
const soonMs = 30 * dayMs;

/** @param nowMs undefined while the time is not known: then dates are told and not judged */
export function checkPair({ path, certificate, key }: CertificatePair, nowMs: number | undefined): CertificateFinding[] {
  const leaf = parsed(certificate.pem);
  if (typeof leaf === 'string') return [fault(`${path}: ${certificate.file} is no certificate in PEM: ${leaf}`)];
  let matches: boolean;
  try {
    matches = leaf.checkPrivateKey(createPrivateKey(key.pem));
  } catch (error) {
    const encrypted = /ENCRYPTED/.test(key.pem)
      ? 'it is encrypted; the box has nobody to ask for the pass phrase'
      : messageOf(error);
    return [fault(`${path}: ${key.file} is no private key in PEM: ${encrypted}`)];
  }
  if (!matches)
    return [fault(`${path}: ${key.file} is not the key of ${certificate.file} (${leaf.subject.replaceAll('\n', ', ')})`)];
  return checkDates(path, certificate.file, leaf, nowMs);
}

/** Of an authority, which has no key here. All certificates of the file are looked at. */
export function checkAuthorities(path: string, file: string, pem: string, nowMs: number | undefined): CertificateFinding[] {
  const parts = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (parts.length === 0) return [fault(`${path}: ${file} holds no certificate in PEM`)];
  return parts.flatMap((part) => {
    const one = parsed(part);
    return typeof one === 'string'
      ? [fault(`${path}: ${file} holds a certificate that cannot be read: ${one}`)]
      : checkDates(path, file, one, nowMs);
  });
}

function checkDates(path: string, file: string, one: X509Certificate, nowMs: number | undefined): CertificateFinding[] {
  const [fromMs, toMs] = [one.validFromDate.getTime(), one.validToDate.getTime()];
  const until = `until ${one.validToDate.toISOString().slice(0, 10)}`;
  if (toMs < fromMs) return [fault(`${path}: ${file} ends before it begins`)];
  if (nowMs === undefined) return [remark(`${path}: ${file} is good ${until}; what day it is nobody knows yet`)];
  if (nowMs > toMs) return [fault(`${path}: ${file} has run out: it was good ${until}`)];
  if (nowMs < fromMs)
    return [remark(`${path}: ${file} is good only from ${one.validFromDate.toISOString().slice(0, 10)}: is the clock right?`)];
  return [remark(`${path}: ${file} is good ${until}${toMs - nowMs < soonMs ? ': renew it soon' : ''}`)];
}

function parsed(pem: string): X509Certificate | string {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    return messageOf(error);
  }
}

const fault = (text: string): CertificateFinding => ({ kind: 'fault', text });
const remark = (text: string): CertificateFinding => ({ kind: 'remark', text });
