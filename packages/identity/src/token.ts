// The token that proves this process to the control plane: a file that Kubernetes replaces before it expires.
// Read anew for every request by wire's xDS and CA clients, so that a replaced token is never missed.
// The token is a secret: it goes into a request header and nowhere else.
import { readFile } from 'node:fs/promises';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';

export type TokenFault = { readonly code: 'token.unreadable' | 'token.empty'; readonly path: string };

/**
 * The file's content without surrounding white space.
 * @throws MeshError<TokenFault> when the file cannot be read or is empty: a request without a token would only be refused later and less clearly.
 */
export async function readToken(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((e: unknown) => {
    throw new MeshError<TokenFault>({ code: 'token.unreadable', path }, `no token from ${path}: ${describeError(e)}`, e);
  });
  const token = text.trim();
  if (token === '') throw new MeshError<TokenFault>({ code: 'token.empty', path }, `the token file ${path} is empty`);
  return token;
}
