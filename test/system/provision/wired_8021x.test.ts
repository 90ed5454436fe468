/**
 * Wired 802.1X between the box's own program, told what provisioning writes, and a switch that asks for proof (hostapd with the RADIUS
 * server that it has within), on a veth pair: each method lets the box in, and nobody is told a password whose certificate is not the one set.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseSettings } from '../../../src/config/load.ts';
import { wiredSupplicant, wirelessSupplicant } from '../../../src/system/provision/service_files.ts';
import { networkMissing, VethPair } from '../../meter/network.ts';

const folder = mkdtempSync(join(tmpdir(), 'wired-8021x-'));
const at = (name: string): string => join(folder, name);
const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe', cwd: folder });
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** An authority of that name, and a certificate of it for each of `names`. */
function authority(name: string, ...names: string[]): void {
  openssl('req', '-x509', ...curve, '-days', '30', '-subj', `/CN=${name}`, '-out', `${name}.pem`, '-keyout', `${name}.key`);
  for (const one of names) {
    writeFileSync(at('extensions'), `subjectAltName=DNS:${one}\n`);
    openssl('req', '-new', ...curve, '-subj', `/CN=${one}`, '-out', `${one}.csr`, '-keyout', `${one}.key`);
    const by = ['-CA', `${name}.pem`, '-CAkey', `${name}.key`, '-CAcreateserial', '-days', '30', '-extfile', 'extensions'];
    openssl('x509', '-req', '-in', `${one}.csr`, ...by, '-out', `${one}.pem`);
  }
}

let pair: VethPair;
const started: ChildProcess[] = [];

/** Says what it prints; ends with the test. */
function runs(namespace: string, program: string, ...args: string[]): { said: () => string } {
  const child = spawn('ip', ['netns', 'exec', namespace, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  let text = '';
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk: Buffer) => (text += chunk));
  return { said: () => text };
}

function device(wired8021x: object): string {
  const result = parseSettings(JSON.stringify({ device: { wired8021x } }));
  if (!('settings' in result)) throw new Error(JSON.stringify(result.faults));
  return wiredSupplicant(result.settings.device)!;
}

/** A port that is closed to whom it does not know: by a certificate of the authority, or as `box` with the password. */
function switchPort(certificate = 'radius.example'): { said: () => string } {
  writeFileSync(at('users'), '"box" TLS\n"somebody" PEAP,TTLS\n"box" MSCHAPV2,TTLS-PAP "secret#1" [2]\n');
  const settings = {
    ...{ interface: pair.peer, driver: 'wired', ieee8021x: 1, eapol_version: 2, use_pae_group_addr: 1 },
    ...{ eap_server: 1, eap_user_file: at('users'), ca_cert: at('site.pem') },
    ...{ server_cert: at(`${certificate}.pem`), private_key: at(`${certificate}.key`) },
  };
  writeFileSync(
    at('hostapd.conf'),
    Object.entries(settings)
      .map((line) => `${line.join('=')}\n`)
      .join(''),
  );
  return runs(pair.peerNamespace, 'hostapd', at('hostapd.conf'));
}

function box(wired8021x: object): { said: () => string } {
  writeFileSync(at('wired8021x.conf'), device(wired8021x), { mode: 0o600 });
  // As flowspan-8021x.service does.
  return runs(pair.namespace, 'wpa_supplicant', '-c', at('wired8021x.conf'), '-D', 'wired', '-i', pair.port);
}

const missing = networkMissing() || (spawnSync('hostapd', ['-v']).error?.message ?? '');
const within = { timeout: 30_000, interval: 200 };

describe.skipIf(missing !== '')('802.1X on the management port', () => {
  beforeAll(() => {
    authority('site', 'radius.example', 'box');
    authority('elsewhere', 'radius.elsewhere');
  });
  beforeEach(() => {
    pair = new VethPair();
  });
  afterEach(async () => {
    for (const child of started.splice(0)) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      if (child.kill()) await gone;
    }
    pair[Symbol.dispose]();
  });

  const caFile = at('site.pem');
  const secret = { anonymousIdentity: 'somebody', identity: 'box', password: 'secret#1', caFile, domain: 'radius.example' };
  test.each([
    ['tls', { method: 'tls', identity: 'box', caFile, certificateFile: at('box.pem'), keyFile: at('box.key') }],
    ['peap', { method: 'peap', ...secret }],
    ['ttls', { method: 'ttls', ...secret }],
  ])('%s opens the port', async (_method, settings) => {
    const port = switchPort();
    const supplicant = box(settings);
    await expect.poll(supplicant.said, within).toContain('CTRL-EVENT-EAP-SUCCESS');
    await expect.poll(port.said, within).toMatch(/AP-STA-CONNECTED|authenticated/);
  });

  test.each([
    ['a certificate of another authority', 'radius.elsewhere', 'secret#1', 'CTRL-EVENT-EAP-TLS-CERT-ERROR'],
    ['another name than the one set', 'box', 'secret#1', 'CTRL-EVENT-EAP-TLS-CERT-ERROR'],
    ['another password', 'radius.example', 'secret#2', 'CTRL-EVENT-EAP-FAILURE'],
  ])('%s does not', async (_what, certificate, password, told) => {
    const port = switchPort(certificate);
    const supplicant = box({ method: 'peap', ...secret, password });
    await expect.poll(supplicant.said, within).toContain(told);
    expect(supplicant.said()).not.toContain('CTRL-EVENT-EAP-SUCCESS');
    expect(port.said()).not.toContain('AP-STA-CONNECTED');
  });

  test('Wi-Fi: the same program reads what it is told, whatever stands in it; no radio is here to try it with', async () => {
    const wifi = { ssid: 'Büro "2" #', password: 'say "please" #1', country: 'PT' };
    const settings = parseSettings(JSON.stringify({ device: { wifi } }));
    if (!('settings' in settings)) throw new Error(JSON.stringify(settings.faults));
    writeFileSync(at('wifi.conf'), wirelessSupplicant(settings.settings.device)!);
    const supplicant = runs(pair.namespace, 'wpa_supplicant', '-d', '-c', at('wifi.conf'), '-D', 'wired', '-i', pair.port);
    await expect.poll(supplicant.said, within).toContain('Successfully initialized');
    expect(supplicant.said()).toMatch(/country='PT'/);
    expect(supplicant.said()).toContain('ssid=\'B\\xc3\\xbcro \\"2\\" #\'');
    expect(supplicant.said()).not.toMatch(/Line \d+:|[Ff]ailed to read or parse/);
  });
});

afterAll(() => rmSync(folder, { recursive: true }));
