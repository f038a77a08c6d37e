// The policies of a local file: the same shapes that config-dump.ts writes.
// Part of local-file.ts. Here a mistake matters most, so that nothing is dropped or guessed: every odd value is reported.
import { parseCidr } from './cidr.ts';
import type { Cidr, Match, Policy, ServiceAccountMatch, StringMatch } from './policy.ts';
import type { Place } from './yaml-reader.ts';

export function readPolicy(place: Place): Policy {
  const f = place.fields(['name', 'namespace', 'scope', 'action', 'rules', 'dryRun']);
  const [name, namespace] = [f.name.required().text(), f.namespace.required().text()];
  return {
    key: `${namespace}/${name}`,
    name,
    namespace,
    scope: f.scope.required().oneOf(['Global', 'Namespace', 'WorkloadSelector'], 'Global'),
    action: f.action.required().oneOf(['Allow', 'Deny'], 'Deny'),
    rules: f.rules
      .required()
      .list()
      .map((rule) => rule.list().map((clause) => clause.list().map(readMatch))),
    dryRun: f.dryRun.required().flag(),
  };
}

// biome-ignore format: pairs read better side by side
const matchKeys = [
  'namespaces', 'notNamespaces', 'principals', 'notPrincipals', 'serviceAccounts', 'notServiceAccounts', 'sourceIps', 'notSourceIps',
  'destinationIps', 'notDestinationIps', 'destinationPorts', 'notDestinationPorts',
] as const;

function readMatch(place: Place): Match {
  const f = place.fields(matchKeys);
  return {
    namespaces: f.namespaces.list().map(readString),
    notNamespaces: f.notNamespaces.list().map(readString),
    principals: f.principals.list().map(readString),
    notPrincipals: f.notPrincipals.list().map(readString),
    serviceAccounts: f.serviceAccounts.list().map(readAccount),
    notServiceAccounts: f.notServiceAccounts.list().map(readAccount),
    sourceIps: f.sourceIps.list().map(readCidr),
    notSourceIps: f.notSourceIps.list().map(readCidr),
    destinationIps: f.destinationIps.list().map(readCidr),
    notDestinationIps: f.notDestinationIps.list().map(readCidr),
    destinationPorts: f.destinationPorts.list().map((port) => port.required().whole(65_535)),
    notDestinationPorts: f.notDestinationPorts.list().map((port) => port.required().whole(65_535)),
  };
}

/** `{ Exact: x }`, `{ Prefix: x }`, `{ Suffix: x }` or `{ Presence: [] }`. */
function readString(place: Place): StringMatch {
  const f = place.fields(['Exact', 'Prefix', 'Suffix', 'Presence']);
  const given = Object.values(f).filter((kind) => kind.given).length;
  if (given !== 1) place.wrong('must be exactly one of Exact, Prefix, Suffix and Presence');
  if (f.Exact.given) return { exact: f.Exact.text() };
  if (f.Prefix.given) return { prefix: f.Prefix.text() };
  return f.Suffix.given ? { suffix: f.Suffix.text() } : { presence: true };
}

function readAccount(place: Place): ServiceAccountMatch {
  const f = place.fields(['namespace', 'serviceAccount']);
  return { namespace: f.namespace.required().text(), serviceAccount: f.serviceAccount.required().text() };
}

function readCidr(place: Place): Cidr {
  const cidr = parseCidr(place.required().text());
  if (!cidr) place.wrong('is not a block of addresses such as 10.0.0.0/8');
  return cidr ?? { ip: '0.0.0.0' as Cidr['ip'], length: 32 };
}
