// What plugins can ask about a request, its connection and this waypoint, under the names of Envoy's attributes. Pure.
// Sent along with each command that begins a stage; found by path in property.ts.
import type { Workload } from '@ambient-mesh/model/workload';
import type { Draft } from '../../route/draft.ts';
import type { Properties, Property } from './messages.ts';

/** As Envoy counts: unspecified, inbound, outbound. */
const inbound = 1;

/** Of the plugin and of the node that it runs on. */
export function pluginProperties(
  plugin: { readonly namespace: string; readonly name: string; readonly pluginName: string },
  self: Workload,
): Properties {
  const { namespace, name, clusterId, workloadName, addresses } = self;
  return {
    plugin_name: `${plugin.namespace}.${plugin.name}`,
    plugin_root_id: plugin.pluginName,
    plugin_vm_id: '',
    listener_direction: inbound,
    node: {
      id: `waypoint~${addresses[0] ?? ''}~${name}.${namespace}~${namespace}.svc`,
      cluster: `${workloadName}.${namespace}`,
      metadata: { NAME: name, NAMESPACE: namespace, CLUSTER_ID: clusterId, WORKLOAD_NAME: workloadName },
    },
  };
}

/** `nanoseconds`: when the request came. */
export function requestProperties({ head, inlet, request, facts, claims, header }: Draft, nanoseconds: bigint): Properties {
  const { method, scheme, authority, path } = head;
  const question = path.indexOf('?');
  const { connection } = facts;
  const { ip, port } = connection.destination;
  const claim = (name: string): string | undefined => facts.claimTexts(name)[0];
  const [issuer, subject] = [claim('iss'), claim('sub')];
  return {
    request: known({
      method,
      scheme,
      host: authority,
      path,
      url_path: question < 0 ? path : path.slice(0, question),
      query: question < 0 ? '' : path.slice(question + 1),
      protocol: request.version,
      id: header('x-request-id'),
      useragent: header('user-agent'),
      referer: header('referer'),
      size: Number(header('content-length') ?? 0),
      time: nanoseconds,
      auth: claims && known({ principal: issuer && subject && `${issuer}/${subject}`, presenter: claim('azp'), audiences: claim('aud') }),
    }),
    source: { address: `${inlet.from.ip}:${inlet.from.port}`, port: inlet.from.port, principal: inlet.client.uri },
    destination: { address: `${ip}:${port}`, port },
    connection: {
      mtls: true,
      tls_version: 'TLSv1.3',
      requested_server_name: connection.sni,
      uri_san_peer_certificate: inlet.client.uri,
    },
  };
}

function known(properties: Readonly<Record<string, Property | undefined>>): Properties {
  return Object.fromEntries(Object.entries(properties).filter((pair): pair is [string, Property] => pair[1] !== undefined));
}
