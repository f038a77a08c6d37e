// `serviceaccounts/NAME/token`: issues a token for the account, for the audiences and the pod that are asked for.
// Called by serve/ for POST; the token itself is made by auth/service-account-tokens.ts.

import { apiAudiences, type ServiceAccountTokens } from '../auth/service-account-tokens.ts';
import { type Cluster, keyOfTarget, type Target } from '../cluster.ts';
import { listAt, mapAt, numberAt, textAt } from '../object.ts';
import { isObject, type Json, type KubeObject } from '../patch/json.ts';
import { badRequest, conflict, invalid, notFound } from '../status-error.ts';

const defaultSeconds = 3_600;
const leastSeconds = 600;
const mostSeconds = 2 ** 32;

export function requestToken(cluster: Cluster, target: Target, body: Json, tokens: ServiceAccountTokens): KubeObject {
  if (!isObject(body) || !isObject(body.spec ?? {})) throw badRequest('the object provided is unrecognized (must be of type TokenRequest)');
  const account = cluster.store.get('serviceaccounts', keyOfTarget(target))?.object;
  if (account === undefined) throw notFound(target.resource, target.name);
  const seconds = numberAt(body.spec, 'expirationSeconds') ?? defaultSeconds;
  if (seconds < leastSeconds) throw refuse(seconds, 'may not specify a duration less than 10 minutes');
  if (seconds > mostSeconds) throw refuse(seconds, 'may not specify a duration larger than 2^32 seconds');
  const asked = listAt(body.spec, 'audiences').map(String);
  const audiences = asked.length === 0 ? apiAudiences : asked;
  const bound = mapAt(body.spec).boundObjectRef;
  const pod = isObject(bound) ? boundPod(cluster, target, bound) : undefined;
  const { token, expires } = tokens.issue({ account, audiences, seconds, ...(pod === undefined ? {} : { pod }) });
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: target.name, namespace: target.namespace, creationTimestamp: new Date(cluster.clock.now()).toISOString() },
    spec: { audiences: [...audiences], expirationSeconds: seconds, boundObjectRef: bound ?? null },
    status: { token, expirationTimestamp: new Date(expires).toISOString().replace('.000Z', 'Z') },
  };
}

function refuse(seconds: number, why: string): Error {
  const message = `Invalid value: ${seconds}: ${why}`;
  const cause = { reason: 'FieldValueInvalid', field: 'spec.expirationSeconds', message };
  return invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', [cause]);
}

/** Only pods are served; the API also knows secrets and nodes, which nothing here asks for. */
function boundPod({ store }: Cluster, { namespace, name: account }: Target, reference: Json): Readonly<KubeObject> {
  const { kind, apiVersion = 'v1', name = '', uid = '' } = mapAt(reference);
  if (kind !== 'Pod' || apiVersion !== 'v1')
    throw badRequest(`cannot bind token to object of type ${String(apiVersion)}, Kind=${String(kind)}`);
  const pods = { group: '', plural: 'pods' };
  const pod = store.get('pods', `${namespace}/${String(name)}`)?.object;
  if (pod === undefined) throw notFound(pods, String(name));
  if (uid !== '' && uid !== pod.metadata.uid) {
    const uids = `the UID in the bound object reference (${String(uid)}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict(pods, String(name), uids);
  }
  if (textAt(pod.spec, 'serviceAccountName') !== account)
    throw badRequest(`cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`);
  return pod;
}
