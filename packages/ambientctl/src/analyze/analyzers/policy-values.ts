// AMB0015 to AMB0017: policies whose values cannot mean what their author thought: identities that nobody has, ports that nobody listens on.
import type { AuthorizationPolicy } from '@ambient-mesh/translate/kinds/authorization-policy';
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding } from '../finding.ts';
import { podsOf } from '../membership.ts';
import { subjectAt, type World } from '../world.ts';

export const policyValues: Analyzer = {
  name: 'auth.PolicyValuesAnalyzer',
  about: 'policies name identities that somebody has, and ports that pods listen on',
  codes: ['AMB0015', 'AMB0016', 'AMB0017'],
  *run(world) {
    for (const [key, { reason, message }] of world.judged.unenforced)
      if (reason === 'UnreadableValue' || reason === 'DryRun') yield finding('AMB0015', subjectAt('authorizationPolicies', key), message);
    const accounts = accountsIn(world);
    for (const policy of world.objects.authorizationPolicies.values()) {
      yield* identities(world, policy, accounts);
      if (policy.targets.length === 0) yield* ports(world, policy);
    }
  },
};

/** `namespace/account` of everything that runs. */
const accountsIn = ({ objects }: World): ReadonlySet<string> =>
  new Set(
    [...objects.pods.values(), ...objects.workloadEntries.values()].map(
      ({ meta, serviceAccount }) => `${meta.namespace}/${serviceAccount || 'default'}`,
    ),
  );

function* identities(world: World, { meta, rules }: AuthorizationPolicy, accounts: ReadonlySet<string>): Iterable<Finding> {
  const subject = { kind: 'AuthorizationPolicy', ...meta };
  const sources = rules.flatMap(({ from, when }) => [
    ...from.flatMap(({ principals, notPrincipals }) => [...principals, ...notPrincipals]),
    ...when.filter(({ key }) => key === 'source.principal').flatMap(({ values, notValues }) => [...values, ...notValues]),
  ]);
  for (const principal of new Set(sources)) {
    if (principal.startsWith('spiffe://')) {
      yield finding('AMB0016', subject, `Principal ${principal} begins with spiffe://, which identities are compared without.`);
      continue;
    }
    if (principal.includes('*')) continue;
    const [, namespace = '', account = ''] = /^[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(principal) ?? [];
    if (account === '') yield finding('AMB0016', subject, `Principal ${principal} has not the form trust.domain/ns/NAMESPACE/sa/ACCOUNT.`);
    else if (world.isLive && !accounts.has(`${namespace}/${account}`))
      yield finding('AMB0016', subject, `Principal ${principal}: no pod runs as ${account} of ${namespace} now.`, { level: 'Info' });
  }
}

/** Only where a service of the pods has the port, and none of the pods' own is the same. */
function* ports(world: World, { meta, selector = {}, rules }: AuthorizationPolicy): Iterable<Finding> {
  const everywhere = meta.namespace === world.settings.rootNamespace;
  if (everywhere) return;
  const pods = podsOf(world, meta.namespace, selector);
  const services = [...world.objects.services.values()].filter(
    (service) =>
      service.meta.namespace === meta.namespace &&
      Object.keys(service.selector).length > 0 &&
      pods.some((pod) => leadsTo(service.selector, pod.meta.labels)),
  );
  const led = services.flatMap((service) => service.ports.map((port) => ({ ...port, service: service.meta.name })));
  const own = new Set([
    ...led.flatMap(({ targetPort }) =>
      typeof targetPort === 'number' ? [targetPort] : pods.flatMap(({ namedPorts }) => namedPorts[targetPort] ?? []),
    ),
    ...pods.flatMap(({ namedPorts }) => Object.values(namedPorts)),
  ]);
  const named = rules.flatMap(({ to }) => to.flatMap((operation) => [...operation.ports, ...operation.notPorts]));
  for (const port of new Set(named)) {
    const of = led.find((each) => String(each.port) === port);
    if (of === undefined || own.has(Number(port))) continue;
    const message = `Port ${port} is that of service ${of.service}; its pods listen on ${of.targetPort}, and node tunnels compare that.`;
    yield finding('AMB0017', { kind: 'AuthorizationPolicy', ...meta }, message);
  }
}

const leadsTo = (selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);
