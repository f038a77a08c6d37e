// Policies for waypoints judged slowly and obviously, written from the fact sheet alone: what the fast evaluator must agree with.
// For tests only. Shares no code with l7/: wildcards are regular expressions, addresses are compared as numbers in binary.
import type { ConditionMatch, RequestPolicy, RequestRule } from '../l7/policy.ts';

export interface ReferenceRequest {
  readonly http: boolean;
  /** The whole id, `spiffe://…`. */
  readonly spiffe?: string;
  readonly sourceIp: string;
  readonly destinationIp: string;
  readonly port: number;
  readonly sni: string;
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly claims?: Readonly<Record<string, unknown>>;
}

interface Sight {
  readonly request: ReferenceRequest;
  readonly policy: RequestPolicy;
  readonly trustDomain: string;
}

export function referenceVerdict(policies: readonly RequestPolicy[], request: ReferenceRequest, trustDomain: string): string {
  const matching = (action: RequestPolicy['action']): string[] =>
    policies
      .filter((policy) => policy.action === action && !policy.dryRun)
      .flatMap((policy) =>
        policy.rules.flatMap((rule, at) =>
          ruleMatches(rule, { request, policy, trustDomain }) ? [`ns[${policy.namespace}]-policy[${policy.name}]-rule[${at}]`] : [],
        ),
      );
  const [denied] = matching('DENY');
  if (denied !== undefined) return `deny ${denied}`;
  if (!policies.some(({ action, dryRun }) => action === 'ALLOW' && !dryRun)) return 'allow';
  const [allowed] = matching('ALLOW');
  return allowed === undefined ? 'deny none' : `allow ${allowed}`;
}

function ruleMatches(rule: RequestRule, sight: Sight): boolean {
  const from = rule.from.length === 0 || rule.from.some((source) => fieldsMatch({ ...source }, sight));
  const to = rule.to.length === 0 || rule.to.some((operation) => fieldsMatch({ ...operation }, sight));
  return from && to && rule.when.every((condition) => conditionMatches(condition, sight));
}

const attributeOfField: Readonly<Record<string, string>> = {
  principals: 'source.principal',
  namespaces: 'source.namespace',
  serviceAccounts: 'source.serviceAccount',
  trustDomains: 'source.trustDomain',
  ipBlocks: 'source.ip',
  remoteIpBlocks: 'remote.ip',
  requestPrincipals: 'request.auth.principal',
  hosts: 'host',
  ports: 'destination.port',
  methods: 'method',
  paths: 'path',
};

function fieldsMatch(fields: Readonly<Record<string, readonly string[]>>, sight: Sight): boolean {
  return Object.entries(fields).every(([field, values]) => {
    const negative = field.startsWith('not');
    const name = negative ? field.charAt(3).toLowerCase() + field.slice(4) : field;
    const key = attributeOfField[name] ?? '';
    return conditionMatches({ key, values: negative ? [] : values, notValues: negative ? values : [] }, sight);
  });
}

const onlyHttp = ['host', 'method', 'path', 'request.'];

function conditionMatches({ key, values, notValues }: ConditionMatch, sight: Sight): boolean {
  const unsupported = !sight.request.http && onlyHttp.some((start) => key.startsWith(start));
  if (unsupported) return sight.policy.action === 'DENY';
  if (values.length > 0 && !values.some((value) => valueMatches(key, value, sight))) return false;
  return !notValues.some((value) => valueMatches(key, value, sight));
}

const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\/]/g, '\\$&');
/** A leading or a trailing `*` only. */
function wild(pattern: string, text: string, flags = ''): boolean {
  if (pattern === '*') return text.length > 0;
  const source = pattern.startsWith('*')
    ? `${'.*'}${escaped(pattern.slice(1))}`
    : pattern.endsWith('*')
      ? `${escaped(pattern.slice(0, -1))}.*`
      : escaped(pattern);
  return new RegExp(`^${source}$`, `s${flags}`).test(text);
}

function valueMatches(key: string, value: string, { request, policy, trustDomain }: Sight): boolean {
  const spiffe = request.spiffe ?? '';
  const header = /^request\.headers\[(.*)\]$/.exec(key)?.[1]?.toLowerCase();
  if (header !== undefined) return request.headers.some(([name, text]) => name === header && (value === '*' || wild(value, text)));
  const claim = /^request\.auth\.claims\[(.*)\]$/.exec(key)?.[1];
  if (claim !== undefined) return claimTexts(request, claim.split('][')).some((text) => wild(value, text));
  switch (key) {
    case 'source.principal':
      return principalMatches(value, spiffe, trustDomain);
    case 'source.namespace':
      return new RegExp(`^spiffe://[^/]+/ns/${escaped(value).replaceAll('*', '[^/]*')}/sa/.*$`).test(spiffe);
    case 'source.serviceAccount': {
      const [ns, sa] = value.includes('/') ? value.split('/') : [policy.namespace, value];
      return new RegExp(`^spiffe://.+/ns/${escaped(ns ?? '')}/(.+/)?sa/${escaped(sa ?? '')}(/.+)?$`).test(spiffe);
    }
    case 'source.trustDomain':
      return new RegExp(`^spiffe://${escaped(value).replaceAll('*', '[^/]*')}/ns/.*$`).test(spiffe);
    case 'source.ip':
      return inBlock(value, request.sourceIp);
    case 'remote.ip': {
      const forwarded = request.headers.find(([name]) => name === 'x-forwarded-for')?.[1];
      return inBlock(value, (request.http && forwarded?.split(',').at(-1)?.trim()) || request.sourceIp);
    }
    case 'destination.ip':
      return inBlock(value, request.destinationIp);
    case 'destination.port':
      return Number(value) === request.port;
    case 'connection.sni':
      return wild(value, request.sni);
    case 'host':
      return wild(value, request.host, 'i');
    case 'method':
      return wild(value, request.method);
    case 'path':
      return pathMatches(value, request.path.split('?')[0] ?? '');
    case 'request.auth.principal':
      return requestPrincipalMatches(value, request);
    case 'request.auth.audiences':
      return claimTexts(request, ['aud']).some((text) => wild(value, text));
    case 'request.auth.presenter':
      return claimTexts(request, ['azp']).some((text) => wild(value, text));
    default:
      throw new Error(`the reference knows no ${key}`);
  }
}

/** The mesh has one trust domain and no alias here. */
function principalMatches(value: string, spiffe: string, trustDomain: string): boolean {
  if (spiffe === '') return false;
  const meant = value.split('/').length === 5 ? value.replace(/^cluster\.local\//, `${trustDomain}/`) : value;
  return wild(meant, spiffe.replace('spiffe://', ''));
}

function pathMatches(value: string, path: string): boolean {
  if (!value.includes('{')) return wild(value, path);
  const source = escaped(value).replaceAll('\\{**\\}', '.*').replaceAll('\\{*\\}', '[^/]+');
  return new RegExp(`^${source}$`, 's').test(path);
}

function requestPrincipalMatches(value: string, request: ReferenceRequest): boolean {
  if (request.claims === undefined) return false;
  if (value === '*') return true;
  const [iss] = claimTexts(request, ['iss']);
  const [sub] = claimTexts(request, ['sub']);
  if (iss === undefined || sub === undefined) return false;
  const [, issuer, subject] = /^(?:(.*)\/)?([^/]*)$/s.exec(value) ?? [];
  if (value.startsWith('*')) return issuer === undefined ? wild(value, sub) : wild(issuer, iss) && sub === subject;
  if (value.endsWith('*')) return issuer === undefined ? wild(value, iss) : iss === issuer && wild(subject ?? '', sub);
  return iss === issuer && sub === subject;
}

function claimTexts({ claims }: ReferenceRequest, path: readonly string[]): readonly string[] {
  let at: unknown = claims;
  for (const name of path) at = (at as Record<string, unknown> | undefined)?.[name];
  if (typeof at === 'string') return [at];
  return Array.isArray(at) ? at.filter((each) => typeof each === 'string') : [];
}

/** IPv4 only. */
function inBlock(block: string, ip: string): boolean {
  const [base = '', length = '32'] = block.split('/');
  const bits = (text: string): string =>
    text
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
  return bits(base).slice(0, Number(length)) === bits(ip).slice(0, Number(length));
}
