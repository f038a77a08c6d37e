// What may leave the cluster in a report, and what may not: Kubernetes objects without what could be a secret, and texts without keys and tokens. Pure.
// Everything that goes into a report passes through here (collect.ts). Secrets are never asked for in the first place.
import { isObject, objectOf, objectsOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';

export const hidden = '(hidden)';

/** Annotations that are about the mesh; others may hold anything. */
const telling = /(^|\.)(istio\.io|ambient-mesh\.dev|gateway\.networking\.k8s\.io)\/|^deprecated\.daemonset\.template\.generation$/;
/** Of a pod's container, and of a workload's. */
const ofContainers = ['name', 'image', 'ports', 'securityContext', 'resources', 'restartPolicy'] as const;
/** Fields of the mesh's kinds that are code's own configuration, and may hold anything. */
const opaque: ReadonlySet<string> = new Set(['pluginConfig', 'jwks', 'vmConfig', 'inlineString', 'includeAdditionalHeadersInCheck']);

/** As it is, less what says nothing or could be secret. */
export function redactedObject(raw: unknown): unknown {
  const { metadata, ...rest } = objectOf(raw);
  const { managedFields: _, annotations, ...meta } = objectOf(metadata);
  const told = Object.entries(objectOf(annotations)).filter(([key]) => telling.test(key));
  return redactedValue({ ...rest, metadata: { ...meta, ...(told.length > 0 && { annotations: Object.fromEntries(told) }) } });
}

function redactedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redactedValue);
  if (typeof value === 'string') return redactedText(value);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redactedField(key, inner)]));
}

function redactedField(key: string, value: unknown): unknown {
  if (key === 'containers' || key === 'initContainers' || key === 'ephemeralContainers') return objectsOf(value).map(container);
  // Of variables outside containers, as WasmPlugins and waypoints' parameters have them.
  if (key === 'env' && Array.isArray(value)) return objectsOf(value).map(({ name }) => ({ name, value: hidden }));
  return opaque.has(key) && value !== '' ? hidden : redactedValue(value);
}

/** Commands and arguments stay out: they hold passwords as often as variables do. */
function container(raw: RawObject): RawObject {
  const kept = ofContainers.filter((key) => raw[key] !== undefined).map((key) => [key, raw[key]] as const);
  const env = objectsOf(raw.env).map(({ name }) => textOf(name));
  return { ...Object.fromEntries(kept), ...(env.length > 0 && { env: env.map((name) => ({ name, value: hidden })) }) };
}

const secrets: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, hidden],
  // A JSON Web Token: two parts of JSON, base64url, and a signature.
  [/\beyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*/g, hidden],
  [/\b(bearer|basic)(\s+|%20)[\w.~+/=-]{6,}/gi, `$1 ${hidden}`],
  [
    /(\b(?:password|passwd|secret|api[_-]?key|access[_-]?token|authorization)\\*"?\s*[:=]\s*\\*"?)(?!null\b|true\b|false\b)[^\s"\\&,;]{4,}/gi,
    `$1${hidden}`,
  ],
];

/** A second fence, for logs and pages that should hold no such thing. */
export const redactedText = (text: string): string => secrets.reduce((left, [pattern, by]) => left.replace(pattern, by), text);
