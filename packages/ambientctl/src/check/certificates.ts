// Judges the certificates that proxies hold, and the clocks that they show. Pure.
import { objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { someOf } from '../analyze/finding.ts';
import type { AskedProxy, MeshFacts } from './mesh-facts.ts';
import { type Check, counted, ok, warning, wrong } from './result.ts';

interface Leaf {
  readonly proxy: string;
  readonly identity: string;
  readonly from: number;
  readonly until: number;
}

/** Of its lifetime that is left: certificates are renewed when half of it is over. */
const renewalIsLate = 0.25;
/** More than this between two clocks, and certificates are refused that are too young. */
const mostSkewMs = 30_000;
const rootEndsSoonMs = 30 * 24 * 3_600_000;

export function judgeCertificates({ proxies, now }: Pick<MeshFacts, 'proxies' | 'now'>): readonly Check[] {
  const silent = proxies.filter(({ held }) => 'why' in held);
  const held = proxies.flatMap((proxy) => ('found' in proxy.held ? proxy.held.found.certificates.map((each) => ({ proxy, each })) : []));
  const leaves = held.flatMap(({ proxy, each }) => leafOf(proxy, each) ?? []);
  const missing = held.filter(({ proxy, each }) => leafOf(proxy, each) === undefined);
  const troubles = [
    ...unreadable(silent),
    ...missing.map(({ proxy, each }) => withoutCertificate(proxy, each)),
    ...leaves.flatMap((leaf) => troubleWith(leaf, now)),
    ...roots(
      held.map(({ each }) => each),
      now,
    ),
  ];
  if (troubles.length > 0) return troubles;
  const ends = leaves.reduce((first, { until }) => Math.min(first, until), Number.POSITIVE_INFINITY);
  return leaves.length === 0
    ? []
    : [
        ok(
          'certificates',
          `${counted(leaves.length, 'certificate')} ${leaves.length === 1 ? 'is' : 'are'} valid, the first until ${new Date(ends).toISOString().slice(0, 16)}Z`,
        ),
      ];
}

function unreadable(silent: readonly AskedProxy[]): readonly Check[] {
  const [first] = silent;
  if (first === undefined) return [];
  const names = someOf(silent.map(({ pod }) => `${pod.namespace}/${pod.name}`));
  const why = 'why' in first.held ? first.held.why : '';
  return [warning('certificates', `${names} cannot be asked what they hold: ${why}`, 'You need the right to port-forward to pods.')];
}

function leafOf({ pod }: AskedProxy, { identity, certChain }: RawObject): Leaf | undefined {
  const [leaf] = objectsOf(certChain);
  const [from, until] = [Date.parse(textOf(leaf?.validFrom)), Date.parse(textOf(leaf?.expirationTime))];
  return Number.isNaN(from + until) ? undefined : { proxy: `${pod.namespace}/${pod.name}`, identity: textOf(identity), from, until };
}

function withoutCertificate({ pod }: AskedProxy, { identity, state }: RawObject): Check {
  const said = typeof state === 'string' ? state : JSON.stringify(state ?? 'nothing');
  const text = `${pod.namespace}/${pod.name} has no certificate for ${textOf(identity)}: ${said}`;
  // A pod that was started a moment ago has none yet.
  if (/initializing/i.test(said)) return warning('certificates', text, 'Look again in a moment.');
  return wrong('certificates', text, 'See the log of the control plane: it says why it signs none.');
}

function troubleWith({ proxy, identity, from, until }: Leaf, now: number): readonly Check[] {
  const what = `the certificate of ${identity} in ${proxy}`;
  const left = (until - now) / (until - from);
  if (until <= now) return [wrong('certificates', `${what} has expired`, 'See the log of that proxy: it says why it cannot renew it.')];
  if (from > now + mostSkewMs)
    return [
      wrong(
        'certificates',
        `${what} begins in ${Math.round((from - now) / 1_000)} s`,
        'Clocks differ: set this one, or that of the control plane, by NTP.',
      ),
    ];
  if (left < renewalIsLate)
    return [
      warning(
        'certificates',
        `${what} ends at ${new Date(until).toISOString()} and should have been renewed`,
        'See the log of that proxy: it says why it cannot renew it.',
      ),
    ];
  return [];
}

/** Each once, though every proxy holds them. */
function roots(certificates: readonly RawObject[], now: number): readonly Check[] {
  const ends = new Map(
    certificates
      .flatMap(({ rootCerts }) => objectsOf(rootCerts))
      .map((root) => [textOf(root.serialNumber), Date.parse(textOf(root.expirationTime))]),
  );
  return [...ends.values()]
    .filter((until) => until - now < rootEndsSoonMs)
    .map((until) =>
      wrong(
        'certificates',
        `a root of the mesh ends at ${new Date(until).toISOString()}`,
        'Rotate it in time: a new root beside the old one, then without it.',
      ),
    );
}
