/** The certificate that the box makes, as openssl, Node's TLS and its own reader see it. */
import { execFileSync } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { integer, oid, sequence, time } from '../../../src/status/certificate/der.ts';
import { newKeys, selfSigned } from '../../../src/status/certificate/self_signed.ts';

const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

describe('DER', () => {
  it('writes numbers, times, lengths and identifiers in their one form', () => {
    expect(hex(integer(Uint8Array.of(0, 0, 0x7f)))).toBe('02017f');
    expect(hex(integer(Uint8Array.of(0x80)))).toBe('02020080');
    expect(hex(integer(Uint8Array.of(0)))).toBe('020100');
    expect(hex(oid('1.2.840.113549'))).toBe('06062a864886f70d');
    expect(Buffer.from(time(Date.UTC(2049, 11, 31))).toString('latin1', 2)).toBe('491231000000Z');
    expect(Buffer.from(time(Date.UTC(2050, 0, 1))).toString('latin1', 2)).toBe('20500101000000Z');
    expect(hex(sequence(new Uint8Array(127)).subarray(0, 2))).toBe('307f');
    expect(hex(sequence(new Uint8Array(128)).subarray(0, 3))).toBe('308180');
    expect(hex(sequence(new Uint8Array(70_000)).subarray(0, 5))).toBe('3083011170');
  });
});

describe('the certificate', () => {
  const keys = newKeys();
  const names = ['box-1', 'box-1.local', 'localhost', '127.0.0.1', '::1', '192.0.2.7', '2001:db8::7'];
  const made = selfSigned({ commonName: 'box-1', names, serial: Uint8Array.from({ length: 16 }, (_, n) => 0xf0 + n), keys });
  const file = join(folder, 'page.crt');
  writeFileSync(file, made.certificate);
  const openssl = (...args: string[]): string => execFileSync('openssl', args, { encoding: 'utf8' });

  it('is whole to openssl, and trusted by whoever trusts it, for a server and nothing else', () => {
    expect(openssl('verify', '-CAfile', file, '-purpose', 'sslserver', '-x509_strict', file)).toContain('OK');
    expect(openssl('verify', '-CAfile', file, '-verify_hostname', 'box-1.local', '-verify_ip', '192.0.2.7', file)).toContain(
      'OK',
    );
    expect(() => openssl('verify', '-CAfile', file, '-purpose', 'sslclient', file)).toThrow();
    expect(() => openssl('verify', '-CAfile', file, '-verify_hostname', 'other.example', file)).toThrow();
    const text = openssl('x509', '-in', file, '-noout', '-text');
    expect(text).toMatch(/ecdsa-with-SHA256/);
    expect(text).toMatch(/CA:FALSE/);
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(text).toMatch(/Not Before: Jan +1 00:00:00 2026 GMT\s+Not After : Dec 31 23:59:59 9999 GMT/);
    expect(text).toContain(
      'DNS:box-1, DNS:box-1.local, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:192.0.2.7',
    );
  });

  it('holds the key it was made with, under a positive serial number', () => {
    const read = new X509Certificate(made.certificate);
    expect(read.checkPrivateKey(keys.privateKey)).toBe(true);
    expect(read.verify(createPublicKey(keys.privateKey))).toBe(true);
    expect(read.serialNumber).toBe('70F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
    expect(read.checkIP('2001:db8::7')).toBe('2001:db8::7');
  });
});
