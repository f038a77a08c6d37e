// How one pod is captured: the node's defaults and the pod's own annotations (facts: control-plane §1.4). Pure.
import { type Capture, isInterfaceName } from '@ambient-mesh/host/redirect-rules';
import type { Pod } from './pod.ts';

export interface CaptureDefaults {
  readonly ipv6: boolean;
  readonly dnsCapture: boolean;
  readonly probe: NonNullable<Capture['probe']>;
}

export interface CaptureDecision {
  readonly capture: Capture;
  /** Annotations that cannot be read, in words; they count as absent. */
  readonly mistakes: readonly string[];
}

/** More than any pod has, few enough for one transaction. */
const mostInterfaces = 64;

export function captureOf({ wishes }: Pick<Pod, 'wishes'>, { ipv6, dnsCapture, probe }: CaptureDefaults): CaptureDecision {
  const mistakes: string[] = [];
  const flag = (key: string, otherwise: boolean): boolean => {
    const text = Object.hasOwn(wishes, key) ? wishes[key] : undefined;
    if (text === undefined) return otherwise;
    if (!truths.has(text) && !falsehoods.has(text)) mistakes.push(`${key} is ${JSON.stringify(text)}, which is neither true nor false`);
    return truths.has(text) || (falsehoods.has(text) ? false : otherwise);
  };
  const names = (wishes['istio.io/reroute-virtual-interfaces'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const virtualInterfaces = [...new Set(names)].filter(isInterfaceName).slice(0, mostInterfaces);
  for (const name of names)
    if (!isInterfaceName(name))
      mistakes.push(`istio.io/reroute-virtual-interfaces names ${JSON.stringify(name)}, which no interface can be called`);
  const capture = {
    ipv6,
    probe,
    dnsCapture: flag('ambient.istio.io/dns-capture', dnsCapture),
    ingress: flag('ambient.istio.io/bypass-inbound-capture', false),
    virtualInterfaces,
  };
  return { capture, mistakes };
}

const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const falsehoods: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);
