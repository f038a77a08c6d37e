// Judges what must hold of the cluster itself, before a mesh is installed and after. Pure; facts are cluster-facts.ts's.
import { objectOf, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { someOf } from '../analyze/finding.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import { type Check, counted, ok, warning, wrong } from './result.ts';

/** As the charts demand it. */
const oldestKubernetes = [1, 29] as const;
/** Of the kernels that it is tested with. */
const oldestKernel = [5, 10] as const;
const architectures: ReadonlySet<string> = new Set(['amd64', 'arm64', '']);

export function judgeCluster(facts: ClusterFacts, isBefore: boolean): readonly Check[] {
  return [versionOf(facts), ...kinds(facts, isBefore), ...rights(facts), ...podSecurity(facts), ...nodes(facts)];
}

function versionOf({ version }: ClusterFacts): Check {
  const known = numbersOf(version);
  if (known === undefined)
    return warning('cluster', `the API server says its version is ${JSON.stringify(version)}`, 'Look whether it is Kubernetes.');
  return isAtLeast(known, oldestKubernetes)
    ? ok('cluster', `Kubernetes ${version} answers`)
    : wrong('cluster', `Kubernetes ${version} is too old`, `Upgrade it to ${oldestKubernetes.join('.')} or newer.`);
}

/** Before the installation they are not there, or somebody else's. */
function kinds({ undefinedKinds }: ClusterFacts, isBefore: boolean): readonly Check[] {
  if (isBefore) return [];
  if (undefinedKinds.length === 0) return [ok('cluster', 'all kinds of the mesh are defined')];
  const isNeeded = undefinedKinds.some((name) => /^(gateways|authorizationpolicies)\./.test(name));
  const text = `${counted(undefinedKinds.length, 'kind')} of the mesh ${undefinedKinds.length === 1 ? 'is' : 'are'} not defined: ${someOf(undefinedKinds)}`;
  const advice = 'Install the chart base (ambientctl install), or its folder files/crds with kubectl.';
  return [isNeeded ? wrong('cluster', text, advice) : warning('cluster', text, advice)];
}

function rights({ denied }: ClusterFacts): readonly Check[] {
  if (denied.length === 0) return [ok('cluster', 'you may do what this takes')];
  return [wrong('cluster', `you may not ${denied.join(', ')}`, 'Ask whoever gives rights in this cluster, or use another context.')];
}

const enforce = 'pod-security.kubernetes.io/enforce';

/** The node agent and the ztunnel need what only `privileged` admits: paths of the host, and capabilities. */
function podSecurity({ systemLabels, systemNamespace }: ClusterFacts): readonly Check[] {
  const level = textOf(systemLabels?.[enforce]);
  if (level === '' || level === 'privileged') return [];
  const advice = `kubectl label namespace ${systemNamespace} ${enforce}=privileged --overwrite`;
  return [wrong('cluster', `namespace ${systemNamespace} admits only ${level} pods, and the node agent needs privileged ones`, advice)];
}

function nodes({ nodes: answer }: ClusterFacts): readonly Check[] {
  if ('why' in answer) return [warning('nodes', `nodes cannot be looked at: ${answer.why}`, 'You need the right to list nodes.')];
  const linux = answer.found.filter((node) => textOf(infoOf(node).operatingSystem) !== 'windows');
  const others = answer.found.length - linux.length;
  const troubles = linux.flatMap((node) => troublesOf(node));
  const well = `${counted(linux.length, 'node')} can carry the mesh`;
  if (linux.length === 0) return [wrong('nodes', 'the cluster has no Linux nodes', 'Add nodes.')];
  return [
    ...(troubles.length === 0 ? [ok('nodes', well)] : troubles),
    ...(others > 0
      ? [warning('nodes', `${counted(others, 'node')} of Windows cannot be in the mesh`, 'Nothing: pods there are outside of it.')]
      : []),
  ];
}

function troublesOf(node: RawObject): readonly Check[] {
  const name = textOf(objectOf(node.metadata).name);
  const { kernelVersion, architecture } = infoOf(node);
  const kernel = numbersOf(textOf(kernelVersion));
  return [
    ...(isReady(node) ? [] : [warning('nodes', `node ${name} is not ready`, `kubectl describe node ${name} says why.`)]),
    ...(kernel === undefined || isAtLeast(kernel, oldestKernel)
      ? []
      : [
          wrong(
            'nodes',
            `the kernel of node ${name}, ${textOf(kernelVersion)}, is too old`,
            `Upgrade it to ${oldestKernel.join('.')} or newer.`,
          ),
        ]),
    ...(architectures.has(textOf(architecture))
      ? []
      : [
          wrong(
            'nodes',
            `node ${name} is of architecture ${textOf(architecture)}`,
            'Images are for amd64 and arm64: keep the DaemonSets off it.',
          ),
        ]),
  ];
}

const infoOf = ({ status }: RawObject): RawObject => objectOf(objectOf(status).nodeInfo);
export const isReady = ({ status }: RawObject): boolean =>
  objectsOf(objectOf(status).conditions).some((condition) => condition.type === 'Ready' && condition.status === 'True');

/** `[1, 33]` of `v1.33.1+k3s1`. */
function numbersOf(version: string): readonly [number, number] | undefined {
  const [, major, minor] = /^v?(\d{1,6})\.(\d{1,6})/.exec(version) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor)];
}

const isAtLeast = ([major, minor]: readonly [number, number], [wantedMajor, wantedMinor]: readonly [number, number]): boolean =>
  major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
