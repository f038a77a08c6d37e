// Who is it? A client certificate of the cluster's authority, or the bearer token of a service account. Nobody else gets in.
// Called by serve/ for every request but those for health.
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { apiAudiences, type ServiceAccountTokens } from './service-account-tokens.ts';
import type { User } from './user.ts';

/** Undefined: nobody whom we know. */
export function authenticate({ socket, headers }: IncomingMessage, tokens: ServiceAccountTokens): User | undefined {
  const byCertificate = socket instanceof TLSSocket ? ofConnection(socket) : undefined;
  if (byCertificate !== undefined) return byCertificate;
  const token = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (token === undefined) return undefined;
  const answer = tokens.review(token, apiAudiences);
  return 'user' in answer ? answer.user : undefined;
}

/** Reading a certificate takes longer than most requests: once per connection is enough. */
const known = new WeakMap<TLSSocket, User | undefined>();

function ofConnection(socket: TLSSocket): User | undefined {
  if (!known.has(socket)) known.set(socket, ofCertificate(socket));
  return known.get(socket);
}

function ofCertificate(socket: TLSSocket): User | undefined {
  // `authorized` says that our authority signed it and that it is in its time.
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const name = subject?.CN;
  if (typeof name !== 'string' || name === '') return undefined;
  const groups: unknown = subject.O;
  const list = Array.isArray(groups) ? groups.map(String) : typeof groups === 'string' ? [groups] : [];
  return { name, groups: [...list, 'system:authenticated'], extra: {} };
}
