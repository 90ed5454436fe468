/**
 * The parts of a slot as SPDX 2.3 JSON: every Debian package with version and licences, drivers made beside them, every library and Node
 * itself, from what lies in the tree: `node image/make/sbom.ts TREE ARCHITECTURE`. The same tree gives the same octets.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Part {
  readonly name: string;
  readonly version: string;
  /** As the package says it; empty when it does not in a form for programs. */
  readonly licences: readonly string[];
  readonly supplier: string;
  /** Package URL, which scanners for known faults look up. */
  readonly purl: string;
}

/** Installed packages of dpkg's status file. */
export function debianParts(status: string, architecture: string, licencesOf: (name: string) => readonly string[]): Part[] {
  return status
    .split(/\n{2,}/)
    .map((paragraph) => new Map([...paragraph.matchAll(/^([A-Za-z-]+): (.*)$/gm)].map(([, key, value]) => [key!, value!])))
    .filter((fields) => fields.get('Status')?.endsWith(' installed'))
    .map((fields) => {
      const [name, version] = [fields.get('Package')!, fields.get('Version')!];
      const own = fields.get('Architecture') ?? architecture;
      return {
        name,
        version,
        licences: licencesOf(name),
        supplier: fields.get('Maintainer') ?? '',
        purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${own}&distro=trixie`,
      };
    });
}

/** Licences of a machine-readable debian/copyright (DEP 5): what its `License:` fields begin with. */
export function licencesOfCopyright(text: string): string[] {
  if (!/^Format:/m.test(text)) return [];
  const named = [...text.matchAll(/^License: *(\S.*)$/gm)].map(([, name]) => name!.trim());
  return [...new Set(named)].sort();
}

/** Libraries under a node_modules folder, by their package.json. */
export function libraryParts(folder: string): Part[] {
  const folders = readdirSync(folder).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(folder, name)).map((inner) => `${name}/${inner}`) : [name],
  );
  return folders
    .filter((name) => existsSync(join(folder, name, 'package.json')))
    .map((name) => JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as Record<string, unknown>)
    .map((read) => part('npm', String(read.name), String(read.version), String(read.license ?? '')));
}

/** Drivers made from the kernel's source beside those that Debian made (image/make/modules): name, version, licence a line. */
export function driverParts(list: string): Part[] {
  return list
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name, version, ...licence] = line.split(' ');
      return { ...part('generic', name!, version!, licence.join(' ')), supplier: 'Debian Kernel Team' };
    });
}

function part(type: 'npm' | 'generic', name: string, version: string, licence: string): Part {
  const licences = licence === '' ? [] : [licence];
  return { name, version, licences, supplier: '', purl: `pkg:${type}/${name.replace('@', '%40')}@${version}` };
}

export function spdx(name: string, parts: readonly Part[], createdS: number): object {
  const packages = [...parts]
    .sort((a, b) => (a.purl < b.purl ? -1 : 1))
    .map(({ name, version, licences, supplier, purl }) => ({
      SPDXID: `SPDXRef-${purl.replace(/^pkg:|\?.*$/g, '').replace(/[^A-Za-z0-9.]+/g, '-')}`,
      name,
      versionInfo: version,
      supplier: supplier === '' ? 'NOASSERTION' : `Organization: ${supplier}`,
      downloadLocation: 'NOASSERTION',
      filesAnalyzed: false,
      licenseConcluded: 'NOASSERTION',
      // Debian's short names are not all SPDX's, so what the package says stands as a comment.
      licenseDeclared: 'NOASSERTION',
      licenseComments: licences.length === 0 ? 'see its copyright file' : licences.join('; '),
      copyrightText: 'NOASSERTION',
      externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
    }));
  const digest = createHash('sha256').update(JSON.stringify(packages)).digest('hex');
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `urn:flowspan:image:${digest}`,
    creationInfo: {
      created: new Date(createdS * 1_000).toISOString().replace('.000', ''),
      creators: ['Tool: flowspan scripts/image'],
    },
    packages,
    relationships: packages.map(({ SPDXID }) => ({
      spdxElementId: 'SPDXRef-DOCUMENT',
      relationshipType: 'DESCRIBES',
      relatedSpdxElement: SPDXID,
    })),
  };
}

function main([tree, architecture]: readonly string[]): void {
  if (tree === undefined || architecture === undefined) throw new Error('usage: node image/make/sbom.ts TREE ARCHITECTURE');
  const copyright = (name: string): string => join(tree, 'usr/share/doc', name, 'copyright');
  const licencesOf = (name: string): string[] =>
    existsSync(copyright(name)) ? licencesOfCopyright(readFileSync(copyright(name), 'utf8')) : [];
  const program = join(tree, 'usr/lib/flowspan');
  const drivers = join(tree, 'usr/share/flowspan-box/modules');
  const parts = [
    ...debianParts(readFileSync(join(tree, 'var/lib/dpkg/status'), 'utf8'), architecture, licencesOf),
    ...(existsSync(drivers) ? driverParts(readFileSync(drivers, 'utf8')) : []),
    ...libraryParts(join(program, 'node_modules')),
    part('generic', 'node', process.version.slice(1), 'MIT'),
  ];
  const { version } = JSON.parse(readFileSync(join(program, 'package.json'), 'utf8')) as { version: string };
  process.stdout.write(
    `${JSON.stringify(spdx(`flowspan-${version}-${architecture}`, parts, Number(process.env.SOURCE_DATE_EPOCH)), null, 1)}\n`,
  );
}

if (import.meta.main) main(process.argv.slice(2));
