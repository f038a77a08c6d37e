// Filters of routes of the Gateway API, of a rule or of one of its backends (facts: gateway-api-mesh §3.5). Pure.
// A filter that cannot be carried out never lets requests pass as if it were not there: the rule is left out, or answers 500.
import type { Filter, HeaderEdit, PathEdit } from '@ambient-mesh/model/l7/route';
import type { HeaderChange, MirrorShare, PathChange, RouteFilter } from '../kinds/route-parts.ts';
import { type DestinationContext, destinationOf } from './route-destination.ts';
import { incompatible, isRefusal, type Refusal, unsupported } from './route-findings.ts';

export interface FilterContext extends DestinationContext {
  /** The rule's only prefix; undefined when it has several matches or none of a prefix. */
  readonly prefix: string | undefined;
}

const ofGrpc: ReadonlySet<string> = new Set(['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef']);
const repeatable: ReadonlySet<string> = new Set(['RequestMirror', 'ExtensionRef']);

export function filtersOf(written: readonly RouteFilter[], context: FilterContext): readonly Filter[] | Refusal {
  const seen = new Set<string>();
  const filters: Filter[] = [];
  for (const each of written) {
    if (context.speaks === 'grpc' && !ofGrpc.has(each.type)) return unsupported(`filter ${each.type} is not one of a GRPCRoute`);
    if (seen.has(each.type) && !repeatable.has(each.type)) return incompatible(`filter ${each.type} is there twice`);
    seen.add(each.type);
    const filter = filterOf(each, context);
    if (isRefusal(filter)) return filter;
    filters.push(...filter);
  }
  if (seen.has('RequestRedirect') && seen.has('URLRewrite')) return incompatible('RequestRedirect and URLRewrite exclude each other');
  return filters;
}

function filterOf(written: RouteFilter, context: FilterContext): readonly Filter[] | Refusal {
  switch (written.type) {
    case 'RequestHeaderModifier':
      return [{ filter: 'request-headers', ...headerEdit(written.requestHeaders) }];
    case 'ResponseHeaderModifier':
      return [{ filter: 'response-headers', ...headerEdit(written.responseHeaders) }];
    case 'RequestRedirect':
      return redirectOf(written.redirect, context);
    case 'URLRewrite':
      return rewriteOf(written.rewrite, context);
    case 'RequestMirror':
      return mirrorOf(written.mirror, context);
    case 'CORS':
      return [{ filter: 'cors', ...written.cors, maxAge: written.cors.maxAge ?? 5 }];
    case 'ExtensionRef': {
      const { group, kind, name } = written.extension;
      return refuseAll(`filter ${kind}.${group} ${name} is of a kind that this mesh does not know`, 'InvalidKind', context);
    }
    case 'ExternalAuth':
      return refuseAll('filter ExternalAuth is not supported: an AuthorizationPolicy of action CUSTOM is', 'InvalidFilter', context);
    default:
      return unsupported(`filter ${written.type} is not known`);
  }
}

function refuseAll(why: string, reason: string, { references }: FilterContext): readonly Filter[] {
  references.push({ reason, message: why });
  return [{ filter: 'respond', status: 500, why }];
}

/** Of several entries for one name, the first counts. */
function headerEdit({ set, add, remove }: HeaderChange): HeaderEdit {
  const pairs = (entries: HeaderChange['set']) =>
    [...new Map(entries.map(({ name, value }) => [name.toLowerCase(), value] as const).toReversed())].toReversed();
  return { set: pairs(set), add: pairs(add), remove: [...new Set(remove.map((name) => name.toLowerCase()))] };
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

function redirectOf(
  { scheme, hostname, port, path, status = 302 }: RouteFilter['redirect'],
  { prefix }: FilterContext,
): readonly Filter[] | Refusal {
  if (scheme !== '' && scheme !== 'http' && scheme !== 'https') return unsupported(`scheme ${scheme} is not known`);
  if (!redirects.has(status)) return unsupported(`status ${status} is not one of a redirect`);
  const edit = path && pathEdit(path, prefix);
  if (edit && isRefusal(edit)) return edit;
  const [where, at] = [hostname !== '' && { hostname }, port !== undefined && { port }];
  return [{ filter: 'redirect', ...(scheme !== '' && { scheme }), ...where, ...at, ...(edit && { path: edit }), status }];
}

function rewriteOf({ hostname, path }: RouteFilter['rewrite'], { prefix }: FilterContext): readonly Filter[] | Refusal {
  const edit = path && pathEdit(path, prefix);
  if (edit && isRefusal(edit)) return edit;
  return [{ filter: 'rewrite', ...(hostname !== '' && { hostname }), ...(edit && { path: edit }) }];
}

function pathEdit({ type, full, prefix: by }: PathChange, prefix: string | undefined): PathEdit | Refusal {
  if (type === 'ReplaceFullPath') return { full };
  if (type !== 'ReplacePrefixMatch') return unsupported(`path modifier ${type} is not known`);
  if (prefix === undefined) return incompatible('ReplacePrefixMatch needs a rule with exactly one match, of type PathPrefix');
  return { prefix, by, whole: 'segments' };
}

/** A mirror that leads nowhere is left out: the request itself is unaffected. */
function mirrorOf(written: RouteFilter['mirror'], context: FilterContext): readonly Filter[] | Refusal {
  const share = shareOf(written);
  if (share === undefined) return unsupported('a mirror takes a percent from 0 to 100, or a fraction from 0 to 1, and not both');
  const to = destinationOf(written.to, context);
  return 'invalid' in to ? [] : [{ filter: 'mirror', to, share }];
}

function shareOf({ percent, numerator, denominator = 100 }: MirrorShare): number | undefined {
  if (percent !== undefined && numerator !== undefined) return undefined;
  const share = percent !== undefined ? percent / 100 : numerator !== undefined ? numerator / denominator : 1;
  return share >= 0 && share <= 1 ? share : undefined;
}
