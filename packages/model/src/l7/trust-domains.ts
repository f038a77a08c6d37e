// A principal in a policy under the other names of the mesh's trust domain (facts: control-plane §6.4). Pure; used by request-match.ts.

/** What charts and examples write when they mean the mesh's own trust domain, whatever it is called. */
const placeholder = 'cluster.local';

/**
 * The patterns that stand for this one. `domains`: the mesh's own trust domain, then its aliases. Only a whole principal
 * (`td/ns/x/sa/y`) names a trust domain; one that overlaps with a domain of the mesh means all of them.
 */
export function principalPatterns(pattern: string, domains: readonly string[]): readonly string[] {
  const parts = pattern.split('/');
  const [written = '', ...rest] = parts;
  if (parts.length !== 5) return [pattern];
  if (written !== placeholder && !domains.some((domain) => overlap(written, domain))) return [pattern];
  const patterns = domains.map((domain) => (hasSuffix(written, domain) ? pattern : [domain, ...rest].join('/')));
  return [...new Set(patterns)];
}

const overlap = (written: string, domain: string): boolean =>
  written === '*' || written === domain || hasSuffix(written, domain) || (written.endsWith('*') && domain.startsWith(written.slice(0, -1)));

const hasSuffix = (written: string, domain: string): boolean => written.startsWith('*') && domain.endsWith(written.slice(1));
