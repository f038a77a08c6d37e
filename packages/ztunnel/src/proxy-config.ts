// The part of Istio's mesh configuration that a ztunnel reads (facts: ztunnel §11.2): the file's `defaultConfig`, then PROXY_CONFIG, then ISTIO_META_*.
// Parses text to plain data; config.ts turns the result into settings.
import { describeError } from '@ambient-mesh/runtime/errors';
import { parseYaml } from './yaml.ts';

export interface ProxyConfig {
  readonly discoveryAddress?: string;
  readonly proxyAdminPort?: number;
  readonly statsPort?: number;
  readonly concurrency?: number;
  /** Keys without their ISTIO_META_ prefix. */
  readonly proxyMetadata: Readonly<Record<string, string>>;
}

export type ProxyConfigResult = { readonly ok: ProxyConfig } | { readonly mistakes: readonly string[] };

/** `mesh` is the mesh file's text, `proxy` the text of PROXY_CONFIG; each may be absent. */
export function proxyConfig(
  mesh: string | undefined,
  proxy: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): ProxyConfigResult {
  const mistakes: string[] = [];
  const base = part(mesh, 'The mesh configuration file', mistakes, (o) => o.defaultConfig);
  const over = part(proxy, 'PROXY_CONFIG', mistakes, (o) => o);
  if (mistakes.length > 0) return { mistakes };
  const fromEnv = Object.entries(env).flatMap(([k, v]) =>
    k.startsWith('ISTIO_META_') && v !== undefined ? [[k.slice('ISTIO_META_'.length), v] as const] : [],
  );
  return {
    ok: { ...base, ...over, proxyMetadata: { ...base.proxyMetadata, ...over.proxyMetadata, ...Object.fromEntries(fromEnv) } },
  };
}

function part(text: string | undefined, name: string, mistakes: string[], pick: (o: Record<string, unknown>) => unknown): ProxyConfig {
  const nothing: ProxyConfig = { proxyMetadata: {} };
  if (text === undefined || text.trim() === '') return nothing;
  let parsed: unknown;
  try {
    parsed = parseYaml(text);
  } catch (e) {
    mistakes.push(`${name} is not YAML: ${describeError(e).split('\n', 1)[0]}.`);
    return nothing;
  }
  if (parsed === null) return nothing;
  const o = isRecord(parsed) ? pick(parsed) : parsed;
  if (o === undefined || o === null) return nothing;
  if (!isRecord(o)) {
    mistakes.push(`${name} is not an object.`);
    return nothing;
  }
  return fields(o, name, mistakes);
}

function fields(o: Record<string, unknown>, name: string, mistakes: string[]): ProxyConfig {
  const whole = (key: string, max: number): number | undefined => {
    const v = o[key];
    if (v === undefined || v === null) return undefined;
    if (typeof v === 'number' && Number.isInteger(v) && v >= 0 && v <= max) return v;
    mistakes.push(`${name}: ${key} must be a whole number from 0 to ${max}.`);
    return undefined;
  };
  const discoveryAddress = o.discoveryAddress ?? undefined;
  if (discoveryAddress !== undefined && typeof discoveryAddress !== 'string') mistakes.push(`${name}: discoveryAddress must be text.`);
  const [proxyAdminPort, statsPort, concurrency] = [whole('proxyAdminPort', 65535), whole('statsPort', 65535), whole('concurrency', 1024)];
  const metadata = o.proxyMetadata ?? {};
  if (!isRecord(metadata)) mistakes.push(`${name}: proxyMetadata must be an object.`);
  return {
    ...(typeof discoveryAddress === 'string' && { discoveryAddress }),
    ...(proxyAdminPort !== undefined && { proxyAdminPort }),
    ...(statsPort !== undefined && { statsPort }),
    ...(concurrency !== undefined && { concurrency }),
    proxyMetadata: isRecord(metadata)
      ? Object.fromEntries(Object.entries(metadata).map(([k, v]) => [k.replace(/^ISTIO_META_/, ''), String(v)]))
      : {},
  };
}

const isRecord = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
