// Certificates of a config_dump as rows: those of a ztunnel and of a waypoint are written alike. Private keys are in no dump.
import { objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import type { Ms } from '@ambient-mesh/runtime/time';
import type { Table } from '../table.ts';

const missing = 'NA';

export const certificateTable = (certificates: readonly RawObject[], now: Ms): Table => ({
  columns: ['CERTIFICATE NAME', 'TYPE', 'STATUS', 'VALID CERT', 'SERIAL NUMBER', 'NOT AFTER', 'NOT BEFORE'],
  rows: certificates.flatMap((each) => rowsOf(each, now)),
});

function rowsOf({ identity, state, certChain, rootCerts }: RawObject, now: Ms): readonly (readonly string[])[] {
  const said = typeof state === 'string' ? state : JSON.stringify(state ?? missing);
  const status = said.includes('Unavailable') ? 'Unavailable' : said;
  const all = [
    ...objectsOf(certChain).map((each, at) => [at === 0 ? 'Leaf' : 'Intermediate', each] as const),
    ...objectsOf(rootCerts).map((each) => ['Root', each] as const),
  ];
  if (all.length === 0) return [[textOf(identity), missing, status, 'false', missing, missing, missing]];
  return all.map(([type, { serialNumber, validFrom, expirationTime }]) => {
    const [from, until] = [textOf(validFrom), textOf(expirationTime)];
    const isValid = Date.parse(from) <= now && now < Date.parse(until);
    return [textOf(identity), type, status, `${isValid}`, hex(textOf(serialNumber)), until || missing, from || missing];
  });
}

/** Dumps write serial numbers in decimal; other tools show them in hexadecimal. */
const hex = (decimal: string): string => (/^-?\d{1,80}$/.test(decimal) ? BigInt(decimal).toString(16) : decimal || missing);
