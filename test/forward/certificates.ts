/** Certificates for tests, made by openssl in a folder that goes away: authorities, and what they sign. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KeyPair {
  readonly certificateFile: string;
  readonly keyFile: string;
}

const keyKind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export class CertificateFolder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flowspan-certificates-'));

  /** @returns an authority that signs itself */
  authority(name: string): KeyPair {
    return this.#make(name, ['-subj', `/CN=${name}`, '-addext', 'keyUsage=critical,keyCertSign,cRLSign']);
  }

  /** @param names as in a subjectAltName: `DNS:collector.example`, `IP:127.0.0.1` */
  signed(by: KeyPair, name: string, names: readonly string[]): KeyPair {
    return this.#make(name, [
      ...['-CA', by.certificateFile, '-CAkey', by.keyFile, '-subj', `/CN=${name}`],
      ...['-addext', 'basicConstraints=critical,CA:false', '-addext', `subjectAltName=${names.join()}`],
    ]);
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #make(name: string, options: readonly string[]): KeyPair {
    const pair = { certificateFile: this.path(`${name}.pem`), keyFile: this.path(`${name}.key`) };
    const out = ['-days', '2', '-out', pair.certificateFile, '-keyout', pair.keyFile];
    execFileSync('openssl', ['req', '-x509', ...keyKind, ...out, ...options], { stdio: 'pipe' });
    return pair;
  }
}
