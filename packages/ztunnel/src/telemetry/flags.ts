// The `response_flags` of a finished connection: which part of the mesh a failure is to be blamed on. Pure.
// Chosen here from fault codes alone, so that every package may name its faults freely and no text is ever parsed.

export const responseFlags = [
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

/** Exact codes first, then the longest family (`tls.` …). */
const byCode: ReadonlyMap<string, ResponseFlag> = new Map<string, ResponseFlag>([
  ['policy.denied', 'DENY'],
  ['policy.late', 'DENY'],
  ['hbone.dial-timeout', 'NETWORK_POLICY'],
]);
const byFamily: readonly (readonly [family: string, flag: ResponseFlag])[] = [
  ['policy.', 'DENY'],
  ['tls.', 'TLS_FAILURE'],
  ['h2.', 'H2_HANDSHAKE_FAILURE'],
  ['ca.', 'IDENTITY_ERROR'],
];

/** What a failure with this fault code is filed under; anything unheard of is `CONNECT`, the mesh's word for "did not get through". */
export function flagOf(code: string): ResponseFlag {
  const exact = byCode.get(code);
  if (exact !== undefined) return exact;
  return byFamily.find(([family]) => code.startsWith(family))?.[1] ?? 'CONNECT';
}
