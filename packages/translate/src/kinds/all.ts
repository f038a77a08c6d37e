// Every kind that the mesh reads, by the name of its table in the index.
// Read by whoever fills the index; the order is the one in which tables are worth listing.
import { type AuthorizationPolicy, authorizationPolicyKind } from './authorization-policy.ts';
import { type DestinationRule, destinationRuleKind } from './destination-rule.ts';
import { type EndpointSlice, endpointSliceKind } from './endpoint-slice.ts';
import { type ServiceEntry, serviceEntryKind, type WorkloadEntry, workloadEntryKind } from './entries.ts';
import { type Gateway, type GatewayClass, gatewayClassKind, gatewayKind } from './gateway.ts';
import { type GrpcRoute, grpcRouteKind } from './grpc-route.ts';
import { type HttpRoute, httpRouteKind } from './http-route.ts';
import { type PeerAuthentication, peerAuthenticationKind } from './peer-authentication.ts';
import { type KubeNamespace, type KubeNode, namespaceKind, nodeKind } from './place.ts';
import { type Pod, podKind } from './pod.ts';
import { type RateLimit, rateLimitKind } from './rate-limit.ts';
import { type RequestAuthentication, requestAuthenticationKind } from './request-authentication.ts';
import { type KubeService, serviceKind } from './service.ts';
import { type TcpRoute, tcpRouteKind } from './tcp-route.ts';
import { type Telemetry, telemetryKind } from './telemetry.ts';
import { type TlsRoute, tlsRouteKind } from './tls-route.ts';
import { type VirtualService, virtualServiceKind } from './virtual-service.ts';
import { type WasmPlugin, wasmPluginKind } from './wasm-plugin.ts';

export interface Inputs {
  readonly pods: Pod;
  readonly services: KubeService;
  readonly endpointSlices: EndpointSlice;
  readonly nodes: KubeNode;
  readonly namespaces: KubeNamespace;
  readonly gateways: Gateway;
  readonly gatewayClasses: GatewayClass;
  readonly serviceEntries: ServiceEntry;
  readonly workloadEntries: WorkloadEntry;
  readonly authorizationPolicies: AuthorizationPolicy;
  readonly peerAuthentications: PeerAuthentication;
  readonly httpRoutes: HttpRoute;
  readonly grpcRoutes: GrpcRoute;
  readonly tlsRoutes: TlsRoute;
  readonly tcpRoutes: TcpRoute;
  readonly virtualServices: VirtualService;
  readonly destinationRules: DestinationRule;
  readonly requestAuthentications: RequestAuthentication;
  readonly rateLimits: RateLimit;
  readonly wasmPlugins: WasmPlugin;
  readonly telemetries: Telemetry;
}

export const allKinds = {
  pods: podKind,
  services: serviceKind,
  endpointSlices: endpointSliceKind,
  nodes: nodeKind,
  namespaces: namespaceKind,
  gateways: gatewayKind,
  gatewayClasses: gatewayClassKind,
  serviceEntries: serviceEntryKind,
  workloadEntries: workloadEntryKind,
  authorizationPolicies: authorizationPolicyKind,
  peerAuthentications: peerAuthenticationKind,
  httpRoutes: httpRouteKind,
  grpcRoutes: grpcRouteKind,
  tlsRoutes: tlsRouteKind,
  tcpRoutes: tcpRouteKind,
  virtualServices: virtualServiceKind,
  destinationRules: destinationRuleKind,
  requestAuthentications: requestAuthenticationKind,
  rateLimits: rateLimitKind,
  wasmPlugins: wasmPluginKind,
  telemetries: telemetryKind,
} as const;
