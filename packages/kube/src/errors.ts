// What can go wrong between us and an API server, as faults that code matches on, and their translation from undici and from Status objects.
// Made by transport.ts, answer.ts and the readers of watches; every text names the verb, the kind and the key.
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type Ms, ms } from '@ambient-mesh/runtime/time';

export type KubeFault =
  /** The server refused; `reason` is its own word (`NotFound`, `Forbidden`, `Expired`), or empty. */
  | { readonly code: 'kube.status'; readonly status: number; readonly reason: string; readonly retryAfter: Ms | undefined }
  /** Somebody else was faster: the object exists already, or has changed since it was read, or another manager owns the field. */
  | { readonly code: 'kube.conflict'; readonly reason: 'AlreadyExists' | 'Conflict' }
  /** No connection, or it broke before the answer was complete. A write may have happened. */
  | { readonly code: 'kube.connect' }
  /** As `kube.connect`, but we gave up waiting. */
  | { readonly code: 'kube.timeout'; readonly after: Ms }
  | { readonly code: 'kube.too-large'; readonly limitBytes: number }
  /** Not what the protocol promises: no JSON, no object, no resourceVersion. */
  | { readonly code: 'kube.bad-answer' }
  /** Where the server is, or how to prove who we are, cannot be found out. */
  | { readonly code: 'kube.access' };

export type KubeError = MeshError<KubeFault>;

const codes: ReadonlySet<string> = new Set<KubeFault['code']>([
  'kube.status',
  'kube.conflict',
  'kube.connect',
  'kube.timeout',
  'kube.too-large',
  'kube.bad-answer',
  'kube.access',
]);

export function isKubeError(e: unknown): e is KubeError {
  return e instanceof MeshError && codes.has(e.fault.code);
}

/** The HTTP status of a refusal, conflicts included; undefined for everything else. */
export function statusOf(e: unknown): number | undefined {
  if (!isKubeError(e)) return undefined;
  if (e.fault.code === 'kube.conflict') return 409;
  return e.fault.code === 'kube.status' ? e.fault.status : undefined;
}

export const badAnswer = (what: string, about: string, cause?: unknown): KubeError =>
  new MeshError<KubeFault>({ code: 'kube.bad-answer' }, `${what}: the API server's answer makes no sense: ${about}`, cause);

export const tooLarge = (what: string, limitBytes: number): KubeError =>
  new MeshError<KubeFault>({ code: 'kube.too-large', limitBytes }, `${what}: the answer is longer than ${limitBytes} bytes`);

export const timedOut = (what: string, after: Ms): KubeError =>
  new MeshError<KubeFault>({ code: 'kube.timeout', after }, `${what}: no answer within ${after / 1_000} s`);

export const broken = (what: string, cause?: unknown): KubeError =>
  new MeshError<KubeFault>({ code: 'kube.connect' }, `${what}: no connection to the API server, or it broke`, cause);

export const noAccess = (about: string, cause?: unknown): KubeError => new MeshError<KubeFault>({ code: 'kube.access' }, about, cause);

/** Errors of ours pass; whatever else a socket or undici throws means that the connection is of no use. */
export const asKubeError = (what: string, e: unknown): KubeError => (isKubeError(e) ? e : broken(what, e));

const longestMessage = 500;
const longestRetryAfterSeconds = 300;

/** What a `Status` object says, as far as we read it. All fields may be missing when a proxy answered in the server's place. */
export interface StatusFields {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  /** Header `Retry-After` or `details.retryAfterSeconds`; NaN when there is none. */
  readonly retryAfterSeconds: number;
}

export function refused(what: string, { status, reason, message, retryAfterSeconds }: StatusFields): KubeError {
  const short = message.length > longestMessage ? `${message.slice(0, longestMessage)}...` : message;
  const text = `${what}: ${status}${reason && ` ${reason}`}${short && `: ${short}`}`;
  if (status === 409) {
    return new MeshError<KubeFault>({ code: 'kube.conflict', reason: reason === 'AlreadyExists' ? reason : 'Conflict' }, text);
  }
  const retryAfter = retryAfterSeconds > 0 ? ms(Math.min(retryAfterSeconds, longestRetryAfterSeconds) * 1_000) : undefined;
  return new MeshError<KubeFault>({ code: 'kube.status', status, reason, retryAfter }, text);
}
