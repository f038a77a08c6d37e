// The objects that the agent reads from the API server, trimmed to what enrolment needs.
// Listed and watched by app.ts; a field of the wrong type counts as absent.
import type { Kind } from '@ambient-mesh/kube/kind';
import { objectOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { type Ip, parseIp } from '@ambient-mesh/model/address';
import type { Labels } from '@ambient-mesh/translate/kinds/meta';
import { type Candidate, sidecarAnnotation } from './enablement.ts';

export interface Pod extends Candidate {
  readonly name: string;
  readonly uid: string;
  /** What container runtimes and cgroups call the pod: its uid, but for static pods the hash of their file. */
  readonly runtimeUid: string;
  readonly serviceAccount: string;
  /** Every one once, IPv4 addresses as such; empty until the pod has a network. */
  readonly ips: readonly Ip[];
  /** It has succeeded or failed: its containers run no more, and its addresses may be another's. */
  readonly isOver: boolean;
  /** Value of `ambient.istio.io/redirection`; '' when absent. */
  readonly redirection: string;
  /** The annotations that change how the pod is captured (capture.ts); absent ones are left out. */
  readonly wishes: Labels;
}

export const redirectionAnnotation = 'ambient.istio.io/redirection';

const captureAnnotations = [
  'ambient.istio.io/bypass-inbound-capture',
  'ambient.istio.io/dns-capture',
  'istio.io/reroute-virtual-interfaces',
] as const;

export const podKind: Kind<Pod> = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
  narrow(raw) {
    const { metadata, spec: rawSpec, status: rawStatus } = objectOf(raw);
    const [meta, spec, status] = [objectOf(metadata), objectOf(rawSpec), objectOf(rawStatus)];
    const [name, namespace, uid] = [textOf(meta.name), textOf(meta.namespace), textOf(meta.uid)];
    if (name === '' || namespace === '' || uid === '') return undefined;
    const annotations = objectOf(meta.annotations);
    const phase = textOf(status.phase);
    return {
      name,
      namespace,
      uid,
      runtimeUid: textOf(annotations['kubernetes.io/config.mirror']) || uid,
      labels: labelsOf(meta.labels),
      serviceAccount: textOf(spec.serviceAccountName) || 'default',
      hostNetwork: spec.hostNetwork === true,
      hasSidecar: Object.hasOwn(annotations, sidecarAnnotation),
      ips: ipsOf(status),
      isOver: phase === 'Succeeded' || phase === 'Failed',
      redirection: textOf(annotations[redirectionAnnotation]),
      wishes: Object.fromEntries(
        captureAnnotations.map((key) => [key, annotations[key]]).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      ),
    };
  },
};

export interface Namespace {
  readonly name: string;
  readonly labels: Labels;
}

export const namespaceKind: Kind<Namespace> = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
  narrow(raw) {
    const meta = objectOf(objectOf(raw).metadata);
    const name = textOf(meta.name);
    return name === '' ? undefined : { name, labels: labelsOf(meta.labels) };
  },
};

/** ztunnels carry the mesh; they are never in it. */
export const isZtunnel = (pod: Pick<Pod, 'namespace' | 'labels'>, systemNamespace: string): boolean =>
  pod.namespace === systemNamespace && Object.hasOwn(pod.labels, 'app') && pod.labels.app === 'ztunnel';

function ipsOf({ podIPs, podIP }: RawObject): readonly Ip[] {
  const texts = Array.isArray(podIPs) ? podIPs.map((each) => textOf(objectOf(each).ip)) : [];
  const ips = (texts.length > 0 ? texts : [textOf(podIP)]).map(parseIp).filter((ip) => ip !== undefined);
  return [...new Set(ips)];
}

function labelsOf(raw: unknown): Labels {
  return Object.fromEntries(Object.entries(objectOf(raw)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
