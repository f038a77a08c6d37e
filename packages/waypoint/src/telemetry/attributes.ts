// The names by which Telemetry objects ask for facts of a request (Envoy's attributes), and what they give here. Pure.
// Used by expression.ts. A fact that there is not is undefined, and so is everything that is made from it.
import { serviceOf } from '../inlet.ts';
import { type Entry, headerIn, localAddress, upstreamCluster, upstreamHost } from './entry.ts';

export type Value = string | number | boolean | undefined;
export type Attribute = (entry: Entry) => Value;

const header =
  (name: string): Attribute =>
  ({ head }) =>
    headerIn(head?.headers, name);

const queryOf = (path: string | undefined): string | undefined => {
  const at = path?.indexOf('?') ?? -1;
  return at < 0 ? path && '' : path?.slice(at + 1);
};

const attributes: ReadonlyMap<string, Attribute> = new Map<string, Attribute>([
  ['request.path', ({ head }) => head?.path],
  ['request.url_path', ({ head }) => head?.path.replace(/\?.*$/s, '')],
  ['request.query', ({ head }) => queryOf(head?.path)],
  ['request.host', ({ head }) => head?.authority],
  ['request.scheme', ({ head }) => head?.scheme],
  ['request.method', ({ head }) => head?.method],
  ['request.protocol', ({ version }) => version],
  ['request.id', header('x-request-id')],
  ['request.useragent', header('user-agent')],
  ['request.referer', header('referer')],
  ['request.size', ({ requestBytes }) => requestBytes],
  ['request.total_size', ({ requestBytes }) => requestBytes],
  ['request.duration', ({ milliseconds }) => milliseconds],
  ['response.code', ({ status }) => status],
  ['response.code_details', ({ details }) => details],
  ['response.grpc_status', ({ grpcStatus }) => grpcStatus],
  ['response.size', ({ responseBytes }) => responseBytes],
  ['response.total_size', ({ responseBytes }) => responseBytes],
  ['source.address', ({ inlet: { from } }) => `${from.ip}:${from.port}`],
  ['source.port', ({ inlet: { from } }) => from.port],
  ['source.principal', ({ inlet: { client } }) => client.uri],
  ['source.workload.name', ({ inlet: { source } }) => source.workload?.workloadName],
  ['source.workload.namespace', ({ inlet: { source } }) => source.workload?.namespace],
  ['destination.address', localAddress],
  ['destination.port', ({ inlet }) => inlet.port],
  ['destination.service.host', ({ inlet }) => serviceOf(inlet)?.hostname],
  ['destination.workload.name', ({ endpoint }) => endpoint?.workload.workloadName],
  ['destination.workload.namespace', ({ endpoint }) => endpoint?.workload.namespace],
  ['connection.mtls', () => true],
  ['connection.requested_server_name', ({ inlet: { facts } }) => facts.sni],
  ['connection.uri_san_peer_certificate', ({ inlet: { client } }) => client.uri],
  ['upstream.address', upstreamHost],
  ['xds.cluster_name', upstreamCluster],
  ['xds.route_name', ({ route }) => route],
]);

export const attributeNamed = (name: string): Attribute | undefined => attributes.get(name);

/** `request.headers['x']` and its sister. */
export function headerNamed(map: string, name: string): Attribute | undefined {
  const wanted = name.toLowerCase();
  switch (map) {
    case 'request.headers':
      if (wanted === ':method') return ({ head }) => head?.method;
      if (wanted === ':path') return ({ head }) => head?.path;
      if (wanted === ':authority' || wanted === 'host') return ({ head }) => head?.authority;
      return header(wanted);
    case 'response.headers':
      return ({ answerHeaders }) => headerIn(answerHeaders, wanted);
    default:
      return undefined;
  }
}
