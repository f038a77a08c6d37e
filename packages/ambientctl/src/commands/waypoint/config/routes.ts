// `waypoint config routes`: for each service, which requests go where. A row for each rule, in the order in which it was written.
import { isObject, numberOf, objectOf, objectsOf, type RawObject, textOf, textsOf } from '@ambient-mesh/kube/raw';
import { bodiesOf, type WaypointView } from './dump.ts';
import { serviceOption } from './service-option.ts';

export const routes: WaypointView = {
  name: 'routes',
  aliases: ['r', 'route'],
  about: 'which requests go where',
  options: [serviceOption()],
  answer(dump, { service = '' }) {
    const isAt = ({ parents }: RawObject): boolean => objectsOf(parents).some((each) => textOf(each.service).includes(service));
    const items = bodiesOf(dump, 'route', 'route').filter((each) => service === '' || isAt(each));
    return {
      columns: ['ROUTE', 'SERVICE', 'MATCH', 'TO'],
      rows: items.flatMap((each) => rowsOf(each)),
      items,
    };
  },
};

function rowsOf({ kind, namespace, name, parents, http, tcp }: RawObject): readonly (readonly string[])[] {
  const route = `${textOf(kind)} ${textOf(namespace)}/${textOf(name)}`;
  const services = objectsOf(parents).map(parentText).join(', ');
  const row = (match: string, to: string): readonly string[] => [route, services, match, to];
  return [
    ...objectsOf(http).map((rule) => row(objectsOf(rule.matches).map(matchText).join(' or ') || '*', outcomeOf(rule))),
    ...objectsOf(tcp).map((rule) => row(textsOf(rule.hostnames).join(',') || '*', backendsOf(rule))),
  ];
}

const portText = (port: unknown): string => (typeof port === 'number' ? `:${port}` : '');
const parentText = ({ service, port }: RawObject): string => `${textOf(service)}${portText(port)}`;

/** `GET /cart/* x-user=*`; `*` for anything. */
function matchText({ method, path, headers, query }: RawObject): string {
  const named = (of: unknown): readonly string[] => objectsOf(of).map(({ name, match }) => `${textOf(name)}=${textText(match)}`);
  const parts = [
    method === undefined ? '' : textText(method),
    pathText(path),
    ...named(headers),
    ...named(query).map((each) => `?${each}`),
  ];
  return parts.filter((part) => part !== '').join(' ') || '*';
}

function pathText(path: unknown): string {
  const { exact, prefix, start, regex, grpc } = objectOf(path);
  if (typeof exact === 'string') return exact;
  if (typeof prefix === 'string') return `${prefix.replace(/\/$/, '')}/*`;
  if (typeof start === 'string') return `${start}*`;
  if (typeof regex === 'string') return `~${regex}`;
  return isObject(grpc) ? `/${textText(grpc.service)}/${textText(grpc.method)}` : '';
}

/** A match of text, whose one field says how. */
function textText(match: unknown): string {
  if (typeof match === 'string') return match;
  const { exact, prefix, suffix, regex } = objectOf(match);
  if (typeof exact === 'string') return exact;
  if (typeof prefix === 'string') return `${prefix}*`;
  if (typeof suffix === 'string') return `*${suffix}`;
  return typeof regex === 'string' ? `~${regex}` : '*';
}

/** Rules that answer by themselves have no backends. */
function outcomeOf(rule: RawObject): string {
  const own = objectsOf(rule.filters).find(({ filter }) => filter === 'redirect' || filter === 'respond');
  return own === undefined ? backendsOf(rule) : `${textOf(own.filter)} ${numberOf(own.status)}`;
}

function backendsOf({ backends }: RawObject): string {
  const all = objectsOf(backends);
  const texts = all.map(({ to, weight }) => {
    const { service, port, subset, invalid } = objectOf(to);
    const where =
      typeof invalid === 'string' ? `invalid: ${invalid}` : `${textOf(service)}${portText(port)}${subset ? ` ${textOf(subset)}` : ''}`;
    return all.length > 1 ? `${where} (${numberOf(weight)})` : where;
  });
  return texts.join(', ') || 'none';
}
