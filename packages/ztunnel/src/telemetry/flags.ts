// The `response_flags` of a finished connection: which part of the mesh a failure is to be blamed on. Pure.
// Chosen here from fault codes alone, so that every package may name its faults freely and no text is ever parsed.

const responseFlags = [
  '-',
  'DENY',
  'CONNECT',
  'TLS_FAILURE',
  'H2_HANDSHAKE_FAILURE',
  'NETWORK_POLICY',
  'IDENTITY_ERROR',
  'CERT_REVOKED',
] as const;
/** `-` says that nothing failed. */
export type ResponseFlag = (typeof responseFlags)[number];

/** By the first word of a fault code, where no exact code says otherwise. */
const byFamily = new Map<string, Exclude<ResponseFlag, '-'>>([
  ['policy', 'DENY'],
  ['tls', 'TLS_FAILURE'],
  ['peer', 'TLS_FAILURE'],
  ['h2', 'H2_HANDSHAKE_FAILURE'],
  ['certificate', 'IDENTITY_ERROR'],
  ['ca', 'IDENTITY_ERROR'],
  ['token', 'IDENTITY_ERROR'],
  ['authority', 'IDENTITY_ERROR'],
]);

/**
 * What a failure with this fault code is filed under; anything unheard of is `CONNECT`, the mesh's word for "did not get through".
 * Silence from a tunnel's port (`overHbone`) is most often a NetworkPolicy that forgot 15008; silence from an app is just that.
 */
export function flagOf(code: string, { overHbone }: { readonly overHbone: boolean }): Exclude<ResponseFlag, '-'> {
  if (code === 'tls.revoked') return 'CERT_REVOKED';
  if (code === 'dial.timeout' && overHbone) return 'NETWORK_POLICY';
  return byFamily.get(code.split('.', 1)[0] ?? '') ?? 'CONNECT';
}
