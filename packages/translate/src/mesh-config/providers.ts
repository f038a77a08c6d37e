// What of the mesh configuration is for waypoints: providers, defaults of telemetry, retries, normalisation of paths. Used by the control plane and by those who ask what it would say.
// Services are named as written; l7/mesh-settings.ts finds them. A field that is read and wrong is a mistake.
import type { Provider } from '@ambient-mesh/model/l7/settings';
import type { MeshDefaults } from '../settings.ts';
import { isRecord, type MeshFields } from './fields.ts';

const normalizations = ['DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'] as const;
const encodings = ['TEXT', 'JSON'] as const;

/** Per cent of requests that are traced when neither the mesh configuration nor a Telemetry says. */
const usualSampling = 1;

/** Providers that are there without being written. */
const builtIn: readonly Provider[] = [
  { name: 'prometheus', kind: 'prometheus' },
  { name: 'envoy', kind: 'access-log', path: '/dev/stdout', encoding: 'TEXT' },
];

export function waypointDefaults(mesh: MeshFields): MeshDefaults {
  const normalization = mesh.part('pathNormalization').oneOf('normalization', normalizations) ?? 'DEFAULT';
  const sampling = mesh.part('defaultConfig').part('tracing').number('sampling') ?? usualSampling;
  const written = mesh.parts('extensionProviders').flatMap((each) => providerOf(each, Math.min(100, Math.max(0, sampling))) ?? []);
  const defaultRetry = retryOf(mesh.part('defaultHttpRetryPolicy'));
  const accessLog = accessLogOf(mesh);
  return {
    trustDomainAliases: mesh.texts('trustDomainAliases'),
    pathNormalization: normalization === 'DEFAULT' ? 'BASE' : normalization,
    ...(defaultRetry && { defaultRetry }),
    providers: [...written, ...builtIn.filter(({ name }) => written.every((each) => each.name !== name))],
    defaultProviders: defaultProvidersOf(mesh),
    ...(accessLog && { accessLog }),
  };
}

/** Nothing is traced with `enableTracing: false`; metrics are what a mesh has without asking. */
function defaultProvidersOf(mesh: MeshFields): MeshDefaults['defaultProviders'] {
  const defaults = mesh.part('defaultProviders');
  const metrics = defaults.texts('metrics');
  return {
    accessLogging: defaults.texts('accessLogging'),
    tracing: mesh.flag('enableTracing') === false ? [] : defaults.texts('tracing'),
    metrics: metrics.length > 0 ? metrics : ['prometheus'],
  };
}

/** To standard output, whatever file is named: pods' logs are read there. */
function accessLogOf(mesh: MeshFields): MeshDefaults['accessLog'] {
  const encoding = mesh.oneOf('accessLogEncoding', encodings) ?? 'TEXT';
  const format = mesh.text('accessLogFormat');
  return mesh.text('accessLogFile') === undefined ? undefined : { encoding, ...(format !== undefined && { format }) };
}

/** `retryOn`: words and statuses, with commas between. */
function retryOf(policy: MeshFields): MeshDefaults['defaultRetry'] {
  if (!policy.present) return undefined;
  const words = (policy.text('retryOn') ?? '').split(',').map((word) => word.trim());
  const isStatus = (word: string): boolean => /^[45]\d\d$/.test(word);
  const [backoff, perTryTimeout] = [policy.duration('backoff'), policy.duration('perTryTimeout')];
  return {
    attempts: policy.whole('attempts') ?? 2,
    codes: words.filter(isStatus).map(Number),
    on: words.filter((word) => word !== '' && word !== 'retriable-status-codes' && !isStatus(word)),
    ...(backoff !== undefined && { backoff }),
    ...(perTryTimeout !== undefined && { perTryTimeout }),
  };
}

/** Undefined, and a mistake, for one that names no service or no port. */
function providerOf(each: MeshFields, sampling: number): Provider | undefined {
  const name = each.text('name');
  const what = Object.keys(each.raw).find((key) => key !== 'name' && isRecord(each.raw[key]));
  if (name === undefined || what === undefined) return each.mistake('must have a name and one provider');
  const part = each.part(what);
  switch (what) {
    case 'envoyExtAuthzHttp':
    case 'envoyExtAuthzGrpc':
      return externalAuthorization(name, what === 'envoyExtAuthzGrpc' ? 'ext-authz-grpc' : 'ext-authz-http', part);
    // Ours: other meshes have no such provider.
    case 'rateLimit': {
      const service = serviceOf(part);
      return (
        service && { name, kind: 'rate-limit', ...service, timeout: part.duration('timeout') ?? 100, domain: part.text('domain') ?? name }
      );
    }
    case 'opentelemetry': {
      const service = serviceOf(part);
      const path = part.part('http').text('path');
      return service && { name, kind: 'otlp', ...service, ...(path !== undefined && { http: { path } }), sampling };
    }
    case 'envoyFileAccessLog':
      return accessLogProvider(name, part);
    case 'prometheus':
      return { name, kind: 'prometheus' };
    default:
      return { name, kind: 'unsupported', what };
  }
}

function serviceOf(part: MeshFields): { readonly service: string; readonly port: number } | undefined {
  const [service, port] = [part.text('service'), part.whole('port')];
  if (service === undefined || port === undefined || port < 1 || port > 65_535) return part.mistake('must name a service and a port');
  return { service, port };
}

function externalAuthorization(name: string, kind: 'ext-authz-grpc' | 'ext-authz-http', part: MeshFields): Provider | undefined {
  const service = serviceOf(part);
  const status = part.text('statusOnError') ?? '403';
  if (!/^[2-5]\d\d$/.test(status)) part.mistake('statusOnError must be a status, such as "403"');
  const lower = (field: string): readonly string[] => part.texts(field).map((header) => header.toLowerCase());
  const included = lower('includeRequestHeadersInCheck');
  const body = part.part('includeRequestBodyInCheck');
  return (
    service && {
      name,
      kind,
      ...service,
      timeout: part.duration('timeout') ?? 600_000,
      failOpen: part.flag('failOpen') ?? false,
      statusOnError: Number(status),
      pathPrefix: part.text('pathPrefix') ?? '',
      // The second is what the first was called once.
      includeRequestHeaders: included.length > 0 ? included : lower('includeHeadersInCheck'),
      includeAdditionalHeaders: part.pairs('includeAdditionalHeadersInCheck'),
      includeBodyBytes: body.present ? (body.whole('maxRequestBytes') ?? 0) : 0,
      allowPartialBody: body.flag('allowPartialMessage') ?? false,
      headersToUpstreamOnAllow: lower('headersToUpstreamOnAllow'),
      headersToDownstreamOnDeny: lower('headersToDownstreamOnDeny'),
      headersToDownstreamOnAllow: lower('headersToDownstreamOnAllow'),
    }
  );
}

function accessLogProvider(name: string, part: MeshFields): Provider {
  const format = part.part('logFormat');
  const labels = format.part('labels');
  const text = labels.present ? JSON.stringify(labels.raw) : format.text('text');
  const encoding = labels.present ? 'JSON' : 'TEXT';
  return { name, kind: 'access-log', path: part.text('path') ?? '/dev/stdout', encoding, ...(text !== undefined && { format: text }) };
}
