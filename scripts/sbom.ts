// The bill of materials of a program as CycloneDX 1.6 in JSON: `node scripts/sbom.ts ztunnel`. Each image carries its own (images/).
// The same input gives the same bytes: no time, no serial number. What belongs to a program is said by production.ts.
import { type LockedPackage, productionOf } from './production.ts';

const referenceOf = ({ name, version }: LockedPackage): string => `pkg:npm/${name.replace('@', '%40')}@${version}`;

function componentOf(each: LockedPackage): object {
  const { path, name, version, license, integrity } = each;
  return {
    type: path.startsWith('packages/') ? 'application' : 'library',
    'bom-ref': referenceOf(each),
    name,
    version,
    purl: referenceOf(each),
    ...(license !== undefined && { licenses: [licenseOf(license)] }),
    ...(integrity !== undefined && { hashes: [hashOf(integrity)] }),
  };
}

/** One licence has an id of its own; several are an expression. */
const licenseOf = (license: string): object => (/[ (]/.test(license) ? { expression: license } : { license: { id: license } });

function hashOf(integrity: string): object {
  const [algorithm = '', base64 = ''] = integrity.split('-');
  return { alg: algorithm.toUpperCase().replace(/^SHA/, 'SHA-'), content: Buffer.from(base64, 'base64').toString('hex') };
}

export function sbomOf(program: string): string {
  const all = productionOf(program);
  const [own, ...others] = all;
  if (own === undefined) throw new Error(`there is no program ${program}`);
  const byPath = new Map(all.map((each) => [each.path, referenceOf(each)]));
  const bill = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: componentOf(own) },
    components: others.map(componentOf),
    dependencies: all.map((each) => ({ ref: referenceOf(each), dependsOn: each.needs.map((path) => byPath.get(path) ?? path) })),
  };
  return `${JSON.stringify(bill, undefined, 2)}\n`;
}

if (import.meta.main) {
  const [program = ''] = process.argv.slice(2);
  process.stdout.write(sbomOf(program));
}
