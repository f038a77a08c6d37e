// YAML, read with the library only when there is some to read: loading it costs 6 MB, and a ztunnel in a cluster is configured without.
import { createRequire } from 'node:module';

/** Throws on what is no YAML; aliases are bounded. */
export function parseYaml(text: string): unknown {
  const { parse }: typeof import('yaml') = createRequire(import.meta.url)('yaml');
  return parse(text, { maxAliasCount: 100, logLevel: 'error' });
}
