/**
 * The certificate that the page's server shows: the user's own, taken up again when its files change, or one made on first
 * boot and kept in the data folder (`tls/page.crt`, `tls/page.key`, 0600). An edge; owned by the page's thread.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import type { StatusSettings } from '../../config/schema.ts';
import { ApplianceError, messageOf, systemCode } from '../../core/errors.ts';
import type { World } from '../../core/world.ts';
import { type Credentials, newKeys, selfSigned } from './self_signed.ts';

const addressesMax = 32;

export const pageCertificatePath = (dataFolder: string): string => join(dataFolder, 'tls', 'page.crt');

export class PageCertificate {
  readonly #settings: StatusSettings;
  readonly #dataFolder: string;
  readonly #world: Pick<World, 'random' | 'log'>;
  #current: Credentials | undefined;
  #made: Credentials | undefined;
  #isOwn = false;

  constructor(settings: StatusSettings, dataFolder: string, world: Pick<World, 'random' | 'log'>) {
    this.#settings = settings;
    this.#dataFolder = dataFolder;
    this.#world = world;
  }

  /** True for a certificate of the box's own making: browsers warn of it, and its fingerprint tells that it is ours. */
  get isOwn(): boolean {
    return this.#isOwn;
  }

  /** `AB:CD:…`, SHA-256, as browsers show it. */
  get fingerprint(): string {
    return this.#current === undefined ? '' : new X509Certificate(this.#current.certificate).fingerprint256;
  }

  /**
   * Reads the files, or makes them; undefined when they say what is in force already. A user's certificate that is no good
   * is said and does not take effect: the one in force stays, or else the box's own does, so that the page can be reached.
   */
  async load(): Promise<Credentials | undefined> {
    const given = this.#settings.certificateFile === '' ? undefined : await this.#given();
    if (given === undefined && this.#current !== undefined) return undefined;
    const found = given ?? (await this.#own());
    if (found.certificate === this.#current?.certificate && found.key === this.#current.key) return undefined;
    this.#isOwn = given === undefined;
    this.#current = found;
    return found;
  }

  async #given(): Promise<Credentials | undefined> {
    const { certificateFile, keyFile } = this.#settings;
    try {
      return await readPair(certificateFile, keyFile);
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      this.#world.log.error('certificateRefused', { reason: error.message });
      return undefined;
    }
  }

  async #own(): Promise<Credentials> {
    const certificateFile = pageCertificatePath(this.#dataFolder);
    const keyFile = join(dirname(certificateFile), 'page.key');
    try {
      return await readPair(certificateFile, keyFile);
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error; // absent, or torn by a power cut at first boot: ours to make again
    }
    this.#made ??= selfSigned({
      commonName: hostname(),
      names: ownNames(this.#settings.allowedHosts),
      serial: this.#world.random.bytes(16),
      keys: newKeys(),
    });
    try {
      await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 });
      await replace(keyFile, this.#made.key, 0o600);
      await replace(certificateFile, this.#made.certificate, 0o644);
    } catch (error) {
      // A box with a dead disk can still say so; whoever pinned the certificate sees another one after a restart.
      this.#world.log.error('certificateUnkept', { reason: `${keyFile} cannot be written: ${messageOf(error)}` });
    }
    return this.#made;
  }
}

/** @throws ApplianceError `certificateInvalid` that says what is wrong with which file */
async function readPair(certificateFile: string, keyFile: string): Promise<Credentials> {
  const [certificate, key] = await Promise.all([readPem(certificateFile), readPem(keyFile)]);
  checkPair({ certificate, key }, certificateFile, keyFile);
  return { certificate, key };
}

/** Names and addresses of this box as it stands when the certificate is made. */
function ownNames(allowedHosts: readonly string[]): string[] {
  const own = hostname();
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map(({ address }) => address)
    // Link-local ones need a zone, which a certificate has no form for.
    .filter((address) => !address.startsWith('fe80:') && !address.includes('%'))
    .slice(0, addressesMax);
  const plain = (name: string): boolean => /^[A-Za-z0-9.:-]{1,253}$/.test(name);
  return [...new Set([own, `${own}.local`, 'localhost', '127.0.0.1', '::1', ...allowedHosts, ...addresses])].filter(plain);
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const why = systemCode(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new ApplianceError('certificateInvalid', `${path} cannot be read: ${why}`, { cause: error });
  }
}

/** @throws ApplianceError that names the file */
export function checkPair({ certificate, key }: Credentials, certificateFile: string, keyFile: string): X509Certificate {
  const read = <T>(path: string, what: string, parse: () => T): T => {
    try {
      return parse();
    } catch (error) {
      throw new ApplianceError('certificateInvalid', `${path} holds no ${what} in PEM that can be read without a password`, {
        cause: error,
      });
    }
  };
  const leaf = read(certificateFile, 'certificate', () => new X509Certificate(certificate));
  const privateKey = read(keyFile, 'private key', () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(privateKey))
    throw new ApplianceError('certificateInvalid', `${keyFile} is not the key of the certificate in ${certificateFile}`);
  return leaf;
}

async function replace(path: string, text: string, mode: number): Promise<void> {
  const file = await open(`${path}.new`, 'w', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
